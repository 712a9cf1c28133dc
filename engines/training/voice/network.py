"""The voice network: acoustic decoder, mel, causal ConvNeXt, and a phase that is carried along.

One hop of controls gives one spectrum frame. In the line of Vocos (Siuzdak 2023) the head gives
magnitudes and phases, but instead of a free phase per frame it gives

* for the frame of an onset the phase of the attack as if it began at sample 0, turned by
  exp(−i ω (onset sample + RISE)): the linear phase that shifts it to its place exactly;
* for every other frame how far each bin's phase turns in one hop (a phase vocoder with learned
  instantaneous frequencies), and how certain that is: uncertain bins are turned by noise, which is
  what makes breath, rattle and cymbal wash out of the same frames that make a bell.

Bins of one partial are locked to its strongest bin (Puckette 1995), so that they stay together.
The same code runs whole sequences (training) and single hops (export), with explicit states.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from synchresis.engines.timebase import HOP, SAMPLE_RATE
from synchresis.engines.training.voice.latches import HIT, Drive
from synchresis.engines.voice.copying import RISE, N
from synchresis.engines.voice.layout import BINS, EMBEDDING, TAKE, TEXTURE
from synchresis.engines.voice.mel import MELS, mel_centres

CENTRE = 416
"""Middle of the analysis window that training uses, to which phases refer."""

TIMES = (0.6, 1.5, 3.0, 6.0, 12.0, 25.0, 50.0, 100.0, 200.0, 400.0)
"""Time constants in hops by which the network sees the age of a hit."""


@dataclass(frozen=True)
class Shape:
    """Sizes of the network; `eager` trains without CUDA graphs."""

    recurrent: int = 288
    width: int = 256
    expansion: int = 2
    blocks: int = 6
    kernel: int = 7
    eager: bool = False


def age_features(age: Tensor) -> Tensor:
    """Smooth functions of an age in hops: [..., len(TIMES) + 1]."""
    times = torch.tensor(TIMES, dtype=age.dtype, device=age.device)
    return torch.cat([torch.exp(-age / times), torch.log1p(age) / 9.3], dim=-1)


def level_bias(drive: Drive) -> Tensor:
    """Natural log of the amplitude that the strength or level asked for means: [B, T, 1].

    Level is 40 (s - 1) dB; given outright, the network need only learn what differs from it.
    """
    asked = torch.cat([drive.hit[..., :1], drive.levels], dim=-1).amax(-1, keepdim=True)
    return (2.0 * math.log(10.0)) * (asked - 1)


class Decoder(nn.Module):
    """Controls to features and log-mel, with a recurrent memory for what the latches forget."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        width = shape.width
        seen = 1 + 2 + HIT + 2 * (len(TIMES) + 1) + 1 + EMBEDDING + TEXTURE
        self.enter = nn.Sequential(nn.Linear(seen, width), nn.GELU(), nn.Linear(width, width))
        self.memory = nn.GRU(width, shape.recurrent, batch_first=True)
        self.join = nn.Sequential(
            nn.Linear(width + shape.recurrent, 2 * width), nn.GELU(), nn.Linear(2 * width, width)
        )
        last = nn.Linear(width, MELS)
        self.mel = nn.Sequential(nn.GELU(), nn.Linear(width, width), nn.GELU(), last)
        nn.init.constant_(last.bias, -4.0)

    def forward(self, drive: Drive, hidden: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Features [B, T, width], log-mel [B, T, 80] and next hidden [1, B, recurrent]."""
        ages = [age_features(drive.ages[..., i : i + 1]) for i in range(2)]
        seen = [drive.onset, drive.levels, drive.hit, *ages, drive.before]
        entered = self.enter(torch.cat([*seen, drive.palette, drive.texture], dim=-1))
        remembered, hidden = self.memory(entered, hidden)
        features = self.join(torch.cat([entered, remembered], dim=-1))
        return features, self.mel(features) + level_bias(drive), hidden


class Block(nn.Module):
    """Causal ConvNeXt block; its history is the last kernel − 1 inputs."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        width, inner = shape.width, shape.expansion * shape.width
        self.depthwise = nn.Conv1d(width, width, shape.kernel, groups=width)
        self.norm = nn.LayerNorm(width)
        self.expand, self.reduce = nn.Linear(width, inner), nn.Linear(inner, width)
        self.scale = nn.Parameter(torch.full((width,), 0.3))

    def forward(self, x: Tensor, history: Tensor) -> tuple[Tensor, Tensor]:
        """[B, T, width] with history [B, width, kernel − 1] → the same shapes."""
        past = torch.cat([history, x.transpose(1, 2)], dim=2)
        mixed = self.depthwise(past).transpose(1, 2)
        inner = F.gelu(self.expand(self.norm(mixed)))
        return x + self.scale * self.reduce(inner), past[:, :, x.shape[1] :]


@dataclass
class Head:
    """What the head says of every bin, Tensor[B, T, 513] each; pairs are (real, imaginary)."""

    magnitude: Tensor
    turn: tuple[Tensor, Tensor]
    attack: tuple[Tensor, Tensor]
    certainty: Tensor


class Painter(nn.Module):
    """Log-mel and features to magnitudes and phases: the vocoder half."""

    raise_mel: Tensor

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.enter = nn.Linear(MELS + shape.width, shape.width)
        self.blocks = nn.ModuleList(Block(shape) for _ in range(shape.blocks))
        self.norm = nn.LayerNorm(shape.width)
        self.head = nn.Linear(shape.width, 6 * BINS)
        nn.init.normal_(self.head.weight, std=0.01)
        nn.init.zeros_(self.head.bias)
        self.copying = nn.Parameter(torch.zeros(shape.width))
        self.spread = nn.Parameter(torch.tensor(0.49))
        self.register_buffer("raise_mel", _raise_mel())

    def forward(
        self, mel: Tensor, features: Tensor, history: list[Tensor]
    ) -> tuple[Head, list[Tensor]]:
        """Head of [B, T, …] and the blocks' next histories."""
        x = self.enter(torch.cat([0.2 * mel, features], dim=-1))
        following = []
        for block, past in zip(self.blocks, history, strict=True):
            x, after = block(x, past)
            following.append(after)
        parts = self.head(self.norm(x)).split(BINS, dim=-1)
        magnitude = torch.exp((mel @ self.raise_mel + parts[0]).clamp(-12.0, 4.0))
        certainty = torch.sigmoid(2.0 * parts[5])
        turn = _unit(parts[1] + 0.3, parts[2])
        return Head(magnitude, turn, _unit(parts[3] + 0.3, parts[4]), certainty), following


class VoiceNetwork(nn.Module):
    """Decoder and painter, the length of a hit's life, and the constants of the phase."""

    hop_turn_re: Tensor
    hop_turn_im: Tensor
    from_centre_re: Tensor
    from_centre_im: Tensor
    rise_turn_re: Tensor
    rise_turn_im: Tensor
    omega: Tensor

    def __init__(self, shape: Shape | None = None) -> None:
        super().__init__()
        self.shape = shape or Shape()
        self.decoder, self.painter = Decoder(self.shape), Painter(self.shape)
        self.life = nn.Sequential(nn.Linear(EMBEDDING + TAKE, 64), nn.GELU(), nn.Linear(64, 1))
        bins = torch.arange(BINS, dtype=torch.float64)
        for name, cycles in (
            ("hop_turn", bins * HOP / N),
            ("from_centre", -bins * CENTRE / N),
            ("rise_turn", bins * (CENTRE - RISE) / N),
        ):
            angle = 2 * math.pi * torch.remainder(cycles, 1.0)
            self.register_buffer(f"{name}_re", torch.cos(angle).float(), persistent=False)
            self.register_buffer(f"{name}_im", torch.sin(angle).float(), persistent=False)
        self.register_buffer("omega", (2 * math.pi * bins / N).float(), persistent=False)

    def life_hops(self, hit: Tensor) -> Tensor:
        """Hops until a hit has fallen by 60 dB: [..., 1]."""
        log_seconds: Tensor = self.life(hit[..., 2:])
        return torch.exp(log_seconds.clamp(-4.0, 2.1)) * (SAMPLE_RATE / HOP)


def _unit(real: Tensor, imag: Tensor) -> tuple[Tensor, Tensor]:
    scale = torch.rsqrt(real * real + imag * imag + 1e-7)
    return real * scale, imag * scale


def _raise_mel() -> Tensor:
    """Matrix [80, 513] that spreads log-mel over bins by interpolation."""
    centres = torch.tensor(mel_centres(MELS), dtype=torch.float64)
    bins = torch.arange(BINS, dtype=torch.float64) * (SAMPLE_RATE / N)
    upper = torch.searchsorted(centres, bins).clamp(1, MELS - 1)
    share = ((bins - centres[upper - 1]) / (centres[upper] - centres[upper - 1])).clamp(0, 1)
    matrix = torch.zeros(MELS, BINS, dtype=torch.float64)
    columns = torch.arange(BINS)
    matrix[upper - 1, columns] = 1 - share
    matrix[upper, columns] += share
    return matrix.float()

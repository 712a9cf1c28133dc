"""Losses: frame by frame against the target frames, and on the sound that comes out."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from synchresis.engines.timebase import HOP, SAMPLE_RATE
from synchresis.engines.training.voice.frames import overlap_add
from synchresis.engines.training.voice.mixing import Batch
from synchresis.engines.training.voice.network import VoiceNetwork
from synchresis.engines.training.voice.streaming import Unrolled
from synchresis.engines.voice.copying import FLOOR, SCALE, N
from synchresis.engines.voice.mel import MELS, mel_matrix

SIZES = (2048, 1024, 512, 256, 128, 64)
"""FFT lengths of the distance between sounds; the short ones see attacks."""

WEIGHTS = {
    "mel": 1.0,
    "magnitude": 0.5,
    "turn": 1.0,
    "certainty": 1.0,
    "attack": 1.0,
    "stft": 1.0,
    "shape": 0.3,
    "sound_mel": 1.5,
    "life": 0.1,
}


class FrameMel(nn.Module):
    """Log-mel of target frames, as the decoder must give it."""

    bands: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("bands", torch.from_numpy(mel_matrix(MELS, N)), persistent=False)

    def forward(self, frames: Tensor) -> Tensor:
        """Complex [B, T, 513] → [B, T, 80]."""
        return torch.log(frames.abs() @ self.bands / SCALE + FLOOR)


class SoundDistance(nn.Module):
    """Multi-resolution STFT distance and log-mel L1 between sounds [B, L]."""

    bands: Tensor

    def __init__(self) -> None:
        super().__init__()
        for size in SIZES:
            self.register_buffer(f"window{size}", torch.hann_window(size), persistent=False)
        self.register_buffer("bands", torch.from_numpy(mel_matrix(MELS, 1024)), persistent=False)

    def forward(self, made: Tensor, real: Tensor) -> dict[str, Tensor]:
        """Terms "stft" (log), "shape" (linear, relative), "sound_mel"."""
        logs, shapes = [], []
        mel = made.new_zeros(())
        for size in SIZES:
            a, b = self._spectrum(made, size), self._spectrum(real, size)
            logs.append((torch.log(a + FLOOR) - torch.log(b + FLOOR)).abs().mean())
            shapes.append((a - b).norm() / (b.norm() + 1e-3))
            if size == 1024:
                mel = (self._log_mel(a) - self._log_mel(b)).abs().mean()
        count = len(SIZES)
        return {"stft": sum(logs) / count, "shape": sum(shapes) / count, "sound_mel": mel}

    def _spectrum(self, sound: Tensor, size: int) -> Tensor:
        window = getattr(self, f"window{size}")
        spectrum = torch.stft(sound, size, size // 4, window=window, return_complex=True)
        return torch.sqrt(spectrum.real**2 + spectrum.imag**2 + 1e-12).transpose(1, 2) * (4 / size)

    def _log_mel(self, magnitude: Tensor) -> Tensor:
        return torch.log(magnitude @ self.bands + FLOOR)


class VoiceLoss(nn.Module):
    """All terms for one batch."""

    log_life: Tensor

    def __init__(self, decay60_s: Tensor) -> None:
        super().__init__()
        self.frame_mel, self.distance = FrameMel(), SoundDistance()
        hops = decay60_s * (SAMPLE_RATE / HOP)
        self.register_buffer("log_life", torch.log(hops), persistent=False)

    def forward(
        self, network: VoiceNetwork, batch: Batch, played: Unrolled, mel: Tensor
    ) -> dict[str, Tensor]:
        """Terms by name; `mel` is that of the batch's frames."""
        own = ~batch.copying
        sound = overlap_add(played.real, played.imag)
        size = batch.frames.abs() / SCALE
        made = played.head.magnitude * played.gate
        log_error = (torch.log(made + FLOOR) - torch.log(size + FLOOR)).abs()
        life = torch.log(network.life_hops(played.drive.hit[batch.row, batch.hop])[:, 0])
        return {
            "mel": (played.mel - mel)[own].abs().mean(),
            "magnitude": log_error[own].mean(),
            **self._phases(batch, played),
            "life": F.smooth_l1_loss(life, self.log_life[batch.recording]),
            **self.distance(sound, batch.sound),
        }

    def _phases(self, batch: Batch, played: Unrolled) -> dict[str, Tensor]:
        now, past = batch.frames[:, 1:], batch.frames[:, :-1]
        product = now * past.conj()
        size = product.abs()
        # Strong bins of a frame count most, loud frames a little more than soft ones.
        loudest = size.amax(-1, keepdim=True)
        weight = (size / (loudest + 1e-9)) ** 0.35 * (loudest / SCALE**2).clamp(max=4.0) ** 0.15
        weight = weight * (size > (3 * FLOOR * SCALE) ** 2)
        weight = weight * (1 - played.drive.onset[:, 1:])
        target = product / (size + 1e-9) * _quarter_turns(size.device)
        turn = played.head.turn
        agreement = target.real * turn[0][:, 1:] + target.imag * turn[1][:, 1:]
        doubt = (agreement.detach() - played.head.certainty[:, 1:]) ** 2
        total = weight.sum() + 1e-6
        return {
            "turn": ((1 - agreement) * weight).sum() / total,
            "certainty": (doubt * weight).sum() / total,
            "attack": self._attack(batch, played),
        }

    def _attack(self, batch: Batch, played: Unrolled) -> Tensor:
        size = batch.attacks.abs()
        weight = (size / (size.amax(1, keepdim=True) + 1e-9)) ** 0.7
        target = batch.attacks / (size + 1e-9)
        at = batch.row, batch.hop
        real, imag = (part[at] for part in played.head.attack)
        agreement = target.real * real + target.imag * imag
        return ((1 - agreement) * weight).sum() / (weight.sum() + 1e-6)


def _quarter_turns(device: torch.device) -> Tensor:
    """What takes the turn of every bin's own frequency out: complex[513]."""
    bins = torch.arange(N // 2 + 1, device=device)
    return torch.polar(torch.ones(len(bins), device=device), -0.5 * torch.pi * (bins % 4).float())


def weighted(terms: dict[str, Tensor]) -> Tensor:
    """Sum of the terms under WEIGHTS."""
    return sum(
        (WEIGHTS[name] * term for name, term in terms.items()), torch.zeros(()).to(terms["mel"])
    )

"""The motion network: pixels and flow of one frame at a time, memory in explicit states.

A small U over the grid (30 × 40 → 15 × 20 → 8 × 10). Every level sees its features, their change
since the frame before and leaky memories of them. `forward` runs whole sequences for training,
`step` one frame for the exported graph; a test holds the two equal.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from synchresis.engines.training.motion.adaptation import (
    Adapt,
    StreamStatistics,
    adapting,
    adapting_sequences,
    moving_time,
    trust_of,
    unchanged,
)
from synchresis.engines.training.motion.memory import LeakyMemory
from synchresis.engines.training.motion.stillness import (
    CHANNELS,
    doubt_of,
    paired,
    remember,
    remembered,
)

HEADS = ("impact", "map", "strength", "when", "friction", "burst")
"""Dense outputs, one plane each: logits, but `when`, which is intervals from the begin."""

ADAPTED = ("pixels2", "flow1", "merge")
"""Layers whose channel statistics follow the stream."""

EARLY = ("pixels", "flow1", "merge")
"""How the names of these layers, and of those that lead up to them, begin."""


@dataclass(frozen=True, slots=True)
class NetworkSettings:
    """Sizes of the motion network.

    Attributes:
        pixel: channels at 60 × 80.
        fine: channels at 30 × 40.
        middle: channels at 15 × 20.
        deep: channels at 8 × 10 and of the context vector.
        embedding: length of the temporal embedding.
        height: picture rows of the pixel input, width: its columns.
        adapts: whether early statistics follow the stream, and hits are doubted while nothing
            moves on; needs no training.
    """

    pixel: int = 16
    fine: int = 48
    middle: int = 64
    deep: int = 96
    embedding: int = 64
    height: int = 120
    width: int = 160
    adapts: bool = False

    @property
    def rows(self) -> int:
        """Grid rows."""
        return self.height // 4

    @property
    def cols(self) -> int:
        """Grid columns."""
        return self.width // 4


def conv(inputs: int, outputs: int, size: int = 3, *, stride: int = 1) -> nn.Sequential:
    """Convolution, batch normalisation, ReLU: one fused operation once exported."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class TemporalLevel(nn.Module):
    """Features of one resolution joined with their change and their leaky memory.

    States: the features of the frame before [C] and the memory [kept × copies].
    """

    def __init__(
        self, channels: int, kept: int, times_s: tuple[float, ...], *, refined: bool = True
    ) -> None:
        super().__init__()
        self.keep = nn.Conv2d(channels, kept, 1)
        self.memory = LeakyMemory(kept, times_s)
        self.mix = conv(2 * channels + self.memory.channels, channels, 1)
        self.refine = conv(channels, channels) if refined else None
        self.state_channels = (channels, self.memory.channels)

    def join(self, x: Tensor, change: Tensor, memory: Tensor) -> Tensor:
        """x, change float[N, C, h, w], memory float[N, M, h, w] → float[N, C, h, w]."""
        mixed = x + self.mix(torch.cat((x, change, memory), 1))
        return mixed if self.refine is None else mixed + self.refine(mixed)

    def sequence(self, x: Tensor, dt_s: Tensor) -> Tensor:
        """X float[B, T, C, h, w] from zero states → float[B, T, C, h, w]."""
        B, T = x.shape[:2]
        change = torch.cat((torch.zeros_like(x[:, :1]), x[:, 1:] - x[:, :-1]), 1)
        kept = self.keep(x.flatten(0, 1)).unflatten(0, (B, T))
        memory = self.memory(kept, dt_s, None)
        joined = self.join(x.flatten(0, 1), change.flatten(0, 1), memory.flatten(0, 1))
        return joined.unflatten(0, (B, T))

    def step(
        self, x: Tensor, dt_s: Tensor, seen: Tensor, states: tuple[Tensor, Tensor]
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """One frame; seen float[B, 1, 1, 1] is 0 on the first."""
        before, memory = states
        memory = self.memory.step(self.keep(x), dt_s, memory)
        return self.join(x, (x - before) * seen, memory), (x, memory)


class MotionNetwork(nn.Module):
    """Pixels, flow and timing of a frame → dense maps, a whole-picture impact and an embedding."""

    def __init__(self, settings: NetworkSettings | None = None) -> None:
        super().__init__()
        s = settings or NetworkSettings()
        self.settings = s
        self.pixels1 = conv(8, s.pixel)
        self.pixels2 = conv(s.pixel, s.fine, stride=2)
        self.flow1 = conv(10, s.fine // 2)
        self.merge = conv(s.fine + s.fine // 2, s.fine, 1)
        self.level1 = TemporalLevel(s.fine, s.fine // 4, (0.025, 0.08, 0.25, 0.8), refined=False)
        self.down2 = conv(s.fine, s.middle, stride=2)
        self.level2 = TemporalLevel(s.middle, s.middle // 2, (0.05, 0.15, 0.5, 1.5))
        self.down3 = conv(s.middle, s.deep, stride=2)
        self.level3 = TemporalLevel(s.deep, s.deep // 2, (0.1, 0.3, 1.0, 3.0))
        self.context = nn.Linear(2 * s.deep, s.deep)
        self.context_memory = LeakyMemory(s.deep, (0.1, 0.4, 1.5))
        self.timing = nn.Linear(8, s.deep)
        self.gather = nn.Linear(s.deep * 5, s.deep)
        self.gate3 = nn.Linear(s.deep, s.deep)
        self.up2 = nn.Conv2d(s.deep, s.middle, 1)
        self.fuse2 = conv(s.middle, s.middle)
        self.up1 = nn.Conv2d(s.middle, s.fine, 1)
        self.gate1 = nn.Linear(s.deep, s.fine)
        self.fuse1 = conv(s.fine, s.fine)
        self.heads = nn.Conv2d(s.fine, len(HEADS), 1)
        self.whole = nn.Sequential(nn.Linear(s.fine + s.deep + 2, s.deep), nn.ReLU())
        self.whole_out = nn.Linear(s.deep, 1)
        self.embed = nn.Sequential(nn.Linear(s.fine + s.deep, s.deep), nn.ReLU())
        self.embed_out = nn.Linear(s.deep, s.embedding)
        nn.init.constant_(self.heads.bias[0], -4.0)  # type: ignore[index]
        nn.init.constant_(self.heads.bias[1], -2.0)  # type: ignore[index]
        nn.init.constant_(self.heads.bias[HEADS.index("when")], 0.5)  # type: ignore[index]
        nn.init.constant_(self.whole_out.bias, -2.0)

    def state_shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes of the states after the batch axis, by name."""
        s = self.settings
        grids = ((s.rows, s.cols), half(s.rows, s.cols), half(*half(s.rows, s.cols)))
        shapes: list[tuple[int, ...]] = [(1,), (4, 2 * s.rows, 2 * s.cols), (5, s.rows, s.cols)]
        for level, grid in zip((self.level1, self.level2, self.level3), grids, strict=True):
            shapes += [(channels, *grid) for channels in level.state_channels]
        shapes.append((self.context_memory.channels,))
        if s.adapts:
            shapes.append((1 + 2 * sum(norm.num_features for norm in self.norms().values()),))
            shapes.append((CHANNELS,))
        return {f"h{index}": shape for index, shape in enumerate(shapes)}

    def norms(self) -> dict[str, nn.BatchNorm2d]:
        """The normalisations whose output follows the stream, none where nothing adapts."""
        return {name: getattr(self, name)[1] for name in ADAPTED if self.settings.adapts}

    def see(self, pixels: Tensor, before: Tensor, seen: Tensor, adapt: Adapt) -> Tensor:
        """Pixel features float[N, fine, rows, cols]; pixels are contrast-free and folded."""
        x = self.pixels1(torch.cat((pixels, (pixels - before) * seen), 1))
        return self.layer("pixels2", x, adapt)

    def layer(self, name: str, x: Tensor, adapt: Adapt) -> Tensor:
        """One of the adapted layers."""
        weigh, norm, bend = getattr(self, name)
        out: Tensor = bend(adapt(name, norm(weigh(x))))
        return out

    def forward(
        self, pixels: Tensor, flow: Tensor, timing: Tensor, haste: Tensor | None = None
    ) -> dict[str, Tensor]:
        """Whole sequences from zero states.

        Args:
            pixels: float[B, T, 1, height, width], 0..1.
            flow: float[B, T, 4, rows, cols]: u, v without global motion, residual, difference.
            timing: float32[B, T, 8]: dt_s, tau_s, a0..a5.
            haste: float32[B], see `encode`.

        Returns:
            HEADS float[B, T, rows, cols], total (a logit) float[B, T, 1]; embedding
            float[B, T, embedding], length 1; doubt float32[B, T, 1] where statistics adapt.
        """
        out = self.decode(self.encode(pixels, flow, timing, haste), timing.flatten(0, 1))
        if self.settings.adapts:
            out["doubt"] = self.doubts(flow, timing)
        return {name: value.unflatten(0, pixels.shape[:2]) for name, value in out.items()}

    def doubts(self, flow: Tensor, timing: Tensor) -> Tensor:
        """Doubt of every frame of sequences, float32[B T, 1]; arguments as those of `forward`."""
        squeezed = squeeze_flow(flow.flatten(0, 1)).unflatten(0, flow.shape[:2])
        pairs = paired(squeezed.flatten(0, 1), shifted(squeezed)).unflatten(0, flow.shape[:2])
        trust = trust_of(timing[..., 1]).flatten()[:, None]
        return trust * doubt_of(remembered(pairs, timing[..., 0]).flatten(0, 1))

    def encode(
        self, pixels: Tensor, flow: Tensor, timing: Tensor, haste: Tensor | None = None
    ) -> tuple[Tensor, ...]:
        """The way down: features of B T frames for `decode`.

        x1 [N, fine, rows, cols], x2 and x3 of half and quarter size, context [N, deep] and its
        memory, N = B T; arguments as those of `forward`. No lookahead enters but by how much is
        adapted. `haste` float32[B]: how many times faster statistics follow the stream, so that
        short sequences show the heads what long streams come to; 1 if not given.
        """
        B, T = pixels.shape[:2]
        dt_s = timing[..., 0]
        folded = normalised(pixels.flatten(0, 1)).unflatten(0, (B, T))
        squeezed = squeeze_flow(flow.flatten(0, 1)).unflatten(0, (B, T))
        seen = torch.ones(B * T, 1, 1, 1, device=pixels.device, dtype=folded.dtype)
        seen[::T] = 0.0
        seen_pixels = (folded.flatten(0, 1), shifted(folded))
        seen_flow = (squeezed.flatten(0, 1), shifted(squeezed))
        moving_s = moving_time(*seen_flow, dt_s.flatten()).unflatten(0, (B, T))
        if haste is not None:
            moving_s = moving_s * haste[:, None]
        adapt: Adapt = unchanged
        if self.settings.adapts:
            adapt = adapting_sequences(self.norms(), moving_s, trust_of(timing[..., 1]))
        x = self.merged(seen_pixels, seen_flow, seen, adapt)
        x1 = self.level1.sequence(x.unflatten(0, (B, T)), dt_s).flatten(0, 1)
        x2 = self.level2.sequence(self.down2(x1).unflatten(0, (B, T)), dt_s).flatten(0, 1)
        x3 = self.level3.sequence(self.down3(x2).unflatten(0, (B, T)), dt_s).flatten(0, 1)
        pooled = self.context(pool(x3))
        memory = self.context_memory(pooled.unflatten(0, (B, T)), dt_s, None).flatten(0, 1)
        return x1, x2, x3, pooled, memory

    def only_upper(self) -> list[nn.Parameter]:
        """Let only the way up and the heads learn from here on; their weights."""
        return self.only_beyond((*EARLY, "level", "down", "context"))

    def only_beyond(self, lower: tuple[str, ...]) -> list[nn.Parameter]:
        """Let only parts whose names begin otherwise learn from here on; their weights."""
        for name, weight in self.named_parameters():
            weight.requires_grad_(not name.startswith(lower))
        return [weight for weight in self.parameters() if weight.requires_grad]

    def merged(
        self, pixels: tuple[Tensor, Tensor], flow: tuple[Tensor, Tensor], seen: Tensor, adapt: Adapt
    ) -> Tensor:
        """Pixel and flow branches joined, float[N, fine, rows, cols]; pairs are now and before."""
        seen = seen.to(pixels[0].dtype)
        change = (flow[0] - flow[1]) * seen
        motion = self.layer("flow1", torch.cat((flow[0], change), 1), adapt)
        return self.layer("merge", torch.cat((self.see(*pixels, seen, adapt), motion), 1), adapt)

    def step(
        self, pixels: Tensor, flow: Tensor, timing: Tensor, states: tuple[Tensor, ...]
    ) -> tuple[dict[str, Tensor], tuple[Tensor, ...]]:
        """One frame: pixels [B, 1, H, W], flow [B, 4, rows, cols], timing [B, 8], states."""
        h = states
        dt_s, seen = timing[:, 0], h[0][:, :, None, None]
        folded, squeezed = normalised(pixels), squeeze_flow(flow)
        statistics = StreamStatistics(self.norms()) if self.settings.adapts else None
        given: dict[str, Tensor] = {}
        adapt: Adapt = unchanged
        trust = trust_of(timing[:, 1:2])
        if statistics is not None:
            adapt = adapting(statistics.factors(h[10], trust), given)
        x = self.merged((folded, h[1]), (squeezed, h[2]), seen, adapt)
        x1, s1 = self.level1.step(x, dt_s, seen, (h[3], h[4]))
        x2, s2 = self.level2.step(self.down2(x1), dt_s, seen, (h[5], h[6]))
        x3, s3 = self.level3.step(self.down3(x2), dt_s, seen, (h[7], h[8]))
        pooled = self.context(pool(x3))
        memory = self.context_memory.step(pooled, dt_s, h[9])
        out = self.decode((x1, x2, x3, pooled, memory), timing)
        new: tuple[Tensor, ...] = (torch.ones_like(h[0]), folded, squeezed, *s1, *s2, *s3, memory)
        if statistics is not None:
            agreeing = remember(paired(squeezed, h[2]), dt_s, h[11])
            out["doubt"] = trust * doubt_of(agreeing)
            moving_s = moving_time(squeezed, h[2], dt_s)
            new = (*new, statistics.follow(h[10], given, moving_s), agreeing)
        return out, new

    def decode(self, features: tuple[Tensor, ...], timing: Tensor) -> dict[str, Tensor]:
        """The way up and the heads, per frame, from what `encode` gives; timing [N, 8]."""
        x1, x2, x3, pooled, memory = features
        when = self.timing(scaled_timing(timing).to(x1.dtype))
        context = F.relu(self.gather(torch.cat((pooled, memory, when), 1)))
        x3 = x3 * torch.sigmoid(self.gate3(context))[:, :, None, None]
        x2 = self.fuse2(x2 + enlarge(self.up2(x3), x2))
        x1 = x1 + enlarge(self.up1(x2), x1) + self.gate1(context)[:, :, None, None]
        x1 = self.fuse1(x1)
        planes = self.heads(x1)
        out = {name: planes[:, index] for index, name in enumerate(HEADS)}
        impact = planes[:, 0].flatten(1)
        cells = x1.flatten(2)
        focus = torch.softmax(impact.float(), 1).to(cells.dtype)
        struck = torch.matmul(cells, focus[:, :, None])[:, :, 0]
        peak = torch.cat((impact.amax(1, True), (impact * focus).sum(1, True)), 1)
        out["total"] = self.whole_out(self.whole(torch.cat((struck, context, peak), 1)))
        area = torch.sigmoid(planes[:, 1].flatten(1))
        area = area / (area.sum(1, True) + 1.0)
        sounding = torch.matmul(cells, area[:, :, None])[:, :, 0]
        vector = self.embed_out(self.embed(torch.cat((sounding, context), 1)))
        out["embedding"] = F.normalize(vector.float(), dim=1)
        return out


def half(rows: int, cols: int) -> tuple[int, int]:
    """Size after a stride of two."""
    return (rows + 1) // 2, (cols + 1) // 2


def shifted(x: Tensor) -> Tensor:
    """The sequence one frame later, zeros first: float[B, T, ...] → float[B T, ...]."""
    return torch.cat((torch.zeros_like(x[:, :1]), x[:, :-1]), 1).flatten(0, 1)


def pool(x: Tensor) -> Tensor:
    """Mean and maximum of the picture: float[N, C, h, w] → float[N, 2 C]."""
    return torch.cat((x.mean((2, 3)), x.amax((2, 3))), 1)


def enlarge(x: Tensor, like: Tensor) -> Tensor:
    """Twice the size, nearest, cut to the size of `like`."""
    if torch.compiler.is_compiling() and not torch.compiler.is_exporting():
        # Compiled, the gradient of half-precision interpolation on a CPU is 0 (torch 2.13).
        N, C, h, w = x.shape
        doubled = x[:, :, :, None, :, None].expand(N, C, h, 2, w, 2).reshape(N, C, 2 * h, 2 * w)
    else:
        doubled = F.interpolate(x, scale_factor=2.0, mode="nearest")
    return doubled[:, :, : like.shape[2], : like.shape[3]]


def normalised(pixels: Tensor) -> Tensor:
    """Pixels of unit contrast folded 2 × 2: float[N, 1, H, W] → float[N, 4, H/2, W/2].

    Mean and deviation are the picture's own, so that exposure and gain drop out.
    """
    x = pixels - pixels.mean((2, 3), keepdim=True)
    deviation = torch.sqrt((x * x).mean((2, 3), keepdim=True) + 1e-3)
    return F.pixel_unshuffle(x / deviation, 2)


def squeeze_flow(flow: Tensor) -> Tensor:
    """Flow input of compressed range, with speed: float[N, 4, h, w] → float[N, 5, h, w]."""
    u, v, residual, difference = flow.unbind(1)
    speed = torch.sqrt(u * u + v * v + 1e-6)
    wide = torch.stack((u, v, speed), 1) * 4.0
    wide = wide.sign() * torch.log1p(wide.abs())
    return torch.cat((wide, torch.stack((residual, difference), 1) * 12.0), 1)


def scaled_timing(timing: Tensor) -> Tensor:
    """Timing of about unit range: log of the time step, lookahead, global motion squeezed."""
    dt_s, tau_s, motion = timing[:, :1], timing[:, 1:2], timing[:, 2:] * 4.0
    motion = motion.sign() * torch.log1p(motion.abs())
    return torch.cat((torch.log(dt_s.clamp_min(1e-3) * 30.0), tau_s * 15.0, motion), 1)

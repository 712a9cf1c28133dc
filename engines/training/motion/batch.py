"""A batch of sequences as the network is trained on them, and its change of look."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Self, TypeVar

import torch
from torch import Tensor

B = TypeVar("B", bound="Batch")
"""Batches, with or without more to them."""

SOUND_BANDS = 16
"""Bands of the sound that the audio forwarding regulariser hears."""


@dataclass(slots=True)
class Batch:
    """Sequences with their true events, on one device.

    Attributes:
        pixels: uint8[B, T, height, width], grey.
        flow: float16[B, T, 4, rows, cols]: u, v without global motion, residual, difference.
        motion: float32[B, T, 6], global motion, picture widths per second.
        captured_s: float32[B, T], capture times from the first frame.
        event_s: float32[B, E], times of events, +inf where there is none.
        event_xy: float32[B, E, 2], places, fractions of the picture.
        event_strength: float32[B, E], 0..1.
        levels: float32[B, T, 2], friction and burst, 0..1.
        located: bool[B], whether places and levels of events are known (scenes) or not (videos).
        sound: float32[B, T, SOUND_BANDS], log energy round each frame (videos; 0 for scenes).
    """

    pixels: Tensor
    flow: Tensor
    motion: Tensor
    captured_s: Tensor
    event_s: Tensor
    event_xy: Tensor
    event_strength: Tensor
    levels: Tensor
    located: Tensor
    sound: Tensor

    def take(self, index: Tensor) -> Self:
        """The sequences at these positions."""
        return type(self)(**{f.name: getattr(self, f.name)[index] for f in fields(self)})

    def to(self, device: torch.device) -> Self:
        """The same on another device."""
        return type(self)(**{f.name: getattr(self, f.name).to(device) for f in fields(self)})

    @property
    def dt_s(self) -> Tensor:
        """Seconds since the frame before, clamped as the live parser does; 1/30 for the first."""
        dt = self.captured_s.diff(dim=1).clamp(1 / 240, 0.25)
        return torch.cat((torch.full_like(dt[:, :1], 1 / 30), dt), 1)


def mirrored(batch: Batch, which: Tensor) -> Batch:
    """Sequences left-right mirrored where `which`, bool[B]."""
    pick = which[:, None, None, None]
    flow = batch.flow.flip(-1) * batch.flow.new_tensor([-1.0, 1.0, 1.0, 1.0])[:, None, None]
    sign = batch.motion.new_tensor([-1.0, 1.0, -1.0, 1.0, -1.0, 1.0])
    turn = batch.event_xy.new_tensor([1.0, 0.0])
    scale = batch.event_xy.new_tensor([-1.0, 1.0])
    return replace(
        batch,
        pixels=torch.where(pick, batch.pixels.flip(-1), batch.pixels),
        flow=torch.where(pick[..., None], flow, batch.flow),
        motion=torch.where(which[:, None, None], batch.motion * sign, batch.motion),
        event_xy=torch.where(which[:, None, None], turn + batch.event_xy * scale, batch.event_xy),
    )


def together(parts: Sequence[B]) -> B:
    """Sequences of several batches as one."""
    kind = type(parts[0])
    return kind(**{f.name: torch.cat([getattr(p, f.name) for p in parts]) for f in fields(kind)})


def rescaled(flow: Tensor, generator: torch.Generator) -> Tensor:
    """Flow input of another contrast and distance: gains per sequence, now and then no flow.

    Args:
        flow: float[B, T, 4, rows, cols].
        generator: on the same device.
    """
    draws = torch.randn(3, len(flow), generator=generator, device=flow.device)
    speed, contrast = torch.exp(0.15 * draws[0]), torch.exp(0.3 * draws[1])
    gains = torch.stack((speed, speed, contrast, contrast), 1) * (draws[2] < 1.6)[:, None]
    return flow * gains[:, None, :, None, None]


def relit(pixels: Tensor, generator: torch.Generator) -> Tensor:
    """Pixels under another exposure: gamma, contrast, gain flicker, noise, blur, blind patches.

    Args:
        pixels: uint8[B, T, H, W].
        generator: on the same device.

    Returns:
        float32[B, T, 1, H, W], 0..1.
    """
    B, T = pixels.shape[:2]

    def draw(*shape: int) -> Tensor:
        return torch.rand(shape, generator=generator, device=pixels.device)

    x = pixels.float() / 255.0
    gamma = torch.exp((draw(B, 1, 1, 1) - 0.5) * 1.2)
    x = x.clamp_min(1e-4) ** gamma
    gain = 0.5 + draw(B, 1, 1, 1)
    flicker = 1.0 + 0.03 * (draw(B, T, 1, 1) - 0.5) * (draw(B, 1, 1, 1) < 0.3)
    x = x * gain * flicker + 0.2 * (draw(B, 1, 1, 1) - 0.5)
    soft = torch.nn.functional.avg_pool2d(x, 3, 1, 1, count_include_pad=False)
    x = torch.lerp(x, soft, draw(B, 1, 1, 1) * (draw(B, 1, 1, 1) < 0.4))
    amount = 0.03 * draw(B, 1, 1, 1) ** 2 * (draw(B, 1, 1, 1) < 0.5)
    noise = torch.randn(x.shape, generator=generator, device=x.device, dtype=x.dtype)
    return (x + amount * noise).clamp(0.0, 1.0)[:, :, None]

"""The sensor of `sensor.py` in torch: exposure, noise, softness and the codec, for batches."""

import torch
from torch import Tensor
from torch.nn import functional

from synchresis.engines.scenes import sensor as at

_MASK = 0xFFFF_FFFF


def _hash(h: Tensor) -> Tensor:
    """Mix 32 bits held in int64."""
    h = h & _MASK
    h = h ^ (h >> 16)
    h = (h * 0x7FEB352D) & _MASK
    h = h ^ (h >> 15)
    h = (h * 0x846CA68B) & _MASK
    return h ^ (h >> 16)


def expose(drawn: Tensor, sensor: Tensor, keys: Tensor) -> Tensor:
    """Gain, lift, vignette, noise and blur.

    Args:
        drawn: float32[B, T, H, W].
        sensor: float32[B, T, SENSOR_SIZE].
        keys: int64[B, T], noise keys.

    Returns:
        float32[B, T, H, W], grey 0..1, unclipped.
    """
    height, width = drawn.shape[-2:]
    s = [sensor[:, :, k, None, None] for k in range(at.SENSOR_SIZE)]
    y = (torch.arange(height, device=drawn.device) + 0.5)[:, None] / height - 0.5
    x = (torch.arange(width, device=drawn.device) + 0.5)[None, :] / width - 0.5
    fall = s[at.GAIN] * (1.0 - s[at.VIGNETTE] * 2.0 * (x * x + y * y))
    value = drawn * fall + s[at.LIFT]
    spread = torch.sqrt(s[at.READ] ** 2 + s[at.SHOT] ** 2 * value.clamp(min=0.0))
    noisy = value.clamp(0.0, 1.0) + spread * _grain(keys, height, width)
    return _soften(noisy, s[at.BLUR])


def _grain(keys: Tensor, height: int, width: int) -> Tensor:
    """Noise of unit variance float32[B, T, H, W]."""
    pixel = torch.arange(height * width, device=keys.device).reshape(height, width)
    h = _hash(pixel ^ _hash(keys)[:, :, None, None])
    total = (h & 255) + ((h >> 8) & 255) + ((h >> 16) & 255) + (h >> 24)
    return (total.to(torch.float32) - 510.0) * at.NOISE_SCALE


def _soften(noisy: Tensor, side: Tensor) -> Tensor:
    middle = 1.0 - 2.0 * side
    wide = functional.pad(noisy, (1, 1, 0, 0), mode="replicate")
    noisy = middle * noisy + side * (wide[..., :-2] + wide[..., 2:])
    tall = functional.pad(noisy, (0, 0, 1, 1), mode="replicate")
    return middle * noisy + side * (tall[..., :-2, :] + tall[..., 2:, :])


def encode(exposed: Tensor, sensor: Tensor, shown: Tensor) -> Tensor:
    """What a viewer gets: uint8[B, T, H, W] of `exposed` float32[B, T, H, W], frame after frame."""
    worlds, frames, height, width = exposed.shape
    basis = torch.from_numpy(at.dct_matrix()).to(exposed.device)
    ramp = torch.arange(at.BLOCK, device=exposed.device, dtype=torch.float32)
    ramp = 1.0 + 0.5 * (ramp[:, None] + ramp[None, :])
    shape = (worlds, height // at.BLOCK, at.BLOCK, width // at.BLOCK, at.BLOCK)
    blocks = exposed.reshape(worlds, frames, *shape[1:]).transpose(3, 4)
    coded = torch.zeros_like(blocks[:, 0])
    out = torch.empty_like(exposed, dtype=torch.uint8)
    for t in range(frames):
        fresh = (shown[:, t] == t)[:, None, None, None, None]
        coded = torch.where(fresh, _code(blocks[:, t], coded, sensor[:, t], (basis, ramp)), coded)
        picture = coded.transpose(2, 3).reshape(worlds, height, width)
        out[:, t] = (picture * 255.0 + 0.5).clamp(0, 255).to(torch.uint8)
    return out


def _code(x: Tensor, coded: Tensor, sensor: Tensor, tables: tuple[Tensor, Tensor]) -> Tensor:
    """One frame through the codec; x, coded float32[B, H/4, W/4, 4, 4]."""
    basis, ramp = tables
    s = [sensor[:, k, None, None, None, None] for k in range(at.SENSOR_SIZE)]
    key = s[at.KEY] > 0
    past = torch.where(key, torch.full_like(coded, 0.5), coded)
    change = x - past
    size = s[at.STEP].clamp(min=1e-6) * ramp
    spectrum = basis @ change @ basis.T
    rebuilt = basis.T @ (torch.round(spectrum / size) * size) @ basis
    small = change.abs().sum((-1, -2), keepdim=True) < s[at.SKIP] * at.BLOCK * at.BLOCK
    coded = torch.where(small & ~key, coded, past + rebuilt)
    return torch.where(s[at.STEP] > 0, coded, x)

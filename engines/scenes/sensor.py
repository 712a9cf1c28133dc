"""The sensor after the lens: exposure, noise, softness and the codec, in Numba.

`sensor_torch.py` writes the same formula for batches. Noise is counted, not drawn: a hash of pixel,
frame and seed, so any frame can be made again.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

GAIN, LIFT, SHOT, READ, BLUR, VIGNETTE, STEP, SKIP, KEY = range(9)
SENSOR_SIZE: Final = 9
"""Sensor columns per frame: exposure gain, lift of black, shot noise (per root grey), read noise
(grey 0..1), blur (3-tap weight, negative sharpens), darkening of corners, quantiser step of the
codec (grey), change below which a block is not coded again (grey), key frame 0/1."""

BLOCK: Final = 4
"""Pixels along a codec block."""

NOISE_SCALE: Final = float(1.0 / np.sqrt(4 * (256**2 - 1) / 12.0))
"""One over the standard deviation of the sum of four random bytes."""


def dct_matrix() -> NDArray[np.float32]:
    """Orthonormal cosine transform float32[4, 4]."""
    k, n = np.arange(BLOCK)[:, None], np.arange(BLOCK)[None, :]
    basis = np.cos(np.pi * (2 * n + 1) * k / (2 * BLOCK)) * np.sqrt(2.0 / BLOCK)
    basis[0] /= np.sqrt(2.0)
    return np.asarray(basis, np.float32)


@dataclass(slots=True)
class SensorState:
    """What the codec remembers: the last coded picture float32[H, W, C]."""

    coded: NDArray[np.float32]


@njit(cache=True, nogil=True, inline="always")
def _hash(x: int | np.uint32) -> np.uint32:
    """Mix 32 bits (Wellons' low-bias hash)."""
    h = np.uint32(x)
    h = np.uint32(h ^ (h >> np.uint32(16)))
    h = np.uint32(h * np.uint32(0x7FEB352D))
    h = np.uint32(h ^ (h >> np.uint32(15)))
    h = np.uint32(h * np.uint32(0x846CA68B))
    return np.uint32(h ^ (h >> np.uint32(16)))


@njit(cache=True, nogil=True)
def expose(
    picture: NDArray[np.float32], sensor: NDArray[np.float32], key: int, out: NDArray[np.float32]
) -> None:
    """Gain, lift, vignette, noise and blur: picture float32[H, W, C] → out, 0..1 (unclipped)."""
    height, width, channels = picture.shape
    noisy = np.empty_like(picture)
    salt = _hash(key)
    for row in range(height):
        y = np.float32((row + 0.5) / height - 0.5)
        for col in range(width):
            x = np.float32((col + 0.5) / width - 0.5)
            fall = sensor[GAIN] * (
                np.float32(1.0) - sensor[VIGNETTE] * np.float32(2.0) * (x * x + y * y)
            )
            h = _hash(np.uint32(row * width + col) ^ salt)
            total = (h & np.uint32(255)) + ((h >> np.uint32(8)) & np.uint32(255))
            total += ((h >> np.uint32(16)) & np.uint32(255)) + (h >> np.uint32(24))
            grain = (np.float32(total) - np.float32(510.0)) * np.float32(NOISE_SCALE)
            for k in range(channels):
                value = picture[row, col, k] * fall + sensor[LIFT]
                spread = np.sqrt(
                    sensor[READ] ** 2 + sensor[SHOT] ** 2 * max(value, np.float32(0.0))
                )
                noisy[row, col, k] = (
                    min(max(value, np.float32(0.0)), np.float32(1.0)) + spread * grain
                )
    _soften(noisy, sensor[BLUR], out)


@njit(cache=True, nogil=True)
def _soften(noisy: NDArray[np.float32], weight: float, out: NDArray[np.float32]) -> None:
    height, width, channels = noisy.shape
    side = np.float32(weight)
    middle = np.float32(1.0) - np.float32(2.0) * side
    between = np.empty_like(noisy)
    for row in range(height):
        for col in range(width):
            left, right = max(col - 1, 0), min(col + 1, width - 1)
            for k in range(channels):
                between[row, col, k] = middle * noisy[row, col, k] + side * (
                    noisy[row, left, k] + noisy[row, right, k]
                )
    for row in range(height):
        above, below = max(row - 1, 0), min(row + 1, height - 1)
        for col in range(width):
            for k in range(channels):
                out[row, col, k] = middle * between[row, col, k] + side * (
                    between[above, col, k] + between[below, col, k]
                )


@njit(cache=True, nogil=True)
def encode(
    picture: NDArray[np.float32],
    sensor: NDArray[np.float32],
    basis: NDArray[np.float32],
    coded: NDArray[np.float32],
) -> None:
    """Predictive block codec: `coded` float32[H, W, C] becomes what a viewer gets of `picture`.

    A block that changed less than SKIP keeps its old content; else the difference is transformed
    and quantised. A key frame predicts from mid grey. STEP = 0 passes the picture through.
    """
    height, width, channels = picture.shape
    if sensor[STEP] <= 0.0:
        coded[:] = picture
        return
    block = np.empty((BLOCK, BLOCK), np.float32)
    between = np.empty((BLOCK, BLOCK), np.float32)
    for k in range(channels):
        for top in range(0, height, BLOCK):
            for left in range(0, width, BLOCK):
                change = np.float32(0.0)
                for i in range(BLOCK):
                    for j in range(BLOCK):
                        past = np.float32(0.5) if sensor[KEY] > 0 else coded[top + i, left + j, k]
                        block[i, j] = picture[top + i, left + j, k] - past
                        change += abs(block[i, j])
                if sensor[KEY] <= 0 and change < sensor[SKIP] * BLOCK * BLOCK:
                    continue
                _quantise(block, sensor[STEP], basis, between)
                for i in range(BLOCK):
                    for j in range(BLOCK):
                        past = np.float32(0.5) if sensor[KEY] > 0 else coded[top + i, left + j, k]
                        coded[top + i, left + j, k] = past + block[i, j]


@njit(cache=True, nogil=True)
def _quantise(
    block: NDArray[np.float32],
    step: float,
    basis: NDArray[np.float32],
    between: NDArray[np.float32],
) -> None:
    """Cosine transform, rounding to steps that grow with frequency, and back; all float32[4, 4]."""
    _turn(basis, block, between)
    _turn(basis, between, block)
    for a in range(BLOCK):
        for b in range(BLOCK):
            size = np.float32(step) * (np.float32(1.0) + np.float32(0.5) * np.float32(a + b))
            block[a, b] = np.rint(block[a, b] / size) * size
    _turn(basis.T, block, between)
    _turn(basis.T, between, block)


@njit(cache=True, nogil=True)
def _turn(basis: NDArray[np.float32], block: NDArray[np.float32], out: NDArray[np.float32]) -> None:
    """Out = (basis · block) transposed; twice makes basis · block · basisᵀ."""
    for a in range(BLOCK):
        for j in range(BLOCK):
            total = np.float32(0.0)
            for i in range(BLOCK):
                total += basis[a, i] * block[i, j]
            out[j, a] = total

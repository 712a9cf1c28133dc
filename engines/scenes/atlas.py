"""The texture atlas: periodic pictures that primitives wear.

Layers come in groups: dead leaves (overlapping random shapes: the statistics of cluttered rooms),
clouds (1/f noise), woods, weaves, plaids, tiles, grains. Every layer is float32[256, 256], mean 0,
within -1..1, and wraps round.
"""

from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

SIZE: Final = 256
"""Texels along either side of a layer."""

Layer = NDArray[np.float32]
"""float32[256, 256], mean 0, -1..1, periodic."""

CLOUDS: Final = (0, 1, 2, 3)
LEAVES: Final = (4, 5, 6, 7, 8, 9)
WOODS: Final = (10, 11)
WEAVES: Final = (12, 13)
PLAIDS: Final = (14, 15)
TILES: Final = (16, 17)
GRAINS: Final = (18, 19)
HELD_BACK: Final = (20, 21, 22, 23)
"""Layers only evaluation scenes wear: leaves, cloud, plaid, grain."""


@cache
def atlas() -> NDArray[np.float32]:
    """All layers: float32[24, 256, 256]."""
    rng = np.random.default_rng(20_261_120)
    layers = [_cloud(rng, slope) for slope in (1.0, 1.4, 1.8, 2.4)]
    layers += [_leaves(rng, *sizes) for sizes in _LEAF_SIZES]
    layers += [_wood(rng, rings) for rings in (7, 13)]
    layers += [_weave(rng, threads) for threads in (32, 64)]
    layers += [_plaid(rng) for _ in range(2)]
    layers += [_tiles(rng, count) for count in (6, 12)]
    layers += [_cloud(rng, 0.3), _cloud(rng, 0.7)]
    layers += [_leaves(rng, 4.0, 40.0), _cloud(rng, 1.6), _plaid(rng), _cloud(rng, 0.5)]
    return np.stack(layers)


_LEAF_SIZES: Final = (
    (10.0, 90.0),
    (6.0, 60.0),
    (4.0, 30.0),
    (8.0, 120.0),
    (3.0, 20.0),
    (14.0, 60.0),
)


def _normal(values: NDArray[np.float64]) -> Layer:
    values = values - values.mean()
    return np.asarray(np.clip(values / (2.5 * values.std() + 1e-9), -1.0, 1.0), np.float32)


def _cloud(rng: np.random.Generator, slope: float) -> Layer:
    fx = np.fft.fftfreq(SIZE)[None, :]
    fy = np.fft.fftfreq(SIZE)[:, None]
    radius = np.hypot(fx, fy)
    radius[0, 0] = 1.0
    spectrum = np.fft.fft2(rng.standard_normal((SIZE, SIZE))) * radius**-slope
    spectrum[0, 0] = 0.0
    return _normal(np.fft.ifft2(spectrum).real)


def _leaves(rng: np.random.Generator, smallest: float, largest: float) -> Layer:
    picture = np.zeros((SIZE, SIZE))
    grid = np.arange(SIZE, dtype=np.float64)
    for _ in range(260):
        radius = smallest * (largest / smallest) ** (rng.random() ** 1.5)
        x, y, angle = rng.uniform(0, SIZE), rng.uniform(0, SIZE), rng.uniform(0, np.pi)
        dx = ((grid - x + SIZE / 2) % SIZE - SIZE / 2)[None, :]
        dy = ((grid - y + SIZE / 2) % SIZE - SIZE / 2)[:, None]
        u, v = dx * np.cos(angle) + dy * np.sin(angle), dy * np.cos(angle) - dx * np.sin(angle)
        stretch = rng.uniform(0.25, 1.0)
        round_shape = rng.random() < 0.4
        inside = (
            (u / radius) ** 2 + (v / radius / stretch) ** 2 < 1
            if round_shape
            else ((np.abs(u) < radius) & (np.abs(v) < radius * stretch))
        )
        tone = rng.normal() + 0.5 * rng.normal() * (u / radius)
        picture = np.where(inside, tone, picture)
    return _normal(picture + 0.25 * _cloud(rng, 1.0))


def _wood(rng: np.random.Generator, rings: int) -> Layer:
    y = np.arange(SIZE)[:, None] / SIZE
    warp = 0.06 * _cloud(rng, 2.2)
    bands = np.sin(2 * np.pi * rings * (y + warp)) + 0.5 * np.sin(
        2 * np.pi * (3 * rings + 1) * (y + warp)
    )
    fibres = np.repeat(rng.standard_normal((SIZE, 1)), SIZE, axis=1)
    return _normal(bands + 0.4 * fibres + 0.5 * _cloud(rng, 1.0))


def _weave(rng: np.random.Generator, threads: int) -> Layer:
    phase = 2 * np.pi * threads * np.arange(SIZE) / SIZE
    pattern = np.sin(phase)[:, None] * np.sin(phase)[None, :]
    return _normal(pattern + 1.2 * _cloud(rng, 1.2))


def _plaid(rng: np.random.Generator) -> Layer:
    stripes = np.zeros((2, SIZE))
    for axis in range(2):
        for _ in range(10):
            start, width = rng.integers(SIZE), rng.integers(4, 28)
            stripes[axis, np.arange(start, start + width) % SIZE] += rng.normal()
    return _normal(stripes[0][:, None] + stripes[1][None, :] + 0.3 * _cloud(rng, 1.0))


def _tiles(rng: np.random.Generator, count: int) -> Layer:
    position = np.arange(SIZE) * count / SIZE
    line = np.minimum(position % 1.0, 1.0 - position % 1.0) < 0.04 * count / 6
    tones = rng.normal(size=(count, count))
    index = position.astype(int)
    picture = 0.6 * tones[index[:, None], index[None, :]]
    joints = line[:, None] | line[None, :]
    return _normal(np.where(joints, -2.0, picture) + 0.5 * _cloud(rng, 1.0))

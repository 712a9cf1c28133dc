"""A performer drawn by hand: a bar that strikes and stops, a bar that only pretends."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from synchresis.engines.frame import Frame

RATE = 48_000
FPS = 25


@dataclass
class Performance:
    """Frames, sound and the moments of contact."""

    frames: list[Frame]
    sound: NDArray[np.float32]
    hits_s: NDArray[np.float64]


def height(time_s: float, strokes: NDArray[np.float64]) -> float:
    """1 up, 0 down: down in 0.16 s, held for 0.1 s, up in 0.3 s."""
    since = time_s - strokes
    down = np.clip(-since / 0.16, 0, 1)
    up = np.clip((since - 0.1) / 0.3, 0, 1)
    return float(np.min(np.where(since < 0, down, up), initial=1.0))


def play(rng: np.random.Generator, seconds: float, lag_s: float) -> Performance:
    steps = rng.uniform(0.65, 1.1, int(2 * seconds))
    strokes = 0.6 + np.cumsum(steps)
    strokes = strokes[strokes < seconds - 0.8]
    sounding = rng.random(len(strokes)) < 0.6
    base = rng.integers(60, 90, (120, 160)).astype(np.uint8)
    frames = []
    for index in range(int(seconds * FPS)):
        time_s = index / FPS
        picture = base.copy()
        for column, own in ((30, strokes[sounding]), (110, strokes[~sounding])):
            top = round(80 - 50 * height(time_s, own))
            picture[top : top + 20, column : column + 24] = 230
        frames.append(Frame(picture, round(time_s * 1e9), index))
    hits_s = strokes[sounding]
    sound = 1e-3 * rng.standard_normal(int(seconds * RATE))
    for hit in hits_s + lag_s:
        first = int(hit * RATE)
        ring = rng.standard_normal(4000) * np.exp(-np.arange(4000) / 500)
        sound[first : first + 4000] += 0.4 * ring
    return Performance(frames, sound.astype(np.float32), hits_s)


@pytest.fixture(scope="session")
def perform() -> Callable[..., Performance]:
    """Plays so many seconds with a lag of the sound."""
    return lambda seconds=24.0, lag_s=0.08, seed=3: play(
        np.random.default_rng(seed), seconds, lag_s
    )

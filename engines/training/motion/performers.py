"""Drawn performers to learn the prior of readouts from, made strange to the network.

A world of the training families, filmed as in training, then turned, shrunk, mirrored, blurred,
relit or made noisy as a whole: what is taught on must not look as what the network learned from.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from synchresis.engines.frame import Frame
from synchresis.engines.scenes.families import silent_families
from synchresis.engines.scenes.render import Film, PictureSize
from synchresis.engines.scenes.world import SimSettings, World, simulate
from synchresis.engines.teach.watching import Watched, Watcher, watch
from synchresis.engines.timebase import NS_PER_S

WIDTH: Final = 160
HEIGHT: Final = 120
"""Of the picture: the network's own pixels."""

FPS: Final = (15, 25, 30, 30, 30, 60)
"""Frame rates that give the length of a performance; its own is the world's."""

LENGTH_S: Final = 14.0
"""Length at those rates, seconds."""

LEAST: Final = 6
"""Hits of a performance."""

SEED: Final = 77
SILENT_SEED: Final = 78

RESTING: Final = ("still", "lights")
"""Silent families in which nothing moves."""

Picture = NDArray[np.uint8]

Change = Callable[[Picture], Picture]


@dataclass(frozen=True, slots=True)
class Performance:
    """A drawn performer: what was seen, and when hits were, seconds on the clock of the frames."""

    name: str
    seen: Watched
    onsets_s: NDArray[np.float64]


def performances(watcher: Watcher, count: int) -> Iterator[Performance]:
    """Performers, the same ones every time.

    Args:
        watcher: prepared, of the pack whose prior is wanted.
        count: how many.
    """
    found, index = 0, 0
    while found < count:
        rng = np.random.default_rng([SEED, index])
        frames = int(rng.choice(FPS) * LENGTH_S)
        index += 1
        world = simulate(5_000_000 + 7919 * index, SimSettings(frames=frames))
        if len(world.events) >= LEAST:
            found += 1
            yield performance(world, strange(rng), watcher)


def silent_performances(watcher: Watcher, count: int) -> Iterator[Performance]:
    """Scenes of the silent training families in which something moves, one after the other.

    Args:
        watcher: prepared, of the pack whose prior is wanted.
        count: how many.
    """
    moving = [name for name in silent_families() if name not in RESTING]
    for index in range(count):
        rng = np.random.default_rng([SILENT_SEED, index])
        frames = int(rng.choice(FPS) * LENGTH_S)
        settings = SimSettings(frames=frames, families=(moving[index % len(moving)],))
        yield performance(simulate(6_000_000 + 7919 * index, settings), strange(rng), watcher)


def performance(world: World, change: Change, watcher: Watcher) -> Performance:
    """One performer as the network sees it."""
    times = world.times - world.times[0]
    film = Film(PictureSize(WIDTH, HEIGHT)).pictures(world)
    frames = (
        Frame(change(np.asarray(shown)), round(float(time_s) * NS_PER_S), index)
        for index, (shown, time_s) in enumerate(zip(film, times, strict=True))
    )
    seen = watch(frames, watcher, aspect=world.aspect)
    onsets_s = np.sort(np.array([event.t_s for event in world.events]) - world.times[0])
    return Performance(world.name, seen, onsets_s)


def strange(rng: np.random.Generator) -> Change:
    """What happens to every picture of a performance; to three in ten nothing."""
    if rng.random() < 0.3:
        return np.ascontiguousarray
    turn = turned(rng)
    border = cv2.BORDER_REPLICATE if rng.random() < 0.5 else cv2.BORDER_REFLECT
    blur = float(rng.uniform(0.4, 1.4)) if rng.random() < 0.5 else 0.0
    light = relit(rng)
    grain = noise(rng)

    def change(picture: Picture) -> Picture:
        out = cv2.warpAffine(np.squeeze(picture), turn, (WIDTH, HEIGHT), borderMode=border)
        out = cv2.GaussianBlur(out, (0, 0), blur) if blur else out
        return np.asarray(grain(light[out]), np.uint8)

    return change


def turned(rng: np.random.Generator) -> NDArray[np.float64]:
    """About the middle: turned by up to 60°, shrunk and moved, mirrored; float64[2, 3]."""
    matrix = np.eye(3)
    if rng.random() < 0.5:
        angle = np.deg2rad(rng.uniform(-60, 60))
        matrix[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    if rng.random() < 0.5:
        size = rng.uniform(0.4, 0.9)
        matrix = np.diag([size, size, 1]) @ matrix
        matrix[:2, 2] += rng.uniform(-0.2, 0.2, 2) * [WIDTH, HEIGHT]
    if rng.random() < 0.3:
        matrix = np.diag([-1, 1, 1]) @ matrix
    there, back = np.eye(3), np.eye(3)
    there[:2, 2], back[:2, 2] = [-WIDTH / 2, -HEIGHT / 2], [WIDTH / 2, HEIGHT / 2]
    return np.asarray((back @ matrix @ there)[:2])


def relit(rng: np.random.Generator) -> Picture:
    """New grey of each grey, uint8[256]: gamma, gain, lift."""
    gamma = rng.uniform(0.5, 2) if rng.random() < 0.5 else 1.0
    gain, lift = rng.uniform(0.35, 1), rng.uniform(0, 60)
    grey = 255 * gain * (np.arange(256) / 255) ** gamma + lift
    return np.asarray(np.clip(grey, 0, 255), np.uint8)


def noise(rng: np.random.Generator) -> Change:
    """Noise of the sensor, in half of the performances."""
    size = float(rng.uniform(0, 5)) if rng.random() < 0.5 else 0.0
    own = np.random.default_rng(rng.integers(1 << 31))
    if not size:
        return np.ascontiguousarray
    planes = [size * own.standard_normal((HEIGHT, WIDTH)) for _ in range(8)]
    return lambda p: np.clip(p + planes[own.integers(8)], 0, 255).astype(np.uint8)

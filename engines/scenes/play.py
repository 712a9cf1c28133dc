"""Play: what a family is given to act with, and what it leaves behind."""

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from synchresis.engines.scenes.path import Times
from synchresis.engines.scenes.primitives import Canvas


@dataclass(frozen=True, slots=True)
class SceneEvent:
    """One true event of a scene.

    Attributes:
        t_s: when it happens, seconds since the scene began.
        strength: 0 to 1; level is 40 (strength - 1) dB.
        kind: impact.
        x: place in the picture, 0 left to 1 right; just outside is clipped to the border.
        y: place in the picture, 0 top to 1 bottom.
        material: what it sounds like: wood, drum, metal, glass, body, dull.
    """

    t_s: float
    strength: float
    x: float
    y: float
    kind: str = "impact"
    material: str = "wood"


FULL_SPEED: Final = 6.0
"""Contact speed of the loudest hit, picture widths per second at the usual distance."""


def strength_of(speed: float, full: float = FULL_SPEED) -> float:
    """Strength of a contact at `speed` (picture widths per second): amplitude follows speed."""
    return float(np.clip(1.0 + 0.5 * np.log10(max(speed, 1e-4) / full), 0.05, 1.0))


@dataclass(frozen=True, slots=True)
class Wardrobe:
    """Texture layers a scene may wear: evaluation scenes wear others than training scenes."""

    clutter: tuple[int, ...]
    cloud: tuple[int, ...]
    wood: tuple[int, ...]
    cloth: tuple[int, ...]
    grain: tuple[int, ...]


@dataclass(slots=True)
class Play:
    """The stage of one action.

    Attributes:
        look: generator for what the scene looks like (the same for all actions of a scene).
        act: generator for what happens.
        times: float64[N], the sampled times, seconds since the action began.
        clock: float64[N], the same moments since the scene began; endless wandering goes by it.
        duration_s: length of the action; it starts and ends at rest.
        half_height: the picture shows y within ± this.
        canvas: where to draw.
        textures: what things may wear.
        hits: impacts noted so far: t_s (action time), strength, x, y, material.
        friction: float64[N], level 0..1.
        burst: float64[N], level 0..1.
    """

    look: np.random.Generator
    act: np.random.Generator
    times: Times
    clock: Times
    duration_s: float
    half_height: float
    canvas: Canvas
    textures: Wardrobe
    hits: list[tuple[float, float, float, float, str]] = field(default_factory=list)
    friction: Times = field(init=False)
    burst: Times = field(init=False)

    def __post_init__(self) -> None:
        self.friction = np.zeros_like(self.times)
        self.burst = np.zeros_like(self.times)

    def hit(self, t_s: float, strength: float, place: ArrayLike, material: str) -> None:
        """Note an impact at `place` (world coordinates)."""
        x, y = np.asarray(place, float).ravel()[:2]
        self.hits.append((float(t_s), float(strength), float(x), float(y), material))

    def rub(self, level: Times) -> None:
        """Raise the friction level to at least `level` float64[N]."""
        np.maximum(self.friction, level, out=self.friction)

    def spray(self, level: Times) -> None:
        """Raise the burst level to at least `level` float64[N]."""
        np.maximum(self.burst, level, out=self.burst)

"""Materials: what the physical models need to know of a thing, as numbers that mix linearly."""

from dataclasses import astuple, dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from synchresis.engines.control import EMBEDDING


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """Parameters of one physical model; logarithms, so that the mean of two lies between them.

    Attributes:
        pitch: lowest mode, octaves above 100 Hz.
        spread: exponent of the mode number: 1 harmonic, 2 bars, below 1 membranes.
        jitter: how far modes lie from that law, share of an octave.
        ring: time for 60 dB of the lowest mode, natural log of seconds.
        loss: how much faster each octave above rings out, natural log per octave.
        bright: level of the modes, dB per octave above the lowest.
        contact: length of the blow, natural log of milliseconds (longer is softer).
        modal: level of the modes, 0 to 1.
        noise: level of the noise that the blow makes, 0 to 1.
        noise_ring: its time for 60 dB, natural log of seconds.
        colour: centre of the noise, octaves above 100 Hz.
        grains: debris after the blow, natural log of grains per second.
        debris: level of the grains, 0 to 1.
        bubbles: level of rising sine bubbles, 0 to 1.
        swell: rise of the noise, natural log of milliseconds.
        level: gain of everything, dB, so that the loudest blow peaks near full scale.
        rub: gain of friction, dB, so that friction 1 is about 14 dB under the loudest blow's peak.
        tear: gain of burst, dB, for the same.
    """

    pitch: float = 1.5
    spread: float = 1.5
    jitter: float = 0.05
    ring: float = -1.0
    loss: float = 0.4
    bright: float = -4.0
    contact: float = 0.0
    modal: float = 1.0
    noise: float = 0.2
    noise_ring: float = -2.5
    colour: float = 4.0
    grains: float = 3.0
    debris: float = 0.0
    bubbles: float = 0.0
    swell: float = -1.0
    level: float = 0.0
    rub: float = 0.0
    tear: float = 0.0

    def embedding(self) -> NDArray[np.float32]:
        """The parameters as float32[EMBEDDING], zeros after the last."""
        row = np.zeros(EMBEDDING, np.float32)
        values = astuple(self)
        row[: len(values)] = values
        return row


MATERIALS: Final[dict[str, Material]] = {
    "wood": Material(
        pitch=1.8,
        spread=1.7,
        ring=-1.6,
        loss=0.55,
        contact=-0.3,
        noise=0.35,
        level=-1.2,
        rub=-1.8,
        tear=2.3,
    ),
    "metal": Material(
        pitch=2.2,
        spread=1.55,
        ring=0.6,
        loss=0.2,
        bright=-1.5,
        contact=-1.2,
        level=-5.8,
        rub=-10.0,
        tear=-3.0,
    ),
    "glass": Material(
        pitch=4.1,
        spread=1.7,
        ring=-0.5,
        loss=0.25,
        bright=-2.0,
        contact=-1.6,
        noise=0.08,
        level=-1.3,
        rub=-9.2,
        tear=-2.4,
    ),
    "ceramic": Material(
        pitch=3.6,
        spread=1.4,
        ring=-1.1,
        loss=0.35,
        bright=-2.0,
        contact=-1.4,
        level=-4.1,
        rub=-5.2,
        tear=-0.6,
    ),
    "plastic": Material(
        pitch=2.6,
        spread=1.2,
        ring=-2.4,
        loss=0.6,
        contact=-0.2,
        noise=0.4,
        level=-1.1,
        rub=-0.7,
        tear=2.1,
    ),
    "skin": Material(
        pitch=-0.1,
        spread=0.75,
        ring=-0.6,
        loss=0.8,
        bright=-6.0,
        contact=0.8,
        noise=0.25,
        level=-7.3,
        rub=-4.7,
        tear=0.7,
    ),
    "stone": Material(
        pitch=3.0, ring=-2.6, loss=0.5, contact=-1.2, noise=0.6, level=1.5, rub=1.5, tear=3.4
    ),
    "bell": Material(
        pitch=2.6,
        spread=1.25,
        jitter=0.12,
        ring=1.3,
        loss=0.35,
        bright=-2.5,
        contact=-1.0,
        level=-6.1,
        rub=-12.7,
        tear=-4.8,
    ),
    "cymbal": Material(
        pitch=1.6,
        spread=1.1,
        jitter=0.3,
        ring=1.0,
        loss=0.12,
        bright=0.5,
        contact=-1.8,
        noise=0.7,
        noise_ring=0.3,
        colour=6.0,
        level=-22.4,
        rub=-6.3,
        tear=-1.0,
    ),
    "rubber": Material(
        pitch=0.6,
        spread=1.3,
        ring=-2.2,
        loss=1.0,
        bright=-9.0,
        contact=1.6,
        level=2.6,
        rub=-4.2,
        tear=-0.1,
    ),
    "water": Material(
        pitch=2.0,
        ring=-2.5,
        modal=0.05,
        noise=0.4,
        noise_ring=-0.7,
        colour=3.2,
        grains=3.6,
        bubbles=1.0,
        swell=1.5,
        level=6.2,
        rub=8.0,
        tear=-3.2,
    ),
    "gravel": Material(
        pitch=3.5,
        ring=-3.2,
        modal=0.1,
        noise=0.5,
        noise_ring=-1.6,
        colour=4.6,
        grains=5.0,
        debris=1.0,
        swell=1.8,
        level=11.5,
        rub=7.5,
        tear=-5.9,
    ),
    "paper": Material(
        modal=0.0,
        noise=0.8,
        noise_ring=-1.1,
        colour=5.0,
        grains=5.3,
        debris=0.8,
        swell=2.6,
        level=9.2,
        rub=15.7,
        tear=-5.0,
    ),
    "burst": Material(
        pitch=-0.5,
        contact=1.0,
        modal=0.1,
        noise=1.0,
        noise_ring=0.0,
        colour=2.2,
        grains=4.3,
        debris=0.5,
        level=7.7,
        rub=4.9,
        tear=4.9,
    ),
    "air": Material(
        modal=0.0,
        noise=1.0,
        noise_ring=-0.9,
        colour=3.0,
        swell=4.0,
        level=14.9,
        rub=15.6,
        tear=-4.5,
    ),
}
"""Physical models by name."""

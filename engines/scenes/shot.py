"""How a scene is filmed: frame times, camera motion, exposure, noise and codec."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synchresis.engines.scenes import sensor as sense
from synchresis.engines.scenes.path import Drift, Times


@dataclass(frozen=True, slots=True)
class Conditions:
    """What kinds of filming may be drawn. Ranges are (lowest, highest).

    Attributes:
        fps: frame rates to choose from.
        fps_weights: their odds, any scale.
        aspects: height over width to choose from.
        handheld: share of shots held by hand; half as many again pan or zoom.
        shake: root mean square of hand shake, picture widths.
        noise: read noise, grey.
        step: quantiser step of the codec, grey; 0 is no codec.
        blur: 3-tap weight; negative sharpens.
        exposure: share of the frame interval the shutter is open.
        readout_s: rolling shutter time over the picture.
        drop: largest share of lost frames.
        repeat: largest share of repeated frames.
        jitter_s: largest standard deviation of frame times.
        drift: root mean square of exposure drift, natural log.
        zoom: root mean square of how much closer or farther than usual the camera is, natural log.
        flicker: largest flicker of lamps at twice the mains frequency.
    """

    fps: tuple[float, ...] = (30.0, 25.0, 24.0, 15.0, 60.0, 12.0, 20.0, 48.0, 120.0, 10.0)
    fps_weights: tuple[float, ...] = (36, 12, 8, 14, 12, 4, 6, 3, 3, 2)
    aspects: tuple[float, ...] = (0.5625, 0.75, 0.75, 0.5625, 1.0, 1.7778, 0.6667)
    handheld: float = 0.35
    shake: tuple[float, float] = (0.001, 0.012)
    noise: tuple[float, float] = (0.001, 0.02)
    step: tuple[float, float] = (0.0, 0.05)
    blur: tuple[float, float] = (-0.08, 0.28)
    exposure: tuple[float, float] = (0.08, 0.98)
    readout_s: tuple[float, float] = (0.0, 0.03)
    drop: float = 0.08
    repeat: float = 0.1
    jitter_s: float = 0.004
    drift: tuple[float, float] = (0.0, 0.06)
    zoom: float = 0.15
    flicker: float = 0.06


@dataclass(frozen=True, slots=True)
class Shot:
    """One way of filming, fixed for a scene.

    Attributes:
        fps: nominal frames per second.
        aspect: height over width.
        exposure_s: time the shutter is open.
        readout_s: time between the first and the last row.
        sensor: float32[SENSOR_SIZE], base values of the sensor columns.
        key_every: frames from one codec key frame to the next.
        drifts: camera x, y, roll, log zoom, log gain.
        sweep: speeds of a pan x, y and log zoom (per second) and their rate of return in Hz.
        drop: share of lost frames.
        repeat: share of repeated frames.
        jitter_s: standard deviation of frame times.
        bump: how much a hit shakes the camera, picture widths.
        frame: how the camera stands: log zoom and roll (radians).
        lamps: flicker size and rate (Hz), size and rate (Hz) of exposure jumps.
        seed: of noise, drops and jitter.
    """

    fps: float
    aspect: float
    exposure_s: float
    readout_s: float
    sensor: NDArray[np.float32]
    key_every: int
    drifts: tuple[Drift, Drift, Drift, Drift, Drift]
    sweep: tuple[float, float, float, float]
    drop: float
    repeat: float
    jitter_s: float
    bump: float
    frame: tuple[float, float]
    lamps: tuple[float, float, float, float]
    seed: int

    def camera(self, times: Times, bumps: Times) -> NDArray[np.float32]:
        """Camera float32[N, 4] at absolute `times`: pan x, pan y, cos and sin of roll over zoom."""
        x, y, roll, zoom = (drift.at(times) for drift in self.drifts[:4])
        phase = np.sin(2 * np.pi * self.sweep[3] * times)
        shrink = np.exp(-(zoom + self.sweep[2] * phase + self.frame[0]))
        roll = roll + self.frame[1]
        columns = (
            x + self.sweep[0] * phase + 0.3 * bumps,
            y + self.sweep[1] * phase + bumps,
            np.cos(roll) * shrink,
            np.sin(roll) * shrink,
        )
        return np.stack(columns, 1).astype(np.float32)

    def sensors(self, times: Times, first: int) -> NDArray[np.float32]:
        """Sensor columns float32[T, SENSOR_SIZE] of the frames at absolute `times`."""
        rows = np.repeat(self.sensor[None, :], len(times), axis=0)
        size, rate, jump, jumps_hz = self.lamps
        level = self.drifts[4].at(times) + size * np.sin(2 * np.pi * rate * times)
        level += jump * np.tanh(40.0 * np.sin(2 * np.pi * jumps_hz * times + self.seed))
        rows[:, sense.GAIN] *= np.exp(level).astype(np.float32)
        index = first + np.arange(len(times))
        rows[:, sense.KEY] = index % self.key_every == 0
        return rows

    def noise_keys(self, count: int, first: int) -> NDArray[np.int64]:
        """One noise key per frame, int64[T] within 31 bits."""
        keys = (first + np.arange(count, dtype=np.int64)) * 2_654_435_761 + self.seed * 40_503
        return keys & 0x7FFF_FFFF

    def clock(self, count: int, first: int) -> tuple[Times, NDArray[np.int64]]:
        """Times of frames and what they show.

        Returns:
            times: float64[count], increasing, seconds; the frames lost are left out.
            shown: int64[count], the frame of this stretch whose picture is seen.
        """
        index = np.arange(first, first + count)
        rolls = np.random.default_rng([self.seed & 0x7FFF_FFFF, first, 77]).random((3, count))
        wobble = np.clip(
            self.jitter_s * 1.8 * (rolls[0] + rolls[1] - 1.0) * 1.36,
            -0.4 / self.fps,
            0.4 / self.fps,
        )
        times = index / self.fps + wobble
        lost = rolls[2] < self.drop
        again = (rolls[2] > 1.0 - self.repeat) & ~lost
        again[0] = lost[0] = False
        shown = np.maximum.accumulate(np.where(again, 0, np.arange(count)))
        keep = ~lost
        order = np.cumsum(keep) - 1
        return times[keep], order[shown[keep]]


def row_weights(subs: int, height: int, exposure_s: float, readout_s: float) -> NDArray[np.float32]:
    """Share of each sub-time in each row, float32[S, H]: exposure and rolling shutter.

    Sub-times split the whole of exposure and readout evenly; row y is open from readout·y/H for the
    length of the exposure.
    """
    whole = exposure_s + readout_s
    edges = np.linspace(0.0, whole, subs + 1)
    opened = readout_s * (np.arange(height) + 0.5) / height
    overlap = np.minimum(edges[1:, None], opened + exposure_s) - np.maximum(
        edges[:-1, None], opened
    )
    overlap = np.clip(overlap, 0.0, None) + 1e-9
    return np.asarray(overlap / overlap.sum(0), np.float32)


def draw_shot(
    rng: np.random.Generator,
    conditions: Conditions,
    *,
    fps: float | None = None,
    aspect: float | None = None,
) -> Shot:
    """Draw a way of filming."""
    c = conditions
    odds = np.asarray(c.fps_weights, float)
    rate = float(rng.choice(c.fps, p=odds / odds.sum()))
    shape = float(rng.choice(c.aspects))
    rate, shape = fps or rate, aspect or shape
    sweep = _sweep(rng, c)
    spoilt = rng.random(6)
    flicker = c.flicker * rng.random() if spoilt[4] < 0.2 else 0.0
    jump = rng.uniform(0.02, 0.2) if spoilt[5] < 0.06 and c.drift[1] > 0.02 else 0.0
    return Shot(
        fps=rate,
        aspect=shape,
        exposure_s=rng.uniform(*c.exposure) * min(1.0 / rate, 0.04),
        readout_s=min(rng.uniform(*c.readout_s), 0.9 / rate),
        sensor=_sensor(rng, c),
        key_every=int(rng.integers(12, 120)),
        drifts=_drifts(rng, c),
        sweep=sweep,
        drop=c.drop * rng.random() if spoilt[0] < 0.3 else 0.0,
        repeat=c.repeat * rng.random() if spoilt[1] < 0.15 else 0.0,
        jitter_s=c.jitter_s * rng.random() if spoilt[2] < 0.4 else 0.0,
        bump=rng.uniform(0.0005, 0.006) if spoilt[3] < 0.3 else 0.0,
        frame=(float(np.clip(rng.normal(0, c.zoom), -0.2, 0.5)), rng.normal(0, 0.3 * c.zoom)),
        lamps=(flicker, float(rng.choice([100.0, 120.0])), jump, rng.uniform(0.1, 0.8)),
        seed=int(rng.integers(1 << 30)),
    )


def _drifts(rng: np.random.Generator, c: Conditions) -> tuple[Drift, Drift, Drift, Drift, Drift]:
    shake = 0.0
    if rng.random() < c.handheld:
        low, high = c.shake
        shake = low * (high / low) ** rng.random()
    band = (0.3, rng.uniform(2.0, 9.0))
    drift = rng.uniform(*c.drift) if rng.random() < 0.5 else 0.0
    return (
        Drift.draw(rng, shake, band),
        Drift.draw(rng, shake, band),
        Drift.draw(rng, 0.6 * shake, band),
        Drift.draw(rng, 0.4 * shake, (0.2, 1.5)),
        Drift.draw(rng, drift, (0.1, 3.0)),
    )


def _sweep(rng: np.random.Generator, c: Conditions) -> tuple[float, float, float, float]:
    if rng.random() > 0.5 * c.handheld:
        return 0.0, 0.0, 0.0, 0.1
    zoom = rng.normal(0, 0.15) if rng.random() < 0.5 else 0.0
    return rng.normal(0, 0.1), rng.normal(0, 0.04), zoom, rng.uniform(0.05, 0.35)


def _sensor(rng: np.random.Generator, c: Conditions) -> NDArray[np.float32]:
    values = np.zeros(sense.SENSOR_SIZE, np.float32)
    low, high = c.noise
    values[sense.GAIN] = rng.uniform(0.6, 1.25)
    values[sense.LIFT] = rng.choice([0.0, rng.uniform(0.0, 0.12)])
    values[sense.READ] = low * (high / low) ** rng.random()
    values[sense.SHOT] = rng.uniform(0.0, 1.2) * values[sense.READ]
    values[sense.BLUR] = rng.uniform(*c.blur)
    values[sense.VIGNETTE] = rng.choice([0.0, rng.uniform(0.0, 0.5)])
    if rng.random() < 0.75:
        values[sense.STEP] = rng.uniform(*c.step)
        values[sense.SKIP] = values[sense.STEP] * rng.uniform(0.0, 0.5)
    return values

"""Plans of training sequences: which recording sounds when, how hard, in which palette."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synchresis.engines.timebase import HOP, REFRACTORY_S, SAMPLE_RATE
from synchresis.engines.training.voice.recordings import Recordings

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

_GAP_HOPS = REFRACTORY_S * SAMPLE_RATE / HOP


@dataclass(frozen=True)
class Plan:
    """One batch, before any sound is made.

    Attributes:
        row, hop, begin, recording: int64[E], of every hit; `begin` is its sample inside the hop.
        strength: float32[E] asked for; gain: float32[E] of the recording.
        dull: float32[E], one-pole coefficient that softens it, 0 for none.
        family: int64[B, T], whose palette is asked for at each hop.
        levels: float32[B, T, 2], friction and burst; body: int64[B], recording that textures use.
        copying: bool[B], rows where the mel is given.
    """

    row: Ints
    hop: Ints
    begin: Ints
    recording: Ints
    strength: Floats
    gain: Floats
    dull: Floats
    family: Ints
    levels: Floats
    body: Ints
    copying: NDArray[np.bool_]


class Planner:
    """Draws plans; every palette equally often, families by the root of their size."""

    def __init__(self, recordings: Recordings, rng: np.random.Generator) -> None:
        self._recordings = recordings
        self._rng = rng
        self._members = [
            np.flatnonzero(recordings.family == family)
            for family in range(len(recordings.families))
        ]
        sizes = np.array([len(members) for members in self._members], float)
        weight = np.sqrt(sizes)
        per_palette = np.bincount(recordings.palette, weight, len(recordings.palettes))
        weight /= np.maximum(per_palette[recordings.palette], 1e-9)
        self._chance = weight / weight.sum()

    def plan(self, batch: int, hops: int) -> Plan:
        """Draw one batch of sequences."""
        main = self._rng.choice(len(self._members), batch, p=self._chance)
        hits = [self._times(hops) for _ in range(batch)]
        row = np.repeat(np.arange(batch), [len(times) for times in hits])
        hop = np.concatenate(hits).astype(np.int64)
        families = self._families(main, row)
        recording, strength, gain, dull = self._choose(families)
        body = np.array([self._rng.choice(self._members[family]) for family in main])
        return Plan(
            row=row,
            hop=hop,
            begin=self._rng.integers(0, HOP, len(row)),
            recording=recording,
            strength=strength,
            gain=gain,
            dull=dull,
            family=self._asked(main, families, row, hop, hops=hops),
            levels=self._levels(batch, hops),
            body=body,
            copying=np.arange(batch) < self._rng.binomial(batch - 1, 0.25),
        )

    def _times(self, hops: int) -> Ints:
        """Hops of one row's hits."""
        draw = self._rng.random()
        first = int(self._rng.integers(2, max(3, hops // 4)))
        if draw < 0.4:
            return np.array([first])
        if draw < 0.5:
            return np.array([int(self._rng.integers(2, hops - 20))])
        if draw < 0.75:
            steps = self._rng.uniform(_GAP_HOPS, hops / 2, int(self._rng.integers(1, 5)))
        else:
            even = self._rng.uniform(_GAP_HOPS, 3 * _GAP_HOPS)
            steps = even * self._rng.uniform(0.95, 1.05, int(self._rng.integers(2, 10)))
        times = first + np.concatenate([[0], np.cumsum(np.ceil(steps))])
        return times[times < hops - 2].astype(np.int64)

    def _families(self, main: Ints, row: Ints) -> Ints:
        """Family of every hit: the row's, now and then another."""
        families = main[row]
        other = self._rng.random(len(row)) < 0.06
        families[other] = self._rng.choice(len(self._members), other.sum(), p=self._chance)
        return families

    def _choose(self, families: Ints) -> tuple[Ints, Floats, Floats, Floats]:
        """Recording, strength, gain and dullness of every hit."""
        recorded = self._recordings
        count = len(families)
        recording = np.array([self._rng.choice(self._members[family]) for family in families])
        own = recorded.strength[recording]
        near = np.clip(own + self._rng.normal(0, 0.04, count), 0, 1)
        # One hit in five is softer than any recording of it: quieter and duller.
        soft = self._rng.random(count) < np.where(recorded.trusted[recording], 0.2, 0.65)
        strength = np.where(soft, own * self._rng.uniform(0.05, 1.0, count), near)
        below = np.clip(own - strength, 0, 1)
        gain = 10.0 ** (2.0 * (strength - own))
        cutoff = 22_000 * 2.0 ** (-5.0 * below)
        dull = np.where(below > 0.05, np.exp(-2 * np.pi * cutoff / SAMPLE_RATE), 0.0)
        return (
            recording,
            strength.astype(np.float32),
            gain.astype(np.float32),
            dull.astype(np.float32),
        )

    def _asked(self, main: Ints, families: Ints, row: Ints, hop: Ints, *, hops: int) -> Ints:
        """Palette asked for at each hop: that of the last hit, the row's before any."""
        asked = np.repeat(main[:, None], hops, axis=1)
        for place in range(len(row)):
            asked[row[place], hop[place] :] = families[place]
        return asked

    def _levels(self, batch: int, hops: int) -> Floats:
        """Friction and burst trajectories; most rows have none."""
        levels = np.zeros((batch, hops, 2), np.float32)
        for row in np.flatnonzero(self._rng.random(batch) < 0.3):
            kind = int(self._rng.integers(2))
            begin = int(self._rng.integers(2, hops // 2))
            end = min(hops, begin + int(self._rng.integers(20, hops)))
            knots = np.clip(self._rng.uniform(0.15, 1.0, 4), 0, 1)
            line = np.interp(np.linspace(0, 3, end - begin), np.arange(4), knots)
            edge = np.minimum(np.arange(end - begin), np.arange(end - begin)[::-1]) / 6.0
            levels[row, begin:end, kind] = np.clip(line + np.minimum(edge - 1, 0), 0, 1)
        return levels

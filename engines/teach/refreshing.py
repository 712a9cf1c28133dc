"""Refreshing: a taught readout goes on learning from what is seen and heard, pulled to what it was.

Ridge regression from running sums: each stretch of time in which hits are heard is first predicted,
which scores the refreshed weights against the taught ones, and only then learned from. Older
stretches fade. The place, the lag and the scaling stay as taught.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from synchresis.engines.motion.readout import Floats, Readout
from synchresis.engines.motion.replay import Scores, Times, picked
from synchresis.engines.teach.fitting import Taught
from synchresis.engines.teach.prior import FLAT_NOISE, flat_sizes
from synchresis.engines.teach.timing import bumps, f1, threshold_of

PULL: Final = 30.0
"""Weight of what was taught: some minutes of frames."""

HALF_LIFE_S: Final = 120.0
"""Time in which what was learned since fades to a half, seconds of frames."""

RECENT_S: Final = 90.0
"""Predicted frames that choose the threshold."""

LEAST_RECENT: Final = 8
"""Onsets among them before the threshold may move."""

SLOW: Final = 0.7
"""Share of the old comparison that stays with every stretch."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Frames of some seconds, as the live readout saw them, and the hits heard meanwhile.

    Attributes:
        captured_s: float64[T], rising.
        past: float32[T, AGES, FEATURES].
        embedding: float32[T, D].
        onsets_s: on the clock of the frames.
    """

    captured_s: Times
    past: Floats
    embedding: Floats
    onsets_s: Times


class Refresher:
    """Goes on learning; one thread at a time.

    Args:
        taught: with a readout.
    """

    def __init__(self, taught: Taught, readout: Readout) -> None:
        self._lag_s = taught.lag_s - readout.wait_s  # of its bumps, not of its events
        self._taught = taught
        self._readout = readout
        self._sizes = np.append(flat_sizes(len(readout.embedding_weight)), 1.0)
        self._start = self._weights(readout)
        self._weight = self._start.copy()
        count = len(self._sizes)
        self._square, self._cross = np.zeros((count, count)), np.zeros(count)
        self._agreement = np.zeros(2)
        self._recent: list[tuple[Times, Scores, Times]] = []
        self._threshold = taught.threshold
        self.stretches = 0

    @property
    def better(self) -> bool:
        """Whether the refreshed weights predicted new stretches at least as well as the taught."""
        return bool(self._agreement[0] >= self._agreement[1])

    @property
    def taught(self) -> Taught:
        """What to use now: refreshed, or as taught while that predicts better."""
        if not self.better or not self.stretches:
            return self._taught
        return Taught(self._taught.lag_s, self._threshold, self._made())

    def learn(self, stretch: Stretch) -> bool:
        """Predict a stretch, then learn from it; False if nothing was heard in it."""
        if not len(stretch.onsets_s) or len(stretch.captured_s) < 2:
            return False
        rows = self._rows(stretch)
        self._compare(rows, stretch)
        span_s = float(stretch.captured_s[-1] - stretch.captured_s[0])
        fade = 0.5 ** (span_s / HALF_LIFE_S)
        target = bumps(stretch.captured_s, stretch.onsets_s - self._lag_s)
        rest = target - rows @ self._start
        self._square = fade * self._square + rows.T @ rows
        self._cross = fade * self._cross + rows.T @ rest
        pull = (PULL + FLAT_NOISE) * np.eye(len(self._sizes))
        self._weight = self._start + np.linalg.solve(self._square + pull, self._cross)
        self.stretches += 1
        return True

    def _compare(self, rows: NDArray[np.float64], stretch: Stretch) -> None:
        """Score refreshed and taught weights on what neither has seen; move the threshold."""
        times, lag_s = stretch.captured_s, self._lag_s
        fresh = np.clip(rows @ self._weight, 0.0, 1.0)
        old = np.clip(rows @ self._start, 0.0, 1.0)
        bars = self._threshold, self._taught.threshold
        values = [
            f1(times[picked(times, score, bar)] + lag_s, stretch.onsets_s)
            for score, bar in zip((fresh, old), bars, strict=True)
        ]
        self._agreement = SLOW * self._agreement + (1 - SLOW) * np.array(values)
        self._recent.append((times, fresh, stretch.onsets_s))
        while times[-1] - self._recent[0][0][0] > RECENT_S and len(self._recent) > 1:
            del self._recent[0]
        joined = [np.concatenate(parts) for parts in zip(*self._recent, strict=True)]
        if len(joined[2]) >= LEAST_RECENT:
            bar = threshold_of(joined[0], joined[1], joined[2], lag_s)
            self._threshold = 0.5 * (self._threshold + bar)

    def _rows(self, stretch: Stretch) -> NDArray[np.float64]:
        """Scaled and sized features with a constant: float64[T, D + 1]."""
        T = len(stretch.captured_s)
        past = self._readout.past.apply(stretch.past).reshape(T, -1)
        embedding = self._readout.embedding.apply(stretch.embedding)
        joined = np.concatenate((past, embedding, np.ones((T, 1), np.float32)), 1)
        rows: NDArray[np.float64] = joined.astype(np.float64) * self._sizes
        return rows

    def _weights(self, readout: Readout) -> NDArray[np.float64]:
        parts = (readout.past_weight.ravel(), readout.embedding_weight, [readout.bias])
        return np.asarray(np.concatenate(parts) / self._sizes, np.float64)

    def _made(self) -> Readout:
        """The readout of the weights now."""
        weight = (self._weight * self._sizes).astype(np.float32)
        shape = self._readout.past_weight.shape
        count = shape[0] * shape[1]
        return replace(
            self._readout,
            past_weight=weight[:count].reshape(shape),
            embedding_weight=weight[count:-1],
            bias=float(weight[-1]),
        )

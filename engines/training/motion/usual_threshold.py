"""The threshold of a motion engine, from drawn performers and silent scenes.

The lowest that is as good as the best but for one standard error (the rule of Breiman et al.,
*Classification and Regression Trees*, 1984, section 3.4.3): pictures unlike the scenes lower all
scores, never raise them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from synchresis.engines.evaluation.score_onsets import Times, counts, f1
from synchresis.engines.evaluation.tracks import THRESHOLDS
from synchresis.engines.motion.replay import Scores, picked, picked_s
from synchresis.engines.training.motion.performers import Performance
from synchresis.errors import ParameterError

DRAWS: Final = 500
"""Bootstrap draws of streams."""

SILENCE: Final = 0.2
"""How much time of moving without a sound there is for each of playing."""

Counts = NDArray[np.float64]
"""float64[N, 3], matches, events and truths of streams."""

TOLERANCE: Final = 1
"""Which of the scorer's tolerances: ±50 ms."""


@dataclass(frozen=True, slots=True)
class Scored:
    """What a picker needs to know of one stream.

    Attributes:
        captured_s, score, t_s: float64[T], of frames; `t_s` when an event of each would happen.
        onsets_s: true events; none in silent scenes.
    """

    captured_s: Times
    score: Scores
    t_s: Times
    onsets_s: Times

    def events(self, threshold: float) -> NDArray[np.intp]:
        """Frames at which a picker makes an event."""
        return picked(self.captured_s, self.score, threshold, self.t_s)

    def events_s(self, threshold: float) -> Times:
        """Times of those events."""
        return picked_s(self.captured_s, self.score, threshold, self.t_s)

    @property
    def seconds(self) -> float:
        """How long it is."""
        return float(self.captured_s[-1] - self.captured_s[0])


def scored(one: Performance) -> Scored:
    """Of a performance, what this needs."""
    seen = one.seen
    return Scored(seen.captured_s, seen.score.astype(np.float64), seen.t_s, one.onsets_s)


def usual_threshold(streams: Sequence[Scored], silence: float = SILENCE) -> float:
    """Lowest of THRESHOLDS whose pooled F1 at ±50 ms is a standard error from the best, or nearer.

    Events of silent streams count as false, as often as if those lasted `silence` times as long as
    the others: how many were drawn decides only how surely. The standard error is that of the
    difference to the best, over the same draws of streams, those with and without onsets apart.

    Args:
        streams: some with onsets, others without any.
        silence: how much time there is of the latter for each of the former.

    Raises:
        ParameterError: no stream has an onset, or `silence` is negative.
    """
    if silence < 0:
        raise ParameterError(f"silence={silence} must be 0 or more")
    truths = [stream.onsets_s for stream in streams]
    weight = weights(streams, silence)
    tables = [
        weight
        * counts([stream.events_s(bar) for stream in streams], truths, fit=False)[:, TOLERANCE]
        for bar in THRESHOLDS
    ]
    best = max(tables, key=f1)
    draws = drawn(np.array([len(onsets_s) == 0 for onsets_s in truths]))
    return next(
        bar
        for bar, table in zip(THRESHOLDS, tables, strict=True)
        if f1(best) - f1(table) <= deviation(best, table, draws)
    )


def weights(streams: Sequence[Scored], silence: float) -> Counts:
    """What an event of each stream counts, float64[N, 1], 1 where there are onsets."""
    silent = np.array([len(stream.onsets_s) == 0 for stream in streams])
    seconds = np.array([stream.seconds for stream in streams])
    if silent.all():
        raise ParameterError(f"none of {len(streams)} streams has an onset; a threshold needs some")
    share = silence * seconds[~silent].sum() / max(float(seconds[silent].sum()), 1e-9)
    return np.where(silent, share, 1.0)[:, None]


def drawn(silent: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Bootstrap draws of streams, int64[DRAWS, N]: as many silent ones in each as there are."""
    rng = np.random.default_rng(0)
    kinds = [np.flatnonzero(kind) for kind in (~silent, silent)]
    return np.concatenate([rng.choice(kind, (DRAWS, len(kind))) for kind in kinds if len(kind)], 1)


def deviation(best: Counts, other: Counts, draws: NDArray[np.int64]) -> float:
    """Standard error of a difference of F1.

    Args:
        best: of all streams at the best threshold.
        other: of the same streams.
        draws: int64[draws, N], streams of each draw.
    """
    return float(np.std([f1(best[draw]) - f1(other[draw]) for draw in draws]))

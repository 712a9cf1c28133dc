"""Scores of sequences frame by frame, and the threshold that serves them best."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from synchresis.engines.evaluation.score_onsets import Times, counts, evaluate, f1
from synchresis.engines.motion.replay import picked

THRESHOLDS: Final = tuple(float(bar) for bar in np.round(np.arange(0.08, 0.93, 0.04), 2))
"""Thresholds tried."""


LOOKAHEADS_MS: Final = (-50, -25, 0, 20, 40, 50, 60, 80, 100, 120)
"""Lookaheads at which engines are scored."""


@dataclass(frozen=True, slots=True)
class Track:
    """Scores of one sequence.

    Attributes:
        score: float64[T], of the whole picture.
        captured_s: float64[T], from the first frame.
        truth_s: true events in time order.
        name: of the family.
    """

    score: NDArray[np.float64]
    captured_s: Times
    truth_s: Times
    name: str = ""


def decided(track: Track, bar: float) -> Times:
    """Capture times of the frames at which the live picker takes an event; none at the first."""
    times_s = track.captured_s[1:]
    return times_s[picked(times_s, track.score[1:], bar)]


AS_GOOD: Final = 0.02
"""Differences of F1 within the sampling error of a few hundred events."""


def best_threshold(tracks: Sequence[Track]) -> float:
    """Lowest threshold of about the highest F1 at ±50 ms.

    Events in silent sequences count as false. Where thresholds are as good as each other the lowest
    is taken: pictures unlike the scenes lower all scores, never raise them.
    """
    truths = [track.truth_s for track in tracks]

    def value(bar: float) -> float:
        return f1(counts([decided(track, bar) for track in tracks], truths, fit=False)[:, 1])

    values = [value(bar) for bar in THRESHOLDS]
    return next(
        bar for bar, own in zip(THRESHOLDS, values, strict=True) if own >= max(values) - AS_GOOD
    )


def figures(tracks: Sequence[Track], bar: float | None = None) -> dict[str, float]:
    """F1 and timing skill at ±50 ms, and false events a minute where nothing sounds.

    Args:
        tracks: sequences, some of them silent.
        bar: threshold; the best one if not given.
    """
    bar = best_threshold(tracks) if bar is None else bar
    loud = [track for track in tracks if len(track.truth_s)]
    silent = [track for track in tracks if not len(track.truth_s)]
    spans = [float(track.captured_s[-1]) for track in loud]
    heard = [decided(track, bar) for track in loud]
    table = evaluate(heard, [track.truth_s for track in loud], spans, fit=False)[0.05]
    p, r, value, _, timing = (float(np.asarray(column)) for column in table[:5])
    minutes = sum(float(track.captured_s[-1]) for track in silent) / 60
    false = sum(len(decided(track, bar)) for track in silent)
    return {
        "bar": bar,
        "f1": value,
        "precision": p,
        "recall": r,
        "timing": timing,
        "false_per_minute": false / minutes if minutes else float("nan"),
    }

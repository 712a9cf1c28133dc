"""Times of events against times of onsets: lag, threshold, and how well they agree."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from synchresis.engines.evaluation.score_onsets import matched
from synchresis.engines.motion.replay import Scores, Times, picked

LAGS_S: Final = np.arange(-16, 27) / 100
"""Lags looked for: onset minus frame, seconds. Cameras stamp late; in films sound may be late."""

USUAL_LAG_S: Final = 0.2
"""Lags much larger than this are unlikely before anything was seen."""

TOLERANCE_S: Final = 0.05
"""Distance at which an event counts as a hit."""

WIDTH_S: Final = 0.025
"""Standard deviation of the bump that marks an onset."""

REACH_S: Final = 0.12
"""Pairs farther apart say nothing about the lag."""


def bumps(times_s: Times, onsets_s: Times, width_s: float = WIDTH_S) -> Scores:
    """How near moments are to an onset: float64[T], 1 at one, 0 far from all."""
    if not len(onsets_s):
        return np.zeros(len(times_s))
    after = np.searchsorted(onsets_s, times_s)
    before = onsets_s[np.maximum(after - 1, 0)]
    nearest = np.minimum(
        np.abs(times_s - before), np.abs(times_s - onsets_s[np.minimum(after, len(onsets_s) - 1)])
    )
    return np.asarray(np.exp(-0.5 * (nearest / width_s) ** 2))


def correlate(times_s: Times, score: NDArray[np.floating[Any]], onsets_s: Times) -> Scores:
    """Agreement of a score with the onsets at each of LAGS_S, float64[L]."""
    flat = score - score.mean()
    size = float(np.sqrt((flat**2).mean())) + 1e-9
    out = np.zeros(len(LAGS_S))
    for index, lag in enumerate(LAGS_S):
        near = bumps(times_s, onsets_s - lag)
        out[index] = float(flat @ near) / (size * float(np.sqrt((near**2).sum())) + 1e-9)
    return out


def lag_of(times_s: Times, score: NDArray[np.floating[Any]], onsets_s: Times) -> float:
    """Lag at which a score agrees best with the onsets, small ones preferred, seconds."""
    agreement = correlate(times_s, score, onsets_s) - 0.25 * (LAGS_S / USUAL_LAG_S) ** 2
    return float(LAGS_S[agreement.argmax()])


def refined(events_s: Times, onsets_s: Times, lag_s: float) -> float:
    """The lag moved to the median distance of pairs, with three pairs or more."""
    if not len(events_s) or not len(onsets_s):
        return lag_s
    distance = onsets_s[None] - (events_s[:, None] + lag_s)
    nearest = distance[np.arange(len(events_s)), np.abs(distance).argmin(1)]
    near = nearest[np.abs(nearest) < REACH_S]
    return lag_s + float(np.median(near)) if len(near) >= 3 else lag_s


def f1(events_s: Times, onsets_s: Times) -> float:
    """F1 at TOLERANCE_S."""
    hits = matched(np.sort(events_s), onsets_s, TOLERANCE_S)
    return 2 * hits / max(1, len(events_s) + len(onsets_s))


def threshold_of(times_s: Times, score: Scores, onsets_s: Times, lag_s: float) -> float:
    """Bar for a score: half-way between that of as many events as onsets and that of best F1."""
    bars = np.unique(np.quantile(score, np.linspace(0.3, 0.999, 60)))
    events = [times_s[picked(times_s, score, float(bar))] for bar in bars]
    excess = np.array([abs(len(found) - len(onsets_s)) for found in events], float)
    value = np.array([f1(found + lag_s, onsets_s) for found in events])
    smooth = np.convolve(np.pad(value, 1, "edge"), np.ones(3) / 3, "valid")
    rate = bars[len(bars) - 1 - int(excess[::-1].argmin())]
    bar = 0.5 * (float(rate) + float(bars[smooth.argmax()]))
    return min(max(bar, 0.01), 0.99)

"""Replay: the live picker over scores that were kept, whole picture as one zone."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from synchresis.engines.motion.picker import ZoneState
from synchresis.engines.timebase import NS_PER_S, REFRACTORY_S

Times = NDArray[np.float64]
"""float64[T], rising, seconds."""

Scores = NDArray[np.float64]
"""float64[T], one per frame."""

REFRACTORY_NS: Final = round(REFRACTORY_S * NS_PER_S)


def picked(
    times_s: Times, score: Scores, bar: float, event_s: Times | None = None
) -> NDArray[np.intp]:
    """Frames at which the live picker takes an event.

    Waiting is not replayed: one seen coming sounds in the frame after, which may move it a little.

    Args:
        times_s: of frames.
        score: of frames.
        bar: threshold.
        event_s: float64[T], when an event of each frame would happen; its own time if not given.
    """
    zone, found = ZoneState(), []
    event_s = times_s if event_s is None else event_s
    moments = np.round(np.stack((event_s, times_s), 1) * NS_PER_S).astype(np.int64).tolist()
    for index, (value, (t_ns, now)) in enumerate(zip(score.tolist(), moments, strict=True)):
        if zone.rises(value, bar) and zone.accept(t_ns, now, REFRACTORY_NS):
            found.append(index)
    return np.array(found, np.intp)


def picked_s(times_s: Times, score: Scores, bar: float, event_s: Times) -> Times:
    """When those events happen, float64[N], rising; arguments as those of `picked`."""
    return event_s[picked(times_s, score, bar, event_s)]

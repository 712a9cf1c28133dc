"""What a motion engine tells of the time of events, and what is so, from drawn performers.

Trained for absolute error, the time head leans to the middle of the interval: at the frame that
makes an event, hits told to lie late mostly lie later still. The median of what is so, at a few
told times, straightens that (`Told` of the picker) without touching the network.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from synchresis.engines.motion.picker import AHEAD, Told
from synchresis.engines.training.motion.usual_threshold import Scored

TOLD: Final = (0.0, 0.3, 0.5, 0.65, 0.75, 0.85, 0.95, 1.1)
"""Told times, in intervals, at which the true one is looked for."""

NEAR: Final = 0.06
"""Told times so near one of them count by half or more, in intervals (standard deviation)."""

FAR_S: Final = 0.06
"""Events farther from every hit say nothing about time."""

Array = NDArray[np.float64]


def event_times(one: Scored, threshold: float) -> tuple[Array, Array]:
    """Told and true time of each event of a performer, intervals from its frame's begin.

    The performer is watched by a picker that reads times as told.
    """
    at = one.events(threshold)
    at = at[at > 0]
    begin_s = one.captured_s[at - 1]
    span_s = one.captured_s[at] - begin_s
    distance_s = one.onsets_s[None] - one.t_s[at][:, None]
    nearest_s = distance_s[np.arange(len(at)), np.abs(distance_s).argmin(1)]
    near = np.abs(nearest_s) < FAR_S
    told = (one.t_s[at] - begin_s) / span_s
    return told[near], (told + nearest_s / span_s)[near]


def straightened(performers: Iterable[tuple[Array, Array]]) -> Told:
    """The table from told and true times of performers' events."""
    told, so = (np.concatenate(parts) for parts in zip(*performers, strict=True))
    order = np.argsort(so - told)
    lean = [_median((so - told)[order], told[order] - centre) for centre in TOLD]
    table = np.maximum.accumulate(np.clip(np.array(TOLD) + lean, 0.0, 1.0 + AHEAD))
    ends = (*TOLD, 1.0 + AHEAD), (*table.round(2).tolist(), 1.0 + AHEAD)
    return Told(*ends)


def read_by(one: Scored, table: Told) -> Scored:
    """The stream with its events' times read by a table, as the engine will be played."""
    begin_s = np.concatenate((one.captured_s[:1], one.captured_s[:-1]))
    span_s = np.maximum(one.captured_s - begin_s, 1e-9)
    so = np.interp((one.t_s - begin_s) / span_s, table.told, table.so)
    t_s = begin_s + so * span_s
    t_s[:1] = one.t_s[:1]  # the first frame only begins
    return replace(one, t_s=t_s)


def _median(rising: Array, distance: Array) -> float:
    """Median of rising values, those told near by most."""
    weight = np.cumsum(np.exp(-0.5 * (distance / NEAR) ** 2))
    return float(rising[np.searchsorted(weight, weight[-1] / 2)])

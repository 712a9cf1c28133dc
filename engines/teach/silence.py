"""Silence: a recording of what shall not sound, alone, raises the threshold just above it.

Without hits nothing tells what else to change: a readout pulled to silence alone forgets hits, too
(on drawn performers F1 ±50 ms .77 → .51 to .57, by the threshold .70).
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from synchresis.engines.teach.checking import Check, Span, parts_of, per_minute, within
from synchresis.engines.teach.fitting import Taught
from synchresis.engines.teach.lessons import STILL, Lesson, moving
from synchresis.engines.teach.timing import Times, picked
from synchresis.engines.teach.watching import Watched
from synchresis.errors import InputError

LEAST_S: Final = 10.0
"""Shorter silences say too little."""

QUIET: Final = 2.0
"""False events a minute that a lesson of silence leaves at most in what it saw."""

BARS: Final = np.arange(1, 50) / 50
"""Thresholds tried."""

HIGHEST: Final = 0.9
"""No threshold is raised beyond this; hardly a hit would reach it."""


def learn_silence(seen: Watched, threshold: float) -> Lesson:
    """The lowest threshold at which a recording of what shall not sound is quiet.

    Args:
        seen: the recording.
        threshold: of the pack as it ships.

    Raises:
        InputError: nothing moves, it is too short, or the pack as it is is quiet already.
    """
    seconds = seen.seconds
    if seconds < LEAST_S:
        raise InputError(
            f"{seconds:.0f} s of what shall not sound, at least {LEAST_S:.0f} s are needed"
        )
    if moving(seen) < STILL:
        raise InputError("nothing moves in the picture; is the camera covered or switched off?")
    before, after = held_back(seen, threshold)
    if (before.silent_per_minute or 0.0) <= QUIET:
        raise InputError(
            f"not kept: the pack as it is makes {before.events} false events in {seconds:.0f} s, "
            f"and up to {QUIET:.0f} a minute are left by teaching, too"
        )
    bar = quiet_bar(seen, threshold)
    checks = {"shipped": before, "silence": after}
    return Lesson(Taught(0.0, bar), "silence", checks, 0, seconds)


def quiet_bar(seen: Watched, threshold: float) -> float:
    """The lowest threshold, not below the pack's, that leaves QUIET events a minute at most."""
    most = QUIET * seen.seconds / 60.0
    bars = [threshold, *(float(bar) for bar in BARS if threshold < bar < HIGHEST)]
    return next((bar for bar in bars if len(events_s(seen, bar)) <= most), HIGHEST)


def held_back(seen: Watched, threshold: float) -> tuple[Check, Check]:
    """Events in parts that were held back while the threshold was raised: before and after."""
    before: list[Times] = []
    after: list[Times] = []
    held: list[Span] = []
    for part in parts_of(seen):
        inside = within(seen.captured_s, part)
        raised = quiet_bar(seen.part(~inside), threshold)
        held += part
        before += cut(events_s(seen, threshold), part)
        after += cut(events_s(seen, raised), part)
    return counted(before, held), counted(after, held)


def events_s(seen: Watched, threshold: float) -> Times:
    """Times of events at a threshold."""
    score = seen.score.astype(np.float64)
    return np.sort(seen.t_s[picked(seen.captured_s, score, threshold, seen.t_s)])


def cut(times_s: Times, spans: Sequence[Span]) -> list[Times]:
    """Times of each span."""
    return [times_s[within(times_s, [span])] for span in spans]


def counted(heard: list[Times], held: list[Span]) -> Check:
    """Every event is a false one."""
    rate = per_minute(heard, held, [True] * len(held))
    return Check(0.0, 0.0, 0.0, 0.0, sum(map(len, heard)), silent_per_minute=rate)

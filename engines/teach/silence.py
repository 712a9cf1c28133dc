"""Silence: a recording of what shall not sound, alone, raises the threshold just above it.

Without hits nothing tells what else to change: a readout pulled to silence alone forgets hits, too
(on drawn performers F1 ±50 ms was .77 and became .51 to .57; by the threshold .74 becomes .69).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from synchresis.engines.motion.replay import Times, picked, picked_s
from synchresis.engines.motion.score_log import ScoreLog
from synchresis.engines.teach.checking import Check, Span, parts_of, per_minute, within
from synchresis.engines.teach.fitting import Taught
from synchresis.engines.teach.lessons import STILL, Lesson, moving
from synchresis.engines.teach.watching import Watched
from synchresis.errors import InputError

LEAST_S: Final = 10.0
"""Shorter silences say too little."""

QUIET: Final = 2.0
"""False events a minute that a lesson of silence leaves at most in what it saw."""

BARS: Final = np.arange(1, 50) / 50
"""Thresholds tried."""

HIGHEST: Final = 0.96
"""No threshold is raised beyond this; of drawn performers' hits one in four reaches it."""


def learn_silence(seen: Watched, threshold: float) -> Lesson:
    """The lowest threshold at which a recording of what shall not sound is quiet.

    Args:
        seen: the recording.
        threshold: of the pack as it ships.

    Raises:
        InputError: it is too short, the pack as it is is quiet already, or no threshold helps.
    """
    if seen.seconds < LEAST_S:
        raise InputError(
            f"{seen.seconds:.0f} s of what shall not sound, at least {LEAST_S:.0f} s are needed"
        )
    before, after = held_back(seen, threshold)
    was, now = before.silent_per_minute or 0.0, after.silent_per_minute or 0.0
    if was <= QUIET and moving(seen) < STILL:
        raise InputError("nothing moves in the picture; is the camera covered or switched off?")
    if was <= QUIET:
        raise InputError(
            f"not kept: the pack as it is makes {before.events} false events in "
            f"{seen.seconds:.0f} s, and up to {QUIET:.0f} a minute are left by teaching, too"
        )
    bar = quiet_bar(seen, threshold)
    if now >= was or len(events_s(seen, bar)) > most_events(seen):
        raise InputError(
            f"not kept: it moves as hits do, and no threshold up to {HIGHEST} leaves it silent "
            f"({was:.1f} false events a minute on parts held back, {now:.1f} with one raised); "
            "teach it together with a video of hits"
        )
    checks = {"shipped": before, "silence": after}
    return Lesson(Taught(0.0, bar), "silence", checks, 0, seen.seconds)


def quiet_bar(seen: Watched, threshold: float) -> float:
    """The lowest threshold, not below the pack's, that leaves QUIET events a minute at most.

    HIGHEST, or the pack's own above that, where none does.
    """
    return lowest_quiet(lambda bar: len(events_s(seen, bar)), threshold, most_events(seen))


def lowest_quiet(count: Callable[[float], int], threshold: float, most: float) -> float:
    """The lowest bar from a threshold on that leaves so many events at most, else HIGHEST.

    Args:
        count: how many events a bar leaves.
        threshold: never gone below, even above HIGHEST.
        most: how many events are quiet enough.
    """
    bars = [threshold, *(float(bar) for bar in BARS if threshold < bar < HIGHEST)]
    return next((bar for bar in bars if count(bar) <= most), max(HIGHEST, threshold))


@dataclass(frozen=True, slots=True)
class Hush:
    """What raising the bar does to a stream that shall not sound.

    Attributes:
        seconds: how long was looked.
        before: events at the bar as it was, all zones.
        bar: the lowest that leaves QUIET events a minute at most, or HIGHEST.
        after: events at that.
    """

    seconds: float
    before: int
    bar: float
    after: int

    @property
    def most(self) -> float:
        """How many events are quiet enough."""
        return QUIET * self.seconds / 60.0


def hushed(log: ScoreLog, bar: float) -> Hush:
    """How far the bar of a live stream must be raised, given a while in which nothing shall sound.

    By the rule of `quiet_bar`, over the scores of all zones as they were while it played. Nothing
    is held back to check it.
    """
    seconds = log.seconds
    times_s, scores = log.rows()

    def count(height: float) -> int:
        return sum(len(picked(times_s, column, height)) for column in scores.T)

    raised = lowest_quiet(count, bar, QUIET * seconds / 60.0)
    return Hush(seconds, count(bar), raised, count(raised))


def most_events(seen: Watched) -> float:
    """How many events a lesson leaves in what it saw."""
    return QUIET * seen.seconds / 60.0


def held_back(seen: Watched, threshold: float) -> tuple[Check, Check]:
    """Events in parts that were held back while the threshold was raised: before and after."""
    before: list[Times] = []
    after: list[Times] = []
    seconds = 0.0
    for part in parts_of(seen):
        inside = within(seen.captured_s, part)
        raised = quiet_bar(seen.part(~inside), threshold)
        seconds += sum(seen.between(*span).seconds for span in part)
        before.append(cut(events_s(seen, threshold), part))
        after.append(cut(events_s(seen, raised), part))
    return counted(before, seconds), counted(after, seconds)


def events_s(seen: Watched, threshold: float) -> Times:
    """Times of events at a threshold."""
    score = seen.score.astype(np.float64)
    return picked_s(seen.captured_s, score, threshold, seen.t_s)


def cut(times_s: Times, spans: Sequence[Span]) -> Times:
    """Times inside some spans."""
    return times_s[within(times_s, spans)]


def counted(heard: list[Times], seconds: float) -> Check:
    """Every event is a false one."""
    rate = per_minute(heard, seconds)
    return Check(0.0, 0.0, 0.0, 0.0, sum(map(len, heard)), silent_per_minute=rate)

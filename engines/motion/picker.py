"""EventPicker: maps of probability to single events, one hit one event."""

import math
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from synchresis.engines.gesture import Event
from synchresis.engines.timebase import NS_PER_S
from synchresis.engines.zone import Zone
from synchresis.errors import ParameterError

Grid = NDArray[np.float32]
"""float32[rows, cols], one value per cell, 0..1."""

FALL: Final = 0.9
"""A zone listens again once its score fell to this share of its peak or of the threshold, and
hears what rose again by as much from there."""

GONE: Final = 0.6
"""A hit seen coming keeps its time where the score fell under this share of the threshold."""

AHEAD: Final = 1.0
"""Intervals by which an event may lie after the one its frame answers for."""

FORETOLD: Final = 0.7
"""A hit told to lie later than this, in intervals, is looked at once more in the next frame, where
a pack does not say how late."""

WHOLE: Final = 1.0
"""Share of the whole-picture probability in the scores of engines exported now."""

SENSITIVITIES: Final = (0.01, 100.0)
"""Lowest and highest factor of the odds of a score."""

REACH: Final = 2
"""Cells round the strongest one whose maps place and weigh the event."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a network tells of an event's time, and what is so: intervals from the begin, rising.

    A network trained for absolute error leans to the middle: a hit told to lie late in the
    interval mostly lies later still.

    Attributes:
        told: float[N], so: float[N] at those.
    """

    told: tuple[float, ...] = (0.0, 1.0 + AHEAD)
    so: tuple[float, ...] = (0.0, 1.0 + AHEAD)

    def __post_init__(self) -> None:
        rising = all(list(v) == sorted(v) for v in (self.told, self.so))
        if len(self.told) != len(self.so) or len(self.told) < 2 or not rising:
            raise ParameterError(f"told={self.told} and so={self.so} must be alike long and rising")

    def straighten(self, when: float) -> float:
        """The time that is so where the network tells `when`; ends stay beyond the table's."""
        return float(np.interp(when, self.told, self.so))


AS_TOLD: Final = Told()
"""Times are what the network tells."""


@dataclass(frozen=True, slots=True)
class PickerSettings:
    """Settings of the event picker.

    Attributes:
        threshold: score at which an event is made, 0..1.
        sensitivity: odds of the score are multiplied by it; 1 leaves the pack's threshold.
        refractory_s: shortest time between two events of a zone, seconds.
        whole: share of the whole-picture probability in a score, the best cells having the rest
            (geometric mean), 0..1.
        waits: whether a hit told to be still to come waits for its frame; not with a taught
            readout, whose answer is no surer a frame later.
        foretold: a hit that lies later than this, in intervals, waits.
        times: how the network's times are read.
    """

    threshold: float = 0.5
    sensitivity: float = 1.0
    refractory_s: float = 0.060
    whole: float = WHOLE
    waits: bool = True
    foretold: float = FORETOLD
    times: Told = AS_TOLD

    def __post_init__(self) -> None:
        if not 0 < self.threshold < 1:
            raise ParameterError(f"threshold={self.threshold} must be between 0 and 1")
        low, high = SENSITIVITIES
        if not low <= self.sensitivity <= high:
            raise ParameterError(f"sensitivity={self.sensitivity} must be within {low} to {high:g}")
        if not 0 <= self.whole <= 1:
            raise ParameterError(f"whole={self.whole} must be within 0 to 1")

    @property
    def bar(self) -> float:
        """Threshold with the sensitivity in it: odds divided by the sensitivity."""
        odds = self.threshold / (1 - self.threshold) / self.sensitivity
        return odds / (1 + odds)


@dataclass(frozen=True, slots=True)
class FrameMaps:
    """What the motion engine says about one frame.

    Attributes:
        impact: probability of an event per cell, strength: of that event, when: its time,
            intervals from `begin_ns`; float32[rows, cols] each.
        total: probability of an event anywhere.
        begin_ns: begin of the interval the frame answers for.
        end_ns: its end.
        captured_ns: capture time of the frame.
        doubt: what is taken off the logit of every score, because nothing moves on.
    """

    impact: Grid
    strength: Grid
    when: Grid
    total: float
    begin_ns: int
    end_ns: int
    captured_ns: int
    doubt: float = 0.0


@dataclass(slots=True)
class ZoneState:
    """One zone between frames; `score` is readable for meters."""

    score: float = 0.0
    peak: float = 0.0
    low: float = 0.0
    armed: bool = True
    last_t_ns: int | None = None
    last_decided_ns: int | None = None
    foretold: Event | None = None

    def rises(self, score: float, bar: float) -> bool:
        """Take the score of a frame; whether it reaches the bar while the zone listens."""
        self.score = score
        if self.armed:
            self.low = min(self.low, score)
            return score >= bar and FALL * score >= self.low
        self.peak, self.low = max(self.peak, score), score
        self.armed = score <= FALL * max(self.peak, bar)
        return False

    def accept(self, t_ns: int, decided_ns: int, refractory_ns: int) -> bool:
        """Take an event, unless it comes too soon after the last one."""
        if self.last_t_ns is not None and self.last_decided_ns is not None:
            gap = min(t_ns - self.last_t_ns, decided_ns - self.last_decided_ns)
            if gap < refractory_ns:
                return False
        self.armed, self.peak = False, self.score
        self.last_t_ns, self.last_decided_ns = t_ns, decided_ns
        return True


@dataclass(slots=True)
class PickerState:
    """All zones between frames."""

    zones: list[ZoneState] = field(default_factory=list)


class EventPicker:
    """Turns probabilities into events, in each zone by itself.

    A zone's score is the probability of an event anywhere, lowered where its best cells are not
    the picture's. An event is made when the score reaches the bar while the zone listens; the zone
    then listens again only after the score fell, and hears what rises again. A hit that is told to
    be still to come waits for the frame whose interval holds it: that frame knows its time better
    and is in time for it; a gap in the stream just then loses it. Only the past is used.

    Args:
        zones: rectangles of the picture.
        settings: see there.
        rows: of the grid, cols: of the grid.
    """

    def __init__(
        self, zones: tuple[Zone, ...], settings: PickerSettings, *, rows: int = 30, cols: int = 40
    ) -> None:
        self.settings = settings
        self._bar = settings.bar
        self._refractory_ns = round(settings.refractory_s * NS_PER_S)
        masks = [zone_mask(zone, rows, cols) for zone in zones]
        self._best = [min(2, int(mask.sum())) for mask in masks]
        self._masks = [None if mask.all() else mask for mask in masks]

    def initial_state(self) -> PickerState:
        """Every zone listening."""
        return PickerState([ZoneState() for _ in self._masks])

    def quiet(self, state: PickerState) -> None:
        """Forget what was rising, after a gap in the stream; refractory times stay."""
        for zone in state.zones:
            zone.score = zone.peak = zone.low = 0.0
            zone.armed, zone.foretold = True, None

    def step(self, maps: FrameMaps, state: PickerState) -> tuple[Event, ...]:
        """Events of one frame, in time order."""
        whole = self.settings.whole
        best = best_cells(maps.impact)
        anywhere = joined_score(best, maps.total, whole)
        found = []
        for index, zone in enumerate(state.zones):
            masked, own, mask = maps.impact, best, self._masks[index]
            if mask is not None:
                masked = maps.impact * mask
                own = best_cells(masked, self._best[index])
            score = doubted(anywhere * zone_share(own, best), maps.doubt)
            if (event := self._pick(index, score, masked, maps, zone)) is not None:
                found.append(event)
        return tuple(sorted(found, key=lambda event: event.t_ns))

    def _pick(
        self, index: int, score: float, masked: Grid, maps: FrameMaps, zone: ZoneState
    ) -> Event | None:
        rises = zone.rises(score, self._bar)
        if zone.foretold is not None:
            return self._come(masked, maps, zone)
        if not rises:
            return None
        event = placed_event(masked, maps, index, self.settings.times)
        if not zone.accept(event.t_ns, event.decided_ns, self._refractory_ns):
            return None
        latest = moment(maps.begin_ns, maps.end_ns, self.settings.foretold)
        if self.settings.waits and event.t_ns > latest:
            zone.foretold = event
            return None
        return event

    def _come(self, masked: Grid, maps: FrameMaps, zone: ZoneState) -> Event | None:
        """A hit seen coming a frame ago, with what is known now; its interval is this frame's."""
        before, zone.foretold = zone.foretold, None
        assert before is not None
        event = placed_event(masked, maps, before.zone, self.settings.times)
        if zone.score < GONE * self._bar:
            t_ns = min(max(before.t_ns, maps.begin_ns + 1), maps.end_ns)
            event = replace(before, t_ns=t_ns, decided_ns=event.decided_ns)
        zone.last_t_ns, zone.last_decided_ns = event.t_ns, event.decided_ns
        return event


def best_cells(impact: Grid, count: int = 2) -> float:
    """Mean of the two best cells; `count` of them, where a zone has less than two."""
    cells = impact.ravel()
    return float(np.partition(cells, cells.size - count)[-count:].mean())


def joined_score(best: float, total: float, whole: float) -> float:
    """Score of the whole picture.

    Args:
        best: of `best_cells`.
        total: probability of an event anywhere.
        whole: share of `total` in the geometric mean, 0..1.
    """
    return best ** (1.0 - whole) * total**whole if best > 0 else 0.0


def zone_share(own: float, best: float) -> float:
    """How much of the picture's score a zone has, by its best cells and the picture's: 0..1.

    The root, so that the second of two hits in one frame is heard, too, unless it is far weaker.
    """
    return math.sqrt(min(own / best, 1.0)) if best > 0 else 0.0


def doubted(score: float, doubt: float) -> float:
    """The score, 0..1, with the doubt taken off its logit."""
    odds = math.exp(-doubt)
    return score * odds / (1.0 - score + score * odds)


def zone_mask(zone: Zone, rows: int, cols: int) -> Grid:
    """float32[rows, cols]: 1 on cells whose centre lies in the zone; the nearest cell if none."""
    x = (np.arange(cols) + 0.5) / cols
    y = (np.arange(rows) + 0.5) / rows
    inside_x, inside_y = within(x, zone.x0, zone.x1), within(y, zone.y0, zone.y1)
    return np.outer(inside_y, inside_x).astype(np.float32)


def within(centres: NDArray[np.float64], low: float, high: float) -> NDArray[np.bool_]:
    """Which centres lie in [low, high]; the nearest to its middle if none does."""
    inside = (centres >= low) & (centres <= high)
    if not inside.any():
        inside[np.abs(centres - (low + high) / 2).argmin()] = True
    return inside


def placed_event(masked: Grid, maps: FrameMaps, zone: int, times: Told = AS_TOLD) -> Event:
    """The event at the strongest cell, its place and strength weighed over the cells round it."""
    rows, cols = masked.shape
    window, weight = weighed(masked)
    y = float((weight.sum(1) * (np.arange(weight.shape[0]) + window[0].start + 0.5)).sum()) / rows
    x = float((weight.sum(0) * (np.arange(weight.shape[1]) + window[1].start + 0.5)).sum()) / cols
    when = float((weight * maps.when[window]).sum())
    strength = float((weight * maps.strength[window]).sum())
    return Event(
        t_ns=moment(maps.begin_ns, maps.end_ns, times.straighten(when)),
        decided_ns=maps.captured_ns,
        strength=min(max(strength, 0.0), 1.0),
        x=x,
        y=y,
        zone=zone,
    )


def weighed(masked: Grid) -> tuple[tuple[slice, slice], NDArray[np.float64]]:
    """The cells round the strongest one, and how much each counts, float64[h, w], sum 1."""
    row, col = divmod(int(masked.argmax()), masked.shape[1])
    top, left = max(row - REACH, 0), max(col - REACH, 0)
    window = slice(top, row + REACH + 1), slice(left, col + REACH + 1)
    weight = masked[window].astype(np.float64) + 1e-9
    return window, weight / weight.sum()


def told_when(masked: Grid, maps: FrameMaps) -> float:
    """When an event at the strongest cell would happen, intervals from the begin."""
    window, weight = weighed(masked)
    return float((weight * maps.when[window]).sum())


def moment(begin_ns: int, end_ns: int, when: float) -> int:
    """When an event happens, `when` of the way from begin to end.

    Never before the interval, which may be heard already; up to AHEAD intervals after it, since a
    hit can be seen coming.
    """
    span = end_ns - begin_ns
    offset = math.ceil(min(max(when, 0.0), 1.0 + AHEAD) * span)
    return begin_ns + max(offset, 1)

"""Score: the stage that turns gestures into Controls, hop by hop.

An event at `t` plays at `t + D`: in hop ⌊sample(t + D) / HOP⌋ at the sample that is left over. An
event that comes after its hop plays at the next hop and is counted late. Levels of a frame hold
over (T of the frame before + D, T + D], then decay once news is late. No clocks, no threads: the
caller says which hop it is and how samples lie in time.
"""

from bisect import insort
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import exp
from typing import Final

import numpy as np
from numpy.typing import NDArray

from synchresis.engines.control import Controls
from synchresis.engines.gesture import Event, Gesture
from synchresis.engines.sample_clock import VIRTUAL, SampleClock
from synchresis.engines.timebase import HOP, NS_PER_S, SAMPLE_RATE
from synchresis.engines.zone import Zone
from synchresis.errors import ParameterError

QUEUE: Final = 64
"""Events that can wait to be played, all zones together."""

STALE_NS: Final = 100_000_000
"""An event is dropped when it is this late: after the arrival of its frame, or after its moment."""

STALE_SAMPLES: Final = STALE_NS * SAMPLE_RATE // NS_PER_S
"""The same in samples."""

DECAY_S: Final = 0.050
"""Time constant of levels that get no news."""

SMOOTH_S: Final = 0.010
"""Time constant of the smoothing of levels."""

PATIENCE: Final = 1.5
"""Frame intervals that news may be late before levels decay."""

_INTERVALS: Final = 9
_SEGMENTS: Final = 256
_DECAY: Final = exp(-HOP / SAMPLE_RATE / DECAY_S)
_SMOOTH: Final = 1 - exp(-HOP / SAMPLE_RATE / SMOOTH_S)
_SILENT: Final = 1e-3
"""Levels below this become 0, which means absent."""


@dataclass(slots=True)
class ScoreCounts:
    """Events since the start: played (late ones among them), late, dropped as stale or too many."""

    played: int = 0
    late: int = 0
    dropped: int = 0


@dataclass(frozen=True, slots=True, order=True)
class _Onset:
    """An event with its place in the sample stream; ordered by sample, then by arrival."""

    sample: int
    order: int
    zone: int = field(compare=False)
    strength: float = field(compare=False)
    x: float = field(compare=False)
    y: float = field(compare=False)


@dataclass(frozen=True, slots=True)
class _Segment:
    """Levels float32[4, Z] (friction, burst, x, y) over samples (begin, end]."""

    begin: int
    end: int
    levels: NDArray[np.float32]


@dataclass(slots=True)
class ScoreState:
    """What a score remembers.

    Attributes:
        delay_ns: D; may be changed between hops, in silence.
        next_hop: first hop not stepped yet.
        news_sample: sample up to which levels are known.
        target: float32[4, Z], friction, burst, x, y that the levels move towards.
        level: float32[2, Z], smoothed friction and burst.
        counts: events played, late, dropped.
    """

    delay_ns: int
    next_hop: int
    news_sample: int
    interval_ns: int
    target: NDArray[np.float32]
    level: NDArray[np.float32]
    counts: ScoreCounts = field(default_factory=ScoreCounts)
    pending: list[_Onset] = field(default_factory=list)
    segments: deque[_Segment] = field(default_factory=lambda: deque(maxlen=_SEGMENTS))
    intervals: deque[int] = field(default_factory=lambda: deque(maxlen=_INTERVALS))
    captured_ns: int | None = None
    order: int = 0

    @property
    def patience_samples(self) -> int:
        """How late news may be before levels decay, samples."""
        return int(PATIENCE * self.interval_ns * SAMPLE_RATE / NS_PER_S)

    @property
    def idle(self) -> bool:
        """Whether no event waits to be played: the only time D may change."""
        return not self.pending


class Score:
    """Gestures in at video rate, Controls out at hop rate.

    Latency 0: an onset leaves in the hop its sample lies in.
    """

    hop_samples: Final = HOP
    latency_samples: Final = 0

    def __init__(
        self,
        zones: Sequence[Zone],
        delay_ns: int = 0,
        *,
        asap: bool = False,
        nominal_fps: float = 30.0,
    ) -> None:
        """Fix the settings.

        Args:
            zones: the zones that gestures speak of.
            delay_ns: D, the constant delay from an event to its sound.
            asap: play everything at once, without the constant delay.
            nominal_fps: frame rate assumed before the first frames tell.

        Raises:
            ParameterError: no zone, a negative delay, or a rate that is not positive.
        """
        if not zones:
            raise ParameterError("zones=() must name at least one zone")
        if delay_ns < 0:
            raise ParameterError(
                f"delay_ns={delay_ns} must be 0 or more: sound cannot precede news"
            )
        if not nominal_fps > 0:
            raise ParameterError(f"nominal_fps={nominal_fps} must be positive")
        self.zones = len(zones)
        self.delay_ns = delay_ns
        self.asap = asap
        self.nominal_fps = nominal_fps

    def initial_state(self, first_hop: int = 0) -> ScoreState:
        """Silence before `first_hop`."""
        target = np.zeros((4, self.zones), np.float32)
        target[2:] = 0.5
        return ScoreState(
            delay_ns=self.delay_ns,
            next_hop=first_hop,
            news_sample=first_hop * HOP,
            interval_ns=round(NS_PER_S / self.nominal_fps),
            target=target,
            level=np.zeros((2, self.zones), np.float32),
        )

    def push(
        self,
        gesture: Gesture,
        state: ScoreState,
        *,
        clock: SampleClock = VIRTUAL,
        age_ns: int = 0,
    ) -> None:
        """Take one gesture in, in order.

        Args:
            gesture: what a frame says.
            state: written in place.
            clock: where samples lie in time just now.
            age_ns: now minus the arrival of the deciding frame; over 100 ms its events are dropped.

        Raises:
            ParameterError: the gesture speaks of another number of zones.
        """
        if len(gesture.levels) != self.zones:
            raise ParameterError(
                f"gesture has levels for {len(gesture.levels)} zones, the score has {self.zones}: "
                "give parser and speaker the same zones"
            )
        self._watch_rate(gesture, state)
        self._lay_levels(gesture, state, clock)
        for event in gesture.events:
            if age_ns > STALE_NS:
                state.counts.dropped += 1
            else:
                self._schedule(event, state, clock)

    def hit(self, state: ScoreState, *, zone: int = 0, strength: float = 1.0) -> None:
        """Play a test hit in the middle of the picture at the next hop."""
        self._insert(state.next_hop * HOP, Event(0, 0, strength, 0.5, 0.5, zone), state)

    def step(self, hop: int, state: ScoreState, controls: Controls) -> Controls:
        """Write the Controls of a hop; hops may be skipped but never repeated.

        After a gap of over 100 ms levels begin at 0.

        Args:
            hop: index of the hop, at least `state.next_hop`.
            state: written in place.
            controls: written in place, all but `palette`.

        Raises:
            ParameterError: the hop was stepped already.
        """
        if hop < state.next_hop:
            raise ParameterError(f"hop={hop} was stepped already, next is {state.next_hop}")
        begin = hop * HOP
        if begin - state.next_hop * HOP > STALE_SAMPLES:
            state.level[:] = state.target[:2] = 0
        self._follow_levels(begin, state)
        _write_levels(state, controls)
        controls.noise_index[:] = begin
        self._play_onsets(hop, state, controls)
        state.next_hop = hop + 1
        return controls

    def _watch_rate(self, gesture: Gesture, state: ScoreState) -> None:
        if state.captured_ns is not None and gesture.end_ns == gesture.begin_ns:
            return  # a repeated frame brings no news
        if state.captured_ns is not None and gesture.captured_ns > state.captured_ns:
            state.intervals.append(gesture.captured_ns - state.captured_ns)
            state.interval_ns = sorted(state.intervals)[len(state.intervals) // 2]
        state.captured_ns = gesture.captured_ns

    def _lay_levels(self, gesture: Gesture, state: ScoreState, clock: SampleClock) -> None:
        levels = np.array([(g.friction, g.burst, g.x, g.y) for g in gesture.levels], np.float32).T
        if self.asap:
            begin = state.next_hop * HOP - 1
            end = begin + state.interval_ns * SAMPLE_RATE // NS_PER_S
            state.segments.clear()
        else:
            begin = clock.sample_of(gesture.begin_ns + state.delay_ns)
            end = clock.sample_of(gesture.end_ns + state.delay_ns)
        state.segments.append(_Segment(begin, end, levels))

    def _schedule(self, event: Event, state: ScoreState, clock: SampleClock) -> None:
        sample = clock.sample_of(event.t_ns + state.delay_ns)
        self._insert(state.next_hop * HOP if self.asap else sample, event, state)

    def _insert(self, sample: int, event: Event, state: ScoreState) -> None:
        if len(state.pending) >= QUEUE or not 0 <= event.zone < self.zones:
            state.counts.dropped += 1
            return
        state.order += 1
        onset = _Onset(sample, state.order, event.zone, event.strength, event.x, event.y)
        insort(state.pending, onset)

    def _follow_levels(self, begin: int, state: ScoreState) -> None:
        """Move the target to the levels that hold at sample `begin`, and the levels towards it."""
        segments = state.segments
        while segments and segments[0].end < begin:
            self._take(segments.popleft(), begin, state)
        if segments and segments[0].begin < begin:
            state.target[:] = segments[0].levels
            state.news_sample = max(state.news_sample, segments[0].end)
        elif begin - state.news_sample > state.patience_samples:
            state.target[:2] *= _DECAY
        state.level += _SMOOTH * (state.target[:2] - state.level)
        state.level[state.level < _SILENT] = 0

    def _take(self, segment: _Segment, begin: int, state: ScoreState) -> None:
        """Levels that ended before this hop still count until they are too old."""
        state.news_sample = max(state.news_sample, segment.end)
        if begin - segment.end <= state.patience_samples:
            state.target[:] = segment.levels

    def _play_onsets(self, hop: int, state: ScoreState, controls: Controls) -> None:
        """One onset per zone and hop; another one of the same zone waits for the next hop."""
        begin, pending, counts = hop * HOP, state.pending, state.counts
        waiting = 0
        while len(pending) > waiting and pending[waiting].sample < begin + HOP:
            onset = pending[waiting]
            if controls.onset[onset.zone]:
                waiting += 1
                continue
            del pending[waiting]
            if begin - onset.sample > STALE_SAMPLES:
                counts.dropped += 1
                continue
            counts.played += 1
            counts.late += onset.sample < begin and not self.asap
            _write_onset(onset, max(onset.sample - begin, 0), controls)


def _write_levels(state: ScoreState, controls: Controls) -> None:
    controls.onset[:] = 0
    controls.onset_sample[:] = 0
    controls.strength[:] = 0
    controls.friction[:], controls.burst[:] = state.level
    controls.x[:], controls.y[:] = state.target[2:]


def _write_onset(onset: _Onset, sample: int, controls: Controls) -> None:
    zone = onset.zone
    controls.onset[zone] = 1
    controls.onset_sample[zone] = sample
    controls.strength[zone] = onset.strength
    controls.x[zone] = onset.x
    controls.y[zone] = onset.y

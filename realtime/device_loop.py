"""Device loop: the voice thread's work, hop by hop, with the audio device as master.

The loop keeps the ring full, schedules gestures by the device's own time line, measures the parts
of D at the start, and when the ring ran empty begins again at the hop whose time it is by then.
It is driven by `tick`, which never waits: a thread ticks it in real time, a test by hand.
"""

import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias

import numpy as np

from synchresis.engines.gesture import Gesture
from synchresis.engines.playout import Playout
from synchresis.engines.score import STALE_NS
from synchresis.engines.timebase import HOP, NS_PER_S, SAMPLE_RATE
from synchresis.realtime import record as rec
from synchresis.realtime.clock import Clock, clock_id
from synchresis.realtime.delay import HOP_NS, MS, DelayMeter, DelayParts
from synchresis.realtime.device_clock import DeviceClock
from synchresis.realtime.links import Delivery
from synchresis.realtime.messages import End, Sighting
from synchresis.realtime.ring import Ring

MEASURE_NS: Final = 1500 * MS
"""How long the parts of D are measured at the start; meanwhile nothing sounds."""

MEASURE_FRAMES: Final = 10
"""Frames that must have been seen by then."""

WARMUP_FRAMES: Final = 5
"""First frames, which are not measured."""

LATE_FRAMES: Final = 30
"""Frames that came too late to be played before measuring could end: then the user is told."""

BUFFER_RANGE: Final = (1, 32)
"""Hops the ring may hold ahead."""

MOST_TRIES: Final = 30
"""Empty rings while measuring that enlarge the buffer and begin to measure again, at most."""

_log = logging.getLogger(__name__)

_SHORTEST_NS: Final = MS // 2
_LONGEST_NS: Final = 4 * MS
_EARLY_NS: Final = 150_000
"""Before a burst that is awaited, and the steps in which it is."""

_EARLIER: Final = (1, 1, 1, 2, 1, 4, 1, 8, 1, 16)
"""First looks for a burst lie so many times `_EARLY_NS` before it, in turn: the line cannot learn
that bursts come sooner than it says from a loop that only looks when it says."""

Take: TypeAlias = Callable[[], Delivery | None]
"""Next gesture that has come, without waiting."""


@dataclass(frozen=True, slots=True)
class LoopSettings:
    """Settings of a device loop.

    Attributes:
        buffer_hops: hops written ahead; "auto" begins with 2 and adds one per empty ring while
            measuring; a number grows only if the device takes more at once than it holds.
        asap: play everything at once.
        nominal_fps: frame rate until some frames were seen.
        clock_id: whose times can be scheduled; gestures with another are refused.
        recording: whether to keep a record.
    """

    buffer_hops: int | Literal["auto"] = 2
    asap: bool = False
    nominal_fps: float = 30.0
    clock_id: str = ""
    recording: bool = False


@dataclass(slots=True)
class LoopCounts:
    """Empty rings since measuring ended, gestures of foreign clocks, of other zones."""

    xruns: int = 0
    foreign: int = 0
    refused: int = 0


class DeviceLoop:
    """Gestures to a playing device."""

    def __init__(
        self, playout: Playout, ring: Ring, clock: Clock, take: Take, settings: LoopSettings
    ) -> None:
        """Stand still until the first `tick`."""
        self.counts = LoopCounts()
        self.parts: DelayParts | None = None
        self.meter = DelayMeter()
        self.device_clock = DeviceClock()
        self.record = rec.RunRecord(asap=settings.asap) if settings.recording else None
        self.peak = 0.0
        self.end_ns: int | None = None
        self._settings = settings
        self._playout = playout
        self._ring = ring
        self._clock = clock
        self._take = take
        self._clock_id = settings.clock_id or clock_id()
        self._commands: deque[rec.Step] = deque(maxlen=64)
        self._gestures: dict[int, Gesture] = {}
        self._hops = 2 if settings.buffer_hops == "auto" else settings.buffer_hops
        self._written = 0
        self._measure_from_ns: int | None = None
        self._warmup = WARMUP_FRAMES
        self._late_frames = 0
        self._lookahead_ns = 0
        self._empties = 0
        self._seen = (0, 0)
        self._latency_ns = ring.latency_ns
        self._devices = ring.devices
        self._unfitted = False
        self._broken = False

    @property
    def buffer_hops(self) -> int:
        """Hops written ahead."""
        return self._hops

    @property
    def measuring(self) -> bool:
        """Whether D is not known yet."""
        return self.parts is None

    @property
    def playout(self) -> Playout:
        """Score, voice and mixer; for reading."""
        return self._playout

    def command(self, step: rec.Chosen | rec.Muted | rec.Hit) -> None:
        """Have something done before the next hop; from any thread."""
        self._commands.append(step)

    def tick(self) -> int:
        """Do what is due; returns how long nothing will be, nanoseconds."""
        now_ns = self._clock.now_ns()
        if not self._ring.playing:
            self._restart(now_ns)
        else:
            self._observe()
        while self._ring.playing and self._ring.queued <= (self._hops - 1) * HOP:
            self._before_hop()
            self._play(self._playout.next_hop)
        self._observe()
        self._finish_measuring(self._seen[0])
        self._fit_device(self._seen[0])
        return self._idle_ns()

    def break_off(self) -> None:
        """The run failed: what it played so far is not whole; before `close`, from any thread."""
        self._broken = True

    def close(self) -> None:
        """Stop the device."""
        if self._broken:
            self._ring.abort()
        else:
            self._ring.close()

    def _observe(self) -> None:
        """See how much the device has taken, and only then how late it is: never too early.

        A device that stopped meanwhile took what was left, which is no whole burst.
        """
        queued = self._ring.queued
        now_ns = self._clock.now_ns()
        self._seen = now_ns, queued
        if self._ring.playing:
            self.device_clock.observe(now_ns, self._written - queued)

    def _idle_ns(self) -> int:
        """Time until the device has taken so much that another hop has room, within reason.

        Just before that burst, by the line, and then in small steps: so a hop has all the time
        there is, and the line learns when bursts happen.
        """
        period = self.device_clock.period
        if self.measuring or not period:
            return _SHORTEST_NS
        now_ns, queued = self._seen
        bursts = -(-(queued - (self._hops - 1) * HOP) // period)
        due_ns = self.device_clock.burst_ns(self._written - queued + bursts * period)
        wait_ns = due_ns - now_ns
        early_ns = _EARLY_NS * _EARLIER[self._playout.next_hop % len(_EARLIER)]
        if wait_ns > early_ns:
            return min(wait_ns - early_ns, _LONGEST_NS)
        if wait_ns > _EARLY_NS:
            return wait_ns - _EARLY_NS
        return _EARLY_NS if wait_ns > -_SHORTEST_NS else _SHORTEST_NS

    def _before_hop(self) -> None:
        """Take commands and gestures that have come."""
        while self._commands:
            self._do(self._commands.popleft())
        while (delivery := self._take()) is not None:
            self._receive(delivery)

    def _receive(self, delivery: Delivery) -> None:
        body = delivery.body
        if isinstance(body, End):
            self.end_ns = body.end_ns
        elif isinstance(body, Sighting):
            if body.clock_id != self._clock_id:
                self.counts.foreign += 1
                return
            self._measure(body, delivery)
            if not self.measuring or self._settings.asap:
                self._schedule(body.gesture, delivery)

    def _measure(self, sighting: Sighting, delivery: Delivery) -> None:
        if self._warmup:
            self._warmup -= 1
            return
        self._lookahead_ns = sighting.gesture.lookahead_ns
        captured_ns, arrived_ns = sighting.gesture.captured_ns, delivery.link.arrived_ns
        if delivery.received_ns - arrived_ns > STALE_NS:
            self._complain_of_lateness()
            return  # its events are too old to be played: no reason to wait for such
        self.meter.add(captured_ns, arrived_ns, sighting.parse_ns, delivery.received_ns)
        if self._measure_from_ns is None:
            self._measure_from_ns = delivery.received_ns

    def _complain_of_lateness(self) -> None:
        """Say once why nothing sounds where hardly a gesture comes in time to be measured."""
        self._late_frames += 1
        if self._late_frames == LATE_FRAMES and self.meter.count < MEASURE_FRAMES:
            _log.warning(
                "%d pictures took over %d ms each to be parsed or to get here, too late for sound; "
                "measuring goes on, and nothing is heard until they are faster: close other "
                "programs, and see what `synchresis doctor` says of the engines",
                LATE_FRAMES,
                STALE_NS // MS,
            )

    def _schedule(self, gesture: Gesture, delivery: Delivery) -> None:
        if len(gesture.levels) != len(self._playout.controls.onset):
            self.counts.refused += 1
            return
        self._follow_lookahead(gesture.lookahead_ns)
        line = self.device_clock.line
        age_ns = max(self._clock.now_ns() - delivery.link.arrived_ns, 0)
        self._gestures = {gesture.sequence: gesture}
        self._do(
            rec.Pushed(gesture.sequence, line.origin_ns, line.origin_sample, line.rate_mhz, age_ns)
        )

    def _follow_lookahead(self, lookahead_ns: int) -> None:
        """D changes with τ, while no event waits, and with nothing else."""
        if self.parts is not None and self.parts.lookahead != lookahead_ns and self._playout.idle:
            self._set_parts(replace(self.parts, lookahead=lookahead_ns))

    def _follow_device(self, latency_ns: int) -> None:
        """D changes where another device, or the same one again, has another delay of its own."""
        longer_ns, self._latency_ns = latency_ns - self._latency_ns, latency_ns
        if self.parts is not None and longer_ns:
            self._set_parts(replace(self.parts, device=self.parts.device + longer_ns))

    def _fit_device(self, now_ns: int) -> None:
        """Once it is known what another device takes at once, the ring holds that and D follows."""
        if self._unfitted and self.parts is not None and self.device_clock.settled(now_ns):
            self._unfitted = False
            self._enlarge_ring(self._needed_hops())
            device_ns = self._ring.latency_ns + self.device_clock.period_ns
            self._set_parts(replace(self.parts, device=device_ns))

    def _needed_hops(self) -> int:
        """Hops that hold what the device takes at once while another is made."""
        return -(-self.device_clock.period // HOP) + 1

    def _enlarge_ring(self, hops: int) -> None:
        """Hold at least so many hops, within reason, and let D follow."""
        hops = min(max(self._hops, hops), BUFFER_RANGE[1])
        if hops > self._hops and self.parts is not None:
            _log.warning("a buffer of %d hops is too small here; it holds %d", self._hops, hops)
            self._set_parts(replace(self.parts, ring=(hops - 1) * HOP_NS))
        self._hops = hops

    def _set_parts(self, parts: DelayParts) -> None:
        self.parts = parts
        self._do(rec.Delayed(parts.delay_ns))

    def _finish_measuring(self, now_ns: int) -> None:
        """Fix D once enough was seen and the buffer holds what the device takes at once."""
        if self.parts is not None or self._measure_from_ns is None:
            return
        if self.meter.count < MEASURE_FRAMES or now_ns - self._measure_from_ns < MEASURE_NS:
            return
        self._enlarge_ring(self._needed_hops())
        if self._settings.buffer_hops not in ("auto", self._hops):
            asked = self._settings.buffer_hops
            _log.warning("a buffer of %s hops is too small here; it holds %d", asked, self._hops)
        self._set_parts(
            self.meter.parts(
                nominal_fps=self._settings.nominal_fps,
                ring_hops=self._hops - 1,
                device_ns=self._ring.latency_ns + self.device_clock.period_ns,
                lookahead_ns=self._lookahead_ns,
            )
        )

    def _restart(self, now_ns: int) -> None:
        """Begin to play at the hop whose time it is; fill the ring before the device takes any.

        A hop that was made while the ring ran empty lies in it: the first one, unless its time has
        passed by more than a hop; then it is dropped.
        """
        hop, again = self._playout.next_hop, self._written > 0
        latency_ns = self._ring.latency_ns
        self._follow_device(latency_ns)
        made = self._ring.queued // HOP
        if again:
            self._count_empty_ring(now_ns)
            sample = self.device_clock.line.sample_of(now_ns + latency_ns)
            due = -(-sample // HOP)
            if made and due > hop - made + 1:
                self._ring.drop()
                made = 0
            hop = hop if made else max(hop, due)
        self._meet_device()
        self._written = made * HOP
        for ahead in range(max(self._hops - made, 0)):
            self._before_hop()
            self._play(hop + ahead, fade=again and not made and ahead == 0)
        now_ns = self._clock.now_ns()
        self._ring.start()
        self.device_clock.start(now_ns, (hop - made) * HOP, latency_ns)

    def _meet_device(self) -> None:
        """Forget what the device before took at once."""
        if self._ring.devices != self._devices:
            self._devices = self._ring.devices
            self.device_clock.forget_period()
            self._unfitted = True

    def _count_empty_ring(self, now_ns: int) -> None:
        then_ns, left = self._seen
        hasty = left - (now_ns - then_ns) * SAMPLE_RATE // NS_PER_S > HOP
        if not self.measuring:
            self.counts.xruns += 1
            if hasty and self._unfitted:
                self._enlarge_ring(self._hops + 1)
            return
        self._empties += 1
        if (hasty or self._settings.buffer_hops == "auto") and self._empties <= MOST_TRIES:
            self._hops = min(self._hops + 1, BUFFER_RANGE[1])
            self._measure_from_ns = None if self._measure_from_ns is None else now_ns

    def _play(self, hop: int, *, fade: bool | None = None) -> None:
        """Make a hop and write it.

        Args:
            hop: its index.
            fade: whether it follows silence; None where it does if the ring ran empty meanwhile.
        """
        block = self._playout.step(hop)
        fade = not self._ring.playing if fade is None else fade
        if self.record is not None:
            self.record.steps.append(rec.Played(hop, fade))
        if fade:
            block = rec.fade_in(block)
        self.peak = float(np.abs(block).max())
        self._ring.write(block, hop)
        self._written += HOP

    def _do(self, step: rec.Step) -> None:
        if self.record is not None:
            self.record.steps.append(step)
        rec.apply_step(step, self._playout, self._gestures)

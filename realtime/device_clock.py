"""Device clock: when each sample is heard, by watching the device take them."""

from typing import Final

from synchresis.engines.sample_clock import SampleClock
from synchresis.engines.timebase import NS_PER_S, SAMPLE_RATE

SETTLE_NS: Final = NS_PER_S
"""After a start the line may jump for this long; later it only creeps."""

WINDOW_NS: Final = NS_PER_S
"""Time over which the device's promptest call counts."""

CREEP_NS: Final = 500_000
"""Most that the line moves per window once settled: 500 parts per million."""

STALL_NS: Final = 1_000_000
"""A lag beyond this in every call of a window is no drift: the device paused, the line jumps."""

_STALL_CALLS: Final = 20
"""Calls a window must have had to prove that."""

_FAST_WINDOW_NS: Final = NS_PER_S // 10


class DeviceClock:
    """Draws the line from sample index to the time it is heard.

    A device takes samples in bursts. Seen from outside, sample n is gone at the earliest right
    after the burst that took it, so the smallest lag over a window is the true one; wake-ups that
    come late only look later. The line follows that minimum slowly: drift of two clocks is a few
    tens of microseconds per second. Only where every call of a window came late has the device
    itself paused (a sound server that missed its time); then the line follows at once.
    """

    def __init__(self, period: int = 0) -> None:
        """Begin.

        Args:
            period: samples the device takes at once, 0 to find out.
        """
        self.period = period
        self.line = SampleClock()
        self._latency_ns = 0
        self._base = 0
        self._started_ns = 0
        self._taken = 0
        self._window_end_ns = 0
        self._least_ns: int | None = None
        self._calls = 0

    @property
    def period_ns(self) -> int:
        """What the device takes at once."""
        return self.period * NS_PER_S // SAMPLE_RATE

    def start(self, now_ns: int, sample: int, latency_ns: int) -> None:
        """The device begins to take at `sample`, which is heard `latency_ns` after that."""
        self._latency_ns = latency_ns
        self._base = sample
        self._taken = 0
        self._started_ns = now_ns
        self._window_end_ns = now_ns + _FAST_WINDOW_NS
        self._least_ns = None
        self.line = SampleClock(origin_ns=now_ns + latency_ns, origin_sample=sample)

    def observe(self, now_ns: int, taken: int) -> None:
        """The device has taken so many samples since the start."""
        if taken <= self._taken:
            return
        settling = now_ns - self._started_ns < SETTLE_NS
        if settling and self._taken:
            step = taken - self._taken
            self.period = min(self.period or step, step)
        self._taken = taken
        lag_ns = now_ns - self._taken_ns(taken)
        self._least_ns = lag_ns if self._least_ns is None else min(self._least_ns, lag_ns)
        self._calls += 1
        if now_ns >= self._window_end_ns:
            self._move(settling=settling)
            self._window_end_ns = now_ns + (_FAST_WINDOW_NS if settling else WINDOW_NS)

    def _taken_ns(self, taken: int) -> int:
        """When, by the line, the burst was taken that ended before sample `taken`."""
        heard_ns = self.line.ns_of(self._base + taken - self.period)
        return heard_ns - self._latency_ns

    def _move(self, *, settling: bool) -> None:
        assert self._least_ns is not None
        step = self._least_ns
        paused = step > STALL_NS and self._calls >= _STALL_CALLS
        if not (settling or paused):
            step = max(-CREEP_NS, min(step, CREEP_NS))
        self.line = SampleClock(self.line.origin_ns + step, self.line.origin_sample)
        self._least_ns = None
        self._calls = 0

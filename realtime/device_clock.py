"""Device clock: when each sample is heard, by watching the device take them."""

from dataclasses import dataclass
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
"""A lag beyond this in every call for a while is no drift: the device paused, the line jumps."""

_STALL_CALLS: Final = 12
"""Calls in a row that must agree to prove that."""

_EARLY_CALLS: Final = 2
"""Calls before their time that prove that the line is late: one may be nonsense."""

_FAST_WINDOW_NS: Final = NS_PER_S // 10

_FAR_NS: Final = 1 << 62
"""A lag larger than any."""


class DeviceClock:
    """Draws the line from sample index to the time it is heard.

    A device takes samples in bursts. Seen from outside, sample n is gone at the earliest right
    after the burst that took it, so the smallest lag over a window is the true one; wake-ups that
    come late only look later. The line follows that minimum slowly: drift of two clocks is a few
    tens of microseconds per second. Where every call of a tenth of a second came late the device
    itself has paused (a sound server that missed its time), and where calls came before their time
    the line was wrong: then it follows at once.
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
        self._least_ns = _FAR_NS
        self._recent = _Recent()

    @property
    def period_ns(self) -> int:
        """What the device takes at once."""
        return self.period * NS_PER_S // SAMPLE_RATE

    def settled(self, now_ns: int) -> bool:
        """Whether what the device takes at once is known, and the line only creeps."""
        return self.period > 0 and now_ns - self._started_ns >= SETTLE_NS

    def forget_period(self) -> None:
        """Another device may take more or less at once."""
        self.period = 0

    def start(self, now_ns: int, sample: int, latency_ns: int) -> None:
        """The device begins to take at `sample`, which is heard `latency_ns` after that."""
        self._latency_ns = latency_ns
        self._base = sample
        self._taken = 0
        self._started_ns = now_ns
        self._window_end_ns = now_ns + _FAST_WINDOW_NS
        self._least_ns = _FAR_NS
        self._recent = _Recent(now_ns)
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
        lag_ns = now_ns - self.burst_ns(taken)
        if self.period:  # else it is one too little
            self._least_ns = min(self._least_ns, lag_ns)
        if settling:
            if now_ns >= self._window_end_ns and self._least_ns < _FAR_NS:
                self._move(self._least_ns, now_ns + _FAST_WINDOW_NS)
            return
        self._recent.add(lag_ns)
        if self._recent.whole(now_ns):
            jump_ns, self._recent = self._recent.jump_ns, _Recent(now_ns)
            if jump_ns:
                self._move(jump_ns, now_ns + WINDOW_NS)
        if now_ns >= self._window_end_ns:
            self._move(max(-CREEP_NS, min(self._least_ns, CREEP_NS)), now_ns + WINDOW_NS)

    def burst_ns(self, taken: int) -> int:
        """When, by the line, the device takes the burst that ends before sample `taken`.

        Args:
            taken: samples since the start.
        """
        heard_ns = self.line.ns_of(self._base + taken - self.period)
        return heard_ns - self._latency_ns

    def _move(self, step_ns: int, window_end_ns: int) -> None:
        """Move the line and begin another window."""
        self.line = SampleClock(self.line.origin_ns + step_ns, self.line.origin_sample)
        self._least_ns = _FAR_NS
        self._window_end_ns = window_end_ns


@dataclass(slots=True)
class _Recent:
    """Lags of the last calls.

    Attributes:
        begin_ns: since when.
        least_ns: smallest lag.
        early: calls clearly before their time.
        calls: how many.
    """

    begin_ns: int = 0
    least_ns: int = _FAR_NS
    early: int = 0
    calls: int = 0

    def add(self, lag_ns: int) -> None:
        """Take the lag of a call."""
        self.least_ns = min(self.least_ns, lag_ns)
        self.early += lag_ns < -STALL_NS
        self.calls += 1

    def whole(self, now_ns: int) -> bool:
        """Whether there are enough to tell a pause from late wake-ups."""
        return self.calls >= _STALL_CALLS and now_ns - self.begin_ns >= _FAST_WINDOW_NS

    @property
    def jump_ns(self) -> int:
        """How far the line is off if that is proven, otherwise 0."""
        proven = self.least_ns > STALL_NS or self.early >= _EARLY_CALLS
        return self.least_ns if proven else 0

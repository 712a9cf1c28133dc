"""SampleClock: the map between sample index and nanoseconds."""

from dataclasses import dataclass
from typing import Final

from synchresis.engines.timebase import NS_PER_S, SAMPLE_RATE

_MHZ: Final = 1_000
"""Millihertz per hertz: the resolution of the rate, 0.02 parts per million at 48 kHz."""

_PER: Final = NS_PER_S * _MHZ


@dataclass(frozen=True, slots=True)
class SampleClock:
    """A straight line from nanoseconds to sample index, exact in integers.

    The default is the virtual clock: sample 0 at 0 ns, 48 kHz. On a device the line is re-drawn
    by whoever watches the device play; a score that was given a line keeps nothing of it.

    Attributes:
        origin_ns: a moment.
        origin_sample: the sample that sounds at that moment.
        rate_mhz: samples per second on the clock of `origin_ns`, millihertz.
    """

    origin_ns: int = 0
    origin_sample: int = 0
    rate_mhz: int = SAMPLE_RATE * _MHZ

    def sample_of(self, time_ns: int) -> int:
        """Absolute sample index of a moment, rounded to nearest."""
        return self.origin_sample + ((time_ns - self.origin_ns) * self.rate_mhz + _PER // 2) // _PER

    def ns_of(self, sample: int) -> int:
        """Moment of an absolute sample index, nanoseconds, rounded down."""
        return self.origin_ns + (sample - self.origin_sample) * _PER // self.rate_mhz


VIRTUAL: Final = SampleClock()
"""Sample 0 at 0 ns, 48 kHz sharp: the clock of files and tests."""

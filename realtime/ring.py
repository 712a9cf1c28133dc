"""Rings: a few hops written ahead of the device that plays them."""

from typing import Protocol

import numpy as np

from synchresis.engines.playout import Block
from synchresis.engines.timebase import HOP, NS_PER_S, SAMPLE_RATE
from synchresis.realtime.clock import Clock
from synchresis.realtime.sinks.sink import Sink


class Ring(Protocol):
    """Where the voice thread writes and a device reads. Both know nothing of each other."""

    @property
    def playing(self) -> bool:
        """Whether the device takes from the ring: not before `start`, not after it ran empty."""
        ...

    @property
    def queued(self) -> int:
        """Samples written that the device has not taken."""
        ...

    @property
    def latency_ns(self) -> int:
        """From taking a sample to hearing it, as the device says."""
        ...

    @property
    def devices(self) -> int:
        """How many devices there were before this one; what they took at once means nothing now."""
        ...

    def write(self, block: Block, hop: int) -> None:
        """Append the sound of a hop, float32[HOP, 2]."""
        ...

    def drop(self) -> None:
        """Forget what was written; only while nothing takes it."""
        ...

    def start(self) -> None:
        """Let the device take what was written; again, after it ran empty."""
        ...

    def close(self) -> None:
        """Stop the device; a file gets its name."""
        ...

    def abort(self) -> None:
        """Stop the device after an error: an older file of that name stays; no effect if closed."""
        ...


class SoftwareRing:
    """A device made of a clock: takes `period` samples at a time, at 48 kHz, and never hurries.

    What it is given goes to a sink in full, with zeros for the hops that were skipped, so a file
    has the length of the performance.
    """

    latency_ns = 0
    devices = 0

    def __init__(
        self, clock: Clock, sink: Sink, *, period: int = HOP // 2, whole: bool = True
    ) -> None:
        """Stand still until `start`.

        Args:
            clock: of the device.
            sink: where the sound goes.
            period: samples taken at a time.
            whole: whether the sink gets zeros for the hops that never came.
        """
        self._clock = clock
        self._sink = sink
        self._period = period
        self._whole = whole
        self._next_hop = 0
        self._written = 0
        self._begin_ns: int | None = None
        self._zeros = np.zeros((HOP, 2), np.float32)

    @property
    def playing(self) -> bool:
        """False before the start and once it ran empty."""
        return self._begin_ns is not None and self._taken() <= self._written

    @property
    def queued(self) -> int:
        """Samples written ahead."""
        return max(self._written - self._taken(), 0)

    def write(self, block: Block, hop: int) -> None:
        """Append a hop, and zeros for those before it that never came."""
        for _ in range(hop - self._next_hop if self._whole else 0):
            self._sink.write(self._zeros)
        self._sink.write(block)
        self._next_hop = hop + 1
        if self._begin_ns is not None and not self.playing:
            self._begin_ns, self._written = None, 0
        self._written += HOP

    def drop(self) -> None:
        """Not play what was written; a file keeps it in its place."""
        self._begin_ns, self._written = None, 0

    def start(self) -> None:
        """Take the first samples now."""
        self._begin_ns = self._clock.now_ns()

    def close(self) -> None:
        """Finish the sink."""
        self._sink.close()

    def abort(self) -> None:
        """Abort the sink."""
        self._sink.abort()

    def _taken(self) -> int:
        """Samples taken, whole periods: the first one at once."""
        if self._begin_ns is None:
            return 0
        elapsed = (self._clock.now_ns() - self._begin_ns) * SAMPLE_RATE // NS_PER_S
        return (elapsed // self._period + 1) * self._period

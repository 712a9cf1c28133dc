"""Delay: D, the constant time from an event to its sound, as a sum of named parts."""

from collections import deque
from dataclasses import dataclass, field
from math import ceil
from typing import Final

from synchresis.engines.timebase import HOP, NS_PER_S, SAMPLE_RATE
from synchresis.kernels.overlap_add import RISE

MS: Final = 1_000_000
"""Nanoseconds per millisecond."""

LOOKAHEAD_STEP_NS: Final = 5 * MS
"""Steps of an automatic lookahead."""

HOP_NS: Final = HOP * NS_PER_S // SAMPLE_RATE
"""Length of a hop, rounded down."""

_KEPT: Final = 512
_INTERVALS: Final = 9


@dataclass(frozen=True, slots=True)
class DelayParts:
    """What D is made of, nanoseconds.

    Attributes:
        camera: from the stamp to the picture in our hands.
        frame_interval: an event may have happened this long before its picture.
        parse: motion parser.
        transport: links and queues, both ways.
        hop_wait: until the next hop begins.
        ring: hops that lie ahead of the next one when it is decided: all the ring holds but that
            one.
        rise: of the voice's window.
        device: what the device takes at once, and its own delay.
        lookahead: τ, which is subtracted.
    """

    camera: int
    frame_interval: int
    parse: int
    transport: int
    hop_wait: int
    ring: int
    rise: int
    device: int
    lookahead: int = 0

    @property
    def before_lookahead_ns(self) -> int:
        """Sum of all parts but the lookahead."""
        return (
            self.camera
            + self.frame_interval
            + self.parse
            + self.transport
            + self.hop_wait
            + self.ring
            + self.rise
            + self.device
        )

    @property
    def delay_ns(self) -> int:
        """D: never below 0, rounded up to a millisecond."""
        return max(0, ceil((self.before_lookahead_ns - self.lookahead) / MS)) * MS


def auto_lookahead_ns(before_ns: int, limit_ns: int) -> int:
    """Smallest 5 ms step that brings D to 0, at most `limit_ns`.

    Args:
        before_ns: D without lookahead.
        limit_ns: largest lookahead at which the pack's events keep their timing.
    """
    wanted = ceil(before_ns / LOOKAHEAD_STEP_NS) * LOOKAHEAD_STEP_NS
    allowed = max(limit_ns, 0) // LOOKAHEAD_STEP_NS * LOOKAHEAD_STEP_NS
    return min(wanted, allowed)


def p99(values: "deque[int]") -> int:
    """99th percentile (nearest rank, rounded up) of at least one value; 0 of none."""
    if not values:
        return 0
    return sorted(values)[min(ceil(0.99 * len(values)), len(values)) - 1]


def _kept() -> "deque[int]":
    return deque(maxlen=_KEPT)


@dataclass(slots=True)
class DelayMeter:
    """Collects, frame by frame, what the parts of D take; nanoseconds."""

    camera: "deque[int]" = field(default_factory=_kept)
    parse: "deque[int]" = field(default_factory=_kept)
    transport: "deque[int]" = field(default_factory=_kept)
    intervals: "deque[int]" = field(default_factory=lambda: deque(maxlen=_INTERVALS))
    captured_ns: int | None = None

    def add(self, captured_ns: int, arrived_ns: int, parse_ns: int, received_ns: int) -> None:
        """Add a frame: captured, out of the source, parsing time, arrival of its gesture."""
        if self.captured_ns is not None and captured_ns > self.captured_ns:
            self.intervals.append(captured_ns - self.captured_ns)
        self.captured_ns = captured_ns
        self.camera.append(max(arrived_ns - captured_ns, 0))
        self.parse.append(parse_ns)
        self.transport.append(max(received_ns - arrived_ns - parse_ns, 0))

    @property
    def count(self) -> int:
        """Frames measured."""
        return len(self.camera)

    def interval_ns(self, nominal_fps: float) -> int:
        """Median of the last nine frame intervals, at first the nominal one."""
        if not self.intervals:
            return round(NS_PER_S / nominal_fps)
        return sorted(self.intervals)[len(self.intervals) // 2]

    def parts(
        self, *, nominal_fps: float, ring_hops: int, device_ns: int, lookahead_ns: int = 0
    ) -> DelayParts:
        """The parts by what was measured so far.

        Args:
            nominal_fps: frame rate until some frames were seen.
            ring_hops: hops ahead of the one being decided.
            device_ns: what the device takes at once, and its own delay.
            lookahead_ns: τ.
        """
        return DelayParts(
            camera=p99(self.camera),
            frame_interval=self.interval_ns(nominal_fps),
            parse=p99(self.parse),
            transport=p99(self.transport),
            hop_wait=HOP_NS,
            ring=ring_hops * HOP_NS,
            rise=RISE * NS_PER_S // SAMPLE_RATE,
            device=device_ns,
            lookahead=lookahead_ns,
        )

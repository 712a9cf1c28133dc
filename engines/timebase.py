"""The rates and the block size that everything at audio rate shares."""

from typing import Final

SAMPLE_RATE: Final = 48_000
"""Audio samples per second."""

HOP: Final = 256
"""Samples per hop: 5.33 ms at 48 kHz; hop k is samples [256 k, 256 k + 256)."""

NS_PER_S: Final = 1_000_000_000
"""Nanoseconds per second."""

REFRACTORY_S: Final = 0.060
"""Shortest time between two events of one zone, seconds."""


def sample_of(time_ns: int) -> int:
    """Absolute sample index of a time in nanoseconds since sample 0, rounded to nearest."""
    return (time_ns * SAMPLE_RATE + NS_PER_S // 2) // NS_PER_S


def ns_of(sample: int) -> int:
    """Nanoseconds since sample 0 of an absolute sample index, rounded down."""
    return sample * NS_PER_S // SAMPLE_RATE

"""Hearing: when sounds begin in a recording, to a fraction of a millisecond."""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d

from synchresis.engines.timebase import SAMPLE_RATE

_BLOCK: Final = 16
"""Samples per value of the envelope: 1/3 ms."""

_GUARD: Final = 6
"""Blocks before a rise that belong to the rise itself: 2 ms."""

_PAST: Final = 60
"""Blocks that a new sound must stand out from: 20 ms."""

_PEAK: Final = 30
"""Blocks in which a new sound reaches its peak: 10 ms."""

_RISE: Final = 2.0
"""A new sound is this much louder than what was there: 6 dB."""

_BEGIN: Final = 0.1
"""A sound begins where it first reaches this share of its peak, 20 dB under it."""


def hear_onsets(
    sound: NDArray[np.float32], *, floor: float = 1e-3, apart_s: float = 0.06
) -> NDArray[np.int64]:
    """Samples at which sounds begin.

    A sound begins where the envelope rises by 6 dB over the loudest of the 20 ms before; the place
    is where it first reaches a tenth of its peak.

    Args:
        sound: float32[N] at 48 kHz.
        floor: peaks below this amplitude are silence.
        apart_s: of two onsets closer than this the first counts.

    Returns:
        int64[K], rising.
    """
    envelope = _envelope(sound)
    if len(envelope) <= _GUARD:
        return np.zeros(0, np.int64)
    past = _past_peak(envelope)
    rising = np.flatnonzero((envelope > floor) & (envelope > _RISE * past))
    onsets: list[int] = []
    for block in rising:
        sample = _beginning(sound, int(block), float(past[block]))
        if not onsets or sample - onsets[-1] >= apart_s * SAMPLE_RATE:
            onsets.append(sample)
    return np.array(onsets, np.int64)


def _envelope(sound: NDArray[np.float32]) -> NDArray[np.float32]:
    """Peak of every block, float32[N / 16]."""
    count = len(sound) // _BLOCK
    peaks: NDArray[np.float32] = np.abs(sound[: count * _BLOCK]).reshape(count, _BLOCK).max(axis=1)
    return peaks


def _past_peak(envelope: NDArray[np.float32]) -> NDArray[np.float32]:
    """Loudest of the 20 ms that end 2 ms before each block; 0 before the first."""
    padded = np.concatenate([np.zeros(_PAST + _GUARD, np.float32), envelope])
    running = maximum_filter1d(padded, _PAST, origin=-(_PAST // 2), mode="constant")
    past: NDArray[np.float32] = running[: len(envelope)]
    return past


def _beginning(sound: NDArray[np.float32], block: int, past: float) -> int:
    """First sample of a rise that stands out from the past and from its own foot."""
    begin = max(0, (block - _GUARD) * _BLOCK)
    stretch = np.abs(sound[begin : (block + _PEAK) * _BLOCK])
    level = max(_BEGIN * float(stretch.max()), _RISE * past)
    above = np.flatnonzero(stretch >= level)
    return begin + (int(above[0]) if len(above) else 0)

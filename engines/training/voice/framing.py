"""The kernel's frame sizes and window, from their formula: training runs where Numba may be absent.

A test holds these to `synchresis.kernels.overlap_add.window`.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from synchresis.engines.timebase import HOP

N: Final = 1024
"""Samples of one frame."""

RISE: Final = 64
"""Samples of the window's rise and fall."""


def window() -> NDArray[np.float32]:
    """float32[1024]: a third of a trapezoid of 832 samples with sin² flanks."""
    place = np.arange(N)
    edge = np.minimum(place, 3 * HOP + RISE - 1 - place) + 0.5
    flank = np.sin(0.5 * np.pi * np.clip(edge / RISE, 0, 1)) ** 2
    shape: NDArray[np.float32] = (flank / 3).astype(np.float32)
    return shape

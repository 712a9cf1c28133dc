"""The synthesis window and the sizes that follow from it.

A hit is known only to the frame of its own hop, so that frame must carry it alone within its first
hop: the window rises within 64 samples, stays flat and falls as it rose. At a hop of 256 samples
three flat parts or two flat parts, a rise and a fall lie over every sample, so the overlapped sum
is exactly 3, and 1 after division by 3.
"""

import numpy as np
from numpy.typing import NDArray

N = 1024
"""Samples of one frame."""

BINS = N // 2 + 1
"""Bins of one spectrum frame."""

HOP = 256
"""Samples between frames."""

RISE = 64
"""Samples of the rise (and of the fall): the latency of the stage."""

LENGTH = 3 * HOP + RISE
"""Samples where the window is not zero."""

TAIL = LENGTH - HOP
"""Samples of a frame that sound after its first hop."""


def window() -> NDArray[np.float32]:
    """Return the synthesis window.

    Returns:
        float32[1024]: rise sin² over 64 samples, flat at 1/3, mirrored fall, zero from sample 832.
    """
    rise = np.sin(0.5 * np.pi * (np.arange(RISE) + 0.5) / RISE) ** 2
    flat = np.ones(LENGTH - 2 * RISE)
    silence = np.zeros(N - LENGTH)
    return (np.concatenate([rise, flat, rise[::-1], silence]) / 3.0).astype(np.float32)

"""Tables the kernels read: computed once in float64, uploaded once."""

import numpy as np
from numpy.typing import NDArray

from synchresis.kernels.overlap_add import N, window


def inverse_tables() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the tables of `overlap_add`.

    Returns:
        turn: float32[1024, 2], exp(2πi k / 1024) as real and imaginary part.
        weights: float32[1024], the window / 1024.
    """
    angle = 2.0 * np.pi * np.arange(N) / N
    turn = np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)
    weights = (window().astype(np.float64) / N).astype(np.float32)
    return turn, weights

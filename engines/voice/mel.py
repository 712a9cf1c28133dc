"""Mel bands, shared by training and evaluation; NumPy only."""

import numpy as np
from numpy.typing import NDArray

from synchresis.engines.timebase import SAMPLE_RATE

Floats = NDArray[np.float64]

MELS = 80
"""Bands of the mel that the decoder gives."""

LOW_HZ, HIGH_HZ = 30.0, 20_000.0


def to_mel(hertz: Floats | float) -> Floats:
    """Mel of a frequency (O'Shaughnessy's formula)."""
    return 2595.0 * np.log10(1.0 + np.asarray(hertz, np.float64) / 700.0)


def to_hertz(mel: Floats) -> Floats:
    """Undo `to_mel`."""
    return 700.0 * (10.0 ** (mel / 2595.0) - 1.0)


def mel_centres(bands: int) -> Floats:
    """Centre of every band, hertz."""
    return to_hertz(np.linspace(to_mel(LOW_HZ), to_mel(HIGH_HZ), bands + 2))[1:-1]


def mel_matrix(bands: int, size: int) -> NDArray[np.float32]:
    """Triangular bands as weighted means of magnitudes.

    Args:
        bands: number of bands.
        size: FFT length.

    Returns:
        float32[size // 2 + 1, bands], every column sums to 1; a band narrower than a bin takes
        the two bins about its centre.
    """
    edges = to_hertz(np.linspace(to_mel(LOW_HZ), to_mel(HIGH_HZ), bands + 2))
    bins = np.arange(size // 2 + 1) * (SAMPLE_RATE / size)
    rising = (bins[:, None] - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins[:, None]) / (edges[2:] - edges[1:-1])
    nearest = 1 - np.abs(bins[:, None] - edges[1:-1]) / (SAMPLE_RATE / size)
    weights = np.maximum(np.maximum(0.0, np.minimum(rising, falling)), np.maximum(0.0, nearest))
    matrix: NDArray[np.float32] = (weights / weights.sum(axis=0)).astype(np.float32)
    return matrix

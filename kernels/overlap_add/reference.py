"""Overlap-add from its formula, in float64: readable, slow, shared with nothing."""

import numpy as np
from numpy.typing import NDArray

_N, _HOP, _RISE = 1024, 256, 64


def overlap_add_reference(spectra: NDArray[np.complexfloating]) -> NDArray[np.float64]:
    """Turn whole spectrograms into sound: y[256 k + n] = Σ_k w[n] · irfft(X_k)[n].

    Args:
        spectra: complex[B, T, 513], frame k covers output samples [256 k, 256 k + 1024).

    Returns:
        float64[B, 256 T]: the samples up to the end of the last frame's first hop.
    """
    batch, frames, _ = spectra.shape
    weights = _window()
    sound = np.zeros((batch, _HOP * frames + _N))
    for frame in range(frames):
        start = _HOP * frame
        sound[:, start : start + _N] += weights * np.fft.irfft(spectra[:, frame], _N)
    return sound[:, : _HOP * frames]


def _window() -> NDArray[np.float64]:
    """Return float64[1024]: a third of a trapezoid of 832 samples with sin² flanks."""
    n = np.arange(_N)
    length = 3 * _HOP + _RISE
    from_edge = np.minimum(n, length - 1 - n) + 0.5
    flank = np.sin(0.5 * np.pi * np.clip(from_edge / _RISE, 0.0, 1.0)) ** 2
    return flank / 3.0

"""Log-mels as the voice's head wants them: of each hop's frame, a hit known from its own hop on."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from synchresis.engines.timebase import HOP
from synchresis.engines.voice.mel import MELS, mel_matrix

Floats = NDArray[np.float32]

N: Final = 1024
RISE: Final = 64
"""Samples of the synthesis window's rise and fall."""

HANN, BEGIN = 768, 32
"""Length of the analysis window and where it begins in the frame."""

SCALE: Final = 128.0
"""Spectrum magnitude that the network calls 1."""

FLOOR: Final = 1e-4
"""Magnitudes below this count as silence."""

_MATRIX = mel_matrix(MELS, N)


def synthesis_window() -> NDArray[np.float64]:
    """The kernel's window: a third of a trapezoid of 832 samples with sin² flanks of 64."""
    place = np.arange(N)
    edge = np.minimum(place, 3 * HOP + RISE - 1 - place) + 0.5
    flank: NDArray[np.float64] = np.sin(0.5 * np.pi * np.clip(edge / RISE, 0, 1)) ** 2 / 3
    return flank


def analysis_window() -> NDArray[np.float64]:
    """float64[1024]: times the kernel's window, overlapped at a hop of 256, exactly 1."""
    hann = np.zeros(N)
    hann[BEGIN : BEGIN + HANN] = np.sin(np.pi * (np.arange(HANN) + 0.5) / HANN) ** 2
    overlapped = (hann * synthesis_window()).reshape(4, HOP).sum(axis=0)
    window: NDArray[np.float64] = hann / np.tile(overlapped, 4)
    return window


def onset_boost() -> NDArray[np.float64]:
    """float64[1024]: by how much a hit's first samples are raised, from the start of its hop.

    Frames before the hit cannot carry it, so its own frames carry what those would have.
    """
    product = analysis_window() * synthesis_window()
    total = np.zeros(N)
    for age in range(4):
        total[HOP * age :] += product[: N - HOP * age]
    boost: NDArray[np.float64] = 1 / np.maximum(total, 1e-3)
    return boost


def copy_mel(sound: Floats, begin: int, hops: int) -> Floats:
    """Log-mel of each hop's frame of one hit: float32[hops, 80].

    Args:
        sound: the hit from its onset on.
        begin: samples from the start of the onset's hop to the onset, rise included.
        hops: frames wanted, the first that of the onset.
    """
    whole = np.zeros(HOP * hops + N)
    kept = sound[: len(whole) - begin]
    whole[begin : begin + len(kept)] = kept
    whole[:N] *= onset_boost()
    frames = np.lib.stride_tricks.sliding_window_view(whole, N)[: HOP * hops : HOP]
    size = np.abs(np.fft.rfft(frames * analysis_window()))
    mel: Floats = np.log(size @ _MATRIX / SCALE + FLOOR).astype(np.float32)
    return mel

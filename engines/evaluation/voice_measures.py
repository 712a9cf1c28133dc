"""Distances between a real and a made hit; settings are fixed here."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from synchresis.engines.timebase import SAMPLE_RATE
from synchresis.engines.voice.mel import mel_matrix

Floats = NDArray[np.float32]

BANDS: Final = 80
SIZE: Final = 1024
STEP: Final = 256
FLOOR: Final = 1e-4
"""Magnitude (full-scale sine = 1) added before the logarithm: -80 dB."""

SIZES: Final = (2048, 1024, 512, 256, 128, 64)
"""FFT lengths of the multi-resolution distance."""

ENVELOPE_S: Final = 0.004

_MEL = mel_matrix(BANDS, SIZE)


def magnitudes(sound: Floats, size: int = SIZE, step: int = STEP) -> Floats:
    """Hann-windowed magnitudes, full-scale sine = 1: float32[frames, size // 2 + 1]."""
    padded = np.pad(sound, (size // 2, size))
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[::step]
    window = np.hanning(size).astype(np.float32)
    spectrum: Floats = (np.abs(np.fft.rfft(frames * window)) * (4 / size)).astype(np.float32)
    return spectrum


def log_mel(sound: Floats) -> Floats:
    """Natural log of 80 mel bands, 1024/256: float32[frames, 80]."""
    mel: Floats = np.log(magnitudes(sound) @ _MEL + FLOOR)
    return mel


def mel_distance(made: Floats, real: Floats) -> float:
    """Mean absolute difference of log-mels of sounds of equal length."""
    return float(np.abs(log_mel(made) - log_mel(real)).mean())


def stft_distance(made: Floats, real: Floats) -> float:
    """Multi-resolution STFT distance: mean of log L1 and spectral convergence over SIZES."""
    total = 0.0
    for size in SIZES:
        a, b = magnitudes(made, size, size // 4), magnitudes(real, size, size // 4)
        log = np.abs(np.log(a + FLOOR) - np.log(b + FLOOR)).mean()
        total += float(log + np.linalg.norm(a - b) / (np.linalg.norm(b) + 1e-3))
    return total / len(SIZES)


def envelope(sound: Floats) -> NDArray[np.float64]:
    """RMS over the last 4 ms: longer than a period of what carries the level, short of a rise.

    Returns:
        float64[samples].
    """
    width = int(ENVELOPE_S * SAMPLE_RATE)
    power = np.cumsum(np.pad(sound.astype(np.float64) ** 2, (width, 0)))
    smooth: NDArray[np.float64] = np.sqrt(np.maximum(power[width:] - power[:-width], 0) / width)
    return smooth


def fit_length(sound: Floats, length: int) -> Floats:
    """Cut or pad with silence."""
    return np.pad(sound[:length], (0, max(0, length - len(sound))))


def loudness_db(sound: Floats) -> float:
    """Level of the loudest 20 ms, dB."""
    width = int(0.02 * SAMPLE_RATE)
    power = np.cumsum(np.pad(sound.astype(np.float64) ** 2, (width, width)))
    return 10 * float(np.log10((power[width:] - power[:-width]).max() / width + 1e-12))


def border_click_db(sound: Floats, hop: int) -> float:
    """Roughness at hop borders against elsewhere: mean square second difference, dB; 0 is none."""
    bend = np.diff(sound.astype(np.float64), 2) ** 2
    place = (np.arange(len(bend)) + 1) % hop
    at, off = bend[(place <= 1) | (place == hop - 1)], bend[(place > 8) & (place < hop - 8)]
    return 10 * float(np.log10((at.mean() + 1e-20) / (off.mean() + 1e-20)))

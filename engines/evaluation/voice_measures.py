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

RISE_SHARE: Final = 0.9
RISE_WITHIN_S: Final = 0.060
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


def envelope(sound: Floats) -> Floats:
    """RMS over the last 4 ms: longer than a period of what carries the level, short of a rise."""
    width = int(ENVELOPE_S * SAMPLE_RATE)
    power = np.cumsum(np.pad(sound.astype(np.float64) ** 2, (width, 0)))
    smooth: Floats = np.sqrt(np.maximum(power[width:] - power[:-width], 0) / width)
    return smooth


def attack_error_ms(made: Floats, real: Floats) -> float:
    """How far apart both reach 90 % of their rise, signed (positive = late), milliseconds.

    The rise ends where the real sound's envelope is highest within 60 ms of its onset; both
    start at the sample asked for.
    """
    reach = int(RISE_WITHIN_S * SAMPLE_RATE)
    target, heard = envelope(real[:reach]), envelope(made[:reach])
    end = min(int(np.argmax(target)) + int(0.005 * SAMPLE_RATE), len(target))
    risen = [part[:end] >= RISE_SHARE * part[:end].max() for part in (target, heard)]
    return 1e3 * float(np.argmax(risen[1]) - np.argmax(risen[0])) / SAMPLE_RATE


def rise_ms(real: Floats) -> float:
    """From the start to 90 % of the highest envelope within 60 ms, milliseconds."""
    heard = envelope(real[: int(RISE_WITHIN_S * SAMPLE_RATE)])
    return 1e3 * float(np.argmax(heard >= RISE_SHARE * heard.max())) / SAMPLE_RATE


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

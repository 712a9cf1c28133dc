"""Onsets of a soundtrack: when something sounds, and how loud.

Log-band spectral flux against the loudest of neighbouring bands a little earlier (Böck and Widmer
2013, SuperFlux: vibrato earns nothing), peaks above a local median, then moved to where the energy
rises. Needs NumPy and SciPy only, so that teaching works without torch.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from synchresis.errors import ParameterError

Sound = NDArray[np.float32]
"""float32[samples], mono."""

FRAME: Final = 1024
"""Samples of a spectrum at 48 kHz."""

STEP: Final = 240
"""Samples between spectra at 48 kHz: 5 ms."""

BANDS: Final = 48
"""Log-spaced bands from 60 Hz to 16 kHz."""

LAG: Final = 3
"""Spectra between those compared."""

ENERGY_STEP_S: Final = 0.001
"""Resolution of the energy rise, seconds."""


@dataclass(frozen=True, slots=True)
class OnsetSettings:
    """What counts as an onset.

    Attributes:
        flux: least flux above the local median, in units of the clip's 95 % quantile of flux.
        gap_s: a peak of the flux is the highest within half of it to either side; moved to where
            the energy rises, onsets come no nearer than 0.6 of it.
        level_db: least level relative to the loudest onset, decibels.
        rise_db: least rise of the energy, decibels.
    """

    flux: float = 0.7
    gap_s: float = 0.05
    level_db: float = -18.0
    rise_db: float = 8.0


@dataclass(frozen=True, slots=True)
class Onsets:
    """Onsets in time order.

    Attributes:
        time_s: float64[N], where the energy rises.
        level_db: float64[N], of the 50 ms after, relative to the loudest.
        rise_db: float64[N], above the 30 ms before.
    """

    time_s: NDArray[np.float64]
    level_db: NDArray[np.float64]
    rise_db: NDArray[np.float64]

    @property
    def strength(self) -> NDArray[np.float64]:
        """float64[N], 0..1: level 40 (s − 1) dB relative to the loudest."""
        return np.clip(1.0 + self.level_db / 40.0, 0.0, 1.0)


def find_onsets(sound: Sound, rate: int, settings: OnsetSettings | None = None) -> Onsets:
    """Find the onsets of a mono recording.

    Args:
        sound: float32[samples].
        rate: samples per second, 8000 or more.
        settings: what counts.

    Raises:
        ParameterError: not mono, or of too low a rate.
    """
    if sound.ndim != 1 or rate < 8000:
        raise ParameterError(f"sound {sound.shape} at {rate} Hz must be mono at 8000 Hz or more")
    settings = settings or OnsetSettings()
    nothing = np.zeros(0)
    if len(sound) < rate // 10 or not np.any(sound):
        return Onsets(nothing, nothing, nothing)
    flux, step_s = flux_of(sound, rate)
    energy_db = energy_of(sound, rate)
    coarse = peaks_of(flux, step_s, settings)
    fine = np.array([risen(energy_db, time_s) for time_s in coarse])
    if not len(fine):
        return Onsets(nothing, nothing, nothing)
    fine = np.unique(fine)
    fine = fine[np.diff(fine, prepend=-np.inf) >= 0.6 * settings.gap_s]
    after = np.array([window_max(energy_db, t, t + 0.05) for t in fine])
    before = np.array([window_mean(energy_db, t - 0.03, t - 0.002) for t in fine])
    level, rise = after - after.max(), after - before
    kept = (level >= settings.level_db) & (rise >= settings.rise_db)
    return Onsets(fine[kept], level[kept], rise[kept])


def flux_of(sound: Sound, rate: int) -> tuple[NDArray[np.float64], float]:
    """Spectral flux per step and the step in seconds; entry k belongs to the time k · step."""
    from scipy.ndimage import maximum_filter1d

    frame = max(256, round(FRAME * rate / 48_000))
    step = max(1, round(STEP * rate / 48_000))
    padded = np.pad(sound.astype(np.float64), (frame // 2, frame))
    starts = np.arange(0, len(sound), step)
    window = np.hanning(frame)
    rows = np.stack([padded[k : k + frame] * window for k in starts])
    spectrum = np.abs(np.fft.rfft(rows)) @ band_weights(frame, rate)
    level = np.log10(1.0 + 200.0 * spectrum / (spectrum.max() + 1e-12))
    earlier = maximum_filter1d(level, 3, axis=1)
    rise = np.maximum(0.0, level[LAG:] - earlier[:-LAG]).sum(1)
    return np.concatenate((np.zeros(LAG), rise)), step / rate


def band_weights(frame: int, rate: int) -> NDArray[np.float64]:
    """Triangular log-spaced bands: float64[frame / 2 + 1, BANDS], each of sum 1."""
    top = min(16_000.0, 0.45 * rate)
    centres = np.geomspace(60.0, top, BANDS + 2)
    hertz = np.fft.rfftfreq(frame, 1.0 / rate)[:, None]
    low, middle, high = centres[:-2], centres[1:-1], centres[2:]
    rising = (hertz - low) / np.maximum(middle - low, rate / frame)
    falling = (high - hertz) / np.maximum(high - middle, rate / frame)
    weights = np.clip(np.minimum(rising, falling), 0.0, None)
    return np.asarray(weights / np.maximum(weights.sum(0), 1e-9))


def energy_of(sound: Sound, rate: int) -> NDArray[np.float64]:
    """Energy per millisecond, decibels, of the sound without its lowest rumble."""
    from scipy.signal import butter, sosfilt

    sos = butter(2, 80.0, "highpass", fs=rate, output="sos")
    power = np.square(sosfilt(sos, sound.astype(np.float64)))
    edges = np.round(np.arange(0, len(sound) / rate, ENERGY_STEP_S) * rate).astype(int)
    edges = edges[edges < len(sound)]  # `arange` may go one step too far
    mean = np.add.reduceat(power, edges) / np.diff(edges, append=len(sound)).clip(1)
    smooth = np.convolve(mean, np.ones(3) / 3, "same")
    return np.asarray(10.0 * np.log10(smooth + 1e-10 * max(1e-12, float(mean.max()) * 1e4)))


def peaks_of(
    flux: NDArray[np.float64], step_s: float, settings: OnsetSettings
) -> NDArray[np.float64]:
    """Times of local maxima of the flux above its local median, seconds."""
    from scipy.ndimage import maximum_filter1d, median_filter

    around = max(3, round(0.5 / step_s)) | 1
    reach = max(3, round(settings.gap_s / step_s)) | 1
    unit = float(np.quantile(flux, 0.95)) + 1e-9
    above = flux - median_filter(flux, around)
    top = (flux == maximum_filter1d(flux, reach)) & (above > settings.flux * unit)
    return np.asarray(np.nonzero(top)[0] * step_s)


def risen(energy_db: NDArray[np.float64], time_s: float) -> float:
    """Where the energy rises most steeply near a peak of the flux, seconds."""
    first = max(0, round((time_s - 0.035) / ENERGY_STEP_S))
    last = min(len(energy_db), round((time_s + 0.03) / ENERGY_STEP_S))
    part = energy_db[first:last]
    if len(part) < 8:
        return time_s
    rise = part[4:] - part[:-4]
    steepest = int(rise.argmax())
    foot, head = part[steepest], part[steepest + 4]
    over = np.nonzero(part[steepest : steepest + 5] >= foot + 0.3 * (head - foot))[0]
    return float((first + steepest + int(over[0])) * ENERGY_STEP_S)


def window_max(values: NDArray[np.float64], begin_s: float, end_s: float) -> float:
    """Largest energy of a stretch."""
    return float(values[slice(*bounds(values, begin_s, end_s))].max())


def window_mean(values: NDArray[np.float64], begin_s: float, end_s: float) -> float:
    """Mean energy of a stretch, decibels."""
    return float(values[slice(*bounds(values, begin_s, end_s))].mean())


def bounds(values: NDArray[np.float64], begin_s: float, end_s: float) -> tuple[int, int]:
    """First and end index of a stretch, never empty."""
    first = min(max(0, round(begin_s / ENERGY_STEP_S)), len(values) - 1)
    return first, max(first + 1, min(len(values), round(end_s / ENERGY_STEP_S)))

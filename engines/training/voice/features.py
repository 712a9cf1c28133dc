"""Where embeddings start: what recordings sound like, reduced to a few uncorrelated numbers."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synchresis.engines.timebase import HOP
from synchresis.engines.training.voice.recordings import Recordings
from synchresis.engines.voice.layout import EMBEDDING, TAKE
from synchresis.engines.voice.mel import mel_matrix

Floats = NDArray[np.float32]

_SIZE, _BANDS = 1024, 40
_AT_HOPS = (0, 1, 2, 4, 8, 16, 32, 64, 128)
_ATTACK, _EVERY = 512, 4
_SHAPE_TAKE = 10
_FLOOR = 1e-4


@dataclass(frozen=True)
class Start:
    """First values: palettes float32[P, 32], families (way from the palette), takes [R, 16]."""

    palettes: Floats
    families: Floats
    takes: Floats


def timbre(sound: Floats) -> Floats:
    """Log-mel of some frames after the onset and the log of the length: float32[361]."""
    long = np.zeros(_AT_HOPS[-1] * HOP + _SIZE, np.float32)
    kept = sound[: len(long)]
    long[: len(kept)] = kept
    frames = np.stack([long[HOP * at : HOP * at + _SIZE] for at in _AT_HOPS])
    size = np.abs(np.fft.rfft(frames * np.hanning(_SIZE))) * (4 / _SIZE)
    bands = np.log(size @ mel_matrix(_BANDS, _SIZE) + _FLOOR)
    return np.append(bands.ravel(), 3 * np.log(len(sound))).astype(np.float32)


def attack_shape(sound: Floats) -> Floats:
    """The first 10 ms as a waveform of size 1: float32[128]."""
    start = np.zeros(_ATTACK, np.float32)
    kept = sound[:_ATTACK]
    start[: len(kept)] = kept
    slow = start.reshape(-1, _EVERY).mean(axis=1)
    shape: Floats = slow / (np.linalg.norm(slow) + 1e-6)
    return shape


def principal(rows: Floats, count: int) -> Floats:
    """The first principal components, each scaled by the share of the first: [R, count].

    Fewer rows than components leave zeros.
    """
    centred = rows - rows.mean(axis=0)
    left, size, _ = np.linalg.svd(centred, full_matrices=False)
    components = left[:, :count] * np.sqrt(len(rows))
    # The square root of the share keeps weak components audible to the network.
    found = (components * np.sqrt(size[:count] / (size[0] + 1e-9))).astype(np.float32)
    reduced: Floats = np.pad(found, ((0, 0), (0, count - found.shape[1])))
    return reduced


def start(recordings: Recordings) -> Start:
    """Starting embeddings of all recordings."""
    sounds = [recordings.sound(i) for i in range(len(recordings.files))]
    timbres = np.stack([timbre(sound) for sound in sounds])
    shapes = np.stack([attack_shape(sound) for sound in sounds])
    count = len(recordings.families)
    family_mean = _mean_by(recordings.family, timbres, count)
    own = timbres - family_mean[recordings.family]
    reduced = np.zeros((count, EMBEDDING), np.float32)
    present = np.unique(recordings.family)
    reduced[present] = principal(family_mean[present], EMBEDDING)
    palettes = _mean_by(recordings.palette[present], reduced[present], len(recordings.palettes))
    families = reduced - palettes[recordings.palette]
    families[np.setdiff1d(np.arange(count), present)] = 0.0
    takes = np.concatenate([principal(own, _SHAPE_TAKE), principal(shapes, TAKE - _SHAPE_TAKE)], 1)
    return Start(palettes, families, takes)


def _mean_by(group: NDArray[np.int64], rows: Floats, count: int) -> Floats:
    """Mean of the rows of each group, zeros for empty ones."""
    sums = np.zeros((count, rows.shape[1]))
    np.add.at(sums, group, rows)
    sizes = np.maximum(np.bincount(group, minlength=count), 1)
    means: Floats = (sums / sizes[:, None]).astype(np.float32)
    return means

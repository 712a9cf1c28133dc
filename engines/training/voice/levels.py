"""How loud each recording is to be recalled, so that loudness rises with strength.

Blends of unlike recordings are faint, more so with one draw of noise than with the next, and a
recording comes out louder or fainter than it was. Both are measured on the filled recall: what
blends usually lose stays as it is, so that levels move as little as they can.
"""

from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from synchresis.engines.evaluation.voice_measures import loudness_db
from synchresis.engines.timebase import HOP
from synchresis.engines.training.voice.recordings import DECAY_DB, Recordings
from synchresis.engines.training.voice.tables import SHAPES, TablePlayer, VoiceTables
from synchresis.engines.voice.copying import RISE, copy_mel
from synchresis.engines.voice.layout import TAKE
from synchresis.engines.voice.mel import MELS, mel_matrix

EARLY_HOPS: Final = 28
"""Hops of a recording whose level counts: the first 150 ms, which is where strength is heard."""

HOPS_POOLED, BANDS_POOLED = 4, 4

RISING_DB: Final = 32.0
"""Least rise of a family's level with strength 0 to 1; 40 is asked for. Where recordings far apart
in strength give way to each other within a tenth, what is missing must be less than that tenth."""

ASKED: Final = (0.4, 0.7)
"""Strengths, beside its own, at which a recording of unknown strength is measured: it plays all."""

SHAPE: Final = EARLY_HOPS // HOPS_POOLED * MELS // BANDS_POOLED
"""Numbers of a shape."""

_DRAWS = 16
_TO_DB = 10 / np.log(10.0)
_SEED = 3

Floats = NDArray[np.float64]


def shapes(recordings: Recordings) -> Tensor:
    """Logarithms of power by time and band, of sum 1: float32[R, SHAPE]."""
    bins = 1 / np.square(mel_matrix(MELS, 1024)).sum(0)
    rows = []
    for index in range(len(recordings.length)):
        mel = copy_mel(recordings.sound(index), HOP // 2 + RISE, EARLY_HOPS)
        power = np.exp(2 * mel) * bins
        pooled = power.reshape(EARLY_HOPS // HOPS_POOLED, HOPS_POOLED, -1, BANDS_POOLED)
        rows.append(torch.from_numpy(pooled.sum((1, 3))).flatten().log())
    return torch.log_softmax(torch.stack(rows), dim=1).float()


def usual_loss(player: TablePlayer, strength: Floats) -> Floats:
    """What blends lose that are asked for as each recording was played: float64[R], logarithms.

    The mean over draws of noise; shapes in the player's graph are of sum 1.
    """
    takes = np.random.default_rng(_SEED).standard_normal((_DRAWS, TAKE)).astype(np.float32)
    asked = strength.astype(np.float32)
    lost: Floats = np.mean([player.levels(asked, take) for take in takes], axis=0, dtype=float)
    return lost


def made_levels(player: TablePlayer, recordings: Recordings) -> Floats:
    """Level of each recording as the voice plays it alone, dB at its own strength: float64[R]."""
    strength = recordings.strength.astype(np.float64)
    everything = np.arange(len(strength))
    level = _played(player, everything, strength)
    unknown = np.flatnonzero(~recordings.trusted)
    for asked in ASKED:
        heard = _played(player, unknown, np.full(len(unknown), asked))
        level[unknown] += heard + DECAY_DB * (strength[unknown] - asked)
    level[unknown] /= 1 + len(ASKED)
    return level


def rising(level: Floats, strength: Floats, family: NDArray[np.int64]) -> Floats:
    """Levels in dB nearest to the given ones that rise with strength within each family.

    Recordings of equal strength are equally loud, others rise by RISING_DB times their difference
    in strength at least.
    """
    out = level.copy()
    for number in np.unique(family):
        members = np.flatnonzero(family == number)
        steps, step = np.unique(strength[members], return_inverse=True)
        count = np.bincount(step)
        mean = np.bincount(step, level[members]) / count
        risen = never_falling(mean - RISING_DB * steps, count) + RISING_DB * steps
        out[members] = risen[step]
    return out


def never_falling(values: Floats, weights: NDArray[np.int64]) -> Floats:
    """The nearest values (weighted least squares) that never fall; pools adjacent violators."""
    pools: list[tuple[float, int, int]] = []
    for value, weight in zip(values, weights, strict=True):
        pools.append((float(value), int(weight), 1))
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            (a, m, i), (b, n, j) = pools[-2:]
            pools[-2:] = [((a * m + b * n) / (m + n), m + n, i + j)]
    return np.repeat([pool[0] for pool in pools], [pool[2] for pool in pools])


def level_out(tables: VoiceTables, recordings: Recordings) -> None:
    """Write shapes that even out what blends lose and let levels rise with strength.

    Args:
        tables: of an exported graph; its shapes are replaced.
        recordings: those that it was exported with.
    """
    even = shapes(recordings).numpy()
    tables.write(SHAPES, even)
    player = tables.player()
    strength = recordings.strength.astype(np.float64)
    level = made_levels(player, recordings)
    louder = rising(level, strength, recordings.family) - level
    change = usual_loss(player, strength) + louder / _TO_DB
    tables.write(SHAPES, even - change[:, None])


def _played(player: TablePlayer, rows: NDArray[np.int64], strength: Floats) -> Floats:
    """Loudness of some recordings, each alone, at strengths asked for, dB."""
    if not len(rows):
        return np.zeros(0)
    sound = player.alone(rows, strength.astype(np.float32), EARLY_HOPS + 1, seed=_SEED)
    return np.array([loudness_db(one) for one in sound])

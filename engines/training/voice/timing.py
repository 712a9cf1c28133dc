"""Let every recording rise when its sound usually does, and stand out when it does.

A voice knows palette and strength, not the take that somebody has in mind: it is on time most often
when it rises as the family usually does. So each recording is moved before it is recalled: a faint
noise before the hit is cut, a quick one delayed. How the voice really plays it decides, because
frames whose phases have not settled add up to less than was asked for, and then what comes after is
the loudest: each recording is played alone at several stresses of its attack, and stress and delay
are those with which it is seldom far from the real recordings of its family and palette. What stays
far is recalled more seldom.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from synchresis.engines.evaluation.voice_attacks import (
    RISEN,
    WITHIN_S,
    attack_ms,
    early_levels,
    first_rise,
    reached,
)
from synchresis.engines.timebase import HOP, SAMPLE_RATE
from synchresis.engines.training.voice.recall import KNOTS, interpolation
from synchresis.engines.training.voice.recordings import Recordings, faded_in
from synchresis.engines.training.voice.remember import BEGINS, first_phases, reduce
from synchresis.engines.training.voice.tables import BASIS, CODES, PHASES, VoiceTables
from synchresis.engines.voice.copying import RISE, copy_mel
from synchresis.engines.voice.layout import RARITY
from synchresis.engines.voice.mel import MELS

STRESS_DB: Final = (3.0, 4.0, -0.5, *7 * (-1.0,), -0.5)
"""Raises a hit's first KNOTS, times a recording's stress."""

STRESSES: Final = (0.0, 0.35, 0.7, 1.5, 2.5)
"""Those that are tried for each recording."""

COSTS: Final = 0.05
"""Of a stress of 1, in shares of hits that are far: log-mels are farther off by it."""

HALF_MISSED_MS, UNSURE_MS = 6.5, 0.7
"""An attack so far off counts half as missed; e times less or more odds by so much."""

PER_MS: Final = 0.02
"""Every millisecond counts as so many missed."""

PALETTE: Final = 4.0
"""The other families of its palette count as so many recordings of the family."""

EARLIEST_MS, LATEST_MS = -20.0, 12.0
"""How far a recording is moved."""

RARER: Final = 1.5
"""Logarithm of how many times more seldom a recording comes that is always far, the family's best
never; and e times more seldom for every RARER_MS by which it is moved unlike its family."""

RARER_MS: Final = 8.0
"""Milliseconds of unlike moving that make a recording e times more seldom."""

RAREST: Final = 3.0
"""Logarithm of how many times more seldom at most."""

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]

_STEP_MS = 0.5
_DELAYS = np.arange(EARLIEST_MS, LATEST_MS + _STEP_MS, _STEP_MS)
_TIMES = np.arange(0.0, 1e3 * WITHIN_S, 0.25)
_SEEDS = (0, 1)
_HEARD_HOPS = 14
_MOVED_HOPS = 96
_SAMPLES_PER_MS = SAMPLE_RATE / 1000


@dataclass(frozen=True)
class Kin:
    """The real recordings that one is compared with: indices [n] and their shares [n], sum 1."""

    rows: Rows
    shares: Floats


def retime(tables: VoiceTables, recordings: Recordings) -> Recordings:
    """Move and stress the recordings that a graph recalls, and make odd ones rarer.

    Writes into the tables, once only: a second time would add to what the first one did.

    Args:
        tables: of a graph as it is exported; changed.
        recordings: those that it was exported with.

    Returns:
        The recordings as they were moved.
    """
    kin, before = kindred(recordings), _corrections(tables)
    attacks = Attacks(recordings)
    shift = attacks.usual_shifts(kin)
    put_moved(tables, recordings, before, shift)
    trials = []
    for stress in STRESSES:
        put_stress(tables, np.full(len(shift), stress))
        trials.append(attacks.best_delays(_played(tables, recordings), kin))
    lost = np.array([part for _, part in trials]) + COSTS * np.array(STRESSES)[:, None]
    best = lost.argmin(axis=0)
    delay = np.array([part for part, _ in trials])[best, np.arange(len(best))]
    put_stress(tables, np.array(STRESSES)[best])
    shift = _bounded(shift + delay * _SAMPLES_PER_MS, recordings.length)
    put_moved(tables, recordings, before, shift)
    delay, _ = attacks.best_delays(_played(tables, recordings), kin)
    shift = _bounded(shift + delay * _SAMPLES_PER_MS, recordings.length)
    put_moved(tables, recordings, before, shift)
    missing = attacks.missing(_played(tables, recordings), kin)
    rarer = rarity(missing, shift / _SAMPLES_PER_MS, recordings.family)
    tables.write(RARITY, tables.read(RARITY) + rarer)
    return moved(recordings, shift)


def kindred(recordings: Recordings) -> list[Kin]:
    """Of each recording: those of its family alike, and other families of its palette."""
    family, palette = recordings.family, recordings.palette[recordings.family]
    size = np.bincount(family, minlength=len(recordings.families))
    found = {}
    for number in np.unique(family):
        own = np.flatnonzero(family == number)
        others = np.flatnonzero((palette == palette[own[0]]) & (family != number))
        share = 1.0 / size[family[others]]
        share *= PALETTE / max(share.sum(), 1e-30)
        shares = np.concatenate([np.ones(len(own)), share])
        found[number] = Kin(np.concatenate([own, others]), shares / shares.sum())
    return [found[number] for number in family]


def rarity(lost: Floats, moved_ms: Floats, family: Rows) -> NDArray[np.float32]:
    """How many times more seldom each recording is to come, logarithm: float32[R], from 0 on.

    Args:
        lost: float64[R], share of hits that it misses.
        moved_ms: float64[R], by how much it was delayed.
        family: int64[R].
    """
    out = np.zeros(len(lost))
    for number in np.unique(family):
        own = family == number
        unlike = np.abs(moved_ms[own] - np.median(moved_ms[own]))
        out[own] = RARER * (lost[own] - lost[own].min()) + unlike / RARER_MS
    return np.minimum(out, RAREST).astype(np.float32)


class Attacks:
    """When the real recordings come to 90 % of their first rise, and how loud that is."""

    def __init__(self, recordings: Recordings) -> None:
        self._recordings = recordings
        heard = [early_levels(recordings.sound(i)) for i in range(len(recordings.length))]
        levels = [RISEN * first_rise(one) for one in heard]
        pairs = list(zip(heard, levels, strict=True))
        self._share = np.array([level / max(one.max(), 1e-30) for one, level in pairs])
        self._time = np.array([reached(one, level) for one, level in pairs]) / _SAMPLES_PER_MS

    def usual_shifts(self, kin: list[Kin]) -> Rows:
        """Samples by which each recording is to be delayed to rise when its kin usually do.

        Args:
            kin: of each recording, as `kindred` gives them.

        Returns:
            int64[R], negative where its beginning is to be cut.
        """
        usual: dict[int, float] = {}
        shifts = np.zeros(len(kin), np.int64)
        for index, one in enumerate(kin):
            family = int(self._recordings.family[index])
            if family not in usual:
                late = _TIMES[:, None] - self._time[one.rows]
                usual[family] = float(_TIMES[(missed(late) @ one.shares).argmin()])
            shifts[index] = self._shift_to(index, usual[family])
        return shifts

    def best_delays(
        self, draws: list[NDArray[np.float32]], kin: list[Kin]
    ) -> tuple[Floats, Floats]:
        """Delay of each made hit and the share of its kin that it then misses.

        Args:
            draws: each float32[R, n], every recording as it is played.
            kin: of each recording.

        Returns:
            float64[R] in ms, and float64[R].
        """
        delay, share = np.zeros(len(kin)), np.zeros(len(kin))
        for index, one in enumerate(kin):
            late = np.stack([self._late(draw[index], one.rows) for draw in draws])
            lost = (missed(late + _DELAYS[:, None, None]) @ one.shares).mean(axis=1)
            best = int(lost.argmin())
            delay[index], share[index] = _DELAYS[best], lost[best]
        return delay, share

    def missing(self, draws: list[NDArray[np.float32]], kin: list[Kin]) -> Floats:
        """Share of its kin that each made hit misses as it is played: float64[R]; as above."""
        share = np.zeros(len(kin))
        for index, one in enumerate(kin):
            late = np.stack([self._late(draw[index], one.rows) for draw in draws])
            share[index] = (missed(late) @ one.shares).mean()
        return share

    def _late(self, sound: NDArray[np.float32], rows: Rows) -> Floats:
        """How late a made hit comes to where real ones have risen, ms, as `attack_error_ms`."""
        risen = np.maximum.accumulate(early_levels(sound))
        there = np.searchsorted(risen / max(risen[-1], 1e-30), self._share[rows])
        late: Floats = there / _SAMPLES_PER_MS - self._time[rows]
        return late

    def _shift_to(self, index: int, usual_ms: float) -> int:
        """Delay in samples with which a recording rises nearest to a time."""
        sound = self._recordings.sound(index)[: 2 * HOP + int(0.1 * SAMPLE_RATE)]
        early = usual_ms < self._time[index]
        tried = _DELAYS[_DELAYS <= 0] if early else _DELAYS[_DELAYS >= 0]
        shifts = [round(ms * _SAMPLES_PER_MS) for ms in tried]
        shifts = [shift for shift in shifts if -shift < len(sound) // 2]
        # Less moving is better where that rises as nearly.
        cost = [
            abs(attack_ms(delayed(sound, shift)) - usual_ms) + 0.02 * abs(shift) / _SAMPLES_PER_MS
            for shift in shifts
        ]
        return shifts[int(np.argmin(cost))]


def missed(late_ms: Floats) -> Floats:
    """How much an attack so late counts as missed: about 0 when near, 1 and more when far.

    Args:
        late_ms: of any shape; negative is early.

    Returns:
        float64 of the same shape.
    """
    off = np.abs(late_ms)
    lost: Floats = 1 / (1 + np.exp((HALF_MISSED_MS - off) / UNSURE_MS)) + PER_MS * off
    return lost


def delayed(sound: NDArray[np.float32], samples: int) -> NDArray[np.float32]:
    """A sound later, or without its first samples and faded in within a millisecond.

    Args:
        sound: float32[N].
        samples: of delay; negative cuts, at most N.

    Returns:
        float32[N + samples].
    """
    if samples >= 0:
        return np.concatenate([np.zeros(samples, np.float32), sound])
    return faded_in(sound[-samples:])


def moved(recordings: Recordings, shift: Rows) -> Recordings:
    """The recordings delayed by so many samples each: int64[R]."""
    sounds = [delayed(recordings.sound(i), int(s)) for i, s in enumerate(shift)]
    length = np.array([len(sound) for sound in sounds])
    offset = np.concatenate([[0], np.cumsum(length)[:-1]])
    return replace(recordings, samples=np.concatenate(sounds), offset=offset, length=length)


def put_moved(
    tables: VoiceTables, recordings: Recordings, before: NDArray[np.float32], shift: Rows
) -> None:
    """Write codes, basis and phases of recordings delayed by so many samples each: int64[R].

    `before` are the corrections of the recordings as they are: float32[R, knots, 80]. The last
    component gives way to the stress: `put_stress` has to have followed before anything is played.
    """
    later = moved(recordings, shift)
    codes, rows = tables.read(CODES), _basis(tables)
    count = codes.shape[1] - 2
    missing = torch.from_numpy(before + _changes(recordings, later, shift))
    found, basis = reduce(missing, count)
    codes[:, :count], rows[..., :count] = found.numpy(), basis.numpy()
    gain = np.zeros(len(KNOTS))
    gain[: len(STRESS_DB)] = np.array(STRESS_DB) * (np.log(10.0) / 20)
    rows[..., count] = gain[:, None]
    tables.write(CODES, codes)
    tables.write(BASIS, rows.reshape(len(KNOTS), -1))
    tables.write(PHASES, first_phases(later).numpy())


def put_stress(tables: VoiceTables, stress: Floats) -> None:
    """Write by how many times STRESS_DB each recording is raised: float64[R]."""
    codes = tables.read(CODES)
    codes[:, -2] = stress
    tables.write(CODES, codes)


def _basis(tables: VoiceTables) -> NDArray[np.float32]:
    rows: NDArray[np.float32] = tables.read(BASIS).reshape(len(KNOTS), MELS, -1)
    return rows


def _corrections(tables: VoiceTables) -> NDArray[np.float32]:
    """Correction of every recording's log-mel, but for its level: float32[R, knots, 80]."""
    codes, rows = tables.read(CODES), _basis(tables)
    found: NDArray[np.float32] = np.einsum("kbc,rc->rkb", rows[..., :-1], codes[:, :-1])
    return found


def _changes(recordings: Recordings, later: Recordings, shift: Rows) -> NDArray[np.float32]:
    """By how much moving changes the log-mels at KNOTS: float32[R, knots, 80]."""
    changes = np.zeros((len(shift), len(KNOTS), MELS), np.float32)
    to_knots = torch.linalg.pinv(interpolation(_MOVED_HOPS)).numpy()
    reached_knots = np.array(KNOTS) < _MOVED_HOPS - 1
    for row in np.flatnonzero(shift):
        old, new = (_early_mel(part.sound(int(row))) for part in (recordings, later))
        changes[row] = (to_knots @ (new - old)) * reached_knots[:, None]
    return changes


def _early_mel(sound: NDArray[np.float32]) -> Floats:
    """Log-mel of a hit's first hops, begun at several places in the hop: [_MOVED_HOPS, 80]."""
    mels = [copy_mel(sound, begin + RISE, _MOVED_HOPS) for begin in BEGINS]
    mean: Floats = np.mean(mels, axis=0, dtype=float)
    return mean


def _played(tables: VoiceTables, recordings: Recordings) -> list[NDArray[np.float32]]:
    """Every recording played alone, several draws of noise and place: each float32[R, n]."""
    player, rows = tables.player(), np.arange(len(tables))
    draws = []
    for seed in _SEEDS:
        begin = np.random.default_rng(seed).integers(0, HOP, len(rows))
        noise = 10_000 * (seed + 1)
        strength = recordings.strength
        draws.append(player.alone(rows, strength, _HEARD_HOPS, begin=begin, seed=noise))
    return draws


def _bounded(shift: Floats, length: Rows) -> Rows:
    """Whole samples within bounds; half of a short recording stays."""
    lowest, highest = (
        np.maximum(EARLIEST_MS * _SAMPLES_PER_MS, -(length // 2)),
        LATEST_MS * _SAMPLES_PER_MS,
    )
    return np.clip(np.round(shift), lowest, highest).astype(np.int64)

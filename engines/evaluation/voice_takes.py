"""How far apart real takes of one sound rise: what nothing told palette and strength can know."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from synchresis.engines.evaluation.voice_attacks import (
    FAR_MS,
    attack_error_ms,
    errors_ms,
    spread_ms,
)
from synchresis.engines.evaluation.voice_measures import fit_length
from synchresis.engines.timebase import HOP
from synchresis.engines.training.voice.recordings import Recordings

if TYPE_CHECKING:
    from synchresis.engines.evaluation.voice import Target

LIKE_STRENGTH: Final = 0.1
"""Recordings no further apart in strength count as equally hard."""

NEAREST: Final = 8
"""Takes that a hit is compared with, at most."""

WITHOUT_LIKE: Final = 2
"""Takes that it is compared with where none is as hard."""

HEARD: Final = 12 * HOP
"""Samples of a recording that attacks are read off."""

RESAMPLED: Final = 1000

Floats = NDArray[np.float32]
Shares = NDArray[np.float64]


def takes_apart(train: Recordings) -> dict[str, dict[str, float]]:
    """Errors between training recordings of one family as hard as each other.

    Returns:
        For all pairs, and for those alone whose strengths the recordings' levels tell: elsewhere
        all takes of a family count as equally hard, and need not be.
    """
    pairs = _pairs(train)
    rows = [errors_ms(_heard(train, other), _heard(train, index)) for index, other in pairs]
    known = [row for row, pair in zip(rows, pairs, strict=True) if train.trusted[[*pair]].all()]
    parts = {"all": rows, "known_strength": known}
    return {name: {"pairs": len(part), **spread_ms(part)} for name, part in parts.items()}


def far_shares(
    train: Recordings, wanted: Sequence["Target"], draws: Sequence[Sequence[Floats]]
) -> dict[str, float]:
    """Attack errors beyond FAR_MS on families the voice knows, real takes beside made hits.

    Each held-out hit is compared with the hits made for it, and with training takes of its family
    that are as hard. Bounds of the difference: 95 % of draws of held-out hits.

    Args:
        train: recordings the voice learned from.
        wanted: held-out hits.
        draws: the hits made for them, several times over: other noise, another place in the hop.
    """
    known = [i for i, target in enumerate(wanted) if target.kind != "family"]
    made = np.array([_far_share([draw[i] for draw in draws], wanted[i].sound) for i in known])
    real = np.array([_far_share(_takes_like(train, wanted[i]), wanted[i].sound) for i in known])
    lowest, highest = _bounds(made - real)
    return {
        "hits": len(known),
        "draws": len(draws),
        "real_takes": float(real.mean()),
        "made": float(made.mean()),
        "made_less_real": float((made - real).mean()),
        "made_less_real_lowest": lowest,
        "made_less_real_highest": highest,
    }


def _pairs(train: Recordings) -> list[tuple[int, int]]:
    """Each recording with the next one of its family that is as hard."""
    found = []
    for index in range(len(train.files)):
        gap = np.abs(train.strength - train.strength[index])
        near = (train.family == train.family[index]) & (gap < LIKE_STRENGTH)
        others = np.flatnonzero(near)
        others = others[others > index]
        if len(others):
            found.append((index, int(others[0])))
    return found


def _takes_like(train: Recordings, target: "Target") -> list[Floats]:
    """Training takes of a hit's family nearest in strength: all that are as hard, else some."""
    members = np.flatnonzero(train.family == train.families.index(target.family))
    gap = np.abs(train.strength[members] - target.strength)
    order = np.argsort(gap, kind="stable")[:NEAREST]
    alike = int((gap[order] < LIKE_STRENGTH).sum())
    return [_heard(train, int(index)) for index in members[order[: alike or WITHOUT_LIKE]]]


def _far_share(sounds: Sequence[Floats], real: Floats) -> float:
    """Share of sounds whose attack is far from a real one."""
    return float(np.mean([abs(attack_error_ms(sound, real)) > FAR_MS for sound in sounds]))


def _bounds(difference: Shares) -> tuple[float, float]:
    """Middle 95 % of the mean over draws with replacement."""
    rng = np.random.default_rng(0)
    drawn = rng.integers(0, len(difference), (RESAMPLED, len(difference)))
    lowest, highest = np.percentile(difference[drawn].mean(axis=1), [2.5, 97.5])
    return float(lowest), float(highest)


def _heard(train: Recordings, index: int) -> Floats:
    return fit_length(train.sound(index), HEARD)

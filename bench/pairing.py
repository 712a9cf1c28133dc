"""Pairing: which sound answers which contact, and by how much it came after."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Pairing:
    """Contacts and the sounds that answer them, one to one.

    Attributes:
        differences_ms: float64[P], sound − contact of every pair, in the order of the contacts.
        contacts: float64[P], the contacts that were answered, seconds.
        missed: contacts without a sound.
        extra: sounds without a contact.
    """

    differences_ms: NDArray[np.float64]
    contacts: NDArray[np.float64]
    missed: int
    extra: int


def pair_onsets(
    contacts: Sequence[float], sounds: Sequence[float], *, window_s: float = 0.2
) -> Pairing:
    """Pair contacts with sounds, the closest pairs first, each at most once.

    Args:
        contacts: true times, seconds, rising.
        sounds: times heard, seconds, on the same clock.
        window_s: farther apart than this is no answer.
    """
    found = sorted(
        (abs(sound - contact), i, j)
        for i, contact in enumerate(contacts)
        for j, sound in enumerate(sounds)
        if abs(sound - contact) <= window_s
    )
    answer: dict[int, int] = {}
    taken: set[int] = set()
    for _, i, j in found:
        if i not in answer and j not in taken:
            answer[i] = j
            taken.add(j)
    order = sorted(answer)
    return Pairing(
        np.array([1e3 * (sounds[answer[i]] - contacts[i]) for i in order], np.float64),
        np.array([contacts[i] for i in order], np.float64),
        len(contacts) - len(order),
        len(sounds) - len(taken),
    )


def phase_unevenness(contacts: Sequence[float], fps: float) -> float:
    """How far the contacts' phases in the frame interval are from evenly spread, 0 to 1.

    Greatest distance between their distribution and the even one (Kolmogorov).
    """
    phases = np.sort(np.mod(np.asarray(contacts, np.float64) * fps, 1.0))
    count = len(phases)
    if count == 0:
        return 1.0
    steps = np.arange(count)
    return float(max((phases - steps / count).max(), ((steps + 1) / count - phases).max()))

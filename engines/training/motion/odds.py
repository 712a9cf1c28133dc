"""How often each family of scenes is trained on."""

from collections.abc import Sequence
from typing import Final

from synchresis.engines.scenes.families import train_families

ODDS: Final = {
    "stick": 3.0,
    "hammer": 2.0,
    "hand": 2.0,
    "drums": 2.0,
    "hand_drums": 2.5,
    "ball": 1.5,
    "clap": 1.5,
    "knock": 1.5,
    "mime": 2.5,
    "gesturing": 1.5,
    "firework": 0.5,
    "gun": 0.7,
    "pluck": 0.7,
    "roll": 0.7,
    "saw": 0.7,
    "splash": 0.7,
}
"""Odds that are not 1: visible contact and its silent look-alikes come more often."""


def family_odds(names: Sequence[str] = ()) -> tuple[tuple[str, ...], tuple[float, ...]]:
    """Families to train on, all training families by default, and their odds."""
    chosen = tuple(names) or train_families()
    return chosen, tuple(ODDS.get(name, 1.0) for name in chosen)

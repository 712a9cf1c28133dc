"""Families of scenes: each is a function that plays one kind of action on a `Play`."""

from collections.abc import Callable
from typing import Final

from synchresis.engines.scenes.families import (
    air,
    balls,
    feet,
    fingers,
    held_back,
    held_back_later,
    held_back_silent,
    puppets,
    restless,
    rubs,
    silent,
    strikes,
    things,
)
from synchresis.engines.scenes.play import Play
from synchresis.errors import ParameterError

Family = Callable[[Play], None]

_TRAIN: Final[dict[str, Family]] = {
    **balls.FAMILIES,
    **strikes.FAMILIES,
    **fingers.FAMILIES,
    **feet.FAMILIES,
    **things.FAMILIES,
    **rubs.FAMILIES,
    **silent.FAMILIES,
    **air.FAMILIES,
    **restless.FAMILIES,
    **puppets.FAMILIES,
    **puppets.SILENT,
}
_EVALUATE: Final[dict[str, Family]] = {
    **held_back.FAMILIES,
    **held_back_silent.FAMILIES,
    **held_back_later.FAMILIES,
}

_ODDS: Final[dict[str, float]] = {
    "stick": 2.5, "hand": 2.5, "drums": 2.0, "hammer": 1.5, "hand_drums": 1.5, "mime": 2.0,
    "gesturing": 1.5, "scenery": 1.2, "ball": 1.2, "cushion": 1.2, "clap": 1.2, "face": 0.8,
    "lights": 0.8, "still": 0.6, "tapping": 0.8, "typing": 0.8, "pluck": 0.8, "shaker": 0.6,
    "stomp": 0.8, "jump": 0.5, "lid": 0.8, "paddle": 0.7, "racket": 0.6, "scrape": 0.7, "saw": 0.5,
    "roll": 0.5, "tear": 0.5, "splash": 0.6, "firework": 0.4, "gun": 0.5,
    "flag": 0.7, "washing": 0.7, "reeds": 0.7, "water": 0.7, "machine": 0.8,
}  # fmt: skip
"""Odds that are not 1: what a webcam sees most comes most; four in ten are of silent families."""


def train_families() -> tuple[str, ...]:
    """Names of the families motion engines may be trained on."""
    return tuple(_TRAIN)


def silent_families() -> tuple[str, ...]:
    """Names of the training families in which nothing sounds."""
    return (*silent.FAMILIES, *air.FAMILIES, *restless.FAMILIES, *puppets.SILENT)


def train_odds() -> tuple[float, ...]:
    """How often each training family is drawn, in the order of `train_families()`, any scale."""
    return tuple(_ODDS.get(name, 1.0) for name in _TRAIN)


def evaluation_families() -> tuple[str, ...]:
    """Names of the families no engine is trained on."""
    return tuple(_EVALUATE)


def family(name: str) -> Family:
    """The family called `name`; ParameterError names the known ones."""
    found = _TRAIN.get(name) or _EVALUATE.get(name)
    if found is None:
        known = ", ".join(sorted({**_TRAIN, **_EVALUATE}))
        raise ParameterError(f"scene={name!r} is unknown; choose one of: {known}")
    return found

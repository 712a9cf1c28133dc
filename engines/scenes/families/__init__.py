"""Families of scenes: each is a function that plays one kind of action on a `Play`."""

from collections.abc import Callable
from typing import Final

from synchresis.engines.scenes.families import (
    balls,
    feet,
    fingers,
    held_back,
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
}
_EVALUATE: Final[dict[str, Family]] = dict(held_back.FAMILIES)


def train_families() -> tuple[str, ...]:
    """Names of the families motion engines may be trained on."""
    return tuple(_TRAIN)


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

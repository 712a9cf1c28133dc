"""Feed: worlds simulated by worker processes, ahead of training."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from synchresis.engines.scenes.families import silent_families, train_families, train_odds
from synchresis.engines.scenes.world import SimSettings, World, simulate
from synchresis.engines.training.motion.workers import Workers
from synchresis.errors import ParameterError

TRAIN_SEED: Final = 1_000_000
"""Training worlds have seeds from here on."""

VALIDATION_SEED: Final = 500_000
"""Validation worlds have seeds from here to TRAIN_SEED."""

AHEAD: Final = 4
"""Groups of worlds kept ready per worker."""


def world_feed(
    settings: SimSettings, *, workers: int, group: int = 8, first_seed: int = TRAIN_SEED
) -> Workers[list[World]]:
    """Worker processes that simulate worlds with ever new seeds.

    Args:
        settings: what is simulated.
        workers: processes.
        group: worlds that are taken at once.
        first_seed: of this run; resumed runs continue with others.
    """
    arguments = [(settings, group, first_seed + k, workers) for k in range(workers)]
    return Workers(worlds, arguments, ahead=AHEAD * workers)


def worlds(settings: SimSettings, group: int, first: int, step: int) -> Iterator[list[World]]:
    """Groups of worlds for ever, of every `step`-th seed from the first on."""
    seeds = itertools.count(first, step)
    while True:
        yield [simulate(next(seeds), settings) for _ in range(group)]


def usual_odds(families: Sequence[str]) -> tuple[float, ...]:
    """How often each of some families is drawn in training, any scale; evaluation families as 1."""
    usual = dict(zip(train_families(), train_odds(), strict=True))
    return tuple(usual.get(name, 1.0) for name in families)


def with_shares(
    settings: SimSettings, silence: float | None, families: Sequence[tuple[str, float]] = ()
) -> SimSettings:
    """The same worlds, given shares of them silent and of some families; the rest as usual.

    Args:
        settings: families to draw from; their weights do not count.
        silence: share of silent worlds, 0 to 1, those of `families` among them; None for as many
            among the rest as usual.
        families: names and the share of worlds that are of each.

    Raises:
        ParameterError: a share is none, they do not fit together, a family is unknown or named
            twice, or there are not both silent and sounding families.
    """
    if silence is None and not families:
        return settings
    names, given = settings.families or train_families(), dict(families)
    for name, share in (("silence_share", silence or 0.0), *given.items()):
        if not 0.0 <= share <= 1.0:
            raise ParameterError(f"{name}={share} is no share: give 0 to 1")
    if strange := sorted(set(given) - set(names)):
        raise ParameterError(f"family_shares={strange}: not among the families to learn from")
    named = [name for name, _ in families]
    if twice := sorted({name for name in named if named.count(name) > 1}):
        raise ParameterError(f"family_shares={twice}: named twice; give one share")
    odds = np.array(usual_odds(names))
    own, silent = np.isin(names, list(given)), np.isin(names, silent_families())
    odds[own] = [given[name] for name in names if name in given]
    everything = np.ones(len(names), bool)
    kinds = [(everything, 1.0)] if silence is None else [(silent, silence), (~silent, 1 - silence)]
    for kind, share in kinds:
        left, rest = share - odds[kind & own].sum(), kind & ~own
        if left < -1e-9 or (left > 1e-9 and not rest.any()):
            raise ParameterError(
                f"silence_share={silence}, family_shares={given}: {left:.2f} is left for "
                f"{rest.sum()} other families; there must be silent and sounding ones for it"
            )
        odds[rest] *= max(left, 0.0) / max(odds[rest].sum(), 1e-9)
    return replace(settings, families=names, weights=tuple(odds.tolist()))


def worlds_to_draw(
    frames: int,
    families: tuple[str, ...],
    silence: float | None,
    shares: Sequence[tuple[str, float]],
) -> tuple[SimSettings, SimSettings]:
    """What held-out sequences are drawn from, as usual, and those learned from (`with_shares`)."""
    usual = SimSettings(frames=frames, families=families, weights=usual_odds(families))
    return usual, with_shares(usual, silence, shares)


def validation_worlds(count: int, settings: SimSettings) -> list[World]:
    """Held-out worlds of the training families, the same every time."""
    return [simulate(VALIDATION_SEED + k, settings) for k in range(count)]

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


def with_silence(settings: SimSettings, share: float | None) -> SimSettings:
    """The same worlds, a share of them of silent training families; within both kinds as usual.

    Args:
        settings: families to draw from; their weights do not count.
        share: of silent worlds, 0 to 1; None changes nothing.

    Raises:
        ParameterError: the share is none, or there are not families of both kinds.
    """
    if share is None:
        return settings
    if not 0.0 <= share <= 1.0:
        raise ParameterError(f"silence_share={share} is no share: give 0 to 1")
    names = settings.families or train_families()
    odds = np.array(usual_odds(names))
    silent = np.isin(names, silent_families())
    if silent.all() or not silent.any():
        raise ParameterError(f"silence_share={share}: families must be silent and sounding ones")
    odds[silent] *= share / odds[silent].sum()
    odds[~silent] *= (1.0 - share) / odds[~silent].sum()
    return replace(settings, families=names, weights=tuple(odds.tolist()))


def validation_worlds(count: int, settings: SimSettings) -> list[World]:
    """Held-out worlds of the training families, the same every time."""
    return [simulate(VALIDATION_SEED + k, settings) for k in range(count)]

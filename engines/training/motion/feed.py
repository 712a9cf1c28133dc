"""Feed: worlds simulated by worker processes, ahead of training."""

import itertools
from collections.abc import Iterator, Sequence
from typing import Final

from synchresis.engines.scenes.families import train_families, train_odds
from synchresis.engines.scenes.world import SimSettings, World, simulate
from synchresis.engines.training.motion.workers import Workers

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


def validation_worlds(count: int, settings: SimSettings) -> list[World]:
    """Held-out worlds of the training families, the same every time."""
    return [simulate(VALIDATION_SEED + k, settings) for k in range(count)]

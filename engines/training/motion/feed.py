"""Feed: worlds simulated by worker processes, ahead of training."""

import multiprocessing
import os
import queue
from collections.abc import Sequence
from multiprocessing.queues import Queue
from typing import Final

from synchresis.engines.scenes.families import train_families, train_odds
from synchresis.engines.scenes.world import SimSettings, World, simulate

TRAIN_SEED: Final = 1_000_000
"""Training worlds have seeds from here on."""

VALIDATION_SEED: Final = 500_000
"""Validation worlds have seeds from here to TRAIN_SEED."""

AHEAD: Final = 4
"""Groups of worlds kept ready per worker."""

THREAD_SETTINGS: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""Variables that keep a worker on one core."""


class WorldFeed:
    """Worker processes that simulate worlds with ever new seeds.

    Args:
        settings: what is simulated.
        workers: processes.
        group: worlds per message.
        first_seed: of this run; resumed runs continue with others.
    """

    def __init__(
        self, settings: SimSettings, *, workers: int, group: int = 8, first_seed: int = TRAIN_SEED
    ) -> None:
        context = multiprocessing.get_context("spawn")
        self._ready: Queue[list[World]] = context.Queue(maxsize=AHEAD * workers)
        for name in THREAD_SETTINGS:
            os.environ.setdefault(name, "1")
        self._processes = [
            context.Process(
                target=work,
                args=(self._ready, settings, group, range(first_seed + k, 1 << 60, workers)),
                daemon=True,
            )
            for k in range(workers)
        ]
        for process in self._processes:
            process.start()

    def take(self, *, wait_s: float | None = None) -> list[World] | None:
        """A group of worlds; None if none is ready within `wait_s` (0 by default)."""
        try:
            return self._ready.get(timeout=wait_s) if wait_s else self._ready.get_nowait()
        except queue.Empty:
            return None

    def alive(self) -> int:
        """Workers still running."""
        return sum(process.is_alive() for process in self._processes)

    def close(self) -> None:
        """Stop the workers."""
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            process.join(timeout=5)


def work(ready: "Queue[list[World]]", settings: SimSettings, group: int, seeds: range) -> None:
    """Body of a worker: groups of worlds for ever."""
    steps = iter(seeds)
    while True:
        ready.put([simulate(next(steps), settings) for _ in range(group)])


def usual_odds(families: Sequence[str]) -> tuple[float, ...]:
    """How often each of some families is drawn in training, any scale; evaluation families as 1."""
    usual = dict(zip(train_families(), train_odds(), strict=True))
    return tuple(usual.get(name, 1.0) for name in families)


def validation_worlds(count: int, settings: SimSettings) -> list[World]:
    """Held-out worlds of the training families, the same every time."""
    return [simulate(VALIDATION_SEED + k, settings) for k in range(count)]

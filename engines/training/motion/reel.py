"""Reel: a ring of shot sequences on the training device, so that every one is seen a few times."""

from dataclasses import fields
from typing import Generic

import torch

from synchresis.engines.training.motion.batch import B


class Reel(Generic[B]):
    """Ring buffer of sequences; new ones push out the oldest.

    Args:
        capacity: sequences it holds.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.size = 0
        self.added = 0
        self._store: B | None = None

    def add(self, batch: B) -> None:
        """Put sequences in."""
        count = len(batch.captured_s)
        if self._store is None:
            self._store = type(batch)(
                **{
                    f.name: torch.zeros(
                        (self.capacity, *getattr(batch, f.name).shape[1:]),
                        dtype=getattr(batch, f.name).dtype,
                        device=getattr(batch, f.name).device,
                    )
                    for f in fields(batch)
                }
            )
        place = (torch.arange(count) + self.added).remainder(self.capacity)
        for f in fields(batch):
            store = getattr(self._store, f.name)
            store[place.to(store.device)] = getattr(batch, f.name)
        self.added += count
        self.size = min(self.capacity, self.size + count)

    def draw(self, count: int, generator: torch.Generator) -> B:
        """Sequences at random, without repetition; needs at least `count` inside."""
        assert self._store is not None and self.size >= count
        device = self._store.captured_s.device
        index = torch.randperm(self.size, generator=generator, device=device)[:count]
        return self._store.take(index)

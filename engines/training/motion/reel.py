"""Reel: a ring of shot sequences on the training device, so that every one is seen a few times."""

from dataclasses import fields

import torch

from synchresis.engines.training.motion.batch import Batch


class Reel:
    """Ring buffer of sequences; new ones push out the oldest.

    Args:
        capacity: sequences it holds.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.size = 0
        self.added = 0
        self._store: Batch | None = None

    def add(self, batch: Batch) -> None:
        """Put sequences in."""
        B = len(batch.pixels)
        if self._store is None:
            self._store = Batch(
                **{
                    f.name: torch.zeros(
                        (self.capacity, *getattr(batch, f.name).shape[1:]),
                        dtype=getattr(batch, f.name).dtype,
                        device=getattr(batch, f.name).device,
                    )
                    for f in fields(batch)
                }
            )
        place = (torch.arange(B) + self.added).remainder(self.capacity)
        for f in fields(batch):
            store = getattr(self._store, f.name)
            store[place.to(store.device)] = getattr(batch, f.name)
        self.added += B
        self.size = min(self.capacity, self.size + B)

    def draw(self, count: int, generator: torch.Generator) -> Batch:
        """Sequences at random, without repetition; needs at least `count` inside."""
        assert self._store is not None and self.size >= count
        device = self._store.pixels.device
        index = torch.randperm(self.size, generator=generator, device=device)[:count]
        return self._store.take(index)

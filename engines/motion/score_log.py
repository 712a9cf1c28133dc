"""ScoreLog: the scores of a live stream for a while, written by its parser, read by others."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from synchresis.engines.motion.parser import GAP_NS
from synchresis.engines.motion.picker import ZoneState
from synchresis.engines.timebase import NS_PER_S

CAPACITY: Final = 16_384
"""Frames kept at most: 68 s at 240 frames per second. Later ones are not."""


class ScoreLog:
    """Keeps the score of every zone in every frame; all memory is taken beforehand.

    Args:
        zones: how many there are.
    """

    def __init__(self, zones: int) -> None:
        self._captured_ns = np.zeros(CAPACITY, np.int64)
        self._scores = np.zeros((CAPACITY, zones), np.float64)
        self._count = 0
        self._looked_ns = 0

    def add(self, captured_ns: int, zones: Sequence[ZoneState]) -> None:
        """Keep the scores of a frame; one that is not newer than the last is left out."""
        count = self._count
        if count == CAPACITY:
            return
        if count:
            step = captured_ns - int(self._captured_ns[count - 1])
            if step <= 0:
                return
            self._looked_ns += step if step <= GAP_NS else 0
        self._captured_ns[count] = captured_ns
        for index, zone in enumerate(zones):
            self._scores[count, index] = zone.score
        self._count = count + 1  # last: whoever reads sees whole rows only

    @property
    def full(self) -> bool:
        """Whether no more is kept."""
        return self._count == CAPACITY

    @property
    def seconds(self) -> float:
        """How long was looked, gaps left out."""
        return self._looked_ns / NS_PER_S

    def rows(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Capture times, float64[T], rising, seconds, and scores, float64[T, zones], 0..1."""
        count = self._count  # once: frames may come in between
        return self._captured_ns[:count] / NS_PER_S, self._scores[:count].copy()

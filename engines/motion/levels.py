"""Levels: friction, burst and the centre of motion of each zone, from the engine's maps."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from synchresis.engines.gesture import Levels
from synchresis.engines.motion.picker import Grid, zone_mask
from synchresis.engines.zone import Zone

FLOOR: Final = 0.15
"""Levels below this are silence, so that doubt is not heard."""

MOVING: Final = 0.02
"""Sounding motion, picture widths per second per cell at its best, below which nothing moves."""

BEST_CELLS: Final = 8
"""Cells whose mean is a zone's level, fewer where a zone has not so many."""


@dataclass(slots=True)
class LevelState:
    """Last centre of motion per zone: float64[Z, 2], x and y."""

    centre: NDArray[np.float64]


class LevelMeter:
    """Friction, burst and centroid per zone; the centroid stays where motion was last.

    Args:
        zones: rectangles of the picture.
        rows: of the grid, cols: of the grid.
    """

    def __init__(self, zones: tuple[Zone, ...], *, rows: int = 30, cols: int = 40) -> None:
        self._masks = [zone_mask(zone, rows, cols) for zone in zones]
        self._best = [min(BEST_CELLS, int(mask.sum())) for mask in self._masks]
        self._start = np.array([[(z.x0 + z.x1) / 2, (z.y0 + z.y1) / 2] for z in zones])
        self._x = ((np.arange(cols) + 0.5) / cols).astype(np.float32)
        self._y = ((np.arange(rows) + 0.5) / rows).astype(np.float32)

    def initial_state(self) -> LevelState:
        """Centres of the zones."""
        return LevelState(self._start.copy())

    def step(
        self, friction: Grid, burst: Grid, motion: Grid, state: LevelState
    ) -> tuple[Levels, ...]:
        """Levels of one frame.

        Args:
            friction: float32[rows, cols], 0..1.
            burst: float32[rows, cols], 0..1.
            motion: float32[rows, cols], speed weighed by the sound-producing map.
            state: written in place.
        """
        found = []
        for index, mask in enumerate(self._masks):
            self._follow(motion * mask, state.centre[index])
            x, y = (float(value) for value in state.centre[index])
            best = self._best[index]
            rubbed, burst_open = level_of(friction * mask, best), level_of(burst * mask, best)
            found.append(Levels(rubbed, burst_open, x, y))
        return tuple(found)

    def _follow(self, motion: Grid, centre: NDArray[np.float64]) -> None:
        if float(motion.max()) < MOVING:
            return
        total = float(motion.sum())
        centre[0] = float(motion.sum(0) @ self._x) / total
        centre[1] = float(motion.sum(1) @ self._y) / total


def level_of(plane: Grid, count: int = BEST_CELLS) -> float:
    """Level of a zone: mean of its best `count` cells above the floor, 0..1."""
    cells = plane.ravel()
    best = float(np.partition(cells, cells.size - count)[-count:].mean())
    return max(0.0, (best - FLOOR) / (1.0 - FLOOR))

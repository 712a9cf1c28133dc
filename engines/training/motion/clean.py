"""Worlds filmed by quiet cameras: less noise, and a finer codec, than training scenes have.

Training scenes flicker from frame to frame more than videos do, which hides what moves a little.
"""

from dataclasses import replace
from typing import Final

import numpy as np

from synchresis.engines.scenes import sensor as sense
from synchresis.engines.scenes.world import World

QUIETER: Final = (0.05, 0.7)
"""Noise and coarseness are that many times as large."""

STREAM: Final = 6
"""Of the generator, apart from those that drew the world by its seed."""

COLUMNS: Final = (sense.SHOT, sense.READ, sense.STEP, sense.SKIP)
"""Of the sensor, that are smaller."""


def clean(world: World, share: float) -> World:
    """The same world filmed cleanly, or, for all but a `share` (0 to 1) of seeds, as it is."""
    rng = np.random.default_rng([world.seed, STREAM])
    if rng.random() >= share:
        return world
    low, high = QUIETER
    sensor = world.sensor.copy()
    sensor[:, COLUMNS] *= np.float32(low * (high / low) ** rng.random())
    return replace(world, sensor=sensor)

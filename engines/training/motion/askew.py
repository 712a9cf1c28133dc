"""Worlds filmed askew: by cameras that are turned, nearer or farther, and off the middle.

Training scenes stand upright, and their things are of the sizes their families give them; real
cameras look from above, from the side and from the other end of a room. Turn, size and offset are
the camera's, so that noise, blur, shake and what lies beyond the usual border are as ever.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from synchresis.engines.scenes.play import SceneEvent
from synchresis.engines.scenes.world import World

TURN_DEG: Final = 40.0
"""Standard deviation of the turn, degrees; never more than twice that."""

SIZES: Final = (0.6, 1.25)
"""Things are seen that many times as large."""

MOVE: Final = 0.15
"""Most that the middle is off, picture widths."""

BORDER: Final = 0.02
"""Events stay so far inside the picture, fractions of it, unless they were not inside before."""

TRIES: Final = 8
"""Draws before a world is left as it is because its events would leave the picture."""

STREAM: Final = 5
"""Of the generator, apart from those that drew the world by its seed."""


def askew(world: World, share: float) -> World:
    """The same world seen otherwise, or, for all but a `share` (0 to 1) of seeds, as it is.

    Every event stays inside the picture.
    """
    rng = np.random.default_rng([world.seed, STREAM])
    if rng.random() >= share:
        return world
    for _ in range(TRIES):
        angle = np.deg2rad(np.clip(rng.normal(0.0, TURN_DEG), -2 * TURN_DEG, 2 * TURN_DEG))
        low, high = SIZES
        # Seen place s of the world's picture, complex and in widths from the middle, is s' askew:
        # s = offset + turn s'.
        turn = complex(np.exp(1j * angle)) / (low * (high / low) ** rng.random())
        offset = complex(*rng.uniform(-MOVE, MOVE, 2))
        events = moved(world.events, turn, offset, aspect=world.aspect)
        if all(map(stays, world.events, events)):
            return replace(world, camera=turned(world.camera, turn, offset), events=events)
    return world


def turned(
    camera: np.ndarray[tuple[int, ...], np.dtype[np.float32]], turn: complex, offset: complex
) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """Camera float32[T, S, 4] of a world (pan x and y, cos and sin of roll over zoom) askew."""
    stand = camera[..., 2] + 1j * camera[..., 3]
    pan = camera[..., 0] + 1j * camera[..., 1] + stand * offset
    stand = stand * turn
    return np.stack((pan.real, pan.imag, stand.real, stand.imag), -1).astype(np.float32)


def moved(
    events: Sequence[SceneEvent], turn: complex, offset: complex, *, aspect: float
) -> tuple[SceneEvent, ...]:
    """Events at the places where they are seen askew, outside 0..1 where they left the picture."""
    found = []
    for event in events:
        seen = (complex(event.x - 0.5, (event.y - 0.5) * aspect) - offset) / turn
        found.append(replace(event, x=seen.real + 0.5, y=seen.imag / aspect + 0.5))
    return tuple(found)


def stays(before: SceneEvent, after: SceneEvent) -> bool:
    """Whether an event is inside the picture, well inside if it was so before."""
    least = min(BORDER, before.x, before.y, 1.0 - before.x, 1.0 - before.y)
    return all(least <= place <= 1.0 - least for place in (after.x, after.y))

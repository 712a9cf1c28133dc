"""Worlds side by side, as plain arrays that can cross process borders, with their targets."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synchresis.engines.scenes.primitives import LOOK_SIZE, POSE_SIZE
from synchresis.engines.scenes.render import grey_look
from synchresis.engines.scenes.world import World
from synchresis.errors import ParameterError


@dataclass(slots=True)
class Batch:
    """B worlds of T frames, S sub-times, at most P primitives and E events.

    Attributes:
        pose: float32[B, T, S, P, POSE_SIZE]; primitives that are not there have opacity 0.
        look: float32[B, P, LOOK_SIZE], grey in the BLUE column.
        camera: float32[B, T, S, 4].
        sensor: float32[B, T, SENSOR_SIZE].
        noise_keys: int64[B, T].
        shown: int64[B, T].
        aspect: float32[B].
        shutter: float32[B, 2]: exposure and readout, seconds.
        times: float64[B, T], capture times, seconds.
        begin: float64[B]; frame 0 answers for (begin, times[0]].
        events: float64[B, E, 4]: t_s, strength, x, y; unused rows hold t_s = inf.
        friction: float32[B, T].
        burst: float32[B, T].
        silent: bool[B].
        names: family of each world.
    """

    pose: NDArray[np.float32]
    look: NDArray[np.float32]
    camera: NDArray[np.float32]
    sensor: NDArray[np.float32]
    noise_keys: NDArray[np.int64]
    shown: NDArray[np.int64]
    aspect: NDArray[np.float32]
    shutter: NDArray[np.float32]
    times: NDArray[np.float64]
    begin: NDArray[np.float64]
    events: NDArray[np.float64]
    friction: NDArray[np.float32]
    burst: NDArray[np.float32]
    silent: NDArray[np.bool_]
    names: tuple[str, ...]


def stack(worlds: Sequence[World]) -> Batch:
    """Put worlds of equally many frames and sub-times into one batch."""
    lengths = {world.pose.shape[:2] for world in worlds}
    if len(lengths) != 1:
        raise ParameterError(f"worlds={lengths} must have equally many frames and sub-times")
    most = max(world.pose.shape[2] for world in worlds)
    frames, subs = next(iter(lengths))
    pose = np.zeros((len(worlds), frames, subs, most, POSE_SIZE), np.float32)
    pose[..., 2:7] = 1.0
    pose[..., 10] = 1.0
    look = np.zeros((len(worlds), most, LOOK_SIZE), np.float32)
    events = np.zeros((len(worlds), max(1, *(len(w.events) for w in worlds), 1), 4))
    events[..., 0] = np.inf
    for index, world in enumerate(worlds):
        count = world.pose.shape[2]
        pose[index, :, :, :count] = world.pose
        look[index, :count] = grey_look(world.look)
        for row, event in enumerate(world.events):
            events[index, row] = event.t_s, event.strength, event.x, event.y
    return Batch(
        pose=pose,
        look=look,
        camera=np.stack([w.camera for w in worlds]),
        sensor=np.stack([w.sensor for w in worlds]),
        noise_keys=np.stack([w.noise_keys for w in worlds]),
        shown=np.stack([w.shown for w in worlds]),
        aspect=np.array([w.aspect for w in worlds], np.float32),
        shutter=np.array([(w.exposure_s, w.readout_s) for w in worlds], np.float32),
        times=np.stack([w.times for w in worlds]),
        begin=np.array([w.begin_s for w in worlds]),
        events=events,
        friction=np.stack([w.friction for w in worlds]),
        burst=np.stack([w.burst for w in worlds]),
        silent=np.array([w.silent for w in worlds]),
        names=tuple(w.name for w in worlds),
    )

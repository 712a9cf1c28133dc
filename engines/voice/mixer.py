"""Mixer: mono zones to stereo, with place, distance, gains, a gain rider and a soft saturator."""

import math
from dataclasses import dataclass
from typing import Final

import numba
import numpy as np
from numpy.typing import NDArray

from synchresis.engines.control import Controls
from synchresis.engines.timebase import HOP, SAMPLE_RATE
from synchresis.engines.zone import Zone
from synchresis.errors import ParameterError

Floats = NDArray[np.float32]

MASTER_DB: Final = -12.0
"""Gain of the whole by default; a palette's loudest hit then peaks near -12 dBFS."""

KNEE: Final = 10.0 ** (-3.0 / 20.0)
"""Above -3 dBFS the rider turns down and the saturator bends."""

CEILING: Final = 0.99
"""No sample is larger."""

SLEW_S: Final = 0.010
"""A place may cross the whole picture in this time, not faster."""

FAR_DB: Final = -4.0
"""Level of the top of the picture (far) against its bottom (near)."""

_ATTACK = np.float32(1.0 - math.exp(-1.0 / (0.001 * SAMPLE_RATE)))
_RELEASE = np.float32(1.0 - math.exp(-1.0 / (0.250 * SAMPLE_RATE)))
_SLEW_PER_HOP = np.float32(HOP / (SLEW_S * SAMPLE_RATE))
_ACTIVE = np.float32(1e-3)


@dataclass(slots=True)
class MixerState:
    """What the mix remembers.

    Attributes:
        place: float32[Z, 2], pan and height where each zone sounds now.
        target: float32[Z, 2], where it is going.
        gains: float32[Z, 2], left and right gain at the end of the last hop.
        rider: float32[1], gain of the rider.
        out: float32[HOP, 2], the hop returned when the caller gives no array.
    """

    place: Floats
    target: Floats
    gains: Floats
    rider: Floats
    out: Floats


class Mixer:
    """Mono zones in, stereo out; adds no delay, and no sample leaves [-0.99, 0.99]."""

    hop_samples = HOP
    latency_samples = 0

    def __init__(self, zones: tuple[Zone, ...], *, master_db: float = MASTER_DB) -> None:
        if not -80 <= master_db <= 24:
            raise ParameterError(f"master_db={master_db} must be within -80 to 24 dB")
        decibels = np.array([zone.gain_db + master_db for zone in zones])
        self._gain = (10.0 ** (decibels / 20.0)).astype(np.float32)

    def prepare(self) -> None:
        """Compile (or load from the cache) what `step` runs."""
        zones = len(self._gain)
        self.step(np.zeros((zones, HOP), np.float32), Controls.zeros(zones), self.initial_state())

    def close(self) -> None:
        """Nothing to let go of."""

    def initial_state(self) -> MixerState:
        """Every zone in the middle of the picture, rider open."""
        zones = len(self._gain)
        place = np.full((zones, 2), 0.5, np.float32)
        gains = np.zeros((zones, 2), np.float32)
        for zone in range(zones):
            _gains_at(place[zone], self._gain[zone], gains[zone])
        out = np.zeros((HOP, 2), np.float32)
        return MixerState(place, place.copy(), gains, np.ones(1, np.float32), out)

    def step(
        self, mono: Floats, controls: Controls, state: MixerState, out: Floats | None = None
    ) -> Floats:
        """Mix one hop.

        Args:
            mono: float32[Z, HOP], one row per zone; a value that is not finite counts as 0.
            controls: of the same hop; an onset latches its place.
            state: changed in place.
            out: float32[HOP, 2] to write to; by default a view valid until the next step.

        Returns:
            float32[HOP, 2], left and right, within ±0.99.
        """
        stereo = state.out if out is None else out
        _latch(
            controls.onset, controls.friction, controls.burst, controls.x, controls.y, state.target
        )
        stereo.fill(0.0)
        _pan(mono, state.place, state.target, self._gain, state.gains, stereo)
        _limit(stereo, state.rider)
        return stereo


@numba.njit(nogil=True, cache=True)
def _latch(
    onset: Floats, friction: Floats, burst: Floats, x: Floats, y: Floats, target: Floats
) -> None:
    """Take a zone's place at its onsets, and while something rubs or bursts in it."""
    for zone in range(target.shape[0]):
        if onset[zone] > 0 or friction[zone] > _ACTIVE or burst[zone] > _ACTIVE:
            target[zone, 0] = min(max(x[zone], 0.0), 1.0)
            target[zone, 1] = min(max(y[zone], 0.0), 1.0)


@numba.njit(nogil=True, cache=True)
def _gains_at(place: Floats, gain: np.float32, gains: Floats) -> None:
    """Constant-power gains of a place."""
    near = gain * 10.0 ** (FAR_DB * (1.0 - place[1]) / 20.0)
    angle = 0.5 * math.pi * place[0]
    gains[0] = near * math.cos(angle)
    gains[1] = near * math.sin(angle)


@numba.njit(nogil=True, cache=True)
def _pan(
    mono: Floats, place: Floats, target: Floats, gain: Floats, gains: Floats, stereo: Floats
) -> None:
    goal = np.zeros(2, np.float32)
    for zone in range(mono.shape[0]):
        for axis in range(2):
            way = target[zone, axis] - place[zone, axis]
            place[zone, axis] += min(max(way, -_SLEW_PER_HOP), _SLEW_PER_HOP)
        _gains_at(place[zone], gain[zone], goal)
        left, right = gains[zone, 0], gains[zone, 1]
        step_left, step_right = (goal[0] - left) / HOP, (goal[1] - right) / HOP
        for n in range(HOP):
            left += step_left
            right += step_right
            value = mono[zone, n]
            if math.isfinite(value):
                stereo[n, 0] += left * value
                stereo[n, 1] += right * value
        gains[zone, 0], gains[zone, 1] = goal[0], goal[1]


@numba.njit(nogil=True, cache=True)
def _limit(stereo: Floats, rider: Floats) -> None:
    """Ride the gain down above the knee (1 ms), then bend what still exceeds it."""
    gain = rider[0]
    for n in range(stereo.shape[0]):
        peak = max(abs(stereo[n, 0]), abs(stereo[n, 1]))
        wanted = KNEE / peak if peak > KNEE else 1.0
        gain += (wanted - gain) * (_ATTACK if wanted < gain else _RELEASE)
        stereo[n, 0] = _bend(gain * stereo[n, 0])
        stereo[n, 1] = _bend(gain * stereo[n, 1])
    rider[0] = gain


@numba.njit(nogil=True, cache=True)
def _bend(value: float) -> float:
    """Identity below the knee, then a tanh that never passes the ceiling."""
    size = abs(value)
    if size <= KNEE:
        return value
    room = CEILING - KNEE
    bent = KNEE + room * math.tanh((size - KNEE) / room)
    return min(bent, CEILING) if value > 0 else -min(bent, CEILING)

"""ModelVoice: the physical models as a voice, no network and no pack needed."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synchresis.engines.control import Controls
from synchresis.engines.timebase import HOP
from synchresis.engines.voice.modal import AGE, LATENCY, MODES, SCALARS, hop_keys, play_hop
from synchresis.engines.voice.palettes import resolve
from synchresis.engines.zone import Zone
from synchresis.errors import ParameterError

Floats = NDArray[np.float32]

_NEVER = -1e9
_BANK_ROWS = 9


@dataclass(slots=True)
class ModelVoiceState:
    """Running numbers float64[Z, 11], resonators and bubbles float64[Z, 9, 20], hop returned."""

    run: NDArray[np.float64]
    bank: NDArray[np.float64]
    out: Floats


class ModelVoice:
    """One hop of mono sound per zone from one hop of controls, by physical models.

    A blow of strength 1 peaks near full scale; levels follow 40 (level − 1) dB.
    """

    hop_samples = HOP
    latency_samples = LATENCY
    backend = "physical models (CPU)"

    def __init__(
        self, zones: tuple[Zone, ...], *, seed: int = 0, numbers: Sequence[int] | None = None
    ) -> None:
        if not zones:
            raise ParameterError("zones must name at least one zone")
        self.palettes = np.stack([resolve(zone.palette, None) for zone in zones])
        self._seed = np.uint64(seed % 2**64)
        self._numbers = np.array(range(len(zones)) if numbers is None else numbers, np.uint64)

    def prepare(self) -> None:
        """Compile (or load from the cache) what `step` runs."""
        self.step(Controls.zeros(len(self.palettes)), self.initial_state())

    def close(self) -> None:
        """Nothing to let go of."""

    def initial_state(self) -> ModelVoiceState:
        """Silence."""
        zones = len(self.palettes)
        state = ModelVoiceState(
            np.zeros((zones, SCALARS)),
            np.zeros((zones, _BANK_ROWS, MODES)),
            np.zeros((zones, HOP), np.float32),
        )
        self.reset_state(state)
        return state

    def reset_state(self, state: ModelVoiceState) -> None:
        """Silence an old state in place."""
        state.run.fill(0.0)
        state.run[:, AGE] = _NEVER
        state.bank.fill(0.0)

    def step(self, controls: Controls, state: ModelVoiceState, out: Floats | None = None) -> Floats:
        """Play one hop.

        Returns:
            float32[Z, HOP], mono per zone; an onset at sample n sounds at n + 64.
        """
        mono = state.out if out is None else out
        keys = hop_keys(self._seed, self._numbers, controls.noise_index)
        rows = (
            controls.onset,
            controls.onset_sample,
            controls.strength,
            controls.friction,
            controls.burst,
        )
        play_hop(rows, controls.palette, keys, state.run, state.bank, mono)
        return mono

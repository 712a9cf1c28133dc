"""Ensemble: zones played by the network and zones played by physical models, as one voice."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from synchresis.engines.control import Controls
from synchresis.engines.gpu.stages import open_voice
from synchresis.engines.packs.loading import Pack
from synchresis.engines.runtime.engine import Backend
from synchresis.engines.timebase import HOP
from synchresis.engines.voice.model_voice import ModelVoice, ModelVoiceState
from synchresis.engines.voice.palettes import is_model
from synchresis.engines.voice.voice import Voice, VoiceState, check_load
from synchresis.engines.zone import Zone
from synchresis.errors import ParameterError
from synchresis.kernels.overlap_add import RISE

Floats = NDArray[np.float32]
Rows = NDArray[np.intp]

_MEASURED_HOPS = 60


@dataclass(slots=True)
class EnsembleState:
    """States of the two kinds of voice, their rows of the controls, and the hop returned."""

    learned: VoiceState | None
    modelled: ModelVoiceState | None
    learned_controls: Controls
    modelled_controls: Controls
    out: Floats


class Ensemble:
    """What `render` and `live` play: every zone by the kind of voice its palette asks for.

    Attributes:
        palettes: float32[Z, 32], each zone's embedding.
    """

    hop_samples = HOP
    latency_samples = RISE

    def __init__(
        self,
        pack: Pack | None,
        zones: tuple[Zone, ...],
        *,
        seed: int = 0,
        backend: Backend = "auto",
    ) -> None:
        if not zones:
            raise ParameterError("zones must name at least one zone")
        models = np.array([is_model(zone.palette) for zone in zones])
        self._learned_rows: Rows = np.flatnonzero(~models)
        self._modelled_rows: Rows = np.flatnonzero(models)
        self._learned: Voice | None = None
        self._modelled: ModelVoice | None = None
        self.palettes = np.zeros((len(zones), 32), np.float32)
        if len(self._learned_rows):
            self._learned = self._open_learned(pack, zones, seed=seed, backend=backend)
            self.palettes[self._learned_rows] = self._learned.palettes
        if len(self._modelled_rows):
            chosen = _choose(zones, self._modelled_rows)
            self._modelled = ModelVoice(chosen, seed=seed, numbers=self._modelled_rows.tolist())
            self.palettes[self._modelled_rows] = self._modelled.palettes

    @property
    def backend(self) -> str:
        """Where it runs, for people."""
        return self._learned.backend if self._learned else "physical models (CPU)"

    def prepare(self) -> None:
        """Load, compile and warm up what the zones need."""
        for voice in (self._learned, self._modelled):
            if voice:
                voice.prepare()

    def close(self) -> None:
        """Let go of engines."""
        for voice in (self._learned, self._modelled):
            if voice:
                voice.close()

    def initial_state(self) -> EnsembleState:
        """Silence."""
        return EnsembleState(
            self._learned.initial_state() if self._learned else None,
            self._modelled.initial_state() if self._modelled else None,
            Controls.zeros(len(self._learned_rows)),
            Controls.zeros(len(self._modelled_rows)),
            np.zeros((len(self.palettes), HOP), np.float32),
        )

    def step(self, controls: Controls, state: EnsembleState, out: Floats | None = None) -> Floats:
        """Play one hop: float32[Z, HOP], mono per zone; valid until the next step without `out`."""
        mono = state.out if out is None else out
        if self._learned and state.learned:
            copy_rows(controls, self._learned_rows, state.learned_controls)
            mono[self._learned_rows] = self._learned.step(state.learned_controls, state.learned)
        if self._modelled and state.modelled:
            copy_rows(controls, self._modelled_rows, state.modelled_controls)
            mono[self._modelled_rows] = self._modelled.step(state.modelled_controls, state.modelled)
        return mono

    def mel(self, state: EnsembleState) -> Floats:
        """Log-mel of the learned zones' last frames, float32[Z learned, 80]; may be empty."""
        return state.learned.mel if state.learned else np.zeros((0, 80), np.float32)

    def check_load(self, *, limit: float = 0.7) -> float:
        """Measure the least time of a hop and refuse zones that would not keep up.

        The least, because what else the machine is busy with is no reason to refuse.

        Returns:
            Load: share of a hop that one hop takes.

        Raises:
            EngineError: the load passes `limit`.
        """
        state, controls = self.initial_state(), Controls.zeros(len(self.palettes))
        controls.palette[:] = self.palettes
        taken = [self._time_hop(controls, state) for _ in range(_MEASURED_HOPS)]
        return check_load(1e3 * min(taken), limit=limit)

    def _time_hop(self, controls: Controls, state: EnsembleState) -> float:
        begin = time.perf_counter()
        self.step(controls, state)
        return time.perf_counter() - begin

    def _open_learned(
        self, pack: Pack | None, zones: tuple[Zone, ...], *, seed: int, backend: Backend
    ) -> Voice:
        if pack is None:
            raise ParameterError("zones with a learned palette need a pack; or use model:NAME")
        chosen = _choose(zones, self._learned_rows)
        rows = self._learned_rows.tolist()
        return open_voice(pack, chosen, seed=seed, backend=backend, numbers=rows)


def copy_rows(controls: Controls, rows: Rows, out: Controls) -> None:
    """Copy some zones' controls."""
    for field in fields(Controls):
        np.take(getattr(controls, field.name), rows, axis=0, out=getattr(out, field.name))


def _choose(zones: Sequence[Zone], rows: Rows) -> tuple[Zone, ...]:
    return tuple(zones[int(row)] for row in rows)

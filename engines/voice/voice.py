"""Voice: the stage that turns controls into sound through the pack's voice engine."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from synchresis.engines.control import Controls
from synchresis.engines.packs.loading import Pack
from synchresis.engines.runtime.engine import Backend, Engine, EngineState, open_engine
from synchresis.engines.timebase import HOP, SAMPLE_RATE
from synchresis.engines.voice.layout import CONTROL
from synchresis.engines.voice.noise import fill_normal
from synchresis.engines.voice.palettes import resolve
from synchresis.engines.zone import Zone
from synchresis.errors import EngineError, ParameterError
from synchresis.kernels.overlap_add import RISE, OverlapAdd, OverlapAddState

Floats = NDArray[np.float32]


@dataclass(slots=True)
class VoiceState:
    """State of all zones of one stream.

    Attributes:
        engine: the network's state, kept where the engine runs.
        overlap: what earlier frames still have to play.
        inputs: the engine's inputs: control float32[Z, 8], palette float32[Z, 32], noise.
        mel: float32[Z, 80], log-mel of the last frame, for monitors.
    """

    engine: EngineState
    overlap: OverlapAddState
    inputs: dict[str, NDArray[np.generic]]
    control: Floats
    noise: Floats
    mel: Floats = field(default_factory=lambda: np.zeros((0, 0), np.float32))


class Voice:
    """One hop of mono sound per zone from one hop of controls; every zone a row of one batch.

    The same controls, palettes and seed give the same samples, in whatever order they were made:
    noise depends on seed, zone number (`numbers`; by default the row) and absolute sample only.
    """

    hop_samples = HOP
    latency_samples = RISE

    def __init__(
        self,
        pack: Pack,
        zones: tuple[Zone, ...],
        *,
        seed: int = 0,
        backend: Backend = "auto",
        numbers: Sequence[int] | None = None,
    ) -> None:
        if not zones:
            raise ParameterError("zones must name at least one zone")
        self.palettes = np.stack([resolve(zone.palette, pack) for zone in zones])
        self._seed = np.uint64(seed % 2**64)
        self._numbers = np.array(range(len(zones)) if numbers is None else numbers, np.uint64)
        self._noise_size = pack.voice.noise
        self._engine: Engine = open_engine(pack, "voice", backend=backend, batch=len(zones))
        self._overlap = OverlapAdd()

    @property
    def backend(self) -> str:
        """Where the engine runs."""
        return self._engine.backend

    def prepare(self) -> None:
        """Load the engine, compile the kernels, warm both up."""
        self._engine.prepare()
        self._overlap.prepare()
        state = self.initial_state()
        self.step(Controls.zeros(len(self.palettes)), state)

    def close(self) -> None:
        """Let go of the engine."""
        self._engine.close()

    def initial_state(self) -> VoiceState:
        """Silence."""
        zones = len(self.palettes)
        control = np.zeros((zones, CONTROL), np.float32)
        noise = np.zeros((zones, self._noise_size), np.float32)
        inputs: dict[str, NDArray[np.generic]] = {
            "control": control,
            "palette": np.zeros_like(self.palettes),
            "noise": noise,
        }
        overlap = self._overlap.initial_state(zones)
        return VoiceState(self._engine.initial_state(), overlap, inputs, control, noise)

    def reset_state(self, state: VoiceState) -> None:
        """Silence an old state in place."""
        self._engine.reset_state(state.engine)
        self._overlap.reset_state(state.overlap)

    def step(self, controls: Controls, state: VoiceState, out: Floats | None = None) -> Floats:
        """Play one hop.

        Args:
            controls: what every zone shall do in this hop.
            state: changed in place.
            out: float32[Z, HOP] to write to; by default a view valid until the next step.

        Returns:
            float32[Z, HOP], mono per zone; an onset at sample n sounds at n + RISE.
        """
        write_control(controls, state.control)
        state.inputs["palette"] = controls.palette
        fill_normal(self._seed, self._numbers, controls.noise_index, state.noise)
        given = self._engine.step(state.inputs, state.engine)
        state.mel = given["mel"]
        return self._overlap.step_parts(given["real"], given["imag"], state.overlap, out=out)


def write_control(controls: Controls, out: Floats) -> None:
    """Write the engine's control rows: onset, its place in the hop, strength and levels."""
    out[:, 0] = controls.onset
    np.divide(controls.onset_sample, HOP, out=out[:, 1], casting="unsafe")
    out[:, 2] = controls.strength
    out[:, 3] = controls.friction
    out[:, 4] = controls.burst


def check_load(hop_ms: float, *, limit: float = 0.7) -> float:
    """Refuse zones whose measured hop time would take too much of a hop.

    Returns:
        Load: share of a hop.

    Raises:
        EngineError: the load passes the limit.
    """
    load = hop_ms / (1000.0 * HOP / SAMPLE_RATE)
    if load > limit:
        raise EngineError(
            f"voice load {load:.2f} of a hop must stay under {limit}; use fewer zones, "
            "or a GPU (--engine tensorrt)"
        )
    return load

"""The voice with noise, network and overlap-add on the GPU: Controls go up, samples come down."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from synchresis.engines.control import Controls
from synchresis.engines.gpu.device import Device
from synchresis.engines.gpu.pool import Loan, Pool
from synchresis.engines.gpu.session import DeviceModel
from synchresis.engines.gpu.voice_path import VoicePath
from synchresis.engines.packs.loading import Pack
from synchresis.engines.runtime.engine import EngineState
from synchresis.engines.voice.voice import Voice, VoiceState, write_control
from synchresis.engines.zone import Zone
from synchresis.errors import ParameterError

Floats = NDArray[np.float32]


class GpuVoice(Voice):
    """Voice whose whole hop is one graph on the GPU; the same stage otherwise.

    Args:
        pack: as for Voice, like the rest.
        device: where it runs.
        model: the pack's voice network, loaded there for at least as many zones.
        zones: what is played.
        seed: of the noise.
        numbers: number of each zone in the noise; by default its row.
    """

    def __init__(
        self,
        pack: Pack,
        device: Device,
        model: DeviceModel,
        *,
        zones: tuple[Zone, ...],
        seed: int = 0,
        numbers: Sequence[int] | None = None,
    ) -> None:
        super().__init__(pack, zones, seed=seed, backend="onnx", numbers=numbers)
        self._engine.close()
        self._device = device
        self._model = model
        self._paths = Pool(self._path)

    @property
    def backend(self) -> str:
        """Where it runs."""
        return f"{self._model.backend}, overlap-add on the GPU"

    def prepare(self) -> None:
        """Play a hop, so that everything lazy is done."""
        self.step(Controls.zeros(len(self.palettes)), self.initial_state())

    def close(self) -> None:
        """Free everything on the device."""
        self._device.close()

    def initial_state(self) -> VoiceState:
        """Silence, with memory of its own on the device."""
        loan = self._paths.lend()
        path = loan.thing
        path.reset()
        overlap = self._overlap.initial_state(1)
        nothing = np.zeros((0, 0), np.float32)
        return VoiceState(loan, overlap, {}, path.control, nothing, path.mel)

    def reset_state(self, state: VoiceState) -> None:
        """Silence an old state in place."""
        _path(state.engine).reset()

    def step(self, controls: Controls, state: VoiceState, out: Floats | None = None) -> Floats:
        """Play one hop: float32[Z, 256]; see `Voice.step`."""
        path = _path(state.engine)
        write_control(controls, path.control)
        hop = path.step(path.control, controls.palette, controls.noise_index)
        if out is None:
            return hop
        np.copyto(out, hop)
        return out

    def _path(self) -> VoicePath:
        return VoicePath(
            self._device,
            self._model,
            batch=len(self.palettes),
            seed=int(self._seed),
            numbers=[int(number) for number in self._numbers],
        )


def _path(state: EngineState) -> VoicePath:
    if not isinstance(state, Loan) or not isinstance(state.thing, VoicePath):
        raise ParameterError(f"state {type(state).__name__} belongs to another engine")
    return state.thing

"""The motion parser with flow and network on the GPU; analysis picture and picker on the CPU."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from synchresis.engines.frame import Frame
from synchresis.engines.gesture import Gesture
from synchresis.engines.gpu.device import Device
from synchresis.engines.gpu.motion_path import MotionPath
from synchresis.engines.gpu.pool import Loan, Pool
from synchresis.engines.gpu.session import DeviceModel
from synchresis.engines.motion.parser import (
    DT_RANGE_S,
    MotionParser,
    MotionState,
    write_flow_input,
)
from synchresis.engines.packs.loading import Pack
from synchresis.engines.runtime.engine import EngineState
from synchresis.engines.runtime.tensors import EngineSpec
from synchresis.engines.timebase import NS_PER_S
from synchresis.engines.zone import Zone
from synchresis.errors import EngineError, ParameterError
from synchresis.kernels.flow import FlowField

DT_S, TAU_S, ASPECT = range(3)
"""Places in the facts a frame brings."""

WHOLE_PICTURE: Final = (Zone(),)


class PathEngine:
    """An engine whose input is the analysis picture: flow and network are one step."""

    batch = 1

    def __init__(self, device: Device, model: DeviceModel) -> None:
        self._device: Device | None = device
        self._model = model
        self._paths = Pool(lambda: MotionPath(device, model))

    @property
    def spec(self) -> EngineSpec:
        """Tensors of the network."""
        return self._model.spec

    @property
    def backend(self) -> str:
        """Where it runs."""
        return f"{self._model.backend}, flow on the GPU"

    def prepare(self) -> None:
        """Nothing: a path is warmed up when it is made."""

    def initial_state(self) -> Loan[MotionPath]:
        """A path of its own for every camera."""
        if self._device is None:
            raise EngineError(f"engine {self.backend} is closed; open it again")
        loan = self._paths.lend()
        loan.thing.reset()
        return loan

    def step(
        self, inputs: Mapping[str, NDArray[Any]], state: EngineState
    ) -> Mapping[str, NDArray[np.float32]]:
        """Parse `grey` with `facts`: time step, lookahead and aspect."""
        facts = inputs["facts"]
        return _path(state).step(
            inputs["grey"],
            float(facts[DT_S]),
            tau_s=float(facts[TAU_S]),
            aspect=float(facts[ASPECT]),
        )

    def reset_state(self, state: EngineState) -> None:
        """Forget all motion."""
        _path(state).reset()

    def close(self) -> None:
        """Free everything on the device."""
        if self._device is not None:
            self._device.close()
        self._device = None


class GpuMotionParser(MotionParser):
    """MotionParser whose flow kernel runs where its network runs.

    Args:
        pack: as for MotionParser, like the settings.
        device: where both run.
        model: the pack's motion network, loaded there.
        zones: rectangles of the picture.
        **settings: lookahead_ns and sensitivity.
    """

    def __init__(
        self,
        pack: Pack,
        device: Device,
        model: DeviceModel,
        *,
        zones: tuple[Zone, ...] = WHOLE_PICTURE,
        **settings: Any,
    ) -> None:
        super().__init__(pack, zones, backend="onnx", **settings)
        self._engine.close()
        self._engine = PathEngine(device, model)

    def _see(self, dt_s: float, state: MotionState) -> None:
        state.timing[0, 0] = min(max(dt_s, DT_RANGE_S[0]), DT_RANGE_S[1])
        state.timing[0, 1] = state.lookahead_ns / NS_PER_S

    def _inputs(self, state: MotionState) -> dict[str, NDArray[Any]]:
        aspect = state.aspect or state.size[0] / state.size[1]
        facts = np.array([state.timing[0, 0], state.timing[0, 1], aspect], np.float32)
        return {"grey": state.analysis.grey, "facts": facts}

    def _answer(
        self, frame: Frame, begin: int, out: Mapping[str, NDArray[np.float32]], state: MotionState
    ) -> Gesture:
        field = FlowField(**_path(state.engine).field)
        write_flow_input(field, self._cells, state.flow_input)
        return super()._answer(frame, begin, out, state)


def _path(state: EngineState) -> MotionPath:
    if not isinstance(state, Loan) or not isinstance(state.thing, MotionPath):
        raise ParameterError(f"state {type(state).__name__} belongs to another engine")
    return state.thing

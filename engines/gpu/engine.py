"""GpuEngine: the engine interface over a network on the device."""

import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from synchresis.engines.gpu.device import Block, Device
from synchresis.engines.gpu.session import DeviceModel, Session
from synchresis.engines.runtime.engine import EngineState
from synchresis.engines.runtime.tensors import EngineSpec
from synchresis.errors import EngineError, ParameterError


@dataclass(frozen=True, slots=True)
class Lane:
    """Memory of one stream on the device, and its step recorded as a graph."""

    session: Session
    replay: Callable[[], None]


@dataclass(slots=True, weakref_slot=True)
class GpuState:
    """One stream: its lane, and the rows in use of the pinned arrays."""

    lane: Lane
    inputs: dict[str, NDArray[np.generic]]
    outputs: dict[str, NDArray[np.float32]]


class GpuEngine:
    """A network on the GPU: inputs go up, the states stay, outputs come down.

    One recorded graph does a whole step where the network allows recording. The lane of a state
    that is no longer used serves the next one.
    """

    def __init__(self, device: Device, model: DeviceModel, *, batch: int) -> None:
        self._device: Device | None = device
        self._model = model
        self._batch = batch
        self._idle: list[Lane] = []

    @property
    def spec(self) -> EngineSpec:
        """Tensors it takes, gives and carries."""
        return self._model.spec

    @property
    def batch(self) -> int:
        """Streams stepped at once; the network may be prepared for more."""
        return self._batch

    @property
    def backend(self) -> str:
        """Where it runs."""
        return self._model.backend

    @property
    def device(self) -> Device:
        """The GPU and stream it runs on."""
        if self._device is None:
            raise EngineError(f"engine {self.backend} is closed; open it again")
        return self._device

    def prepare(self) -> None:
        """Make the first stream's memory and step it once, so that everything lazy is done."""
        if not self._idle:
            state = self.initial_state()
            self.step(state.inputs, state)

    def initial_state(self) -> GpuState:
        """A stream that has not begun, with memory of its own on the device."""
        device = self.device
        with device.active():
            lane = self._idle.pop() if self._idle else self._lane(device)
            lane.session.reset()
            device.synchronize()
        outputs = cast("dict[str, NDArray[np.float32]]", self._rows(lane.session.outputs))
        state = GpuState(lane, self._rows(lane.session.inputs), outputs)
        weakref.finalize(state, self._idle.append, lane).atexit = False
        return state

    def step(
        self, inputs: Mapping[str, NDArray[np.generic]], state: EngineState
    ) -> Mapping[str, NDArray[np.float32]]:
        """Run once; the outputs are views of pinned memory, valid until the next step."""
        own = _own(state)
        for name, buffer in own.inputs.items():
            fill(buffer, inputs[name], name)
        with self.device.active():
            own.lane.replay()
            self.device.synchronize()
        return own.outputs

    def reset_state(self, state: EngineState) -> None:
        """Put a state back to the beginning."""
        with self.device.active():
            _own(state).lane.session.reset()
            self.device.synchronize()

    def close(self) -> None:
        """Free the device memory of all states."""
        if self._device is not None:
            self._device.close()
        self._device = None

    def _lane(self, device: Device) -> Lane:
        session = Session(device, self._model)
        return Lane(session, recorded(device, lambda: _step(session), session.recordable))

    def _rows(self, block: Block) -> dict[str, NDArray[np.generic]]:
        return {name: array[: self._batch] for name, array in block.host.items()}


def recorded(device: Device, work: Callable[[], None], recordable: bool) -> Callable[[], None]:
    """Run work once, then record it as one graph; where that is not possible, leave it as it is."""
    work()
    device.synchronize()
    return device.record(work) if recordable else work


def _step(session: Session) -> None:
    session.inputs.upload()
    session.enqueue()
    session.outputs.download()


def _own(state: EngineState) -> GpuState:
    if not isinstance(state, GpuState):
        raise ParameterError(f"state {type(state).__name__} belongs to another engine")
    return state


def fill(buffer: NDArray[np.generic], array: NDArray[np.generic], name: str) -> None:
    """Copy an input into its pinned array; nothing to do where it is that array."""
    if array is buffer:
        return
    if array.shape != buffer.shape:
        raise ParameterError(f"input {name} has shape {array.shape}, must be {buffer.shape}")
    np.copyto(buffer, array, casting="same_kind")

"""Session: one stream of steps through a network on the device, its states kept there."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType
from typing import Final, Protocol

import numpy as np

from synchresis.engines.gpu.device import ArrayOf, Arrays, Block, Device
from synchresis.engines.runtime.tensors import NEXT, EngineSpec, TensorSpec

NO_ARRAYS: Final[Arrays] = MappingProxyType({})

BATCHES: Final = (1, 8, 64)
"""Batches networks are prepared for: a graph needs static shapes, and few shapes few builds."""


def padded(batch: int) -> int:
    """The batch a network is prepared for, to step `batch` streams with it."""
    return next((prepared for prepared in BATCHES if prepared >= batch), batch)


class DeviceRun(Protocol):
    """A network bound to addresses on the device."""

    def enqueue(self) -> None:
        """Queue one run on the stream."""
        ...


class DeviceModel(ABC):
    """A network loaded for a device.

    Attributes:
        spec: tensors it takes, gives and carries.
        batch: streams stepped at once.
        backend: where it runs, for people.
        recordable: whether runs may be recorded into a larger graph.
    """

    def __init__(
        self, spec: EngineSpec, *, batch: int, backend: str, recordable: bool = True
    ) -> None:
        self.spec = spec
        self.batch = batch
        self.backend = backend
        self.recordable = recordable

    @abstractmethod
    def bind(self, addresses: Mapping[str, int]) -> DeviceRun:
        """Bind every graph input and output to device memory, and warm up."""


class Session:
    """Buffers, states and bound network of one stream.

    Attributes:
        inputs: what the network reads each step and the host gives.
        made: what the network reads each step and kernels write.
        outputs: what it gives.
    """

    def __init__(
        self,
        device: Device,
        model: DeviceModel,
        *,
        made: Collection[str] = (),
        extra: Arrays = NO_ARRAYS,
    ) -> None:
        """Allocate and bind.

        Args:
            device: where it runs.
            model: the network.
            made: names of inputs that kernels write.
            extra: further arrays that go up with the inputs, for kernels.
        """
        spec, batch = model.spec, model.batch
        given = [tensor for tensor in spec.inputs if tensor.name not in made]
        self.inputs = Block(device, {**_arrays(given, batch), **extra})
        self.made = Block(device, _arrays((t for t in spec.inputs if t.name in made), batch))
        self.outputs = Block(device, _arrays(spec.outputs, batch))
        self._state = Block(device, _arrays(spec.states, batch))
        self._next = Block(device, _arrays(spec.states, batch))
        for tensor in spec.states:
            self._state.host[tensor.name].fill(tensor.init)
        self._state.upload()
        self._run = model.bind(
            {
                **{name: self.inputs.pointers[name] for name in _arrays(given, batch)},
                **self.made.pointers,
                **self.outputs.pointers,
                **self._state.pointers,
                **{name + NEXT: at for name, at in self._next.pointers.items()},
            }
        )
        self.recordable = model.recordable
        self._has_states = bool(spec.states)

    def enqueue(self) -> None:
        """Queue one step: the network, then the new states take the place of the old."""
        self._run.enqueue()
        if self._has_states:
            self._state.copy_from(self._next)

    def reset(self) -> None:
        """Queue the copy that puts all states back to the beginning."""
        self._state.upload()


def _arrays(specs: Iterable[TensorSpec], batch: int) -> dict[str, ArrayOf]:
    return {t.name: (t.sized(batch), np.dtype(t.dtype)) for t in specs}

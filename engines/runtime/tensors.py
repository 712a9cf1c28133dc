"""What tensors an engine takes, gives and carries from step to step."""

from collections.abc import Iterable
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from synchresis.errors import EngineError

BATCH: Final = "B"
"""Name of the only axis whose length is chosen when an engine is opened."""

NEXT: Final = "_next"
"""Suffix of the graph output that holds the new value of a state."""

DTYPES: Final = ("float32", "float16", "int64", "int32", "uint8", "bool")
"""Number types an engine may use."""


class TensorSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One tensor of an engine.

    Attributes:
        name: its name in the graph.
        shape: lengths of its axes; the first is "B", the batch.
        dtype: one of DTYPES.
        init: value a state starts with; unused for inputs and outputs.
    """

    name: str
    shape: tuple[int | str, ...]
    dtype: str = "float32"
    init: float = 0.0

    def sized(self, batch: int) -> tuple[int, ...]:
        """Shape with the batch filled in; other named axes are an EngineError."""
        return tuple(self._length(axis, batch) for axis in self.shape)

    def allocate(self, batch: int) -> NDArray[np.generic]:
        """A new array of this tensor, filled with `init`."""
        if self.dtype not in DTYPES:
            raise EngineError(f"tensor {self.name}: dtype {self.dtype!r} must be one of {DTYPES}")
        return np.full(self.sized(batch), self.init, np.dtype(self.dtype))

    def _length(self, axis: int | str, batch: int) -> int:
        if isinstance(axis, int):
            return axis
        if axis != BATCH:
            raise EngineError(f"tensor {self.name}: axis {axis!r} must be a number or {BATCH!r}")
        return batch


class EngineSpec(msgspec.Struct, frozen=True):
    """Tensors of an engine; state S is the graph input `S` and the graph output `S_next`."""

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    states: tuple[TensorSpec, ...] = ()

    def input_names(self) -> set[str]:
        """Every graph input: those given each step and the states."""
        return names(self.inputs) | names(self.states)

    def output_names(self) -> set[str]:
        """Every graph output: those returned each step and the new states."""
        return names(self.outputs) | {name + NEXT for name in names(self.states)}


def names(specs: Iterable[TensorSpec]) -> set[str]:
    """Names of some tensors."""
    return {spec.name for spec in specs}

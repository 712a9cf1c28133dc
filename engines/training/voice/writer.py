"""Write an ONNX graph node by node, so that what is written is what will run."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper, numpy_helper
from torch import Tensor

Array = NDArray[Any]
Operand = str | Array | float
"""A tensor by name, or a constant; a number stands for a float32 scalar."""

OPSET = 20
"""Version of ONNX's operators; the first with `Gelu`."""

IR_VERSION = 10


def numbers(tensor: Tensor) -> NDArray[np.float64]:
    """Numbers of a weight; in double precision, so that folding others in rounds once."""
    values: NDArray[np.float64] = tensor.detach().double().numpy()
    return values


class Writer:
    """Nodes and constants of a graph in the order written."""

    def __init__(self) -> None:
        self._nodes: list[NodeProto] = []
        self._constants: dict[str, Array] = {}
        self._known: dict[tuple[str, str, tuple[int, ...], bytes], str] = {}

    def constant(self, value: Array | float, name: str = "") -> str:
        """Name of a constant, float32 for double precision; the same values are kept once.

        One with a name of its own shares it with no other, so that it can be changed later.

        Raises:
            ValueError: there is another constant of that name.
        """
        array = np.asarray(value, order="C")
        if array.dtype == np.float64:
            array = array.astype(np.float32)
        key = (name, array.dtype.str, array.shape, array.tobytes())
        if key not in self._known:
            if name in self._constants:
                raise ValueError(f"constant {name} has other values already")
            self._known[key] = name or f"constant_{len(self._known)}"
            self._constants[self._known[key]] = array
        return self._known[key]

    def op(self, kind: str, *inputs: Operand, to: str = "", **attributes: Any) -> str:
        """Add a node with one output, named `to` where given."""
        output = to or f"{kind.lower()}_{len(self._nodes)}"
        self._add(kind, inputs, [output], attributes)
        return output

    def cast(self, x: str, kind: TensorProto.DataType) -> str:
        """The same numbers in another type."""
        output = f"cast_{len(self._nodes)}"
        self._add("Cast", [x], [output], {"to": kind})
        return output

    def largest(self, x: str, count: int) -> tuple[str, str]:
        """The largest numbers [B, count] of [B, N], falling, and where they stand."""
        names = [f"best_{len(self._nodes)}", f"index_{len(self._nodes)}"]
        self._add("TopK", [x, np.array([count], np.int64)], names, {"axis": 1})
        return names[0], names[1]

    def split(self, x: str, parts: int, *, axis: int = 1, to: Sequence[str] = ()) -> list[str]:
        """Equal parts along an axis."""
        names = [*to] or [f"split_{len(self._nodes)}_{part}" for part in range(parts)]
        self._add("Split", [x], names, {"axis": axis, "num_outputs": parts})
        return names

    def part(self, x: str, begin: int, end: int, *, axis: int = 1) -> str:
        """Numbers `begin` to `end` − 1 along an axis."""
        return self.op("Slice", x, *(np.array([n], np.int64) for n in (begin, end, axis)))

    def shaped(self, x: str, *shape: int) -> str:
        """The same numbers in another shape; −1 for the batch."""
        return self.op("Reshape", x, np.array(shape, np.int64))

    def longer(self, x: str, axis: int) -> str:
        """With an axis of length one more."""
        return self.op("Unsqueeze", x, np.array([axis], np.int64))

    def shorter(self, x: str, axis: int, to: str = "") -> str:
        """Without an axis of length one."""
        return self.op("Squeeze", x, np.array([axis], np.int64), to=to)

    def recurrent(self, x: str, weights: Sequence[Array], hidden: str, *, size: int) -> str:
        """One step of a gated recurrent unit: inputs [1, B, …], next hidden [1, B, size]."""
        output = f"gru_{len(self._nodes)}"
        names: list[Operand] = [x, *weights, "", hidden]
        settings = {"hidden_size": size, "linear_before_reset": 1}
        self._add("GRU", names, ["", output], settings)
        return output

    def model(
        self, inputs: Mapping[str, Sequence[int]], outputs: Mapping[str, Sequence[int]]
    ) -> bytes:
        """The graph of float32 tensors [B, …] with these shapes."""
        graph = helper.make_graph(
            self._nodes,
            "hop",
            [_value(name, shape) for name, shape in inputs.items()],
            [_value(name, shape) for name, shape in outputs.items()],
            [numpy_helper.from_array(array, name) for name, array in self._constants.items()],
        )
        opsets = [helper.make_opsetid("", OPSET)]
        proto = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)
        onnx.checker.check_model(proto, full_check=True)
        content: bytes = proto.SerializeToString()
        return content

    def _add(
        self,
        kind: str,
        inputs: Sequence[Operand],
        outputs: Sequence[str],
        attributes: dict[str, Any],
    ) -> None:
        names = [x if isinstance(x, str) else self.constant(x) for x in inputs]
        self._nodes.append(helper.make_node(kind, names, list(outputs), **attributes))


def _value(name: str, shape: Sequence[int]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["B", *shape])

"""Drop an axis of length one: a network that makes one step computes [B, 1, N] for [B, N].

What is left of it are reshapings, which cost nothing on a GPU, in the place of transpositions and
gatherings, and products with bias that a runtime can fuse.
"""

from typing import Any, Final

import numpy as np
from onnx import NodeProto

from synchresis.engines.training.graph.model import Graph, attributes

ELEMENTWISE: Final = frozenset(
    {
        *("Add", "Sub", "Mul", "Div", "Pow", "Neg", "Abs", "Sign", "Max", "Min", "Clip", "Cast"),
        *("Exp", "Log", "Sqrt", "Reciprocal", "Sin", "Cos", "Tanh", "Sigmoid", "Relu", "Gelu"),
        *("Where", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Equal", "Or", "And", "Not"),
    }
)
"""Operators that work number by number and stretch axes of length one."""

ALONG_LAST: Final = frozenset({"LayerNormalization", "Softmax", "Concat", "Split"})
"""Operators with an attribute `axis` that must be the last."""

REDUCING: Final = frozenset({"ReduceMax", "ReduceSum", "ReduceMean", "ReduceMin"})
"""Operators over axes given as their second input."""


def flatten(graph: Graph) -> bool:
    """Give every tensor [B, 1, N] that can be computed flat its flat twin; says whether any was."""
    flat: dict[str, str] = {}
    for node in list(graph.nodes):
        made = _border(graph, node, flat) or _flat_twin(graph, node, flat)
        flat.update(made)
    for name, twin in flat.items():
        if graph.readers(name) or name in graph.outputs:
            one = graph.constant(np.array([1], np.int64))
            graph.replace(name, graph.add("Unsqueeze", [twin, one]))
    graph.refresh()
    return bool(flat)


def _border(graph: Graph, node: NodeProto, flat: dict[str, str]) -> dict[str, str]:
    """Where the axis comes in, goes out or moves; new flat tensors."""
    if node.op_type not in ("Unsqueeze", "Gather", "Squeeze", "Transpose"):
        return {}
    source, output = node.input[0], node.output[0]
    if node.op_type == "Unsqueeze":
        axes = _numbers(graph, node.input[1])
        return {output: source} if axes == [1] and _rank(graph, source) == 2 else {}
    if node.op_type == "Transpose":
        return _turned(graph, node, flat)
    if source not in flat:
        return {}
    axis: list[int] = []
    if node.op_type == "Squeeze":
        axis = _numbers(graph, node.input[1])
    elif graph.constants.get(node.input[1], np.ones(1)).shape == ():
        axis = [attributes(node).get("axis", 0)]
    if axis == [1]:
        graph.replace(output, flat[source])
    return {}


def _turned(graph: Graph, node: NodeProto, flat: dict[str, str]) -> dict[str, str]:
    """A transposition that moves only the axis of length one is a reshaping."""
    source, output = node.input[0], node.output[0]
    order = tuple(attributes(node).get("perm", ()))
    shape = graph.shapes.get(source, ())
    places = {(0, 2, 1): 2, (1, 0, 2): 0}
    if order not in places or len(shape) != 3:
        return {}
    place = graph.constant(np.array([places[order]], np.int64))
    if source in flat:
        graph.replace(output, graph.add("Unsqueeze", [flat[source], place]))
        return {}
    if shape[places[order]] == 1:
        return {output: graph.add("Squeeze", [source, place])}
    return {}


def _flat_twin(graph: Graph, node: NodeProto, flat: dict[str, str]) -> dict[str, str]:
    """The same node on flat tensors, where it can be had."""
    if any(_middle(graph, name) != 1 for name in node.output):
        return {}
    data, rest = _parted(node)
    twins = [_flat_input(graph, name, flat) for name in data]
    if None in twins or not any(name in flat for name in data):
        return {}
    inputs = [twin for twin in twins if twin is not None]
    settings = attributes(node)
    if node.op_type in ALONG_LAST and settings.get("axis", -1) in (2, -1):
        settings["axis"] = -1
    elif node.op_type == "Slice" or node.op_type in REDUCING:
        place = 2 if node.op_type == "Slice" else 0
        if len(rest) <= place or _numbers(graph, rest[place]) not in ([2], [-1]):
            return {}
        rest[place] = graph.constant(np.array([-1], np.int64))
    elif node.op_type not in ELEMENTWISE and not _by_matrix(graph, node):
        return {}
    return _added(graph, node, [*inputs, *rest], settings)


def _added(
    graph: Graph, node: NodeProto, inputs: list[str], settings: dict[str, Any]
) -> dict[str, str]:
    """Add a node like `node`; its outputs by the names of the old ones."""
    first = graph.add(node.op_type, inputs, **settings)
    made = graph.maker(first)
    assert made is not None
    names = [first, *(f"{first}_{index}" for index in range(1, len(node.output)))]
    made.output[:] = names
    for name in names:
        graph.adopt(name, made)
    return dict(zip(node.output, names, strict=True))


def _parted(node: NodeProto) -> tuple[list[str], list[str]]:
    """Inputs along the axis, and those that are settings or weights."""
    names = list(node.input)
    if (node.op_type in ELEMENTWISE and node.op_type != "Clip") or node.op_type == "Concat":
        return names, []
    return names[:1], names[1:]


def _by_matrix(graph: Graph, node: NodeProto) -> bool:
    return node.op_type == "MatMul" and _rank(graph, node.input[1]) == 2


def _flat_input(graph: Graph, name: str, flat: dict[str, str]) -> str | None:
    """What stands for an input: its twin, or a constant without the axis."""
    if name in flat:
        return flat[name]
    constant = graph.constants.get(name)
    if constant is None:
        return None
    if constant.ndim < 2:
        return name
    if constant.ndim == 3 and constant.shape[:2] == (1, 1):
        return graph.constant(constant[0, 0])
    return None


def _middle(graph: Graph, name: str) -> int | str:
    """Length of the middle axis of three, 0 where there are not three."""
    shape = graph.shapes.get(name, ())
    return shape[1] if len(shape) == 3 else 0


def _rank(graph: Graph, name: str) -> int:
    return len(graph.shapes.get(name, ()))


def _numbers(graph: Graph, name: str) -> list[int]:
    return [int(number) for number in np.ravel(graph.constants.get(name, ()))]

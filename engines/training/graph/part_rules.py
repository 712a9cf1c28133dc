"""Rewritings of how tensors are taken apart."""

from typing import Final

import numpy as np
from onnx import NodeProto

from synchresis.engines.training.graph.model import Graph, attributes

COUNTED_FROM: Final = 18
"""Version of ONNX's operators from which on a `Split` may say into how many parts."""

Place = tuple[str, int, int, int]
"""Of a part: whole, axis, first number, how many."""


def parts(graph: Graph, node: NodeProto) -> bool:
    """Equal parts that together are the whole are taken by one `Split`."""
    place = _place(graph, node)
    if place is None or graph.opsets.get("", 0) < COUNTED_FROM:
        return False
    whole, axis, _, width = place
    length = graph.shapes[whole][axis]
    if not isinstance(length, int) or width == length or length % width:
        return False
    taken: dict[int, list[NodeProto]] = {}
    for reader in graph.readers(whole):
        other = _place(graph, reader)
        if other is not None and other[1] == axis and other[3] == width:
            taken.setdefault(other[2], []).append(reader)
    if sorted(taken) != list(range(0, length, width)):
        return False
    names = _split(graph, whole, axis=axis, count=length // width)
    for begin, readers in taken.items():
        for reader in readers:
            name = names[begin // width]
            if reader.op_type == "Gather":
                name = graph.add("Squeeze", [name, graph.constant(np.array([axis], np.int64))])
            graph.replace(reader.output[0], name)
    return True


def _place(graph: Graph, node: NodeProto) -> Place | None:
    """Where a part stands that is cut out along one axis."""
    shape = graph.shapes.get(node.input[0], ()) if node.input else ()
    values = [graph.constants.get(name) for name in node.input[1:]]
    if not shape or not values or any(v is None or v.size != 1 for v in values):
        return None
    numbers = [int(value.reshape(-1)[0]) for value in values if value is not None]
    if node.op_type == "Gather" and values[0] is not None and values[0].shape == ():
        axis, begin, end = attributes(node).get("axis", 0), numbers[0], numbers[0] + 1
    elif node.op_type == "Slice" and len(numbers) >= 3 and numbers[3:] in ([], [1]):
        begin, end, axis = numbers[:3]
    else:
        return None
    axis %= len(shape)
    length = shape[axis]
    if not isinstance(length, int) or not 0 <= begin < end:
        return None
    return node.input[0], axis, begin, min(end, length) - begin


def _split(graph: Graph, whole: str, *, axis: int, count: int) -> list[str]:
    first = graph.add("Split", [whole], axis=axis, num_outputs=count)
    node = graph.maker(first)
    assert node is not None
    names = [first, *(f"{first}_{index}" for index in range(1, count))]
    node.output[:] = names
    for name in names:
        graph.adopt(name, node)
    return names

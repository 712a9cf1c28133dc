"""Rewritings of what a voice's phases are made of: rotations and sums of neighbours."""

from typing import Final

import numpy as np
from onnx import NodeProto

from synchresis.engines.training.graph.model import Array, Graph, attributes

ROUNDING: Final = 1e-6
"""How far a constant rotation may be from length one."""


def rotation(graph: Graph, node: NodeProto) -> bool:
    """The cosine and sine of an angle, turned by a constant, are those of a larger angle.

    cos(a) re − sin(a) im = cos(a + b) and cos(a) im + sin(a) re = sin(a + b), where re + i im is
    exp(i b) for each element; with −sin(a) in place of sin(a), a runs backwards.
    """
    if node.op_type not in ("Sub", "Add"):
        return False
    terms = [_term(graph, name) for name in node.input]
    for first, second in (terms, terms[::-1]) if node.op_type == "Add" else (terms,):
        if first is None or second is None or (first[0], second[0]) != ("Cos", "Sin"):
            continue
        _, angle, sign, one = first
        _, other, turned, two = second
        if angle != other or not (sign == 1 and abs(turned) == 1):
            continue
        re, im = (one, two) if node.op_type == "Sub" else (two, one)
        if one.shape != two.shape or np.abs(np.hypot(re, im) - 1).max() > ROUNDING:
            continue
        larger = _turned_angle(graph, angle, np.arctan2(im, re).astype(one.dtype), back=turned < 0)
        operator = "Cos" if node.op_type == "Sub" else "Sin"
        graph.replace(node.output[0], graph.add(operator, [larger]))
        return True
    return False


def _term(graph: Graph, name: str) -> tuple[str, str, int, Array] | None:
    """(Cos or Sin, its angle, sign, constant factor) of a product."""
    product = graph.maker(name)
    if product is None or product.op_type != "Mul":
        return None
    for wave, factor in (product.input, product.input[::-1]):
        made, sign = graph.maker(wave), 1
        if made is not None and made.op_type == "Neg":
            made, sign = graph.maker(made.input[0]), -1
        if factor in graph.constants and made is not None and made.op_type in ("Cos", "Sin"):
            return made.op_type, made.input[0], sign, graph.constants[factor]
    return None


def _turned_angle(graph: Graph, angle: str, by: Array, *, back: bool) -> str:
    """The angle plus (or subtracted from) a constant; the one there is, where there is one."""
    for reader in graph.readers(angle):
        constant = graph.constants.get(reader.input[0])
        same = constant is not None and np.array_equal(constant, by)
        if same and reader.op_type == ("Sub" if back else "Add"):
            return str(reader.output[0])
    return graph.add("Sub" if back else "Add", [graph.constant(by), angle])


def neighbours(graph: Graph, node: NodeProto) -> bool:
    """The sum of a number and its two neighbours is three times their mean: one node."""
    if node.op_type != "Add":
        return False
    for inner, right in (node.input, node.input[::-1]):
        pair = graph.maker(inner)
        if pair is None or pair.op_type != "Add":
            continue
        for left, middle in (pair.input, pair.input[::-1]):
            shape = graph.shapes.get(middle, ())
            found = [_shifted(graph, name, middle) for name in (left, right)]
            if len(shape) == 2 and sorted(map(str, found)) == ["0", "2"]:
                graph.replace(node.output[0], _three_means(graph, middle))
                return True
    return False


def _shifted(graph: Graph, name: str, source: str) -> int | None:
    """Where a slice of `source` with a zero on either side begins."""
    part = graph.maker(name)
    padded = graph.maker(part.input[0]) if part is not None and part.op_type == "Slice" else None
    if part is None or padded is None or padded.op_type != "Pad" or padded.input[0] != source:
        return None
    width = graph.shapes[source][-1]
    values = [graph.constants.get(at) for at in (*part.input[1:4], padded.input[1])]
    if any(value is None for value in values) or not _zero_padded(graph, padded):
        return None
    start, end, axis, pads = (np.ravel(value).tolist() for value in values if value is not None)
    if not isinstance(width, int):
        return None
    end = min(end[0], width + 2) + (width + 2 if end[0] < 0 else 0)
    whole = end - start[0] == width
    return int(start[0]) if whole and axis in ([1], [-1]) and pads == [0, 1, 0, 1] else None


def _zero_padded(graph: Graph, node: NodeProto) -> bool:
    value = graph.constants.get(node.input[2]) if len(node.input) > 2 else None
    zero = value is None or not np.any(value)
    return attributes(node).get("mode", b"constant") == b"constant" and zero


def _three_means(graph: Graph, source: str) -> str:
    axes = graph.constant(np.array([1, 2], np.int64))
    line = graph.add("Unsqueeze", [source, axes])
    settings = {"kernel_shape": [1, 3], "pads": [0, 1, 0, 1], "count_include_pad": 1}
    mean = graph.add("AveragePool", [line], strides=[1, 1], **settings)
    flat = graph.add("Squeeze", [mean, axes])
    return graph.add("Mul", [flat, graph.constant(np.array(3.0, np.float32))])

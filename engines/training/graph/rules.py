"""Rewritings of a few nodes each: rule(graph, node) changes the graph and says so, or does nothing.

All keep the outputs but for rounding (`gate` also where the branch that is not taken is infinite).
"""

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from onnx import NodeProto
from onnx.reference import ReferenceEvaluator

from synchresis.engines.training.graph.model import Array, Graph, attributes
from synchresis.engines.training.graph.part_rules import parts
from synchresis.engines.training.graph.picture_rules import (
    folded_picture,
    joined_channels,
    there_and_back,
)
from synchresis.engines.training.graph.signal_rules import neighbours, rotation

Rule = Callable[[Graph, NodeProto], bool]

NOT_FOLDED: Final = frozenset({"ConstantOfShape", "RandomNormal", "Identity"})
"""Left as they are: large ones, what is not always the same, and names of outputs."""

LARGEST_FOLD: Final = 1 << 22
"""Elements of the largest constant that folding may make."""

BROADCASTING: Final = frozenset({"Add", "Sub", "Mul", "Div", "Pow", "Where", "Less", "Greater"})
"""Operators that stretch axes of length one by themselves."""


def fold(graph: Graph, node: NodeProto) -> bool:
    """A node that reads constants only is a constant."""
    given = [name for name in node.input if name]
    if not given or node.op_type in NOT_FOLDED or not graph.constants.keys() >= set(given):
        return False
    values = ReferenceEvaluator(node, opsets=graph.opsets).run(
        None, {name: graph.constants[name] for name in given}
    )
    if any(np.size(value) > LARGEST_FOLD for value in values):
        return False
    for name, value in zip(node.output, values, strict=True):
        graph.replace(name, graph.constant(np.asarray(value)))
    return True


def stretch(graph: Graph, node: NodeProto) -> bool:
    """`Expand` that changes nothing, or whose readers stretch by themselves, is not needed."""
    if node.op_type != "Expand":
        return False
    source, output = node.input[0], node.output[0]
    shape = graph.constants.get(node.input[1])
    nothing = shape is not None and bool((shape == 1).all()) and _rank(graph, source) == len(shape)
    if nothing:
        graph.replace(output, source)
        return True
    if output in graph.outputs or not all(_meets(graph, r, output) for r in graph.readers(output)):
        return False
    graph.replace(output, source)
    return True


def _meets(graph: Graph, reader: NodeProto, name: str) -> bool:
    """Whether a reader gets this shape from its other operand as well."""
    if reader.op_type not in BROADCASTING or name not in graph.shapes:
        return False
    others = [graph.shapes.get(other) for other in reader.input if other != name]
    return graph.shapes[name] in others


def last_hop(graph: Graph, node: NodeProto) -> bool:
    """All hidden states of a recurrent node that makes one step are its last one."""
    if node.op_type != "Reshape":
        return False
    turned = graph.maker(node.input[0])
    if turned is None or turned.op_type != "Transpose":
        return False
    recurrent = graph.maker(turned.input[0])
    steps = graph.shapes.get(recurrent.input[0], (0,))[0] if recurrent is not None else 0
    if recurrent is None or recurrent.op_type != "GRU" or steps != 1:
        return False
    same = recurrent.output[0] == turned.input[0] and len(recurrent.output) == 2
    if not same or attributes(turned)["perm"] != [0, 2, 1, 3]:
        return False
    graph.replace(node.output[0], recurrent.output[1])
    return True


def gate(graph: Graph, node: NodeProto) -> bool:
    """C a + (1 − c) b with c made from a truth value chooses: Where(c, a, b)."""
    if node.op_type != "Add":
        return False
    for kept, other in (node.input, node.input[::-1]):
        opened, closed = _gated(graph, other), graph.maker(kept)
        if opened is None:
            continue
        condition, name, otherwise = opened
        chosen = _factor(closed, name) if closed is not None else None
        if kept == name:
            chosen = graph.constant(np.array(1.0, np.float32))
        if chosen is not None:
            graph.replace(node.output[0], graph.add("Where", [condition, chosen, otherwise]))
            return True
    return False


def _gated(graph: Graph, name: str) -> tuple[str, str, str] | None:
    """(truth value, its number c, b) where `name` is (1 − c) b."""
    product = graph.maker(name)
    if product is None or product.op_type != "Mul":
        return None
    for left, right in (product.input, product.input[::-1]):
        rest = graph.maker(left)
        if rest is None or rest.op_type != "Sub" or not _is_one(graph, rest.input[0]):
            continue
        number = graph.maker(rest.input[1])
        if number is None or number.op_type != "Cast":
            continue
        test = graph.maker(number.input[0])
        if test is not None and test.op_type in TRUTHS:
            return number.input[0], rest.input[1], right
    return None


TRUTHS: Final = frozenset(
    {"Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Equal", "Or", "And"}
)
"""Operators whose result is a truth value."""


def _is_one(graph: Graph, name: str) -> bool:
    value = graph.constants.get(name)
    return value is not None and value.size == 1 and float(value.reshape(-1)[0]) == 1.0


def _factor(node: NodeProto, name: str) -> str | None:
    """The other factor, where a node is a product with `name`."""
    if node.op_type != "Mul" or name not in node.input:
        return None
    return str(node.input[1 - list(node.input).index(name)])


def scale(graph: Graph, node: NodeProto) -> bool:
    """A constant factor behind a matrix product with bias goes into weights and bias."""
    if node.op_type != "Mul":
        return False
    for factor, name in (node.input, node.input[::-1]):
        added = graph.maker(name)
        if factor not in graph.constants or added is None or added.op_type != "Add":
            continue
        for bias, product in (added.input, added.input[::-1]):
            made = graph.maker(product)
            if bias in graph.constants and _plain_product(graph, made) and graph.lonely(name):
                break
        else:
            continue
        assert made is not None
        by, weights = graph.constants[factor], graph.constants[made.input[1]]
        if not graph.lonely(product) or by.size not in (1, weights.shape[1]):
            continue
        scaled = graph.constant((weights * by.reshape(-1)).astype(weights.dtype))
        moved = graph.constant((graph.constants[bias] * by.reshape(-1)).astype(weights.dtype))
        matrix = graph.add("MatMul", [made.input[0], scaled])
        graph.replace(node.output[0], graph.add("Add", [matrix, moved]))
        return True
    return False


def _plain_product(graph: Graph, node: NodeProto | None) -> bool:
    """Whether a node is a matrix product with constant weights."""
    if node is None or node.op_type != "MatMul" or node.input[1] not in graph.constants:
        return False
    return graph.constants[node.input[1]].ndim == 2


def root(graph: Graph, node: NodeProto) -> bool:
    """A times 1 / sqrt(b) is a / sqrt(b)."""
    if node.op_type != "Reciprocal":
        return False
    made, output = graph.maker(node.input[0]), node.output[0]
    readers = graph.readers(output)
    alone = output not in graph.outputs and all(r.op_type == "Mul" for r in readers)
    if made is None or made.op_type != "Sqrt" or not readers or not alone:
        return False
    if any(list(reader.input) == [output, output] for reader in readers):
        return False
    for reader in readers:
        other = _factor(reader, output)
        assert other is not None
        graph.replace(reader.output[0], graph.add("Div", [other, node.input[0]]))
    return True


def short_filter(graph: Graph, node: NodeProto) -> bool:
    """A filter per channel that gives one number is a product and a sum.

    A convolution over 256 groups of one channel is slow everywhere: each group is a product of its
    own on a CPU, and on a GPU one launch or more of a general kernel.
    """
    weights = graph.constants.get(node.input[1]) if node.op_type == "Conv" else None
    if weights is None or weights.ndim != 3 or weights.shape[1] != 1:
        return False
    kind, shape = attributes(node), graph.shapes.get(node.input[0], ())
    whole = len(shape) == 3 and shape[1] == kind.get("group", 1) and shape[2] == weights.shape[2]
    padded = any(kind.get("pads", [0])) or kind.get("auto_pad", b"NOTSET") != b"NOTSET"
    if not whole or padded or weights.shape[0] != shape[1]:
        return False
    products = graph.add("Mul", [node.input[0], graph.constant(weights[:, 0])])
    axes = graph.constant(np.array([2], np.int64))
    out = graph.add("ReduceSum", [products, axes], keepdims=1)
    if len(node.input) > 2:
        out = graph.add("Add", [out, graph.constant(_column(graph.constants[node.input[2]]))])
    graph.replace(node.output[0], out)
    return True


def _column(array: Array) -> Array:
    return array.reshape(-1, 1)


def nested_slice(graph: Graph, node: NodeProto) -> bool:
    """A part of a part is a part."""
    inner = graph.maker(node.input[0]) if node.op_type == "Slice" else None
    if inner is None or inner.op_type != "Slice":
        return False
    outer_part, inner_part = _part(graph, node), _part(graph, inner)
    if outer_part is None or inner_part is None or outer_part[2] != inner_part[2]:
        return False
    start, end, axis = inner_part[0] + outer_part[0], outer_part[1], inner_part[2]
    end = min(inner_part[1], inner_part[0] + end)
    numbers = [graph.constant(np.array([n], np.int64)) for n in (start, end, axis)]
    graph.replace(node.output[0], graph.add("Slice", [inner.input[0], *numbers]))
    return True


def gather(graph: Graph, node: NodeProto) -> bool:
    """Rows picked by one index each are gathered, which is one launch in the place of three.

    Constant indices are left alone: they are many, and ONNX Runtime's CPU gathers them slowly.
    """
    if node.op_type != "GatherND" or attributes(node).get("batch_dims", 0) != 0:
        return False
    table, rows = node.input
    shape = graph.shapes.get(rows, ())
    if not shape or shape[-1] != 1 or rows in graph.constants:
        return False
    numbers = _without_last(graph, rows, len(shape))
    graph.replace(node.output[0], graph.add("Gather", [table, numbers], axis=0))
    return True


def _without_last(graph: Graph, name: str, rank: int) -> str:
    """A tensor without its last axis, of length one: as it was before that was added."""
    made = graph.maker(name)
    if made is not None and made.op_type == "Unsqueeze":
        axes = np.ravel(graph.constants.get(made.input[1], ())).tolist()
        if axes in ([-1], [rank - 1]):
            return str(made.input[0])
    return graph.add("Squeeze", [name, graph.constant(np.array([-1], np.int64))])


def _part(graph: Graph, node: NodeProto) -> tuple[int, int, int] | None:
    """(start, end, axis) of a slice along one axis, counted from its beginning, step 1."""
    values: list[Any] = [graph.constants.get(name) for name in node.input[1:]]
    if len(values) < 3 or any(value is None or value.size != 1 for value in values):
        return None
    start, end, axis, *step = (int(value.reshape(-1)[0]) for value in values)
    return (start, end, axis) if start >= 0 and end >= 0 and step in ([], [1]) else None


def _rank(graph: Graph, name: str) -> int:
    return len(graph.shapes.get(name, ()))


RULES: Final[tuple[Rule, ...]] = (
    fold,
    stretch,
    last_hop,
    gate,
    scale,
    root,
    short_filter,
    nested_slice,
    parts,
    gather,
    rotation,
    neighbours,
    folded_picture,
    joined_channels,
    there_and_back,
)
"""All rewritings, in the order they are tried at each node."""

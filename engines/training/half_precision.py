"""Half precision beside full: `NAME.fp16.onnx` of an exported engine.

TensorRT 11 and TensorRT for RTX take each number's type from the file, so half precision is a
second file. Products with weights (convolutions, matrix products) are done in half precision, with
casts round them; all else stays float32: recurrent nodes and states, exponentials, the phase head,
inputs and outputs. The two files are interchangeable.

`python -m synchresis.engines.training.half_precision PACK` puts them into a pack.
"""

import sys
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Final

import numpy as np
import onnx
from onnx import GraphProto, NodeProto, TensorProto, helper, numpy_helper

from synchresis.engines.packs import load_pack, update_pack
from synchresis.errors import ParameterError

PRODUCTS: Final = frozenset({"Conv", "Gemm", "MatMul"})
"""Operators done in half precision where their second input is a weight."""

LARGEST: Final = 6.0e4
"""A weight beyond this does not fit half precision; its product stays in full."""

PHASE_WIDTH: Final = 6 * 513
"""Outputs of the voice's head (magnitude, turn, attack, certainty): phases need float32."""


EXACT: Final = "full."
"""A weight whose name begins so is wanted in full precision."""


def to_half(model: bytes) -> bytes:
    """Return the half-precision twin of an exported engine.

    Raises:
        ParameterError: nothing in it can be done in half precision.
    """
    proto = onnx.load_from_string(model)
    graph = proto.graph
    weights = {tensor.name: tensor for tensor in graph.initializer}
    chosen = [node for node in graph.node if _chosen(node, weights)]
    if not chosen:
        raise ParameterError("the model has no product with weights to be done in half precision")
    names = {id(node): index for index, node in enumerate(chosen)}
    nodes = [made for node in graph.node for made in _rewritten(node, names, weights)]
    _replace(graph, nodes, _halved(chosen, weights))
    onnx.checker.check_model(proto)
    content: bytes = proto.SerializeToString()
    return content


def halve_pack(folder: Path) -> tuple[str, ...]:
    """Put half-precision files beside the engines of a pack; returns their names."""
    pack = load_pack(folder)
    entries = [entry for entry in (pack.manifest.motion, pack.manifest.voice) if entry]
    files = {entry.half_file: to_half(pack.read(entry.file)) for entry in entries}
    update_pack(folder, {}, files)
    return tuple(files)


def _chosen(node: NodeProto, weights: dict[str, TensorProto]) -> bool:
    if node.op_type not in PRODUCTS or len(node.input) < 2 or node.input[1] not in weights:
        return False
    tensors = [weights[name] for name in node.input[1:] if name in weights]
    if len(tensors) < len([name for name in node.input[1:] if name]):
        return False
    kinds = all(tensor.data_type == TensorProto.FLOAT for tensor in tensors)
    exact = PHASE_WIDTH in tensors[0].dims or node.input[1].startswith(EXACT)
    return kinds and not exact and all(_fits(tensor) for tensor in tensors)


def _fits(tensor: TensorProto) -> bool:
    return bool(np.abs(numpy_helper.to_array(tensor)).max(initial=0.0) < LARGEST)


def _rewritten(
    node: NodeProto, names: dict[int, int], weights: dict[str, TensorProto]
) -> Iterator[NodeProto]:
    """The node itself, or cast, product in half precision, cast back."""
    if id(node) not in names:
        yield node
        return
    mark = f"half_{names[id(node)]}"
    half = NodeProto()
    half.CopyFrom(node)
    half.input[0], half.output[0] = f"{mark}_in", f"{mark}_out"
    for index in range(1, len(half.input)):
        if half.input[index] in weights:
            half.input[index] = f"{half.input[index]}_half"
    yield helper.make_node("Cast", [node.input[0]], [f"{mark}_in"], to=TensorProto.FLOAT16)
    yield half
    yield helper.make_node("Cast", [f"{mark}_out"], [node.output[0]], to=TensorProto.FLOAT)


def _halved(chosen: Collection[NodeProto], weights: dict[str, TensorProto]) -> list[TensorProto]:
    used = {name: None for node in chosen for name in node.input[1:] if name in weights}
    return [
        numpy_helper.from_array(
            numpy_helper.to_array(weights[name]).astype(np.float16), f"{name}_half"
        )
        for name in used
    ]


def _replace(graph: GraphProto, nodes: list[NodeProto], halved: list[TensorProto]) -> None:
    """Put new nodes and weights in; drop full weights that nothing reads any more."""
    del graph.node[:]
    graph.node.extend(nodes)
    read = {name for node in graph.node for name in node.input}
    read |= {output.name for output in graph.output}
    kept = [tensor for tensor in graph.initializer if tensor.name in read]
    del graph.initializer[:]
    graph.initializer.extend([*kept, *halved])
    del graph.value_info[:]


if __name__ == "__main__":
    sys.stdout.write("\n".join(halve_pack(Path(sys.argv[1]))) + "\n")

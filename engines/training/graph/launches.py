"""How many launches an engine would cost on a GPU, estimated without one.

Counted in the graph that ONNX Runtime makes of it, its rewritings that are turned off on a GPU left
out. The graph is the CPU provider's: what its CUDA provider fuses otherwise is not seen.
"""

import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import onnxruntime as ort
from onnx import NodeProto

from synchresis.engines.runtime.onnx_cuda import LEFT_OUT
from synchresis.engines.training.graph.model import Graph, attributes

FREE: Final = frozenset({"Reshape", "Squeeze", "Unsqueeze", "Flatten", "Shape"})
"""Operators that only say how numbers are to be read."""

UNEQUAL: Final = 5
"""Launches of `Concat` or `Split` of unequal parts: four tables go up first."""

RECURRENT: Final = 8
"""Launches of one step of a `GRU`."""


def launches(model: bytes) -> int:
    """Estimated launches of one step with ONNX Runtime's CUDA provider."""
    graph = Graph(_optimised(model))
    # What the runtime's own operators give has no shape here, but most of it has its old name.
    graph.shapes = {**graph.shapes, **Graph(model).shapes}
    return sum(_of_node(graph, node) for node in graph.nodes)


def _of_node(graph: Graph, node: NodeProto) -> int:
    if node.op_type in FREE:
        return 0
    if node.op_type in ("Gemm", "FusedGemm"):
        return 2 if len(node.input) > 2 and node.input[2] else 1
    if node.op_type == "GRU":
        return RECURRENT
    if node.op_type == "Concat":
        return 1 if _equal(graph, node.input, attributes(node)["axis"]) else UNEQUAL
    if node.op_type == "Split":
        sizes = graph.constants.get(node.input[1], ()) if len(node.input) > 1 else ()
        return 1 if len(set(map(int, sizes))) <= 1 else UNEQUAL
    return 1


def _equal(graph: Graph, names: Iterable[str], axis: int) -> bool:
    """Whether tensors are known to be equally long along an axis."""
    shapes = [graph.shapes.get(name, ()) for name in names]
    lengths = {shape[axis] if shape else "" for shape in shapes}
    return len(lengths) == 1 and "" not in lengths


def _optimised(model: bytes) -> bytes:
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.log_severity_level = 3
    providers = ["CPUExecutionProvider"]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "optimised.onnx"
        options.optimized_model_filepath = str(path)
        ort.InferenceSession(
            model, options, providers=providers, disabled_optimizers=list(LEFT_OUT)
        )
        return path.read_bytes()

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from synchresis.engines.packs import load_pack
from synchresis.engines.training.graph.launches import RECURRENT, UNEQUAL, launches

AFFORDED = 330
"""Launches of 1.26 µs each that leave a hop well under half a millisecond."""

ON_CUDA = frozenset(
    {
        *("Abs", "Add", "AveragePool", "Cast", "Clip", "Concat"),
        *("Conv", "Cos", "Div", "Exp", "Expand", "GRU"),
        *("Gather", "Gelu", "Gemm", "Greater", "GreaterOrEqual", "LayerNormalization"),
        *("Less", "Log", "MatMul", "Max", "Min", "Mul"),
        *("Neg", "Or", "Pad", "Pow", "ReduceL2", "ReduceMax"),
        *("ReduceMean", "ReduceSum", "Relu", "Reshape", "Resize", "Shape"),
        *("Sigmoid", "Sign", "Sin", "Slice", "Softmax", "SpaceToDepth", "Split"),
        *("Sqrt", "Squeeze", "Sub", "Tile", "TopK", "Transpose"),
        *("Unsqueeze", "Where"),
    }
)
"""Of what ONNX Runtime's CUDA provider has in opsets 18 and 20: its docs/OperatorKernels.md."""


def model(nodes, outputs, constants=(), inputs=None) -> bytes:
    """A graph of float32 inputs (x [B, 6] by default) and outputs [B, n]."""
    info = helper.make_tensor_value_info
    inputs = {"x": ["B", 6]} if inputs is None else inputs
    graph = helper.make_graph(
        [helper.make_node(op, i, o, **a) for op, i, o, a in nodes],
        "small",
        [info(name, TensorProto.FLOAT, shape) for name, shape in inputs.items()],
        [info(name, TensorProto.FLOAT, None) for name in outputs],
        [numpy_helper.from_array(np.asarray(a), name) for name, a in dict(constants).items()],
    )
    opsets = [helper.make_opsetid("", 20)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=9).SerializeToString()


def test_a_node_is_a_launch_and_a_reshaping_none() -> None:
    nodes = [
        ("Exp", ["x"], ["e"], {}),
        ("Unsqueeze", ["e", "one"], ["u"], {}),
        ("Sin", ["u"], ["y"], {}),
    ]
    assert launches(model(nodes, ["y"], {"one": np.array([1])})) == 2


@pytest.mark.parametrize(("width", "cost"), [(6, 1), (5, UNEQUAL)])
def test_joining_unequal_parts_costs_tables(width: int, cost: int) -> None:
    inputs = {"x": ["B", 6], "z": ["B", width]}
    content = model([("Concat", ["x", "z"], ["y"], {"axis": 1})], ["y"], inputs=inputs)
    assert launches(content) == cost


@pytest.mark.parametrize(("sizes", "cost"), [([3, 3], 1), ([2, 4], UNEQUAL)])
def test_parting_unequally_costs_tables(sizes: list[int], cost: int) -> None:
    nodes = [("Split", ["x", "sizes"], ["y", "z"], {"axis": 1})]
    assert launches(model(nodes, ["y", "z"], {"sizes": np.array(sizes)})) == cost


def test_shapes_behind_the_runtimes_own_operators_are_known() -> None:
    weights = np.ones((6, 6), np.float32), np.ones(6, np.float32)
    nodes = [
        ("Add", ["x", "b"], ["a"], {}),
        ("Gelu", ["a"], ["g"], {}),  # becomes BiasGelu
        ("MatMul", ["g", "w"], ["m"], {}),
        ("Concat", ["m", "x"], ["y"], {"axis": 1}),
    ]
    assert launches(model(nodes, ["y"], dict(zip("wb", weights, strict=True)))) == 3


def test_a_bias_is_a_product_of_its_own_and_a_recurrent_step_many() -> None:
    ones = {"w": np.ones((6, 4), np.float32), "b": np.ones(4, np.float32)}
    for names, cost in ((["x", "w", "b"], 2), (["x", "w"], 1)):
        assert launches(model([("Gemm", names, ["y"], {})], ["y"], ones)) == cost
    gates = {"w": np.ones((1, 9, 6), np.float32), "r": np.ones((1, 9, 3), np.float32)}
    nodes = [("GRU", ["x", "w", "r"], ["", "y"], {"hidden_size": 3})]
    assert launches(model(nodes, ["y"], gates, {"x": [1, "B", 6]})) == RECURRENT


def test_a_hop_of_the_default_voice_is_affordable_on_a_gpu() -> None:
    pack = load_pack()
    assert 200 < launches(pack.read(pack.voice.file)) <= AFFORDED


@pytest.mark.parametrize("which", ["motion", "voice"])
def test_every_node_of_the_default_pack_can_run_on_a_gpu(which: str) -> None:
    """One that cannot runs on the CPU between two copies, which nobody can record into a graph."""
    pack = load_pack()
    entry = pack.motion if which == "motion" else pack.voice
    proto = onnx.load_from_string(pack.read(entry.file))
    assert {opset.version for opset in proto.opset_import} <= {18, 20}
    assert not {node.op_type for node in proto.graph.node} - ON_CUDA

from collections import Counter

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper, numpy_helper

from synchresis.engines.training.graph.simplify import simplify

WIDTH = 6


def model(nodes, outputs, constants=(), inputs=None) -> bytes:
    """A graph from x [B, 6] (or `inputs`) to outputs whose shapes are inferred."""
    info = helper.make_tensor_value_info
    inputs = {"x": ["B", WIDTH]} if inputs is None else inputs
    graph = helper.make_graph(
        [helper.make_node(op, i, o, **a) for op, i, o, a in nodes],
        "small",
        [info(name, TensorProto.FLOAT, shape) for name, shape in inputs.items()],
        [info(name, TensorProto.FLOAT, None) for name in outputs],
        [numpy_helper.from_array(np.asarray(a), name) for name, a in dict(constants).items()],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
    made = onnx.shape_inference.infer_shapes(made)
    return made.SerializeToString()


def kinds(content: bytes) -> Counter:
    return Counter(node.op_type for node in onnx.load_from_string(content).graph.node)


def run(content: bytes, feed) -> list[np.ndarray]:
    session = ort.InferenceSession(content, providers=["CPUExecutionProvider"])
    return session.run(None, feed)


def same(content: bytes, feed, atol=1e-6) -> Counter:
    """Simplify, compare, and return the operators that are left."""
    after = simplify(content)
    for want, got in zip(run(content, feed), run(after, feed), strict=True):
        assert want.shape == got.shape
        np.testing.assert_allclose(got, want, atol=atol, rtol=1e-5)
    return kinds(after)


@pytest.fixture
def x(rng):
    return {"x": rng.normal(size=(3, WIDTH)).astype(np.float32)}


def f32(*shape, rng=None):
    return (rng or np.random.default_rng(2)).normal(size=shape).astype(np.float32)


def test_constants_are_folded(x) -> None:
    nodes = [
        ("Transpose", ["w"], ["t"], {"perm": [1, 0]}),
        ("MatMul", ["x", "t"], ["y"], {}),
    ]
    assert same(model(nodes, ["y"], {"w": f32(4, WIDTH)}), x) == {"MatMul": 1}


def test_output_that_is_constant_or_input_keeps_its_name(x) -> None:
    nodes = [("Neg", ["c"], ["y"], {}), ("Unsqueeze", ["x", "one"], ["u"], {})]
    nodes += [("Gather", ["u", "zero"], ["z"], {"axis": 1})]
    constants = {"c": f32(2), "one": np.array([1]), "zero": np.array(0)}
    after = simplify(model(nodes, ["y", "z"], constants))
    assert [o.name for o in onnx.load_from_string(after).graph.output] == ["y", "z"]
    assert kinds(after) == {"Identity": 2}


@pytest.mark.parametrize("swapped", [False, True])
def test_gates_choose(x, swapped) -> None:
    def both(a, b):
        return [b, a] if swapped else [a, b]

    nodes = [
        ("Greater", ["x", "zero"], ["test"], {}),
        ("Cast", ["test"], ["c"], {"to": TensorProto.FLOAT}),
        ("Sub", ["one", "c"], ["rest"], {}),
        ("Exp", ["x"], ["b"], {}),
        ("Sin", ["x"], ["a"], {}),
        ("Mul", both("c", "a"), ["left"], {}),
        ("Mul", both("rest", "b"), ["right"], {}),
        ("Add", both("left", "right"), ["y"], {}),
        ("Mul", both("rest", "a"), ["faded"], {}),
        ("Add", both("c", "faded"), ["z"], {}),
    ]
    constants = {"zero": np.float32(0), "one": np.float32(1)}
    left = same(model(nodes, ["y", "z"], constants), x)
    assert left == {"Greater": 1, "Exp": 1, "Sin": 1, "Where": 2}


def test_what_only_looks_like_a_gate_stays(x) -> None:
    nodes = [
        ("Cast", ["x"], ["c"], {"to": TensorProto.FLOAT}),  # a number, no truth value
        ("Sub", ["one", "c"], ["rest"], {}),
        ("Sin", ["x"], ["a"], {}),
        ("Mul", ["c", "a"], ["left"], {}),
        ("Mul", ["rest", "a"], ["right"], {}),
        ("Add", ["left", "right"], ["y"], {}),
    ]
    assert "Where" not in same(model(nodes, ["y"], {"one": np.float32(1)}), x)
    nodes[0] = ("Greater", ["x", "one"], ["test"], {})
    nodes.insert(1, ("Cast", ["test"], ["c"], {"to": TensorProto.FLOAT}))
    nodes[2] = ("Sub", ["two", "c"], ["rest"], {})  # 2 - c
    constants = {"one": np.float32(1), "two": np.float32(2)}
    assert "Where" not in same(model(nodes, ["y"], constants), x)


def test_factor_goes_into_weights_and_bias(x) -> None:
    nodes = [
        ("MatMul", ["x", "w"], ["m"], {}),
        ("Add", ["m", "b"], ["a"], {}),
        ("Mul", ["s", "a"], ["y"], {}),
    ]
    constants = {"w": f32(WIDTH, 4), "b": f32(4), "s": f32(4)}
    assert same(model(nodes, ["y"], constants), x) == {"MatMul": 1, "Add": 1}
    assert same(model(nodes, ["y", "a"], constants), x)["Mul"] == 1  # `a` is needed as it is


def test_reciprocal_root_is_a_division(x) -> None:
    nodes = [
        ("Exp", ["x"], ["e"], {}),
        ("Sqrt", ["e"], ["s"], {}),
        ("Reciprocal", ["s"], ["r"], {}),
        ("Mul", ["r", "x"], ["y"], {}),
        ("Mul", ["e", "r"], ["z"], {}),
    ]
    assert same(model(nodes, ["y", "z"]), x) == {"Exp": 1, "Sqrt": 1, "Div": 2}
    assert same(model(nodes, ["y", "z", "r"]), x)["Reciprocal"] == 1


@pytest.mark.parametrize("biased", [True, False])
def test_filter_per_channel_is_a_sum(rng, biased) -> None:
    names = ["x", "w", "b"][: 2 + biased]
    nodes = [("Conv", names, ["y"], {"group": 4})]
    content = model(nodes, ["y"], {"w": f32(4, 1, 7), "b": f32(4)}, {"x": ["B", 4, 7]})
    left = same(content, {"x": f32(2, 4, 7)})
    assert left == Counter({"Mul": 1, "ReduceSum": 1} | ({"Add": 1} if biased else {}))


@pytest.mark.parametrize(
    ("length", "groups", "pads"), [(8, 4, [0, 0]), (7, 1, [0, 0]), (7, 4, [1, 1])]
)
def test_other_filters_stay(length, groups, pads) -> None:
    nodes = [("Conv", ["x", "w"], ["y"], {"group": groups, "pads": pads})]
    weights = f32(4, 4 // groups, 7)
    content = model(nodes, ["y"], {"w": weights}, {"x": ["B", 4, length]})
    assert same(content, {"x": f32(2, 4, length)}) == {"Conv": 1}


def test_part_of_a_part(x) -> None:
    constants = {name: np.array([n]) for name, n in zip("abcd", (1, 5, 2, 3), strict=True)}
    nodes = [
        ("Slice", ["x", "a", "b", "a"], ["inner"], {}),  # 1:5
        ("Slice", ["inner", "a", "d", "a"], ["y"], {}),  # of it 1:3
        ("Slice", ["inner", "c", "b", "a"], ["z"], {}),  # of it 2:5, beyond its end
    ]
    assert same(model(nodes, ["y", "z"], constants), x) == {"Slice": 2}


def cut(begin: int, end: int, output: str):
    """A slice along the last axis, and its constants."""
    constants = {f"{output}{i}": np.array([n]) for i, n in enumerate((begin, end, -1))}
    return ("Slice", ["x", *constants], [output], {}), constants


def cuts(*places: tuple[int, int]) -> bytes:
    made = [cut(*place, name) for place, name in zip(places, "yzuv", strict=False)]
    nodes = [(kind, inputs, [f"{out}s"], a) for (kind, inputs, (out,), a), _ in made]
    nodes += [("Exp", [f"{name}s"], [name], {}) for name in "yzuv"[: len(made)]]
    constants = {name: value for _, found in made for name, value in found.items()}
    return model(nodes, [*"yzuv"[: len(made)]], constants)


@pytest.mark.parametrize(
    "places", [[(0, 3), (3, 6)], [(4, 99), (0, 2), (2, 4)], [(0, 3)] * 2 + [(3, 6)]]
)
def test_equal_parts_of_a_whole_are_split(x, places) -> None:
    assert same(cuts(*places), x) == {"Split": 1, "Exp": len(places)}


@pytest.mark.parametrize("places", [[(0, 2), (2, 6)], [(0, 3)], [(0, 6)], [(0, 3), (1, 4)]])
def test_other_parts_are_cut_out_alone(x, places) -> None:
    assert same(cuts(*places), x)["Slice"] == len(places)


def test_rows_that_make_up_a_whole_are_split() -> None:
    nodes = [("Gather", ["x", f"n{i}"], [name], {"axis": 1}) for i, name in enumerate("ya")]
    nodes += [("Exp", ["a"], ["z"], {})]
    constants = {"n0": np.array(0), "n1": np.array(1)}
    content = model(nodes, ["y", "z"], constants, {"x": ["B", 2, 6]})
    assert same(content, {"x": f32(3, 2, 6)}) == {"Split": 1, "Squeeze": 2, "Exp": 1}


def test_rows_picked_by_one_index_are_gathered(x) -> None:
    nodes = [
        *(("ArgMax", ["x"], ["best"], {"axis": 1}), ("GatherND", ["table", "best"], ["y"], {})),
        *(
            ("Squeeze", ["best", "last"], ["flat"], {}),
            ("Unsqueeze", ["flat", "last"], ["again"], {}),
        ),
        *(("GatherND", ["table", "again"], ["z"], {}), ("Sub", ["z", "y"], ["d"], {})),
    ]
    left = same(model(nodes, ["d", "y"], {"table": f32(6, 4), "last": np.array([-1])}), x)
    assert left == {"ArgMax": 1, "Squeeze": 2, "Gather": 2, "Sub": 1}


def test_rows_picked_by_two_indices_stay() -> None:
    nodes = [("Cast", ["x"], ["t"], {"to": TensorProto.INT64})]
    nodes += [("GatherND", ["table", "t"], ["y"], {})]
    content = model(nodes, ["y"], {"table": f32(6, 4, 2)}, {"x": ["B", 2]})
    assert same(content, {"x": np.array([[1.2, 3.4]], np.float32)})["GatherND"] == 1


@pytest.mark.parametrize("back", [False, True])
def test_constant_rotation_is_a_larger_angle(x, back) -> None:
    angle = f32(WIDTH)
    sine = ("Neg", ["s0"], ["s"], {}) if back else ("Identity", ["s0"], ["s"], {})
    nodes = [
        *(("Cos", ["x"], ["c"], {}), ("Sin", ["x"], ["s0"], {})),
        sine,
        *(("Mul", ["c", "re"], ["cr"], {}), ("Mul", ["s", "im"], ["si"], {})),
        *(("Mul", ["c", "im"], ["ci"], {}), ("Mul", ["re", "s"], ["sr"], {})),
        *(("Sub", ["cr", "si"], ["y"], {}), ("Add", ["ci", "sr"], ["z"], {})),
    ]
    if not back:
        nodes.remove(sine)
        nodes = [(op, ["s0" if i == "s" else i for i in ins], o, a) for op, ins, o, a in nodes]
    left = same(model(nodes, ["y", "z"], {"re": np.cos(angle), "im": np.sin(angle)}), x)
    assert left == Counter({"Cos": 1, "Sin": 1, "Sub" if back else "Add": 1})
    longer = {"re": 2 * np.cos(angle), "im": 2 * np.sin(angle)}
    assert same(model(nodes, ["y", "z"], longer), x)["Mul"] == 4


def neighbours(pads):
    return [
        ("Pad", ["x", pads], ["p"], {}),
        ("Slice", ["p", "from", "to", "axis"], ["left"], {}),
        ("Slice", ["p", "axis2", "end", "axis"], ["right"], {}),
        *(("Add", ["left", "x"], ["some"], {}), ("Add", ["some", "right"], ["y"], {})),
    ]


def test_sum_of_neighbours_is_a_mean(x) -> None:
    constants = {"from": [0], "to": [-2], "axis": [1], "axis2": [2], "end": [2**40]}
    constants = {k: np.array(v) for k, v in constants.items()}
    pads = {"one": np.array([0, 1, 0, 1]), "two": np.array([0, 2, 0, 0])}
    left = same(model(neighbours("one"), ["y"], constants | pads), x)
    assert left == {"Unsqueeze": 1, "AveragePool": 1, "Squeeze": 1, "Mul": 1}
    assert same(model(neighbours("two"), ["y"], constants | pads), x)["Pad"] == 1


def test_axis_of_length_one_goes(x) -> None:
    nodes = [
        ("Unsqueeze", ["x", "one"], ["u"], {}),
        ("MatMul", ["u", "w"], ["m"], {}),
        ("Add", ["m", "b"], ["a"], {}),
        ("Gelu", ["a"], ["g"], {}),
        ("LayerNormalization", ["g", "b", "b"], ["n"], {"axis": -1}),
        ("Concat", ["n", "u"], ["c"], {"axis": 2}),
        ("Slice", ["c", "one", "five", "two"], ["s"], {}),
        ("Split", ["s"], ["p", "q"], {"axis": 2, "num_outputs": 2}),
        ("ReduceMax", ["p", "two"], ["most"], {}),
        ("Mul", ["q", "most"], ["product"], {}),
        ("Transpose", ["product"], ["turned"], {"perm": [0, 2, 1]}),
        ("Exp", ["turned"], ["e"], {}),
        ("Transpose", ["e"], ["back"], {"perm": [0, 2, 1]}),
        ("Sub", ["back", "q"], ["d"], {}),
        ("Gather", ["d", "zero"], ["y"], {"axis": 1}),
    ]
    constants = {"one": [1], "two": [2], "five": [5], "zero": 0}
    constants = {k: np.array(v) for k, v in constants.items()}
    constants |= {"w": f32(WIDTH, 4), "b": f32(4)}
    left = same(model(nodes, ["y", "m"], constants), x)
    assert not {"Transpose", "Gather"} & set(left)
    assert left["Unsqueeze"] == 2  # of m, which is asked for as it is, and before Exp


def test_other_axes_stay() -> None:
    nodes = [
        ("Transpose", ["x"], ["t"], {"perm": [0, 2, 1]}),
        ("Unsqueeze", ["t", "two"], ["u"], {}),
        ("Gather", ["t", "zero"], ["y"], {"axis": 1}),
        ("Add", ["t", "t"], ["z"], {}),
    ]
    constants = {"zero": np.array(0), "two": np.array([2])}
    content = model(nodes, ["y", "z", "u"], constants, {"x": ["B", 4, 6]})
    left = same(content, {"x": f32(2, 4, 6)})
    assert left == {"Transpose": 1, "Unsqueeze": 1, "Gather": 1, "Add": 1}


def folding(perm=(0, 1, 3, 5, 2, 4)) -> list:
    """Nodes that fold a picture x into channels y."""
    return [
        ("Reshape", ["x", "parted"], ["p"], {}),
        ("Transpose", ["p"], ["t"], {"perm": list(perm)}),
        ("Reshape", ["t", "folded"], ["y"], {}),
    ]


def test_pixels_are_folded_by_one_node() -> None:
    feed = {"x": f32(3, 1, 6, 8)}
    constants = {"parted": np.array([-1, 1, 3, 2, 4, 2]), "folded": np.array([-1, 4, 3, 4])}
    content = model(folding(), ["y"], constants, {"x": ["B", 1, 6, 8]})
    assert same(content, feed) == {"SpaceToDepth": 1}
    other = model(folding(perm=(0, 1, 5, 3, 2, 4)), ["y"], constants, {"x": ["B", 1, 6, 8]})
    assert "SpaceToDepth" not in same(other, feed)
    # Of two channels the node has another order.
    constants = {"parted": np.array([-1, 2, 3, 2, 4, 2]), "folded": np.array([-1, 8, 3, 4])}
    two = model(folding(), ["y"], constants, {"x": ["B", 2, 6, 8]})
    assert "SpaceToDepth" not in same(two, {"x": f32(3, 2, 6, 8)})


@pytest.mark.parametrize("widths", [(16, 32), (16, 16, 32)])
def test_convolution_of_joined_channels_is_a_sum(widths) -> None:
    parts = [f"x{index}" for index in range(len(widths))]
    inputs = {name: ["B", width, 5, 4] for name, width in zip(parts, widths, strict=True)}
    nodes = [("Concat", parts, ["c"], {"axis": 1}), ("Conv", ["c", "w", "b"], ["y"], {})]
    constants = {"w": f32(6, sum(widths), 1, 1), "b": f32(6)}
    feed = {name: f32(2, width, 5, 4) for name, width in zip(parts, widths, strict=True)}
    left = same(model(nodes, ["y"], constants, inputs), feed, atol=1e-4)
    assert left == {"Conv": len(widths), "Add": len(widths) - 1}


@pytest.mark.parametrize("change", ["width", "size", "stride", "border", "axis", "reader"])
def test_other_convolutions_of_joined_channels_stay(change) -> None:
    width, size = (20 if change == "width" else 16), (3 if change == "size" else 1)
    axis, stride = (2 if change == "axis" else 1), (2 if change == "stride" else 1)
    kind = {
        "strides": [stride] * 2,
        "kernel_shape": [size] * 2,
        "pads": [int(change == "border")] * 4,
    }
    nodes = [
        ("Concat", ["x", "z"], ["c"], {"axis": axis}),
        ("Conv", ["c", "w"], ["y"], kind),
        ("Neg", ["c"], ["n"], {}),
    ]
    weights = f32(6, width if change == "axis" else 2 * width, size, size)
    outputs = ["y", "n"] if change == "reader" else ["y"]
    shape = ["B", width, 5, 4]
    content = model(nodes, outputs, {"w": weights}, {"x": shape, "z": shape})
    feed = {"x": f32(2, width, 5, 4), "z": f32(2, width, 5, 4)}
    assert same(content, feed, atol=1e-4)["Concat"] == 1


def test_axis_that_goes_and_comes_back_was_never_away() -> None:
    nodes = [
        ("Squeeze", ["x", "one"], ["s"], {}),
        ("Unsqueeze", ["s", "one"], ["u"], {}),
        ("Unsqueeze", ["s", "two"], ["v"], {}),
        ("Exp", ["u"], ["y"], {}),
        ("Exp", ["v"], ["z"], {}),
    ]
    constants = {"one": np.array([1]), "two": np.array([2])}
    content = model(nodes, ["y", "z"], constants, {"x": ["B", 1, 4]})
    assert same(content, {"x": f32(2, 1, 4)}) == {"Squeeze": 1, "Unsqueeze": 1, "Exp": 2}

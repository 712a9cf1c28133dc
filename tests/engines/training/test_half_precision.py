from importlib.util import find_spec

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper, numpy_helper

from synchresis.engines.packs import load_pack
from synchresis.engines.training.half_precision import (
    PHASE_WIDTH,
    halve_pack,
    to_half,
)
from synchresis.errors import ParameterError


def network(rng: np.random.Generator, *, width: int = 24, scale: float = 1.0) -> bytes:
    """A product, a recurrent node, a head and a product of two states."""
    weights = {
        "enter": rng.normal(size=(16, 32)) * scale / 4,
        "bias": rng.normal(size=32),
        "gates": rng.normal(size=(1, 96, 32)) / 6,
        "loop": rng.normal(size=(1, 96, 32)) / 6,
        "head": rng.normal(size=(32, width)) / 6,
    }
    make = helper.make_node
    nodes = [
        make("Gemm", ["x", "enter", "bias"], ["entered"]),
        make("Unsqueeze", ["entered", "first"], ["sequence"]),
        make("Unsqueeze", ["h0", "first"], ["before"]),
        make("GRU", ["sequence", "gates", "loop", "", "", "before"], ["", "after"], hidden_size=32),
        make("Squeeze", ["after", "first"], ["h0_next"]),
        make("MatMul", ["h0_next", "head"], ["y"]),
    ]
    info = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "net",
        [info("x", TensorProto.FLOAT, ["B", 16]), info("h0", TensorProto.FLOAT, ["B", 32])],
        [
            info("y", TensorProto.FLOAT, ["B", width]),
            info("h0_next", TensorProto.FLOAT, ["B", 32]),
        ],
        [numpy_helper.from_array(w.astype(np.float32), name) for name, w in weights.items()]
        + [numpy_helper.from_array(np.array([0]), "first")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    return model.SerializeToString()


def stream(model: bytes, inputs: np.ndarray) -> np.ndarray:
    session = ort.InferenceSession(model, providers=["CPUExecutionProvider"])
    state, outputs = np.zeros((inputs.shape[1], 32), np.float32), []
    for x in inputs:
        y, state = session.run(["y", "h0_next"], {"x": x, "h0": state})
        outputs.append(y)
    return np.stack(outputs)


def kinds(model: bytes) -> dict[str, int]:
    return {t.name: t.data_type for t in onnx.load_from_string(model).graph.initializer}


def test_half_is_close_and_not_the_same(rng) -> None:
    full = network(rng)
    half = to_half(full)
    inputs = rng.normal(size=(200, 2, 16)).astype(np.float32)
    want, got = stream(full, inputs), stream(half, inputs)
    error = np.abs(got - want).max() / np.abs(want).max()
    assert 1e-6 < error < 5e-3
    assert got.dtype == np.float32


def test_recurrent_weights_stay_full_and_products_become_half(rng) -> None:
    found = kinds(to_half(network(rng)))
    assert found["gates"] == found["loop"] == TensorProto.FLOAT
    assert found["enter_half"] == found["bias_half"] == found["head_half"] == TensorProto.FLOAT16
    assert "enter" not in found and "head" not in found


def test_phase_head_stays_full(rng) -> None:
    found = kinds(to_half(network(rng, width=PHASE_WIDTH)))
    assert found["head"] == TensorProto.FLOAT
    assert found["enter_half"] == TensorProto.FLOAT16


def test_weights_wanted_full_stay_full(rng) -> None:
    model = network(rng).replace(b"enter", b"full.")  # names of one length
    found = kinds(to_half(model))
    assert found["full."] == TensorProto.FLOAT
    assert found["head_half"] == TensorProto.FLOAT16


def test_weights_that_do_not_fit_stay_full(rng) -> None:
    found = kinds(to_half(network(rng, scale=1e6)))
    assert found["enter"] == TensorProto.FLOAT
    assert found["head_half"] == TensorProto.FLOAT16


def test_nothing_to_halve_is_said(rng) -> None:
    model = onnx.load_from_string(network(rng, scale=1e6, width=PHASE_WIDTH))
    with pytest.raises(ParameterError, match="no product with weights"):
        to_half(model.SerializeToString())


def test_tensorrt_builds_it(rng) -> None:
    if find_spec("tensorrt_rtx") is None:
        pytest.skip("tensorrt-rtx is not installed (pip install '.[tensorrt-rtx]')")
    from synchresis.engines.runtime.tensorrt_build import build_plan
    from synchresis.engines.runtime.tensorrt_names import find_tensorrt

    graph = to_half(network(rng))
    assert len(build_plan(find_tensorrt(), graph, batch=1, name="voice.fp16.onnx")) > 1000


def test_pack_gets_half_files(make_tiny_pack) -> None:
    pack = make_tiny_pack("halved")
    assert halve_pack(pack.path) == ("motion.fp16.onnx", "voice.fp16.onnx")
    again = load_pack(pack.path)
    assert (again.motion.half_file, again.voice.half_file) == (
        "motion.fp16.onnx",
        "voice.fp16.onnx",
    )
    full, half = (stream_voice(again.read(name)) for name in ("voice.onnx", "voice.fp16.onnx"))
    np.testing.assert_allclose(half, full, atol=2e-3)
    assert np.ptp(full) > 0.1


def stream_voice(model: bytes) -> np.ndarray:
    session = ort.InferenceSession(model, providers=["CPUExecutionProvider"])
    feed = {
        node.name: np.full([1, *node.shape[1:]], 0.5, np.float32) for node in session.get_inputs()
    }
    return session.run(["real"], feed)[0]

import hashlib
import logging
from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from synchresis.engines.gpu.parity import pack_parity
from synchresis.engines.gpu.parity_inputs import motion_steps, voice_steps
from synchresis.engines.packs import load_pack
from synchresis.engines.runtime.onnx_cpu import OnnxCpuEngine
from synchresis.engines.runtime.tensorrt_build import (
    MAGIC,
    EngineKey,
    build_plan,
    cached_engine,
    write_engine,
)
from synchresis.engines.runtime.tensorrt_names import TensorRt, find_tensorrt
from synchresis.errors import EngineError

KEY = EngineKey(
    gpu="NVIDIA GeForce RTX 4070",
    capability=(8, 9),
    driver=13000,
    flavour="tensorrt-rtx",
    version="1.7",
    pack_hash="a" * 64,
    file="voice.onnx",
    file_hash="b" * 64,
    batch=8,
)


@pytest.fixture
def tensorrt_rtx() -> TensorRt:
    if find_spec("tensorrt_rtx") is None:
        pytest.skip("tensorrt-rtx is not installed (pip install '.[tensorrt-rtx]')")
    return find_tensorrt()


def recurrent_model(dtype: int = TensorProto.FLOAT) -> bytes:
    """A convolution and a recurrent state: the kinds of nodes the real engines have."""
    kind = helper.tensor_dtype_to_np_dtype(dtype)
    rng = np.random.default_rng(3)
    weights = {
        "kernel": rng.normal(size=(8, 4, 3)),
        "mix": rng.normal(size=(8, 16)),
        "back": rng.normal(size=(16, 16)) / 8,
    }
    make = helper.make_node
    nodes = [
        make("Cast", ["x"], ["x_in"], to=dtype),
        make("Cast", ["h0"], ["h_in"], to=dtype),
        make("Conv", ["x_in", "kernel"], ["seen"], pads=[1, 1]),
        make("GlobalAveragePool", ["seen"], ["pooled"]),
        make("Flatten", ["pooled"], ["flat"], axis=1),
        make("MatMul", ["flat", "mix"], ["new"]),
        make("MatMul", ["h_in", "back"], ["old"]),
        make("Add", ["new", "old"], ["sum"]),
        make("Tanh", ["sum"], ["state"]),
        make("Cast", ["state"], ["h0_next"], to=TensorProto.FLOAT),
        make("Identity", ["h0_next"], ["y"]),
    ]
    info = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "recurrent",
        [
            info("x", TensorProto.FLOAT, ["B", 4, 20]),
            info("h0", TensorProto.FLOAT, ["B", 16]),
        ],
        [
            info("y", TensorProto.FLOAT, ["B", 16]),
            info("h0_next", TensorProto.FLOAT, ["B", 16]),
        ],
        [numpy_helper.from_array(w.astype(kind), name) for name, w in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def test_engine_is_built_once_and_kept(tmp_path, caplog) -> None:
    caplog.set_level(logging.INFO, "synchresis.engines")
    builds = []

    def build() -> bytes:
        builds.append(1)
        return b"plan"

    assert cached_engine(tmp_path, KEY, build) == b"plan"
    assert cached_engine(tmp_path, KEY, build) == b"plan"
    assert len(builds) == 1
    assert "building voice.onnx for NVIDIA GeForce RTX 4070" in caplog.text
    assert [path.name for path in tmp_path.iterdir()] == [KEY.file_name]


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:-1],
        lambda data: data[:60] + bytes([data[60] ^ 1]) + data[61:],
        lambda data: b"",
        lambda data: b"synchresis-engine-0\n" + data[len(MAGIC) :],
    ],
    ids=["short", "bit", "empty", "other format"],
)
def test_corrupt_engine_is_built_again(tmp_path, caplog, damage) -> None:
    path = tmp_path / KEY.file_name
    write_engine(path, b"the plan of before")
    path.write_bytes(damage(path.read_bytes()))
    assert cached_engine(tmp_path, KEY, lambda: b"new plan") == b"new plan"
    assert "is corrupt; it is built again" in caplog.text
    assert cached_engine(tmp_path, KEY, lambda: b"never") == b"new plan"


@pytest.mark.parametrize(
    "change",
    [
        {"gpu": "NVIDIA H200"},
        {"capability": (9, 0)},
        {"driver": 13010},
        {"flavour": "tensorrt"},
        {"version": "1.8"},
        {"pack_hash": "c" * 64},
        {"file": "voice.fp16.onnx"},
        {"file_hash": "c" * 64},
        {"batch": 64},
    ],
    ids=lambda change: next(iter(change)),
)
def test_each_part_of_the_key_names_another_engine(change) -> None:
    assert replace(KEY, **change).file_name != KEY.file_name


def test_folder_that_cannot_be_written_does_not_stop_the_engine(tmp_path, caplog) -> None:
    blocked = tmp_path / "file"
    blocked.write_bytes(b"")
    assert cached_engine(blocked / "engines", KEY, lambda: b"plan") == b"plan"
    assert "engine not kept" in caplog.text


def test_rtx_knows_its_cards() -> None:
    rtx = TensorRt(None, "tensorrt-rtx", "1.7")
    assert rtx.runs_on((8, 9)) and rtx.runs_on((12, 0)) and rtx.runs_on((12, 3))
    assert not rtx.runs_on((9, 0)) and not rtx.runs_on((10, 0)) and not rtx.runs_on((7, 0))
    assert TensorRt(None, "tensorrt", "10.13").runs_on((9, 0))


@pytest.mark.parametrize("dtype", [TensorProto.FLOAT, TensorProto.FLOAT16], ids=["fp32", "fp16"])
@pytest.mark.parametrize("batch", [1, 8])
def test_rtx_parses_and_builds_without_gpu(tensorrt_rtx, dtype, batch) -> None:
    plan = build_plan(tensorrt_rtx, recurrent_model(dtype), batch=batch, name="recurrent.onnx")
    assert len(plan) > 1000


def test_rtx_builds_the_pack(tensorrt_rtx, tiny_pack) -> None:
    plans = {
        entry.file: build_plan(tensorrt_rtx, tiny_pack.read(entry.file), batch=1, name=entry.file)
        for entry in (tiny_pack.motion, tiny_pack.voice)
    }
    digests = {hashlib.sha256(plan).hexdigest() for plan in plans.values()}
    assert len(digests) == 2


SHIPPED = [
    *((file, 1) for file in ("motion.onnx", "motion.fp16.onnx", "voice.onnx", "voice.fp16.onnx")),
    *(("voice.onnx", 8), ("voice.onnx", 64), ("voice.fp16.onnx", 64)),
]


@pytest.mark.parametrize(("file", "batch"), SHIPPED)
def test_rtx_builds_the_shipped_pack(tensorrt_rtx, file, batch) -> None:
    """As it is and in half precision: every engine a card is asked to run by default."""
    pack = load_pack()
    plan = build_plan(tensorrt_rtx, pack.read(file), batch=batch, name=file)
    assert len(plan) > len(pack.read(file)) / 2


@pytest.mark.parametrize("which", ["motion", "voice"])
def test_half_precision_is_within_its_tolerance_on_the_cpu(which) -> None:
    """Half-precision files over a stream, against the full ones."""
    pack = load_pack()
    entry = pack.motion if which == "motion" else pack.voice
    half = OnnxCpuEngine(pack.read(entry.half_file), entry.spec)
    half.prepare()
    make = motion_steps if which == "motion" else voice_steps
    steps = 100 if which == "motion" else 400
    report = pack_parity(
        half, pack, which, steps=steps, inputs=make(entry.spec, 1, steps), precision="fp16"
    )
    assert report.agrees, report.describe()
    assert any(output.error > 0 for output in report.outputs)


def test_rtx_says_what_is_wrong_with_a_model(tensorrt_rtx) -> None:
    with pytest.raises(EngineError, match=r"cannot parse broken\.onnx: .+"):
        build_plan(tensorrt_rtx, b"not a model", batch=1, name="broken.onnx")


def test_axis_other_than_the_batch_must_be_fixed(tensorrt_rtx) -> None:
    model = onnx.load_from_string(recurrent_model())
    model.graph.input[0].type.tensor_type.shape.dim[2].dim_param = "T"
    with pytest.raises(EngineError, match="may vary in its batch only"):
        build_plan(tensorrt_rtx, model.SerializeToString(), batch=1, name="free.onnx")

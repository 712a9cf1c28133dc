"""The engine on the CPU, and how an engine is chosen."""

from typing import Any

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from synchresis.engines.packs import Pack
from synchresis.engines.runtime import engine
from synchresis.engines.runtime.engine import open_engine, open_on
from synchresis.engines.runtime.onnx_cpu import OnnxCpuEngine
from synchresis.engines.runtime.tensors import EngineSpec, TensorSpec
from synchresis.errors import DeviceError, EngineError, ParameterError

Inputs = dict[str, NDArray[np.float32]]


def _engine(pack: Pack, batch: int = 1) -> OnnxCpuEngine:
    opened = open_engine(pack, "voice", backend="onnx", batch=batch)
    assert isinstance(opened, OnnxCpuEngine)
    opened.prepare()
    return opened


def _inputs(rng: np.random.Generator, batch: int = 1) -> Inputs:
    shapes = {"control": 8, "palette": 32, "noise": 8}
    return {name: rng.standard_normal((batch, n)).astype(np.float32) for name, n in shapes.items()}


def _no_card() -> None:
    raise DeviceError("no NVIDIA driver")


def _run(engine: OnnxCpuEngine, steps: list[Inputs], state: Any = None) -> list[Inputs]:
    state = state or engine.initial_state()
    return [{k: v.copy() for k, v in engine.step(x, state).items()} for x in steps]


def test_state_runs_from_step_to_step(tiny_pack: Pack, rng: np.random.Generator) -> None:
    steps = [_inputs(rng) for _ in range(7)]
    outputs = _run(_engine(tiny_pack), steps)
    expected = np.cumsum([x["control"][0, 0] for x in steps])
    np.testing.assert_allclose([y["mel"][0, 3] for y in outputs], expected, rtol=1e-5)


def test_output_is_that_of_the_graph_run_plainly(tiny_pack: Pack, rng: np.random.Generator) -> None:
    import onnxruntime as ort

    session = ort.InferenceSession(tiny_pack.read("voice.onnx"))
    steps = [_inputs(rng, batch=3) for _ in range(4)]
    h0 = np.zeros((3, 1), np.float32)
    for x, y in zip(steps, _run(_engine(tiny_pack, 3), steps), strict=True):
        real, imag, mel, h0 = session.run(["real", "imag", "mel", "h0_next"], {**x, "h0": h0})
        np.testing.assert_array_equal(y["real"], real)
        np.testing.assert_array_equal(y["imag"], imag)
        np.testing.assert_array_equal(y["mel"], mel)


@pytest.mark.parametrize("steps_before", [1, 2, 5])
def test_reset_equals_fresh(steps_before: int, tiny_pack: Pack, rng: np.random.Generator) -> None:
    opened = _engine(tiny_pack)
    state = opened.initial_state()
    _run(opened, [_inputs(rng) for _ in range(steps_before)], state)
    opened.reset_state(state)
    steps = [_inputs(rng) for _ in range(3)]
    for again, fresh in zip(_run(opened, steps, state), _run(opened, steps), strict=True):
        np.testing.assert_array_equal(again["mel"], fresh["mel"])


def test_two_states_do_not_mix(tiny_pack: Pack, rng: np.random.Generator) -> None:
    opened = _engine(tiny_pack)
    first, second = opened.initial_state(), opened.initial_state()
    x = _inputs(rng)
    before = opened.step(x, first)["mel"].copy()
    opened.step(x, second)
    opened.step(x, second)
    np.testing.assert_allclose(opened.step(x, first)["mel"], 2 * before, rtol=1e-6)


def test_memory_is_not_moved(tiny_pack: Pack, rng: np.random.Generator) -> None:
    opened = _engine(tiny_pack)
    state = opened.initial_state()
    first = opened.step(_inputs(rng), state)["real"]
    assert opened.step(_inputs(rng), state)["real"] is first


def test_state_begins_at_init(tiny_pack: Pack, rng: np.random.Generator) -> None:
    states = (TensorSpec("h0", ("B", 1), init=5.0),)
    spec = msgspec.structs.replace(tiny_pack.voice.spec, states=states)
    opened = OnnxCpuEngine(tiny_pack.read("voice.onnx"), spec)
    opened.prepare()
    state = opened.initial_state()
    x = _inputs(rng)
    first = opened.step(x, state)["mel"][0, 0].copy()
    assert first == pytest.approx(5.0 + x["control"][0, 0])
    opened.reset_state(state)
    assert opened.step(x, state)["mel"][0, 0] == first


def test_wrong_shape_is_named(tiny_pack: Pack, rng: np.random.Generator) -> None:
    opened = _engine(tiny_pack, batch=2)
    with pytest.raises(ParameterError, match=r"input control has shape \(1, 8\), must be \(2, 8\)"):
        opened.step(_inputs(rng, batch=1), opened.initial_state())


@pytest.mark.parametrize("content", [b"", b"not a graph", b"\x08\x07" * 40])
def test_broken_graph_is_refused(content: bytes, tiny_pack: Pack) -> None:
    with pytest.raises(EngineError, match="not a graph"):
        OnnxCpuEngine(content, tiny_pack.voice.spec, name="tiny").prepare()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"states": ()}, "graph inputs"),
        ({"outputs": (TensorSpec("sound", ("B", 1)),)}, "lack"),
        ({"outputs": (TensorSpec("mel", ("B", 81)),)}, "mel is"),
        ({"outputs": (TensorSpec("mel", ("B",)),)}, "mel is"),
    ],
)
def test_graph_must_have_the_manifests_tensors(
    change: dict[str, object], message: str, tiny_pack: Pack
) -> None:
    spec: EngineSpec = msgspec.structs.replace(tiny_pack.voice.spec, **change)
    with pytest.raises(EngineError, match=message):
        OnnxCpuEngine(tiny_pack.read("voice.onnx"), spec, name="tiny").prepare()


def test_step_before_prepare_and_after_close_is_an_error(tiny_pack: Pack) -> None:
    opened = open_engine(tiny_pack, "motion", backend="onnx")
    with pytest.raises(EngineError, match="not prepared"):
        opened.initial_state()
    opened.close()
    with pytest.raises(EngineError, match="closed"):
        opened.prepare()


def test_auto_falls_back_to_the_cpu_and_says_why(
    tiny_pack: Pack, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(engine, "find_card", _no_card)
    with caplog.at_level("INFO", logger="synchresis.engines"):
        opened = open_engine(tiny_pack, "voice")
    assert opened.backend == "onnx (CPU)"
    assert "tensorrt not used: no NVIDIA driver" in caplog.text


def test_a_gpu_asked_for_and_absent_is_an_error(
    tiny_pack: Pack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "find_card", _no_card)
    with pytest.raises(DeviceError, match="no NVIDIA driver"):
        open_engine(tiny_pack, "voice", backend="tensorrt")


def test_unknown_engine_and_nonsense_batch_are_named(tiny_pack: Pack) -> None:
    with pytest.raises(ParameterError, match="'abacus' must be one of auto"):
        open_on("abacus", tiny_pack, "voice")
    with pytest.raises(ParameterError, match="batch=0"):
        open_on("onnx", tiny_pack, "voice", batch=0)

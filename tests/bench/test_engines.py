"""Bench of the engines on a CPU: what is measured, and against whom."""

import pytest

from synchresis.bench import engines
from synchresis.bench.engine_memory import measure_memory
from synchresis.bench.options import Options
from synchresis.engines.packs import load_pack
from synchresis.errors import EngineError


@pytest.fixture
def short(monkeypatch):
    monkeypatch.setattr(engines, "BATCHES", {"motion": (1, 2), "voice": (1,)})


def test_steps_are_timed_at_every_batch(tiny_pack, short):
    options = Options(pack=str(tiny_pack.path), quick=True, parts=("engines",))
    report = engines.run(options)
    names = {result.metric for result in report.results}
    for engine in ("motion.batch1", "motion.batch2", "voice.batch1"):
        steps = {f"engines.onnx.{engine}.step.{q}" for q in ("p50", "p95", "p99", "max")}
        assert steps | {f"engines.onnx.{engine}.open"} <= names
    assert not any("torch" in name for name in names), "a network of another size is no peer"
    motion, voice = report.figures
    assert [batch for batch, _ in motion.series["onnx"]] == [1, 2]
    assert len(voice.series["onnx"]) == 1


def test_torch_is_a_peer_where_it_has_the_same_network(monkeypatch, tiny_pack):
    pytest.importorskip("torch")
    monkeypatch.setattr(engines, "BATCHES", {"voice": (1,)})

    def peers(options, pack, which, batch):
        assert (which, batch) == ("voice", 1)
        return {"torch eager": lambda: sum(range(2000)), "torch.compile": lambda: sum(range(1000))}

    monkeypatch.setattr(engines, "torch_peers", peers)
    report = engines.run(Options(pack=str(tiny_pack.path), quick=True, parts=("engines",)))
    against = [result for result in report.results if result.peer]
    assert [result.metric.rpartition(".")[2] for result in against] == [
        "vs_torch_eager",
        "vs_torch_compile",
    ]
    assert all(result.ratio > 0 and "untrained" in result.note for result in against)
    assert set(report.figures[0].series) == {"onnx", "torch eager", "torch.compile"}


def test_the_shipped_networks_have_a_peer_in_torch():
    pytest.importorskip("torch")
    pack = load_pack("default")
    for which in ("motion", "voice"):
        steps = engines.torch_peers(Options(quick=True), pack, which, 1)
        assert list(steps) == ["torch eager"], f"{which} in torch has other tensors than the pack"
        steps["torch eager"]()


def test_torch_without_the_device_is_no_peer(tiny_pack):
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("torch has a GPU here")
    pack = load_pack("default")
    assert engines.torch_peers(Options(device="cuda", quick=True), pack, "voice", 1) == {}


def test_memory_is_that_of_the_engine_alone(tiny_pack):
    small = measure_memory(str(tiny_pack.path), "onnx", "voice", batch=1)
    large = measure_memory("default", "onnx", "voice", batch=1)
    assert small.card_mib is None
    assert 0 < small.host_mib < large.host_mib - 5 < 150, "weights, and not the interpreter"
    with pytest.raises(EngineError, match="batch 1"):
        measure_memory(str(tiny_pack.path), "nothing", "voice", batch=1)


def test_what_cannot_run_says_so(tiny_pack, short):
    options = Options(pack=str(tiny_pack.path), quick=True, parts=("engines",))
    (result,) = engines.measure_backend(options, tiny_pack, "tensorrt", "voice", curves={})
    assert result.metric == "engines.tensorrt.voice.batch1.runs"
    assert result.value == 0 and result.note

"""The whole GPU side on a made-up card: device, backends, faults, and the benchmark."""

import gc
import logging
import sys

import numpy as np
import pytest

from synchresis.bench import engine_memory
from synchresis.bench import engines as bench_engines
from synchresis.bench import engines_gpu as bench_engines_gpu
from synchresis.bench.options import Options
from synchresis.engines.control import Controls
from synchresis.engines.gpu import cuda_device, driver, played, stages
from synchresis.engines.gpu.driver import read_card
from synchresis.engines.gpu.motion_stage import GpuMotionParser
from synchresis.engines.gpu.paths import LOADERS, open_motion_path, open_voice_path
from synchresis.engines.gpu.stages import open_motion_parser, open_voice
from synchresis.engines.gpu.voice_stage import GpuVoice
from synchresis.engines.motion.parser import MotionParser
from synchresis.engines.runtime import tensorrt_backend
from synchresis.engines.runtime.engine import open_engine, open_on
from synchresis.engines.voice.voice import Voice
from synchresis.engines.zone import Zone
from synchresis.errors import DeviceError, EngineError
from synchresis.kernels.cuda import build
from synchresis.realtime.doctor import stages as doctor

ZONES = (Zone(palette="wood"), Zone(palette="glass"))

PATHS = ("motion", "voice")

LOADER_NAMES = ("tensorrt", "onnx-cuda-ours", "onnx-cuda-theirs", "onnx-cuda-none")


@pytest.fixture
def said(caplog):
    caplog.set_level(logging.INFO, "synchresis.engines")
    return lambda: caplog.text


def test_every_loader_is_tried_here() -> None:
    assert tuple(LOADERS) == LOADER_NAMES


@pytest.mark.parametrize("loader", LOADER_NAMES)
def test_paths_open_agree_and_replay_one_graph(fake_card, tiny_pack, loader) -> None:
    motion = open_motion_path(tiny_pack, loaders=(loader,))
    voice = open_voice_path(tiny_pack, batch=2, loaders=(loader,))
    whole = loader in ("tensorrt", "onnx-cuda-ours")
    for step in (
        lambda: motion.step(motion.grey, 0.03),
        lambda: voice.step(voice.control, voice.palette, voice.noise_index),
    ):
        fake_card.launches = 0
        step()
        assert fake_card.launches == int(whole)
    assert fake_card.pushed == 0
    motion.close()
    voice.close()
    assert fake_card.used == 0


def test_auto_takes_tensorrt_and_gives_it_back(fake_card, tiny_pack) -> None:
    engine = open_engine(tiny_pack, "voice", batch=3)
    assert engine.backend == "tensorrt made-up (Made-up card)"
    engine.close()
    assert fake_card.used == 0


def test_closing_waits_for_what_is_queued(fake_card) -> None:
    device = cuda_device.CudaDevice()
    with device.active():
        target, source = device.allocate(16), device.pinned(16)
        device.upload(target, source)
    device.close()  # freeing what is still written to would be an error of the card
    assert fake_card.used == 0


def test_states_that_are_dropped_are_lent_again(fake_card, tiny_pack) -> None:
    voice, parser = open_voice(tiny_pack, ZONES), open_motion_parser(tiny_pack, ZONES)
    for stage in (voice, parser):
        stage.prepare()
        state = stage.initial_state()
        used = fake_card.used
        for _ in range(3):
            del state
            gc.collect()
            state = stage.initial_state()
        assert fake_card.used == used
        other = stage.initial_state()
        assert fake_card.used > used and other.engine is not state.engine


def test_a_state_lent_again_is_silent(fake_card, tiny_pack) -> None:
    voice = open_voice(tiny_pack, ZONES)
    controls = Controls.zeros(2)
    controls.onset[:] = controls.strength[:] = 1
    state = voice.initial_state()
    for _ in range(3):
        loud = float(np.abs(voice.step(controls, state)).max())
    del state
    gc.collect()
    assert loud > 0.01 and not voice.step(Controls.zeros(2), voice.initial_state()).any()


@pytest.mark.parametrize("kernel", ["halve_bytes", "search_8", "measure", "fit_motion", "describe"])
def test_card_that_sees_wrong_is_refused(fake_card, tiny_pack, kernel, said) -> None:
    fake_card.spoil = lambda name: name == kernel
    assert type(open_motion_parser(tiny_pack, ZONES)) is MotionParser
    assert "motion path refused" in said() and "motion runs on the CPU" in said()
    with pytest.raises(EngineError, match=r"motion path refused, .* disagrees over 12 steps"):
        open_motion_parser(tiny_pack, ZONES, backend="onnx-cuda")
    assert fake_card.used == 0


@pytest.mark.parametrize("kernel", ["noise", "overlap_add"])
def test_card_that_sounds_wrong_is_refused(fake_card, default_voice, kernel, said) -> None:
    fake_card.spoil = lambda name: name == kernel
    assert type(open_voice(default_voice, ZONES)) is Voice
    assert "voice path refused" in said() and "voice runs on the CPU" in said()


@pytest.fixture
def default_voice():
    from synchresis.engines.packs import load_pack

    return load_pack()


def test_out_of_memory_is_said_and_the_cpu_takes_over(fake_card, tiny_pack, said) -> None:
    fake_card.memory_bytes = 1 << 16
    assert type(open_voice(tiny_pack, ZONES)) is Voice
    assert "Made-up card is out of memory" in said() and "voice runs on the CPU" in said()
    with pytest.raises(DeviceError, match=r"out of memory .*close what else .*--engine onnx"):
        open_on("tensorrt", tiny_pack, "voice", batch=64)
    assert fake_card.used == 0


def test_no_toolkit_is_said_and_the_cpu_takes_over(fake_card, tiny_pack, said, monkeypatch) -> None:
    monkeypatch.setattr(cuda_device, "find_fatbin", build.find_fatbin)
    monkeypatch.setattr(build, "find_nvcc", lambda: None)
    monkeypatch.setattr(build, "FATBIN", "no-such.fatbin")
    assert type(open_motion_parser(tiny_pack, ZONES)) is MotionParser
    assert "no nvcc is here" in said() and "cuda-toolkit[nvcc,cudart,cccl]" in said()


@pytest.mark.parametrize("module", ["pycuda.driver", "cuda.bindings.driver"])
def test_missing_bindings_are_said(fake_card, tiny_pack, said, monkeypatch, module) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    assert type(open_voice(tiny_pack, ZONES)) is Voice
    assert "the GPU needs PyCUDA and cuda-bindings" in said()
    assert "pip install '.[cuda]'" in said()


def test_old_driver_is_said_and_the_cpu_takes_over(fake_card, tiny_pack, said, monkeypatch) -> None:
    fake_card.version = 11080
    for place in (driver, stages):
        monkeypatch.setattr(place, "find_card", lambda: read_card(fake_card))
    assert type(open_voice(tiny_pack, ZONES)) is Voice
    assert "driver is too old: CUDA 11.8 must be 12.0 or newer; update it" in said()


def test_engine_of_another_card_is_built_again_or_left(fake_card, tiny_pack, said) -> None:
    trt = sys.modules["tensorrt"]
    deserialize = trt.Runtime(None).deserialize_cuda_engine
    refused = []

    def runtime(log):
        def load(plan):
            if not refused:
                refused.append(plan)
                log.log(log.ERROR, "built for another card")
                return None
            return deserialize(plan)

        return type("Runtime", (), {"deserialize_cuda_engine": staticmethod(load)})

    engine = open_on("tensorrt", tiny_pack, "voice")  # built and kept
    engine.close()
    trt.Runtime = runtime
    engine = open_on("tensorrt", tiny_pack, "voice")
    assert engine.backend.startswith("tensorrt") and "built for another card" in said()
    assert said().count("building voice.onnx for Made-up card") == 2
    engine.close()
    trt.Runtime = Refusing
    voice = open_voice(tiny_pack, ZONES)
    assert isinstance(voice, GpuVoice) and voice.backend.startswith("onnx-cuda")


class Refusing:
    def __init__(self, log) -> None:
        pass

    def deserialize_cuda_engine(self, plan: bytes) -> None:
        return None


def test_corrupt_engine_is_built_again(fake_card, tiny_pack, said, tmp_path) -> None:
    open_on("tensorrt", tiny_pack, "motion").close()
    (kept,) = (tmp_path / "synchresis" / "engines").iterdir()
    kept.write_bytes(kept.read_bytes()[:-9])
    open_on("tensorrt", tiny_pack, "motion").close()
    assert "is corrupt; it is built again" in said()
    assert said().count("building motion.onnx for Made-up card") == 2


def test_card_tensorrt_rtx_does_not_know_takes_onnx(fake_card, tiny_pack, monkeypatch) -> None:
    rtx = tensorrt_backend.TensorRt(sys.modules["tensorrt"], "tensorrt-rtx", "1.7")
    monkeypatch.setattr(tensorrt_backend, "find_tensorrt", lambda: rtx)
    card = cuda_device.find_card()
    hopper = type(card)("NVIDIA H200", (9, 0), card.memory_bytes, card.driver)
    monkeypatch.setattr(cuda_device, "find_card", lambda: hopper)
    voice = open_voice(tiny_pack, ZONES)
    assert isinstance(voice, GpuVoice) and voice.backend.startswith("onnx-cuda (NVIDIA H200")


def test_doctor_opens_whole_paths(fake_card, tiny_pack, monkeypatch) -> None:
    monkeypatch.setattr(doctor, "find_card", cuda_device.find_card)
    found = {finding.name: finding for finding in doctor.examine_gpu_paths(tiny_pack)}
    backends = ("tensorrt", "onnx-cuda")
    assert set(found) == {f"{which} on {backend}" for which in PATHS for backend in backends}
    assert all(f.verdict == "ok" and "agrees with the CPU" in f.text for f in found.values())
    assert fake_card.used == 0
    fake_card.spoil = lambda name: name == "search_8"
    found = {finding.name: finding for finding in doctor.examine_gpu_paths(tiny_pack)}
    assert {name for name, f in found.items() if f.verdict != "ok"} == {
        f"motion on {backend}" for backend in backends
    }
    fake_card.memory_bytes = 1 << 12
    found = {finding.name: finding for finding in doctor.examine_gpu_paths(tiny_pack)}
    assert all("out of memory" in finding.text for finding in found.values())


def test_parser_and_voice_run_whole(fake_card, tiny_pack, monkeypatch) -> None:
    monkeypatch.setattr(played, "DRAWN", 8)
    played._drawn.cache_clear()
    parser = open_motion_parser(tiny_pack, ZONES)
    assert isinstance(parser, GpuMotionParser)
    theirs = MotionParser(tiny_pack, ZONES, backend="onnx")
    theirs.prepare()
    ours_state, theirs_state = parser.initial_state(), theirs.initial_state()
    for frame in played.played_frames(8):
        got, want = parser.step(frame, ours_state), theirs.step(frame, theirs_state)
        assert (got.begin_ns, got.end_ns) == (want.begin_ns, want.end_ns)
        np.testing.assert_allclose(ours_state.last_map, theirs_state.last_map, atol=2e-3)
    played._drawn.cache_clear()


def measured_here(pack, backend, which, *, batch):
    """A process of its own would have no made-up card."""
    said = []
    engine_memory.occupy(said.append, pack, backend, which, batch)
    return said[0]


@pytest.mark.parametrize("backend", ["tensorrt", "onnx-cuda"])
def test_memory_of_an_engine_is_what_the_card_lost(fake_card, tiny_pack, backend) -> None:
    taken, allocate = [], fake_card.mem_alloc

    def noted(nbytes):
        taken.append(nbytes)
        return allocate(nbytes)

    cuda_device._pycuda().mem_alloc = noted
    grown = measured_here(str(tiny_pack.path), backend, "voice", batch=8)
    assert grown.card_mib == pytest.approx(sum(taken) / 2**20) and taken
    assert fake_card.used == 0


def test_benchmark_runs_to_its_end(fake_card, tiny_pack, monkeypatch) -> None:
    monkeypatch.setattr(Options, "repeats", lambda self, full: 10)
    monkeypatch.setattr(played, "DRAWN", 12)
    loaders = {"onnx-cuda-ours": LOADERS["onnx-cuda-ours"]}
    monkeypatch.setattr(bench_engines_gpu, "LOADERS", loaders)
    played._drawn.cache_clear()
    monkeypatch.setattr(bench_engines, "measure_memory", measured_here)
    parts = ("flow", "paths", "engines", "memory")
    options = Options(device="cuda", quick=True, pack=str(tiny_pack.path), parts=parts)
    report = bench_engines.run(options)
    metrics = {result.metric: result for result in report.results}
    for loader in loaders:
        for part in ("frame_to_samples.p50", "hop.p99", "hop.zones64.p50"):
            assert metrics[f"engines.gpu.{loader}.{part}"].value > 0
        for path in PATHS:
            assert metrics[f"engines.gpu.{loader}.parity.{path}.agrees"].value == 1
        assert metrics[f"engines.gpu.{loader}.memory.card"].value > 0
    for engine in ("motion.batch8", "voice.batch64"):
        for backend in ("tensorrt", "onnx-cuda"):
            assert metrics[f"engines.{backend}.{engine}.memory.card"].value > 0
    assert metrics["engines.gpu.flow.640x480.service.p50"].value > 0
    absent = {m: r.note for m, r in metrics.items() if m.endswith(".runs")}
    assert set(absent) == {f"engines.gpu.tensorrt-fp16.{which}.runs" for which in PATHS}
    assert all("fp16.onnx" in note for note in absent.values())
    assert metrics["engines.complete"].value == 1
    assert report.host["gpu"] == "Made-up card"
    assert fake_card.used == 0
    played._drawn.cache_clear()

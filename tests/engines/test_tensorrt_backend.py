"""The TensorRT backend on a TensorRT that is made up: names, addresses and refusals."""

from types import SimpleNamespace

import pytest

from synchresis.engines.gpu.driver import Card
from synchresis.engines.runtime import onnx_cuda, tensorrt_backend
from synchresis.engines.runtime.tensorrt_backend import TensorRtModel
from synchresis.engines.runtime.tensorrt_names import TensorRt
from synchresis.engines.runtime.tensors import EngineSpec, TensorSpec
from synchresis.errors import EngineError

SPEC = EngineSpec(
    (TensorSpec("x", ("B", 2)),), (TensorSpec("y", ("B", 2)),), (TensorSpec("h", ("B", 1)),)
)
DEVICE = SimpleNamespace(name="Test", stream=77)
NAMES = ["x", "h", "y", "h_next"]


class Context:
    def __init__(self, works: bool = True) -> None:
        self.addresses, self.streams, self.works = {}, [], works

    def set_tensor_address(self, name: str, address: int) -> None:
        self.addresses[name] = address

    def execute_async_v3(self, stream: int) -> bool:
        self.streams.append(stream)
        return self.works


def made_up(names: list[str] = NAMES, context: Context | None = None, *, refuses: str = ""):
    """A TensorRT whose runtime gives one engine, or refuses it and says why."""

    class ILogger:
        ERROR, INTERNAL_ERROR = 1, 0

        def __init__(self) -> None:
            pass

    class Runtime:
        def __init__(self, logger) -> None:
            self._logger = logger

        def deserialize_cuda_engine(self, plan: bytes):
            if refuses:
                self._logger.log(ILogger.ERROR, refuses)
                return None
            return SimpleNamespace(
                num_io_tensors=len(names),
                get_tensor_name=lambda index: names[index],
                create_execution_context=lambda: context,
            )

    return TensorRt(SimpleNamespace(ILogger=ILogger, Runtime=Runtime), "tensorrt-rtx", "9.9")


def test_every_tensor_gets_its_address_and_runs_on_the_stream() -> None:
    context = Context()
    model = TensorRtModel(made_up(context=context), b"plan", SPEC, batch=8, device=DEVICE)
    addresses = {name: 256 * index for index, name in enumerate(NAMES)}
    run = model.bind(addresses)
    run.enqueue()
    assert context.addresses == addresses
    assert context.streams == [77, 77]
    assert model.backend == "tensorrt-rtx 9.9 (Test)" and model.batch == 8


@pytest.mark.parametrize(
    ("tensorrt", "message"),
    [
        (made_up(refuses="built for 8.6"), r"refuses the engine \(built for 8\.6\).*another GPU"),
        (made_up(["x", "h", "y"]), r"tensors \['h_next'\] are not those of the manifest"),
        (made_up([*NAMES, "z"]), r"tensors \['z'\]"),
    ],
    ids=["other card", "tensor missing", "tensor too many"],
)
def test_engine_that_does_not_fit_is_refused(tensorrt, message) -> None:
    with pytest.raises(EngineError, match=message):
        TensorRtModel(tensorrt, b"plan", SPEC, batch=1, device=DEVICE)


def test_faults_at_run_time_are_said() -> None:
    addresses, one = dict.fromkeys(NAMES, 0), {"batch": 1, "device": DEVICE}
    with pytest.raises(EngineError, match=r"no execution context.*out of GPU memory"):
        TensorRtModel(made_up(context=None), b"plan", SPEC, **one).bind(addresses)
    with pytest.raises(EngineError, match="cannot queue a run"):
        model = TensorRtModel(made_up(context=Context(works=False)), b"", SPEC, **one)
        model.bind(addresses)


def test_rtx_refuses_a_card_it_does_not_know(tiny_pack, monkeypatch) -> None:
    monkeypatch.setattr(tensorrt_backend, "find_tensorrt", made_up)
    device = SimpleNamespace(card=Card("NVIDIA H200", (9, 0), 1 << 37, 13000), stream=0)
    with pytest.raises(EngineError, match=r"does not run on NVIDIA H200 \(compute capability 9\.0"):
        tensorrt_backend.load_model(device, tiny_pack, "voice", batch=1)


def test_absent_cuda_provider_is_said_with_the_remedy(tiny_pack, host_cuda) -> None:
    with pytest.raises(EngineError, match=r"has no CUDA provider: .*pip install onnxruntime-gpu"):
        onnx_cuda.load_model(host_cuda, tiny_pack, "voice", batch=1)


@pytest.mark.parametrize("graph", ["ours", "theirs"])
@pytest.mark.parametrize("version", ["1.20.0", "1.30.2"])
def test_old_versions_are_not_recorded(tiny_pack, host_cuda, monkeypatch, version, graph) -> None:
    monkeypatch.setattr("onnxruntime.get_available_providers", lambda: [onnx_cuda.PROVIDER])
    monkeypatch.setattr("onnxruntime.__version__", version)
    with pytest.raises(EngineError, match=r"recorded as a graph safely: .*onnxruntime-gpu>=1\.31'"):
        onnx_cuda.load_model(host_cuda, tiny_pack, "voice", batch=1, graph=graph)


@pytest.fixture
def host_cuda(monkeypatch):
    from contextlib import nullcontext

    import onnxruntime

    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider"])
    return SimpleNamespace(name="Test", stream=1, active=nullcontext)

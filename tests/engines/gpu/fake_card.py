"""A made-up NVIDIA card: libcuda, PyCUDA, cuda-bindings, TensorRT and ONNX Runtime's CUDA provider.

Kernels are the host twins, networks run on the CPU, memory is the host's. What is queued on a
stream runs when somebody waits for the stream, and what is queued while the stream records is only
recorded, as on a real card: who reads too early reads old numbers, who forgets to record notices.
Speed and rounding of a real card it does not have.
"""

import ctypes
import sys
from collections.abc import Callable
from contextlib import suppress
from enum import IntEnum
from importlib.machinery import ModuleSpec
from types import ModuleType, SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import onnx
import onnxruntime as ort
import pytest

from synchresis.engines.gpu import cuda_device, driver, stages
from synchresis.engines.runtime import engine as opening
from synchresis.engines.runtime import onnx_cuda, tensorrt_names
from synchresis.kernels.cuda.table import KERNELS
from synchresis.kernels.cuda.twin import Twin

Work = Callable[[], None]


class Stream:
    """Work in its order; `recorded` is a list while the stream records."""

    by_handle: ClassVar[dict[int, "Stream"]] = {}

    def __init__(self, flags: int = 0) -> None:
        self.waiting: list[Work] = []
        self.recorded: list[Work] | None = None
        self.handle = 1000 + len(self.by_handle)
        self.by_handle[self.handle] = self

    def queue(self, work: Work) -> None:
        (self.waiting if self.recorded is None else self.recorded).append(work)

    def synchronize(self) -> None:
        assert self.recorded is None, "waiting while recording is forbidden"
        waiting, self.waiting = self.waiting, []
        for work in waiting:
            work()


class CudaError(Exception):
    """PyCUDA's errors."""


class CudaMemoryError(CudaError):
    """Out of memory."""


class Memory:
    """Device memory; filled with NaN, forgotten when freed."""

    def __init__(self, card: "FakeCard", nbytes: int) -> None:
        self._card, self.nbytes = card, nbytes
        self.array = np.full(nbytes, 0xFF, np.uint8)

    def __int__(self) -> int:
        return self.array.ctypes.data

    def free(self) -> None:
        assert not any(stream.waiting for stream in Stream.by_handle.values())
        self._card.used -= self.nbytes


class FakeCard:
    """One card and the Python modules that stand before it.

    Attributes:
        memory_bytes: all its memory; asking for more is an error.
        capability: compute capability.
        used: bytes allocated.
        launches: graphs launched.
    """

    def __init__(self, twin: Twin) -> None:
        self.twin = twin
        self.memory_bytes, self.capability, self.version = 8 << 30, (8, 9), 13000
        self.used = self.launches = self.pushed = 0
        self.spoil: Callable[[str], bool] = lambda kernel: False

    def install(self, patch: pytest.MonkeyPatch) -> None:
        """Put the card into this process until the patch is undone."""
        modules = {
            "pycuda": ModuleType("pycuda"),
            "pycuda.driver": self.pycuda(),
            "cuda": ModuleType("cuda"),
            "cuda.bindings": ModuleType("cuda.bindings"),
            "cuda.bindings.driver": self.bindings(),
            "tensorrt": self.tensorrt(),
        }
        for name, module in modules.items():
            module.__spec__ = ModuleSpec(name, None)  # torch asks with find_spec, which wants one
            patch.setitem(sys.modules, name, module)
        patch.setattr(driver, "open_driver", lambda: self)
        card = driver.read_card(self)
        for place in (driver, cuda_device, stages, opening):
            patch.setattr(place, "find_card", lambda: card)
        self.forget(patch)
        patch.setattr(tensorrt_names, "MODULES", (("tensorrt", "tensorrt"),))
        patch.setattr(onnx_cuda, "preload_cuda_libraries", lambda: ())
        patch.setattr(ort, "get_available_providers", lambda: [onnx_cuda.PROVIDER])
        real = ort.InferenceSession
        patch.setattr(ort, "InferenceSession", lambda *a, **k: _session(real, *a, **k))

    def forget(self, patch: pytest.MonkeyPatch) -> None:
        """Let nothing of an earlier card be kept."""
        for name in ("_pycuda", "_primary_context", "_functions"):
            patch.setattr(cuda_device, name, _once(getattr(cuda_device, name).__wrapped__))
        patch.setattr(cuda_device, "_idle_streams", [])
        patch.setattr(cuda_device, "find_fatbin", lambda cache: "made-up")

    # libcuda

    def cuInit(self, flags: int) -> int:
        return 0

    def cuDriverGetVersion(self, out: object) -> int:
        return _store(out, ctypes.c_int, self.version)

    def cuDeviceGetCount(self, out: object) -> int:
        return _store(out, ctypes.c_int, 1)

    def cuDeviceGetName(self, text: Any, length: int, device: int) -> int:
        text.value = b"Made-up card"
        return 0

    def cuDeviceGetAttribute(self, out: object, attribute: int, device: int) -> int:
        return _store(out, ctypes.c_int, self.capability[attribute - 75])

    def cuDeviceTotalMem_v2(self, out: object, device: int) -> int:
        return _store(out, ctypes.c_size_t, self.memory_bytes)

    # PyCUDA

    def pycuda(self) -> ModuleType:
        module: Any = ModuleType("pycuda.driver")
        module.Error, module.MemoryError = CudaError, CudaMemoryError
        module.init = lambda: None
        context = SimpleNamespace(push=lambda: self.push(1), pop=lambda: self.push(-1))
        module.Device = lambda number: SimpleNamespace(retain_primary_context=lambda: context)
        module.Stream = Stream
        module.mem_alloc = self.mem_alloc
        module.pagelocked_empty = lambda count, kind: np.full(count, 0xFF, kind)
        module.memcpy_htod_async = self.upload
        module.memcpy_dtoh_async = self.download
        module.memcpy_dtod_async = self.move
        module.mem_get_info = lambda: (self.memory_bytes - self.used, self.memory_bytes)
        module.module_from_file = lambda path: SimpleNamespace(get_function=self.function)
        return module

    def push(self, by: int) -> None:
        self.pushed += by

    def mem_alloc(self, nbytes: int) -> Memory:
        self.need_context()
        if self.used + nbytes > self.memory_bytes:
            raise CudaMemoryError("cuMemAlloc failed: out of memory")
        self.used += nbytes
        return Memory(self, nbytes)

    def upload(self, target: int, source: Any, stream: Stream) -> None:
        self.move(target, source.ctypes.data, source.nbytes, stream)

    def download(self, target: Any, source: int, stream: Stream) -> None:
        self.move(target.ctypes.data, source, target.nbytes, stream)

    def move(self, target: int, source: int, nbytes: int, stream: Stream) -> None:
        self.need_context()
        stream.queue(lambda: _ignored(ctypes.memmove(target, source, nbytes)))

    def function(self, name: str) -> Any:
        kernel = next(kernel for kernel in KERNELS if kernel.name == name)

        def call(grid: Any, block: Any, stream: Stream, arguments: bytes) -> None:
            self.need_context()
            assert block == (self.twin.threads(kernel), 1, 1) and grid[1] == 1
            assert len(arguments) == self.twin.argument_bytes(kernel)
            if not self.spoil(name):
                stream.queue(lambda: self.twin.launch(kernel, arguments, blocks=grid[0]))

        return SimpleNamespace(prepare=lambda kinds: None, prepared_async_call=call)

    def need_context(self) -> None:
        if self.pushed < 1:
            raise CudaError("invalid device context")

    # cuda-bindings

    def bindings(self) -> ModuleType:
        module: Any = ModuleType("cuda.bindings.driver")
        module.CUstream = lambda handle: Stream.by_handle[handle]
        module.CUstreamCaptureMode = SimpleNamespace(CU_STREAM_CAPTURE_MODE_RELAXED=2)
        module.cuStreamBeginCapture = lambda stream, mode: _done(setattr(stream, "recorded", []))
        module.cuStreamEndCapture = self.end_capture
        module.cuGraphInstantiate = lambda graph, flags: (Status.SUCCESS, graph)
        module.cuGraphDestroy = module.cuGraphExecDestroy = lambda graph: (Status.SUCCESS,)
        module.cuGraphLaunch = self.launch_graph
        return module

    def end_capture(self, stream: Stream) -> tuple[Any, ...]:
        recorded, stream.recorded = stream.recorded, None
        return Status.SUCCESS, recorded

    def launch_graph(self, graph: list[Work], stream: Stream) -> tuple[Any, ...]:
        self.launches += 1
        for work in graph:
            stream.queue(work)
        return (Status.SUCCESS,)

    # TensorRT, whose engine is the ONNX file

    def tensorrt(self) -> ModuleType:
        module: Any = ModuleType("tensorrt")
        module.__version__ = "made-up"
        module.ILogger = type("ILogger", (), {"ERROR": 1, "INTERNAL_ERROR": 0})
        module.NetworkDefinitionCreationFlag = SimpleNamespace(STRONGLY_TYPED=1)
        module.BuilderFlag = SimpleNamespace(TF32=0)
        module.Builder = Builder
        module.OnnxParser = lambda network, log: network
        module.Runtime = lambda log: SimpleNamespace(deserialize_cuda_engine=Engine)
        return module


class Status(IntEnum):
    SUCCESS = 0


class Builder:
    """Builder, network and parser of a made-up TensorRT."""

    def __init__(self, log: Any) -> None:
        self.num_errors, self.model = 0, b""

    def create_network(self, flags: int) -> "Builder":
        return self

    def create_builder_config(self) -> Any:
        return SimpleNamespace(clear_flag=lambda flag: None)

    def parse(self, model: bytes) -> bool:
        self.model = model
        inputs = onnx.load_from_string(model).graph.input
        shapes = [[axis.dim_value or -1 for axis in i.type.tensor_type.shape.dim] for i in inputs]
        self.tensors = [
            SimpleNamespace(name=i.name, shape=s) for i, s in zip(inputs, shapes, strict=True)
        ]
        self.num_inputs, self.get_input = len(self.tensors), self.tensors.__getitem__
        return True

    def build_serialized_network(self, network: "Builder", config: Any) -> bytes:
        (batch,) = {tensor.shape[0] for tensor in self.tensors}
        return batch.to_bytes(4, "little") + self.model


class Engine:
    """A made-up TensorRT engine with a batch, and its execution context."""

    def __init__(self, plan: bytes) -> None:
        self._batch = int.from_bytes(plan[:4], "little")
        self._session = _cpu_session(ort.InferenceSession, plan[4:])
        self._tensors = [*self._session.get_inputs(), *self._session.get_outputs()]
        self._inputs = {tensor.name for tensor in self._session.get_inputs()}
        self._addresses: dict[str, int] = {}
        self.num_io_tensors = len(self._tensors)

    def get_tensor_name(self, index: int) -> str:
        return str(self._tensors[index].name)

    def create_execution_context(self) -> "Engine":
        context = Engine.__new__(Engine)
        context.__dict__.update(self.__dict__, _addresses={})
        return context

    def set_tensor_address(self, name: str, address: int) -> bool:
        self._addresses[name] = address
        return True

    def execute_async_v3(self, handle: int) -> bool:
        Stream.by_handle[handle].queue(self._run)
        return True

    def _run(self) -> None:
        binding = self._session.io_binding()
        for tensor in self._tensors:
            shape = [self._batch, *tensor.shape[1:]]
            bind = binding.bind_input if tensor.name in self._inputs else binding.bind_output
            bind(tensor.name, "cpu", 0, np.float32, shape, self._addresses[tensor.name])
        self._session.run_with_iobinding(binding)


class CudaSession:
    """A session of a made-up CUDA provider."""

    def __init__(self, session: Any, provider: dict[str, str]) -> None:
        self._session = session
        self._stream = Stream.by_handle[int(provider["user_compute_stream"])]
        self._theirs = provider["enable_cuda_graph"] == "1"

    def get_providers(self) -> list[str]:
        return [onnx_cuda.PROVIDER]

    def io_binding(self) -> Any:
        binding = self._session.io_binding()

        def bound(bind: Callable[..., None]) -> Callable[..., None]:
            def on_host(name: str, device: str, *rest: Any) -> None:
                assert device == "cuda"
                bind(name, "cpu", *rest)

            return on_host

        return SimpleNamespace(
            binding=binding,
            bind_input=bound(binding.bind_input),
            bind_output=bound(binding.bind_output),
        )

    def run_with_iobinding(self, binding: Any, options: Any) -> None:
        if self._theirs:
            assert self._stream.recorded is None, "a graph cannot be launched while recording"
        self._stream.queue(lambda: self._session.run_with_iobinding(binding.binding))


def _session(real: Any, model: bytes, options: Any = None, **settings: Any) -> Any:
    provider = settings["providers"][0]
    if isinstance(provider, str):
        return real(model, options, **settings)
    return CudaSession(_cpu_session(real, model), provider[1])


def _cpu_session(real: Any, model: bytes) -> Any:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    return real(model, options, providers=["CPUExecutionProvider"])


def _store(out: Any, kind: Any, value: int) -> int:
    ctypes.cast(out, ctypes.POINTER(kind))[0] = value
    return 0


def _done(nothing: None) -> tuple[Status]:
    return (Status.SUCCESS,)


def _ignored(value: object) -> None:
    return None


def _once(function: Callable[[], Any]) -> Callable[[], Any]:
    kept: list[Any] = []

    def once() -> Any:
        if not kept:
            kept.append(function())
        return kept[0]

    once.__wrapped__ = function  # type: ignore[attr-defined]
    return once


def close_all() -> None:
    """Close what a test left open, while the card is still there."""
    with suppress(AssertionError):
        cuda_device.close_all()

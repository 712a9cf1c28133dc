"""Places to run the GPU code: a device on the host, and (marker gpu) every backend of a real GPU.

The host's device has NumPy's memory, the kernels' twins and networks on the CPU.
"""

import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
from numpy.typing import NDArray

from synchresis.engines.gpu.device import Device
from synchresis.engines.gpu.session import DeviceModel, padded
from synchresis.engines.packs.loading import Pack
from synchresis.engines.runtime.tensors import NEXT, EngineSpec
from synchresis.errors import DeviceError, EngineError
from synchresis.kernels.cuda.build import build_twin
from synchresis.kernels.cuda.table import Kernel
from synchresis.kernels.cuda.twin import Twin

sys.path.insert(0, str(Path(__file__).parent))
from fake_card import FakeCard, close_all


class HostDevice:
    """Does at once what a GPU would queue; counts graphs replayed and kernels launched."""

    name = "host"
    stream = 0

    def __init__(self, twin: Twin) -> None:
        self._twin = twin
        self._memory: dict[int, NDArray[np.uint8]] = {}
        self._active = 0
        self.replays = 0
        self.launches = 0
        self.closed = False
        self.order: int | None = None  # of the threads; by default another one for each kernel

    @contextmanager
    def active(self) -> Iterator[None]:
        self._active += 1
        yield
        self._active -= 1

    def allocate(self, nbytes: int) -> int:
        memory = np.full(nbytes, 0xFF, np.uint8)  # NaN until written
        self._memory[memory.ctypes.data] = memory
        return memory.ctypes.data

    def pinned(self, nbytes: int) -> NDArray[np.uint8]:
        return np.empty(nbytes, np.uint8)

    def upload(self, target: int, source: NDArray[np.uint8]) -> None:
        self._at(target, source.nbytes)[...] = source

    def download(self, target: NDArray[np.uint8], source: int) -> None:
        target[...] = self._at(source, target.nbytes)

    def copy(self, target: int, source: int, nbytes: int) -> None:
        self._at(target, nbytes)[...] = self._at(source, nbytes)

    def launch(self, kernel: Kernel, arguments: bytes, blocks: int) -> None:
        assert self._active, "work queued outside active()"
        self.launches += 1
        order = self.launches % 5 if self.order is None else self.order
        self._twin.launch(kernel, arguments, blocks=blocks, order=order)

    def record(self, work: Callable[[], None]) -> Callable[[], None]:
        def replay() -> None:
            self.replays += 1
            work()

        return replay

    def synchronize(self) -> None:
        assert self._active, "wait outside active()"

    def close(self) -> None:
        self.closed = True

    def _at(self, address: int, nbytes: int) -> NDArray[np.uint8]:
        assert self._active, "work queued outside active()"
        for base, memory in self._memory.items():
            if base <= address and address + nbytes <= base + memory.nbytes:
                return memory[address - base : address - base + nbytes]
        raise AssertionError(f"{nbytes} bytes at {address:#x} are not the device's")


class HostModel:
    """A network of a pack on the CPU, bound to the host device's memory."""

    backend = "host"

    def __init__(self, model: bytes, spec: EngineSpec, batch: int, recordable: bool) -> None:
        self.spec = spec
        self.batch = batch
        self.recordable = recordable
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    def bind(self, addresses: Mapping[str, int]) -> "HostRun":
        binding = self._session.io_binding()
        for t in (*self.spec.inputs, *self.spec.states):
            place = ("cpu", 0, np.float32, t.sized(self.batch), addresses[t.name])
            binding.bind_input(t.name, *place)
        states = [(t, t.name + NEXT) for t in self.spec.states]
        for t, name in [(t, t.name) for t in self.spec.outputs] + states:
            place = ("cpu", 0, np.float32, t.sized(self.batch), addresses[name])
            binding.bind_output(name, *place)
        return HostRun(self._session, binding)


class HostRun:
    def __init__(self, session: ort.InferenceSession, binding: ort.IOBinding) -> None:
        self._session, self._binding = session, binding

    def enqueue(self) -> None:
        self._session.run_with_iobinding(self._binding)


@pytest.fixture(scope="session")
def gpu_twin(tmp_path_factory: pytest.TempPathFactory) -> Twin:
    if shutil.which("g++") is None:
        pytest.skip("no C++ compiler (g++) for the host twin")
    target = tmp_path_factory.mktemp("twin") / "libsynchresis_kernels_host.so"
    build_twin(target)
    return Twin(target)


@pytest.fixture
def fake_card(gpu_twin: Twin, monkeypatch: pytest.MonkeyPatch, tmp_path) -> Iterator["FakeCard"]:
    """A made-up card in this process, its engine cache empty."""
    yield from install(gpu_twin, monkeypatch, tmp_path)


def install(twin: Twin, patch: pytest.MonkeyPatch, folder: Path) -> Iterator["FakeCard"]:
    patch.setenv("XDG_CACHE_HOME", str(folder))
    card = FakeCard(twin)
    card.install(patch)
    yield card
    close_all()


@pytest.fixture(scope="session", autouse=True)
def asked_for_card(request: pytest.FixtureRequest) -> Iterator[None]:
    """SYNCHRESIS_FAKE_CARD=1 pytest -m gpu: the tests for a GPU on the made-up one."""
    if not os.environ.get("SYNCHRESIS_FAKE_CARD"):
        yield
        return
    folder = request.getfixturevalue("tmp_path_factory").mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        for _ in install(request.getfixturevalue("gpu_twin"), patch, folder):
            yield


@pytest.fixture
def make_host_device(gpu_twin: Twin) -> Callable[[], HostDevice]:
    return lambda: HostDevice(gpu_twin)


@pytest.fixture
def host_device(make_host_device: Callable[[], HostDevice]) -> HostDevice:
    return make_host_device()


def load_on_host(pack: Pack, which: str, batch: int = 1, *, recordable: bool = True) -> HostModel:
    entry = pack.motion if which == "motion" else pack.voice
    return HostModel(pack.read(entry.file), entry.spec, padded(batch), recordable)


@pytest.fixture
def host_model() -> Callable[..., HostModel]:
    return load_on_host


@dataclass(frozen=True)
class Place:
    """A device, and the way to load a network for it: load(pack, which, batch)."""

    device: Device
    load: Callable[..., DeviceModel]


def place_on_gpu(name: str) -> Place:
    try:
        from synchresis.engines.gpu.cuda_device import CudaDevice
        from synchresis.engines.runtime import onnx_cuda, tensorrt_backend

        device = CudaDevice()
    except (ImportError, EngineError, DeviceError) as err:
        pytest.skip(str(err))

    def load(pack: Pack, which: str, batch: int = 1) -> DeviceModel:
        try:
            with device.active():
                if name == "tensorrt":
                    return tensorrt_backend.load_model(device, pack, which, batch=batch)
                graph = name.removeprefix("onnx-cuda-")
                return onnx_cuda.load_model(device, pack, which, batch=batch, graph=graph)
        except EngineError as err:
            pytest.skip(str(err))

    return Place(device, load)


@pytest.fixture(
    params=[
        "host",
        *(
            pytest.param(name, marks=pytest.mark.gpu)
            for name in ("tensorrt", "onnx-cuda-ours", "onnx-cuda-theirs", "onnx-cuda-none")
        ),
    ]
)
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    if request.param == "host":
        device = request.getfixturevalue("host_device")
        yield Place(device, load_on_host)
        return
    place = place_on_gpu(request.param)
    yield place
    place.device.close()


@pytest.fixture(params=["host", pytest.param("gpu", marks=pytest.mark.gpu)])
def device(request: pytest.FixtureRequest) -> Iterator[Device]:
    if request.param == "host":
        yield request.getfixturevalue("host_device")
        return
    place = place_on_gpu("none")
    yield place.device
    place.device.close()

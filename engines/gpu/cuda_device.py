"""The GPU through PyCUDA: context, stream, memory and kernels; graphs through cuda-bindings."""

import atexit
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from synchresis.engines.gpu.capture import record_graph
from synchresis.engines.gpu.driver import Card, find_card
from synchresis.engines.runtime.immortal import immortal
from synchresis.environment import cache_dir
from synchresis.errors import DeviceError, EngineError, how_to_install
from synchresis.kernels.cuda.build import find_fatbin
from synchresis.kernels.cuda.table import KERNELS, Kernel

NON_BLOCKING: Final = 1
"""CU_STREAM_NON_BLOCKING: the stream does not wait for the legacy default stream."""

_open: "weakref.WeakSet[CudaDevice]" = weakref.WeakSet()
_idle_streams: list[Any] = []


class CudaDevice:
    """The first GPU, with one stream of its own; see `device.Device`.

    The primary context is shared by all, also with TensorRT and ONNX Runtime, and is current only
    inside `active()`: a context left on PyCUDA's stack aborts the process at its end.
    """

    def __init__(self) -> None:
        """Open the GPU.

        Raises:
            DeviceError: no usable driver or GPU, or it is out of memory.
            EngineError: PyCUDA or cuda-bindings is not installed, or no kernels can be had.
        """
        self.card: Card = find_card()
        self._cuda = _pycuda()
        self._context = _primary_context()
        self._memory: dict[int, Any] = {}
        self._graphs: list[Any] = []
        with self.active():
            self._stream = _idle_streams.pop() if _idle_streams else _new_stream()
            self._functions = _functions()
        _open.add(self)

    @property
    def name(self) -> str:
        """The card, for people."""
        return self.card.name

    @property
    def stream(self) -> int:
        """Handle of the stream."""
        return int(self._stream.handle)

    @contextmanager
    def active(self) -> Iterator[None]:
        """Make the GPU current to the calling thread; its errors become ours."""
        self._context.push()
        try:
            yield
        except self._cuda.MemoryError as err:
            raise DeviceError(
                f"{self.name} is out of memory ({err}): close what else uses it, use fewer zones, "
                "or use --engine onnx"
            ) from err
        except self._cuda.Error as err:
            raise EngineError(f"{self.name} failed: {err}; use --engine onnx") from err
        finally:
            self._context.pop()

    def allocate(self, nbytes: int) -> int:
        """Address of new memory on the device."""
        memory = self._cuda.mem_alloc(nbytes)
        self._memory[int(memory)] = memory
        return int(memory)

    def free_bytes(self) -> int:
        """Memory of the card that nobody holds, this process or another."""
        with self.active():
            self._stream.synchronize()
            return int(self._cuda.mem_get_info()[0])

    def pinned(self, nbytes: int) -> NDArray[np.uint8]:
        """New page-locked memory of the host, uint8[nbytes]."""
        memory: NDArray[np.uint8] = self._cuda.pagelocked_empty(nbytes, np.uint8)
        return memory

    def upload(self, target: int, source: NDArray[np.uint8]) -> None:
        """Queue a copy from pinned memory to the device."""
        self._cuda.memcpy_htod_async(target, source, self._stream)

    def download(self, target: NDArray[np.uint8], source: int) -> None:
        """Queue a copy from the device to pinned memory."""
        self._cuda.memcpy_dtoh_async(target, source, self._stream)

    def copy(self, target: int, source: int, nbytes: int) -> None:
        """Queue a copy on the device."""
        self._cuda.memcpy_dtod_async(target, source, nbytes, self._stream)

    def launch(self, kernel: Kernel, arguments: bytes, blocks: int) -> None:
        """Queue a kernel."""
        self._functions[kernel.name].prepared_async_call(
            (blocks, 1), (kernel.threads, 1, 1), self._stream, arguments
        )

    def record(self, work: Callable[[], None]) -> Callable[[], None]:
        """Record what `work` queues, without running it; the result queues all of it at once."""
        graph = record_graph(self.stream, work)
        self._graphs.append(graph)
        return graph.launch

    def synchronize(self) -> None:
        """Wait for everything queued."""
        self._stream.synchronize()

    def close(self) -> None:
        """Free all memory; the stream serves the next device."""
        if self not in _open:
            return
        _open.discard(self)
        with self.active():
            self._stream.synchronize()
            for graph in self._graphs:
                graph.close()
            for memory in self._memory.values():
                memory.free()
            self._graphs.clear()
            self._memory.clear()
        _idle_streams.append(self._stream)


@atexit.register
def close_all() -> None:
    """Close what is still open, so that the process ends in good order."""
    for device in list(_open):
        device.close()


@cache
def _pycuda() -> Any:
    try:
        cuda = import_module("pycuda.driver")
        import_module("cuda.bindings.driver")
    except ImportError as err:
        raise EngineError(
            f"the GPU needs PyCUDA and cuda-bindings ({err}): {how_to_install('cuda')} "
            "(PyCUDA is compiled then and needs a CUDA toolkit), or use --engine onnx"
        ) from err
    cuda.init()
    return cuda


@cache
def _primary_context() -> Any:
    return immortal(_pycuda().Device(0).retain_primary_context())


def _new_stream() -> Any:
    return immortal(_pycuda().Stream(NON_BLOCKING))


@cache
def _functions() -> dict[str, Any]:
    """Load the fat binary once and prepare every kernel; the context must be current."""
    path = find_fatbin(cache_dir())
    try:
        module = _pycuda().module_from_file(str(path))
        functions = {kernel.name: module.get_function(kernel.name) for kernel in KERNELS}
    except _pycuda().Error as err:
        raise EngineError(f"the kernels in {path} cannot be loaded: {err}; delete it") from err
    for kernel in KERNELS:
        functions[kernel.name].prepare([f"{kernel.argument_bytes}s"])
    return functions

"""Engine: a compiled network with explicit state, and the way to open one."""

import logging
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Final, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from synchresis.engines.gpu.driver import find_card
from synchresis.engines.packs.loading import Pack
from synchresis.engines.runtime.tensors import EngineSpec, TensorSpec
from synchresis.errors import DeviceError, EngineError, ParameterError, how_to_install

__all__ = [
    "BACKENDS",
    "Backend",
    "Engine",
    "EngineSpec",
    "EngineState",
    "TensorSpec",
    "Which",
    "open_engine",
    "open_on",
]

log = logging.getLogger("synchresis.engines")

Which = Literal["motion", "voice"]
"""Engines of a pack."""

Backend = Literal["auto", "tensorrt", "onnx-cuda", "onnx"]
"""Where an engine runs; "onnx" is the CPU, "auto" the best that works."""

BACKENDS: Final[Mapping[str, tuple[str, str]]] = {
    "tensorrt": ("synchresis.engines.runtime.tensorrt_backend", "open_tensorrt"),
    "onnx-cuda": ("synchresis.engines.runtime.onnx_cuda", "open_onnx_cuda"),
    "onnx": ("synchresis.engines.runtime.onnx_cpu", "open_onnx_cpu"),
}
"""Backend → module and function `open(pack, which, *, batch) -> Engine`."""

GPU_BACKENDS: Final[tuple[Backend, ...]] = ("tensorrt", "onnx-cuda")
"""Backends that need an NVIDIA driver, best first."""


class EngineState(Protocol):
    """State of one stream through one engine; made by `initial_state`, kept where it runs."""


class Engine(Protocol):
    """A network that is stepped; one state belongs to one thread at a time."""

    @property
    def spec(self) -> EngineSpec:
        """Tensors it takes, gives and carries."""
        ...

    @property
    def batch(self) -> int:
        """Streams stepped at once (the zones of a voice), fixed when opened."""
        ...

    @property
    def backend(self) -> str:
        """Where it runs, for people: "onnx (CPU)", "tensorrt-rtx 1.7 (NVIDIA …)"."""
        ...

    def prepare(self) -> None:
        """Load, allocate and warm up; calling it again does nothing."""
        ...

    def initial_state(self) -> EngineState:
        """State of a stream that has not begun: zeros, or the manifest's `init`."""
        ...

    def step(
        self, inputs: Mapping[str, NDArray[np.generic]], state: EngineState
    ) -> Mapping[str, NDArray[np.float32]]:
        """Run once: read inputs, change the state in place.

        Returns:
            Outputs by name: views, valid until the next step with this state.
        """
        ...

    def reset_state(self, state: EngineState) -> None:
        """Put a state back to the beginning, in place."""
        ...

    def close(self) -> None:
        """Let go of memory and device; the engine cannot be used after."""
        ...


def open_engine(pack: Pack, which: Which, *, backend: Backend = "auto", batch: int = 1) -> Engine:
    """Open one of a pack's engines; call `prepare()` before the first step.

    "auto" takes the first backend that works and says on the log why the ones before did not.

    Raises:
        ParameterError: no such backend.
        EngineError, DeviceError: the backend asked for cannot run here.
    """
    if backend != "auto":
        return open_on(backend, pack, which, batch=batch)
    for name in GPU_BACKENDS:
        try:
            return open_on(name, pack, which, batch=batch)
        except (EngineError, DeviceError) as err:
            log.info("engine %s: %s not used: %s", which, name, err)
    return open_on("onnx", pack, which, batch=batch)


def open_on(name: str, pack: Pack, which: Which, *, batch: int = 1) -> Engine:
    """Open an engine on one backend, without falling back to another."""
    if name not in BACKENDS:
        raise ParameterError(f"engine {name!r} must be one of auto, {', '.join(BACKENDS)}")
    if batch < 1:
        raise ParameterError(f"batch={batch} must be at least 1")
    if name in GPU_BACKENDS:
        find_card()
    return _opener(name)(pack, which, batch=batch)


def _opener(name: str) -> Callable[..., Engine]:
    module, function = BACKENDS[name]
    try:
        opener: Callable[..., Engine] = getattr(import_module(module), function)
    except ImportError as err:
        extra = "tensorrt-rtx,cuda" if name == "tensorrt" else "cuda"
        raise EngineError(
            f"engine {name} is not installed ({err}); {how_to_install(extra)}"
        ) from err
    return opener

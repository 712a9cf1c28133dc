"""Open the motion path and the voice path with the first backend that works and agrees."""

import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final, TypeVar

from synchresis.engines.gpu.cuda_device import CudaDevice
from synchresis.engines.gpu.device import Device
from synchresis.engines.gpu.engine import GpuEngine
from synchresis.engines.gpu.motion_path import MotionPath
from synchresis.engines.gpu.motion_stage import GpuMotionParser
from synchresis.engines.gpu.parity import refuse_wrong_numbers
from synchresis.engines.gpu.parity_paths import refuse_wrong_motion, refuse_wrong_voice
from synchresis.engines.gpu.session import DeviceModel
from synchresis.engines.gpu.voice_path import VoicePath
from synchresis.engines.gpu.voice_stage import GpuVoice
from synchresis.engines.packs.loading import Pack
from synchresis.engines.runtime import onnx_cuda, tensorrt_backend
from synchresis.engines.runtime.engine import Backend, Which
from synchresis.engines.zone import Zone
from synchresis.errors import EngineError

log = logging.getLogger("synchresis.engines")

Path = TypeVar("Path")

Loader = Callable[[CudaDevice, Pack, Which, int], DeviceModel]
"""Loads a pack's engine for a device and a batch."""


def _tensorrt(device: CudaDevice, pack: Pack, which: Which, batch: int) -> DeviceModel:
    return tensorrt_backend.load_model(device, pack, which, batch=batch)


def _onnx(
    device: CudaDevice, pack: Pack, which: Which, batch: int, *, graph: onnx_cuda.Graph
) -> DeviceModel:
    return onnx_cuda.load_model(device, pack, which, batch=batch, graph=graph)


LOADERS: Final[dict[str, Loader]] = {
    "tensorrt": _tensorrt,
    **{f"onnx-cuda-{graph}": partial(_onnx, graph=graph) for graph in onnx_cuda.GRAPHS},
}
"""Ways to run a network on the GPU, fastest first."""


def open_motion_path(pack: Pack, *, loaders: Sequence[str] = tuple(LOADERS)) -> MotionPath:
    """Open the motion side of one camera.

    Raises:
        DeviceError: no usable GPU.
        EngineError: no backend works, or none agrees with the CPU.
    """
    return _open(pack, "motion", 1, MotionPath, loaders=loaders)


def open_voice_path(
    pack: Pack,
    *,
    batch: int = 1,
    seed: int = 0,
    numbers: Sequence[int] | None = None,
    loaders: Sequence[str] = tuple(LOADERS),
) -> VoicePath:
    """Open the voice of `batch` zones; see `open_motion_path`."""
    make = partial(VoicePath, batch=batch, seed=seed, numbers=numbers)
    return _open(pack, "voice", batch, make, loaders=loaders)


def open_gpu_parser(
    pack: Pack, zones: tuple[Zone, ...], *, backend: Backend = "auto", **settings: Any
) -> GpuMotionParser:
    """Open the motion parser of one camera with its flow and network on the GPU."""

    def make(device: Device, model: DeviceModel) -> GpuMotionParser:
        return GpuMotionParser(pack, device, model, zones=zones, **settings)

    return _open(pack, "motion", 1, make, loaders=loaders_of(backend))


def open_gpu_voice(
    pack: Pack,
    zones: tuple[Zone, ...],
    *,
    backend: Backend = "auto",
    seed: int = 0,
    numbers: Sequence[int] | None = None,
) -> GpuVoice:
    """Open the voice of some zones with its whole hop on the GPU."""

    def make(device: Device, model: DeviceModel) -> GpuVoice:
        return GpuVoice(pack, device, model, zones=zones, seed=seed, numbers=numbers)

    return _open(pack, "voice", len(zones), make, loaders=loaders_of(backend))


def loaders_of(backend: Backend) -> tuple[str, ...]:
    """Loaders of one backend, fastest first; all of them for "auto"."""
    return tuple(name for name in LOADERS if backend == "auto" or name.startswith(backend))


def _open(
    pack: Pack,
    which: Which,
    batch: int,
    make: Callable[[CudaDevice, DeviceModel], Path],
    *,
    loaders: Sequence[str],
) -> Path:
    reasons = []
    for name in loaders:
        device = CudaDevice()
        try:
            with device.active():
                model = LOADERS[name](device, pack, which, batch)
            refuse_wrong_numbers(GpuEngine(device, model, batch=batch), pack, which)
            if which == "motion":
                refuse_wrong_motion(MotionPath(device, model), pack)
            else:
                refuse_wrong_voice(VoicePath(device, model, batch=batch), pack)
            return make(device, model)
        except EngineError as err:
            device.close()
            log.info("%s path: %s not used: %s", which, name, err)
            reasons.append(f"{name}: {err}")
        except BaseException:
            device.close()
            raise
    raise EngineError(f"{which} path cannot run on the GPU: {'; '.join(reasons)}")

"""TensorRT on the GPU: engines built on first use, run on our stream, recorded as graphs."""

import logging
from collections.abc import Mapping
from typing import Any

from synchresis.engines.gpu.cuda_device import CudaDevice
from synchresis.engines.gpu.device import Device
from synchresis.engines.gpu.driver import Card
from synchresis.engines.gpu.engine import GpuEngine
from synchresis.engines.gpu.parity import refuse_wrong_numbers
from synchresis.engines.gpu.session import DeviceModel, padded
from synchresis.engines.packs.loading import Pack
from synchresis.engines.runtime.engine import Which
from synchresis.engines.runtime.tensorrt_build import (
    EngineKey,
    Precision,
    build_plan,
    cached_engine,
    logger,
)
from synchresis.engines.runtime.tensorrt_names import TensorRt, find_tensorrt
from synchresis.engines.runtime.tensors import EngineSpec
from synchresis.environment import cache_dir
from synchresis.errors import EngineError

log = logging.getLogger("synchresis.engines")


class TensorRtModel(DeviceModel):
    """A deserialized engine."""

    def __init__(
        self, tensorrt: TensorRt, plan: bytes, spec: EngineSpec, *, batch: int, device: Device
    ) -> None:
        """Load an engine for a device's stream.

        Raises:
            EngineError: it belongs to another GPU or version, or lacks a tensor of the manifest.
        """
        super().__init__(spec, batch=batch, backend=f"{tensorrt} ({device.name})")
        self._trt = tensorrt.module
        self._log = logger(self._trt)
        self._runtime = self._trt.Runtime(self._log)
        self._engine = self._runtime.deserialize_cuda_engine(plan)
        if self._engine is None:
            raise EngineError(
                f"{tensorrt} refuses the engine ({'; '.join(self._log.errors)}): built for "
                "another GPU or version; use --engine onnx-cuda or onnx"
            )
        self._stream = device.stream
        self._check()

    def bind(self, addresses: Mapping[str, int]) -> "TensorRtRun":
        """An execution context of its own, every tensor at its address, run once."""
        context = self._engine.create_execution_context()
        if context is None:
            raise EngineError(
                f"{self.backend}: no execution context ({'; '.join(self._log.errors)}): "
                "out of GPU memory? use fewer zones, or use --engine onnx"
            )
        for name in self._names():
            context.set_tensor_address(name, addresses[name])
        run = TensorRtRun(context, self._stream, self.backend)
        run.enqueue()
        return run

    def _names(self) -> list[str]:
        return [self._engine.get_tensor_name(i) for i in range(self._engine.num_io_tensors)]

    def _check(self) -> None:
        wanted = self.spec.input_names() | self.spec.output_names()
        if set(self._names()) != wanted:
            wrong = sorted(set(self._names()) ^ wanted)
            raise EngineError(f"{self.backend}: tensors {wrong} are not those of the manifest")


class TensorRtRun:
    """A context with all addresses set."""

    def __init__(self, context: Any, stream: int, backend: str) -> None:
        self._context = context
        self._stream = stream
        self.backend = backend

    def enqueue(self) -> None:
        """Queue one run."""
        if not self._context.execute_async_v3(self._stream):
            raise EngineError(f"{self.backend} cannot queue a run; use --engine onnx")


def open_tensorrt(
    pack: Pack, which: Which, *, batch: int = 1, precision: Precision = "fp32"
) -> GpuEngine:
    """Open a pack's engine with TensorRT, checked against the CPU.

    Raises:
        DeviceError: no usable GPU.
        EngineError: no TensorRT for it, it cannot be built or gives wrong numbers.
    """
    device = CudaDevice()
    try:
        with device.active():
            model = load_model(device, pack, which, batch=batch, precision=precision)
        engine = GpuEngine(device, model, batch=batch)
        engine.prepare()
        refuse_wrong_numbers(engine, pack, which, precision=precision)
    except BaseException:
        device.close()
        raise
    return engine


def load_model(
    device: CudaDevice, pack: Pack, which: Which, *, batch: int, precision: Precision = "fp32"
) -> TensorRtModel:
    """Load a pack's engine for a device's stream; built where the cache has none."""
    tensorrt = find_tensorrt()
    batch = padded(batch)
    _refuse_card(tensorrt, device.card)
    entry = pack.motion if which == "motion" else pack.voice
    file = entry.file if precision == "fp32" else entry.half_file
    key = EngineKey(
        gpu=device.card.name,
        capability=device.card.capability,
        driver=device.card.driver,
        flavour=tensorrt.flavour,
        version=tensorrt.version,
        pack_hash=pack.hash,
        file=file,
        file_hash=pack.file_hash(file),
        batch=batch,
    )
    onnx, folder = pack.read(file), cache_dir() / "engines"
    kept = (folder / key.file_name).is_file()

    def build() -> bytes:
        return build_plan(tensorrt, onnx, batch=batch, name=file)

    def load(plan: bytes) -> TensorRtModel:
        return TensorRtModel(tensorrt, plan, entry.spec, batch=batch, device=device)

    plan = cached_engine(folder, key, build)
    try:
        return load(plan)
    except EngineError as err:
        if not kept:
            raise
        log.info("%s: kept engine not used: %s", file, err)
    (folder / key.file_name).unlink(missing_ok=True)
    return load(cached_engine(folder, key, build))


def _refuse_card(tensorrt: TensorRt, card: Card) -> None:
    if not tensorrt.runs_on(card.capability):
        major, minor = card.capability
        raise EngineError(
            f"TensorRT for RTX {tensorrt.version} does not run on {card.name} (compute capability "
            f"{major}.{minor}): install TensorRT itself or onnxruntime-gpu"
        )

"""Build TensorRT engines from ONNX files and keep them in a cache."""

import hashlib
import logging
import re
import tempfile
import time
from collections.abc import Callable
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any, Final, Literal

from synchresis.engines.runtime.tensorrt_names import TensorRt
from synchresis.errors import EngineError

log = logging.getLogger("synchresis.engines")

Precision = Literal["fp32", "fp16"]
"""Which of a pack's ONNX files is built; its inputs and outputs are float32 in both."""

MAGIC: Final = b"synchresis-engine-1\n"


@dataclass(frozen=True, slots=True)
class EngineKey:
    """All that a built engine depends on.

    Attributes:
        gpu: name of the card.
        capability: its compute capability.
        driver: CUDA version of its driver.
        flavour: tensorrt or tensorrt-rtx.
        version: of TensorRT.
        pack_hash: hash of the pack.
        file: ONNX file of the pack.
        file_hash: its sha256.
        batch: streams stepped at once.
    """

    gpu: str
    capability: tuple[int, int]
    driver: int
    flavour: str
    version: str
    pack_hash: str
    file: str
    file_hash: str
    batch: int

    @property
    def file_name(self) -> str:
        """Readable beginning, then a hash over everything."""
        digest = hashlib.sha256(repr(astuple(self)).encode()).hexdigest()[:16]
        gpu = re.sub(r"[^A-Za-z0-9]+", "-", self.gpu).strip("-").lower()
        stem = self.file.removesuffix(".onnx")
        return f"{stem}-b{self.batch}-{gpu}-{self.flavour}-{digest}.engine"


def cached_engine(folder: Path, key: EngineKey, build: Callable[[], bytes]) -> bytes:
    """Return the engine kept for a key, built (again) where it is missing or corrupt."""
    path = folder / key.file_name
    kept = _read(path)
    if kept is not None:
        return kept
    log.info("building %s for %s (%s), once", key.file, key.gpu, key.flavour)
    start = time.perf_counter()
    plan = build()
    log.info("built %s in %.1f s, kept in %s", key.file, time.perf_counter() - start, path)
    write_engine(path, plan)
    return plan


def write_engine(path: Path, plan: bytes) -> None:
    """Write an engine with its checksum: first beside its place, then moved there."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            made = Path(folder) / path.name
            made.write_bytes(MAGIC + hashlib.sha256(plan).digest() + plan)
            made.replace(path)
    except OSError as err:
        log.warning("engine not kept in %s: %s", path, err.strerror)


def build_plan(tensorrt: TensorRt, model: bytes, *, batch: int, name: str) -> bytes:
    """Parse an ONNX file, fix its batch and build the serialized engine.

    Needs no GPU with TensorRT for RTX.

    Raises:
        EngineError: it cannot be parsed or built; with what TensorRT said.
    """
    trt = tensorrt.module
    report = logger(trt)
    builder = trt.Builder(report)
    network = builder.create_network(_network_flags(trt))
    parser = trt.OnnxParser(network, report)
    if not parser.parse(model):
        said = "; ".join(str(parser.get_error(i)) for i in range(parser.num_errors))
        raise EngineError(f"{tensorrt} cannot parse {name}: {said}")
    _fix_batch(network, batch, name)
    config = builder.create_builder_config()
    config.clear_flag(trt.BuilderFlag.TF32)
    plan = builder.build_serialized_network(network, config)
    if plan is None:
        said = "; ".join(report.errors)
        raise EngineError(f"{tensorrt} cannot build {name}: {said}")
    return bytes(plan)


def _read(path: Path) -> bytes | None:
    try:
        content = path.read_bytes()
    except OSError:
        return None
    head = len(MAGIC)
    plan = content[head + 32 :]
    if content[:head] == MAGIC and content[head : head + 32] == hashlib.sha256(plan).digest():
        return plan
    log.warning("engine %s is corrupt; it is built again", path)
    return None


def _network_flags(trt: Any) -> int:
    """Strong typing: precision is what the ONNX file says (the only way of TensorRT 11 and RTX)."""
    flag = getattr(trt.NetworkDefinitionCreationFlag, "STRONGLY_TYPED", None)
    return 0 if flag is None else 1 << int(flag)


def _fix_batch(network: Any, batch: int, name: str) -> None:
    for index in range(network.num_inputs):
        tensor = network.get_input(index)
        shape = tuple(tensor.shape)
        if any(length < 0 for length in shape[1:]):
            raise EngineError(f"{name}: input {tensor.name} {shape} may vary in its batch only")
        tensor.shape = (batch, *shape[1:])


def logger(trt: Any) -> Any:
    """A TensorRT logger that keeps errors and passes the rest to ours."""

    class Collector(trt.ILogger):  # type: ignore[misc]
        def __init__(self) -> None:
            trt.ILogger.__init__(self)
            self.errors: list[str] = []

        def log(self, severity: Any, message: str) -> None:
            if severity in (trt.ILogger.ERROR, trt.ILogger.INTERNAL_ERROR):
                self.errors.append(message)
            log.debug("%s", message)

    return Collector()

"""Motion parser and voice where they run best: on the GPU whole, else on the CPU.

The GPU's code is imported only where a driver and a card are found.
"""

import logging
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from synchresis.engines.gpu.driver import find_card
from synchresis.engines.motion.parser import MotionParser
from synchresis.engines.packs.loading import Pack
from synchresis.engines.runtime.engine import Backend
from synchresis.engines.voice.voice import Voice
from synchresis.engines.zone import Zone
from synchresis.errors import DeviceError, EngineError

log = logging.getLogger("synchresis.engines")

Stage = TypeVar("Stage")


def open_motion_parser(
    pack: Pack, zones: tuple[Zone, ...], *, backend: Backend = "auto", **settings: Any
) -> MotionParser:
    """Open the motion parser of one camera; `settings` are those of MotionParser.

    Raises:
        DeviceError, EngineError: the backend asked for cannot run here; "auto" always can.
    """

    def on_gpu() -> MotionParser:
        from synchresis.engines.gpu.paths import open_gpu_parser

        return open_gpu_parser(pack, zones, backend=backend, **settings)

    def on_cpu() -> MotionParser:
        return MotionParser(pack, zones, backend="onnx", **settings)

    return _first(on_gpu, on_cpu, backend=backend, what="motion")


def open_voice(
    pack: Pack,
    zones: tuple[Zone, ...],
    *,
    backend: Backend = "auto",
    seed: int = 0,
    numbers: Sequence[int] | None = None,
) -> Voice:
    """Open the voice of some zones; arguments are those of Voice, errors as above."""

    def on_gpu() -> Voice:
        from synchresis.engines.gpu.paths import open_gpu_voice

        return open_gpu_voice(pack, zones, backend=backend, seed=seed, numbers=numbers)

    def on_cpu() -> Voice:
        return Voice(pack, zones, backend="onnx", seed=seed, numbers=numbers)

    return _first(on_gpu, on_cpu, backend=backend, what="voice")


def _first(
    on_gpu: Callable[[], Stage], on_cpu: Callable[[], Stage], *, backend: Backend, what: str
) -> Stage:
    if backend == "onnx":
        return on_cpu()
    try:
        find_card()
        return on_gpu()
    except (DeviceError, EngineError) as err:
        if backend != "auto":
            raise
        log.info("%s runs on the CPU: %s", what, err)
        return on_cpu()

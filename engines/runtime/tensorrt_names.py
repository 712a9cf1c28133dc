"""TensorRT by one name: `tensorrt` where it is installed, else TensorRT for RTX."""

from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final, Literal

from synchresis.errors import EngineError, how_to_install

Flavour = Literal["tensorrt", "tensorrt-rtx"]

MODULES: Final[tuple[tuple[str, Flavour], ...]] = (
    ("tensorrt", "tensorrt"),
    ("tensorrt_rtx", "tensorrt-rtx"),
)
"""Module and flavour, in the order they are tried."""

RTX_CAPABILITIES: Final = frozenset({(7, 5), (8, 0), (8, 6), (8, 9), (12, 0), (12, 1)})
"""Compute capabilities TensorRT for RTX 1.7 says it supports; also everything above 12.1."""


@dataclass(frozen=True, slots=True)
class TensorRt:
    """An installed TensorRT.

    Attributes:
        module: the Python module.
        flavour: which of the two.
        version: its version.
    """

    module: Any
    flavour: Flavour
    version: str

    def __str__(self) -> str:
        """Name for people: "tensorrt-rtx 1.7"."""
        return f"{self.flavour} {self.version}"

    def runs_on(self, capability: tuple[int, int]) -> bool:
        """Whether engines of this flavour run on a compute capability."""
        if self.flavour == "tensorrt":
            return True
        return capability in RTX_CAPABILITIES or capability > max(RTX_CAPABILITIES)


def find_tensorrt() -> TensorRt:
    """Import the first TensorRT there is.

    Raises:
        EngineError: none is installed.
    """
    reasons = []
    for module, flavour in MODULES:
        try:
            trt = import_module(module)
        except (ImportError, OSError) as err:
            reasons.append(f"{module}: {err}")
            continue
        return TensorRt(trt, flavour, str(trt.__version__))
    raise EngineError(
        f"TensorRT is not installed ({'; '.join(reasons)}): "
        f"{how_to_install('tensorrt-rtx,cuda')} for GeForce and RTX cards"
    )

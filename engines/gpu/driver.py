"""What stands between this machine and a GPU: asked of libcuda itself, before anything else.

Some TensorRT builds crash where no driver is, so nothing of CUDA may be imported before.
"""

import ctypes
from dataclasses import dataclass
from functools import cache
from typing import Final, Protocol

from synchresis.errors import DeviceError

MINIMUM_DRIVER: Final = 12_000
"""Oldest CUDA version of the driver that the kernels and cuda-bindings work with (12.0)."""

MINIMUM_CAPABILITY: Final = (7, 5)
"""Oldest compute capability the fat binary serves (Turing)."""

_CAPABILITY_MAJOR, _CAPABILITY_MINOR = 75, 76


@dataclass(frozen=True, slots=True)
class Card:
    """A GPU as the driver describes it.

    Attributes:
        name: the card, "NVIDIA H200".
        capability: compute capability, (9, 0).
        memory_bytes: all its memory.
        driver: CUDA version of the driver, 13000 for 13.0.
    """

    name: str
    capability: tuple[int, int]
    memory_bytes: int
    driver: int


class Library(Protocol):
    """The functions of libcuda that are called here."""

    def __getattr__(self, name: str) -> "ctypes._NamedFuncPointer": ...


@cache
def find_card() -> Card:
    """Return the first GPU.

    Raises:
        DeviceError: no driver, a driver too old, no GPU or one too old, each with the remedy.
    """
    return read_card(open_driver())


def open_driver() -> Library:
    """Load libcuda.

    Raises:
        DeviceError: there is no driver.
    """
    try:
        return ctypes.CDLL("libcuda.so.1")
    except OSError as err:
        raise DeviceError(
            "no NVIDIA driver (libcuda.so.1 not found): install the driver, or use --engine onnx"
        ) from err


def read_card(cuda: Library) -> Card:
    """Start the driver and read its first GPU; `cuda` is libcuda."""
    status = cuda.cuInit(0)
    if status != 0:
        raise DeviceError(
            f"the NVIDIA driver does not start (cuInit gives {status}): "
            "check nvidia-smi, restart after a driver update, or use --engine onnx"
        )
    version = _integer(cuda, "cuDriverGetVersion")
    if version < MINIMUM_DRIVER:
        raise DeviceError(
            f"the NVIDIA driver is too old: CUDA {_dotted(version)} must be "
            f"{_dotted(MINIMUM_DRIVER)} or newer; update it, or use --engine onnx"
        )
    if _integer(cuda, "cuDeviceGetCount") < 1:
        raise DeviceError("the NVIDIA driver sees no GPU: check nvidia-smi, or use --engine onnx")
    card = Card(_name(cuda), _capability(cuda), _memory(cuda), version)
    if card.capability < MINIMUM_CAPABILITY:
        raise DeviceError(
            f"{card.name} has compute capability {card.capability[0]}.{card.capability[1]}, must "
            "be 7.5 or newer (Turing); use --engine onnx"
        )
    return card


def _integer(cuda: Library, function: str) -> int:
    value = ctypes.c_int(0)
    status = getattr(cuda, function)(ctypes.byref(value))
    if status != 0:
        raise DeviceError(f"the NVIDIA driver fails ({function} gives {status}): check nvidia-smi")
    return value.value


def _name(cuda: Library) -> str:
    text = ctypes.create_string_buffer(128)
    cuda.cuDeviceGetName(text, len(text), 0)
    return text.value.decode(errors="replace")


def _capability(cuda: Library) -> tuple[int, int]:
    pair = []
    for attribute in (_CAPABILITY_MAJOR, _CAPABILITY_MINOR):
        value = ctypes.c_int(0)
        cuda.cuDeviceGetAttribute(ctypes.byref(value), attribute, 0)
        pair.append(value.value)
    return pair[0], pair[1]


def _memory(cuda: Library) -> int:
    value = ctypes.c_size_t(0)
    cuda.cuDeviceTotalMem_v2(ctypes.byref(value), 0)
    return value.value


def _dotted(version: int) -> str:
    return f"{version // 1000}.{version % 1000 // 10}"

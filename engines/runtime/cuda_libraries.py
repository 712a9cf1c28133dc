"""Load the CUDA libraries that pip packages bring, so that ONNX Runtime's provider finds them."""

import ctypes
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final

PATTERNS: Final = (
    "libcudart.so.*",
    "libnvrtc.so.*",
    "libcublasLt.so.*",
    "libcublas.so.*",
    "libcurand.so.*",
    "libcufft.so.*",
    "libcudnn.so.*",
)
"""Libraries in the order they need each other."""


@cache
def preload_cuda_libraries() -> tuple[str, ...]:
    """Load what lies in the `nvidia` packages; what is not there is left to the system's linker.

    Unlike `onnxruntime.preload_dlls`, this looks in every folder of the path and prints nothing.

    Returns:
        Files that were loaded.
    """
    spec = find_spec("nvidia")
    folders = [Path(place) for place in (spec.submodule_search_locations or [])] if spec else []
    found = (
        path for name in PATTERNS for at in folders for path in sorted(at.glob(f"*/lib/{name}"))
    )
    return tuple(str(path) for path in found if _load(path))


def forget_last_error() -> None:
    """Clear the CUDA runtime's last error, which a failed recording leaves to the next call."""
    names = [path for path in preload_cuda_libraries() if "libcudart" in path]
    for name in (*names, "libcudart.so.13", "libcudart.so.12"):
        try:
            ctypes.CDLL(name).cudaGetLastError()
        except OSError:
            continue
        return


def _load(path: Path) -> bool:
    try:
        ctypes.CDLL(str(path), mode=ctypes.RTLD_GLOBAL)
    except OSError:
        return False
    return True

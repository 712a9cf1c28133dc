"""Whether an NVIDIA driver is here, asked of libcuda itself: importing nothing heavy."""

import ctypes
from functools import cache


@cache
def missing_driver() -> str | None:
    """Why no NVIDIA GPU can be used, or None where one can."""
    try:
        cuda = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return "no driver (libcuda.so.1 not found)"
    status = cuda.cuInit(0)
    if status:
        return f"the driver does not start (cuInit gives {status})"
    count = ctypes.c_int(0)
    status = cuda.cuDeviceGetCount(ctypes.byref(count))
    if status or count.value < 1:
        return "the driver is there but no GPU"
    return None

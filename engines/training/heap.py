"""The memory allocator of training processes."""

import ctypes
from typing import Final

M_TRIM_THRESHOLD: Final = -1
M_MMAP_MAX: Final = -4
NEVER: Final = -1


def keep_freed_memory() -> bool:
    """Keep what this process frees for what it allocates next, instead of giving it back.

    By default glibc maps every large block anew and unmaps it when freed (mallopt(3),
    M_MMAP_THRESHOLD), so that each tensor of each training step is fetched and cleared page by page
    by the kernel: on a virtual machine more than half of the time of a step of the motion network
    that is not compiled. A process that keeps its memory stays as large as it was at its largest.

    Returns:
        Whether it will: False where the C library has no such settings.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, TypeError):  # no glibc; no such thing as "this process"
        return False
    return bool(mallopt(M_MMAP_MAX, 0)) and bool(mallopt(M_TRIM_THRESHOLD, NEVER))

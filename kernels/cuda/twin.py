"""Run the kernels' bodies on the host: the same sources, called through ctypes."""

import ctypes
from pathlib import Path
from typing import Final

from synchresis.kernels.cuda.table import Kernel

FORWARDS: Final = 0
BACKWARDS: Final = 1
"""Orders in which the threads of a phase run; any other number is the seed of a shuffle."""


class Twin:
    """The host twin of every kernel; pointers in the arguments are host addresses."""

    def __init__(self, path: Path) -> None:
        self._library = ctypes.CDLL(str(path))

    def launch(
        self, kernel: Kernel, arguments: bytes, *, blocks: int, order: int = FORWARDS
    ) -> None:
        """Run a kernel to its end."""
        self._library[kernel.name](arguments, blocks, order)

    def threads(self, kernel: Kernel) -> int:
        """Threads of a block, as the C++ source has them."""
        return int(self._library[f"{kernel.name}_threads"]())

    def argument_bytes(self, kernel: Kernel) -> int:
        """Size of the C++ struct of arguments."""
        return int(self._library[f"{kernel.name}_bytes"]())

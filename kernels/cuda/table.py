"""The kernels by name: threads of a block and the layout of their arguments."""

import struct
from dataclasses import dataclass
from typing import Final

POINTER: Final = "P"
INTEGER: Final = "i"
FLOAT: Final = "f"


@dataclass(frozen=True, slots=True)
class Kernel:
    """One exported kernel.

    Attributes:
        name: as exported.
        threads: threads of a block.
        fields: name and type (`struct` code) of each argument, in the order of the C++ struct.
    """

    name: str
    threads: int
    fields: tuple[tuple[str, str], ...]

    @property
    def layout(self) -> str:
        """`struct` format of the arguments, padded at the end as C does."""
        return "@" + "".join(code for _, code in self.fields) + "0P"

    @property
    def argument_bytes(self) -> int:
        """Size of the C++ struct."""
        return struct.calcsize(self.layout)

    def arguments(self, **values: float) -> bytes:
        """Pack the arguments as the C++ struct has them; all must be given, and no others."""
        if values.keys() != dict(self.fields).keys():
            wrong = sorted(values.keys() ^ dict(self.fields).keys())
            raise TypeError(f"kernel {self.name}: arguments {wrong} missing or unknown")
        return struct.pack(self.layout, *(values[name] for name, _ in self.fields))


def _fields(code: str, names: str) -> tuple[tuple[str, str], ...]:
    return tuple((name, code) for name in names.split())


OVERLAP_ADD: Final = Kernel("overlap_add", 64, _fields(POINTER, "real imag turn weights tail out"))
"""One block per stream: spectrum frame → 256 samples."""

KERNELS: Final = (OVERLAP_ADD,)
"""Every kernel of the fat binary."""

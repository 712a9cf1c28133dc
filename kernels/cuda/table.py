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


PICTURE_LEVEL: Final = (
    *_fields(POINTER, "source now before"),
    *_fields(INTEGER, "height width"),
)

TAKE_BYTES: Final = Kernel("take_bytes", 256, PICTURE_LEVEL)
"""A new picture as numbers; the one there was becomes the one before. One thread per pixel."""

HALVE_BYTES: Final = Kernel("halve_bytes", 256, PICTURE_LEVEL)
"""The same, halved."""

HALVE_FLOATS: Final = Kernel("halve_floats", 256, PICTURE_LEVEL)
"""A level of the pyramid from the level before, halved."""

SEARCH_LEVEL: Final = (
    *(("earlier", POINTER), *_fields(INTEGER, "earlier_height earlier_width")),
    *(("later", POINTER), *_fields(INTEGER, "later_height later_width")),
    *_fields(POINTER, "coarse found start to trust"),
    *_fields(INTEGER, "rows cols coarse_rows coarse_cols stride first tries_still"),
    *_fields(FLOAT, "scale coupling reach"),
)

SEARCH: Final = {side: Kernel(f"search_{side}", 256, SEARCH_LEVEL) for side in (4, 8)}
"""One iteration of the search on one level, by side of its patches. A block has 8 by 8 patches."""

SEARCH_TILE: Final = 8
"""Patches along the side of a block of `search`."""

MEASURE: Final = Kernel(
    "measure",
    64,
    (
        *(("earlier", POINTER), *_fields(INTEGER, "earlier_height earlier_width")),
        *(("later", POINTER), *_fields(INTEGER, "later_height later_width")),
        *_fields(POINTER, "found displacement residual difference"),
        *_fields(INTEGER, "rows cols"),
        *_fields(FLOAT, "scale share"),
    ),
)
"""Displacement in pixels, residual and difference. One thread per cell."""

FIT_MOTION: Final = Kernel(
    "fit_motion",
    192,
    (
        *_fields(POINTER, "displacement trust motion"),
        *_fields(INTEGER, "rows cols"),
        ("per_pixel", FLOAT),
    ),
)
"""Affine motion of the camera. One block."""

DESCRIBE: Final = Kernel(
    "describe",
    256,
    (
        *_fields(POINTER, "grey facts displacement residual difference motion"),
        *_fields(POINTER, "field_flow field_residual field_difference field_motion"),
        *_fields(POINTER, "net_pixels net_flow net_timing"),
        *_fields(INTEGER, "width height rows cols"),
    ),
)
"""Fields per second, and the motion engine's inputs. One thread per network pixel."""

NOISE: Final = Kernel(
    "noise",
    128,
    (*_fields(POINTER, "seed numbers samples out"), *_fields(INTEGER, "zones width")),
)
"""Counter-based normal noise. One thread per pair of numbers."""

OVERLAP_ADD: Final = Kernel("overlap_add", 64, _fields(POINTER, "real imag turn weights tail out"))
"""One hop of samples from one spectrum frame. One block per stream."""

KERNELS: Final = (
    TAKE_BYTES,
    HALVE_BYTES,
    HALVE_FLOATS,
    *SEARCH.values(),
    MEASURE,
    FIT_MOTION,
    DESCRIBE,
    NOISE,
    OVERLAP_ADD,
)
"""Every kernel of the fat binary."""

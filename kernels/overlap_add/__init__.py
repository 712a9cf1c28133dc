"""Overlap-add: one spectrum frame and the state in, one hop of samples out.

`OverlapAdd` is the streaming stage (Numba), `overlap_add_reference` the formula it is held to.
"""

from synchresis.kernels.overlap_add.reference import overlap_add_reference
from synchresis.kernels.overlap_add.stage import OverlapAdd, OverlapAddState
from synchresis.kernels.overlap_add.window import (
    BINS,
    HOP,
    LENGTH,
    RISE,
    TAIL,
    N,
    window,
)

__all__ = [
    "BINS",
    "HOP",
    "LENGTH",
    "RISE",
    "TAIL",
    "N",
    "OverlapAdd",
    "OverlapAddState",
    "overlap_add_reference",
    "window",
]

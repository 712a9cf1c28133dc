"""compiled: Numba with this project's settings, and a cache that notices changed callees.

Numba stores a compiled function beside its source and forgets it when that one file changes. But
the functions it calls are compiled into it: after a change of a callee's file alone the stale code
would run on, with arrays of another layout. So what is stored is stamped with all kernel sources.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

import numba

P = ParamSpec("P")
R = TypeVar("R")

SAFE_MATH = {"contract", "reassoc", "nsz", "arcp"}
"""Floating-point liberties that keep NaN and infinity what they are."""


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """Compile on first use, without the interpreter lock, and keep the result on disk."""
    compile_it = numba.njit(nogil=True, cache=True, fastmath=SAFE_MATH, error_model="numpy")
    dispatcher: Callable[P, R] = compile_it(function)
    stored = getattr(getattr(dispatcher, "_cache", None), "_cache_file", None)
    if stored is not None:  # None where compiling is switched off
        stored._source_stamp = (stored._source_stamp, _SOURCES)
    return dispatcher


def _digest_of_sources() -> str:
    """Return a digest of all Python files of the kernels."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


_SOURCES = _digest_of_sources()

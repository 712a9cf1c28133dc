"""Things that must outlive everything else in the process."""

import ctypes
from typing import TypeVar

Thing = TypeVar("Thing")


def immortal(thing: Thing) -> Thing:
    """Keep a thing until the process is gone: it is never freed, not even at the end.

    For CUDA's streams and contexts, which others still use when they are freed, and for ONNX
    Runtime's GPU sessions: they free pinned memory where CUDA does not permit it (in a callback of
    a graph that recorded them), which aborts the process. A session that was closed keeps some
    megabytes until the process ends.
    """
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(thing))
    return thing

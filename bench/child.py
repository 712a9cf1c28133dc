"""Child processes of a benchmark: they end with it, however it ends, and can say one thing."""

import multiprocessing
import os
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any, Final, Protocol

_ORPHANED: Final = 3
"""Exit status of a child whose parent is gone."""


class Say(Protocol):
    """Tells the parent something that can be pickled."""

    def __call__(self, thing: Any) -> None:
        """Say it; returns once it is on its way."""
        ...


class Child:
    """A process that runs one function of an importable module, and ends with its parent.

    It holds one end of a pipe whose other end only the parent holds: when the parent is gone, even
    killed, the pipe breaks and the child ends itself.
    """

    def __init__(self, target: Callable[..., None], *args: object) -> None:
        """Start `target(say, *args)` in a fresh interpreter."""
        spawn = multiprocessing.get_context("spawn")
        self._pipe, theirs = spawn.Pipe()
        self._process = spawn.Process(target=_live, args=(theirs, target, args), daemon=True)
        self._process.start()
        theirs.close()

    @property
    def pid(self) -> int | None:
        """Of the process."""
        return self._process.pid

    @property
    def exitcode(self) -> int | None:
        """None while it runs."""
        return self._process.exitcode

    def hear(self, timeout_s: float) -> Any:
        """Next thing it said; None if it says nothing in time or has ended without a word."""
        try:
            return self._pipe.recv() if self._pipe.poll(timeout_s) else None
        except (EOFError, ConnectionError):
            return None

    def join(self, timeout_s: float) -> None:
        """Wait until it has ended, or kill it."""
        self._process.join(timeout_s)
        self.kill()

    def kill(self) -> None:
        """End it now; nothing happens where it has ended."""
        self._process.kill()
        self._process.join()
        self._pipe.close()


def _live(pipe: Connection, target: Callable[..., None], args: tuple[object, ...]) -> None:
    threading.Thread(target=_end_with_parent, args=(pipe,), daemon=True).start()
    target(pipe.send, *args)


def _end_with_parent(pipe: Connection) -> None:
    """Wait for the pipe to break; nothing is ever sent this way."""
    try:
        pipe.recv()
    except (EOFError, OSError):
        os._exit(_ORPHANED)

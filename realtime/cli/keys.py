"""Keys pressed in the terminal while playing, one at a time, without waiting."""

import contextlib
import os
import select
import sys
from types import TracebackType
from typing import Any, Self


class Keys:
    """Reads single keys between `with` and the end of the block.

    Where input is not a terminal (a pipe, a service), there are none and nothing is changed.
    """

    def __init__(self) -> None:
        self._saved: list[Any] | None = None

    def __enter__(self) -> Self:
        """Switch off line editing and echo; Ctrl-C still works."""
        if sys.stdin is not None and sys.stdin.isatty():
            with contextlib.suppress(ImportError):  # no termios outside Unix: no keys there
                self._switch()
        return self

    def _switch(self) -> None:
        import termios
        import tty

        self._saved = termios.tcgetattr(sys.stdin)
        tty.setcbreak(sys.stdin)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give the terminal back as it was."""
        if self._saved is None:
            return
        import termios

        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, self._saved)
        self._saved = None

    @property
    def active(self) -> bool:
        """Whether keys can be pressed."""
        return self._saved is not None

    def read(self) -> str:
        """The next key, or nothing."""
        if self._saved is None or not select.select([sys.stdin], [], [], 0)[0]:
            return ""
        return os.read(sys.stdin.fileno(), 1).decode(errors="ignore")

"""The way a performance is stopped from outside."""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def terminated_in_order() -> Iterator[None]:
    """SIGTERM interrupts what is inside as Ctrl-C does, so that it cleans up after itself."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may handle signals
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Ctrl-C and SIGTERM end what is inside in order: files get their names."""
    with terminated_in_order():
        try:
            yield
        except KeyboardInterrupt:
            print(file=sys.stderr)

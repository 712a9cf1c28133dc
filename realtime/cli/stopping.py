"""The way a performance is stopped from outside."""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def terminated_in_order() -> Iterator[None]:
    """SIGTERM, and a terminal that is closed, interrupt what is inside as Ctrl-C does.

    So it cleans up after itself. A hangup that is ignored, as under `nohup`, stays so.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may handle signals
        return
    asked = [signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]
    heard = [one for one in asked if signal.getsignal(one) is not signal.SIG_IGN]
    before = [signal.signal(one, signal.default_int_handler) for one in heard]
    try:
        yield
    finally:
        for one, handler in zip(heard, before, strict=True):
            signal.signal(one, handler)


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Ctrl-C and SIGTERM end what is inside in order: files get their names."""
    with terminated_in_order():
        try:
            yield
        except KeyboardInterrupt:
            print(file=sys.stderr)

"""Parts of a long benchmark: said as they begin, kept when a later one is cut short."""

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Final

from synchresis.bench.result import Result

Part = tuple[str, Callable[[], Iterable[Result]]]
"""Name of a part and what measures it; what it gave before it failed is kept."""

_BEGUN: Final = time.monotonic()


def progress(text: str) -> None:
    """Say on standard error what is being done, with the seconds since the start."""
    print(f"{time.monotonic() - _BEGUN:5.0f} s  {text}", file=sys.stderr, flush=True)


def run_parts(bench: str, parts: Sequence[Part]) -> list[Result]:
    """Run all parts; what fails says so in a result, an interruption ends with what there is.

    Ctrl-C and a request to terminate (as `timeout` sends it) both interrupt.

    Returns:
        Results of all parts, then `BENCH.complete`: 1, or 0 where it was interrupted.
    """
    results: list[Result] = []
    begin, name = time.monotonic(), ""
    try:
        with _terminated_as_interrupted():
            for number, (name, work) in enumerate(parts, 1):
                progress(f"{number}/{len(parts)} {name}")
                for result in _guarded(name, work):
                    results.append(result)  # noqa: PERF402  one by one, for what comes in between
    except KeyboardInterrupt:
        note = f"interrupted in {name}; what was measured before it is here"
        return [*results, Result(f"{bench}.complete", 0, "count", note=note)]
    note = f"all {len(parts)} parts, {time.monotonic() - begin:.0f} s"
    return [*results, Result(f"{bench}.complete", 1, "count", note=note)]


def _guarded(name: str, work: Callable[[], Iterable[Result]]) -> Iterator[Result]:
    try:
        yield from work()
    except Exception as err:  # noqa: BLE001  whatever fails on a strange machine, the rest goes on
        progress(f"{name} failed: {err}")
        note = f"{type(err).__name__}: {err}"
        yield Result(f"{name}.runs", 0, "count", note=note)


@contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """Let SIGTERM raise KeyboardInterrupt in the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)

"""Worker processes that make material ahead of training, and end when it does, however it ends."""

import multiprocessing
import os
import queue
from collections.abc import Callable, Iterable, Sequence
from multiprocessing.queues import Queue
from typing import Any, Final, Generic, TypeVar

THREAD_SETTINGS: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""Variables that keep a worker on one core."""

LOOK_S: Final = 2.0
"""How often a worker that waits for room looks whether anybody will still take what it made."""

Made = TypeVar("Made")


class Workers(Generic[Made]):
    """Processes that each run a generator and keep what it makes ready.

    Args:
        make: generator function; every process runs it, so it must be importable.
        arguments: of `make`, one tuple a process.
        ahead: things kept ready, all processes together.
    """

    def __init__(
        self,
        make: Callable[..., Iterable[Made]],
        arguments: Sequence[tuple[Any, ...]],
        *,
        ahead: int,
    ) -> None:
        context = multiprocessing.get_context("spawn")
        self._ready: Queue[Made] = context.Queue(maxsize=ahead)
        for name in THREAD_SETTINGS:
            os.environ.setdefault(name, "1")
        self._processes = [
            context.Process(target=_work, args=(make, self._ready, given), daemon=True)
            for given in arguments
        ]
        for process in self._processes:
            process.start()

    def take(self, wait_s: float | None = None) -> Made | None:
        """The next thing made; None if none is ready within `wait_s` (0 by default)."""
        try:
            return self._ready.get(timeout=wait_s) if wait_s else self._ready.get_nowait()
        except queue.Empty:
            return None

    def alive(self) -> int:
        """Processes still running."""
        return sum(process.is_alive() for process in self._processes)

    def close(self) -> None:
        """Stop the processes."""
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            process.join(timeout=5)


def _work(
    make: Callable[..., Iterable[Made]], ready: "Queue[Made]", arguments: tuple[Any, ...]
) -> None:
    """Body of a process."""
    training = multiprocessing.parent_process()
    for made in make(*arguments):
        while True:
            try:
                ready.put(made, timeout=LOOK_S)
                break
            except queue.Full:
                if training is not None and not training.is_alive():
                    # It was killed: nobody reads, so nothing is to be flushed either.
                    ready.cancel_join_thread()
                    return

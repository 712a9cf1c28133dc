"""Threads that run nodes: one thread a node, sockets and clocks are here and nowhere else."""

import logging
import threading
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from synchresis.engines.timebase import NS_PER_S
from synchresis.realtime.clock import Clock
from synchresis.realtime.device_loop import DeviceLoop
from synchresis.realtime.links import Inlet, Outlet
from synchresis.realtime.messages import Body, End
from synchresis.realtime.nodes import Node
from synchresis.realtime.priority import raise_priority
from synchresis.realtime.sinks.sink import Sink
from synchresis.realtime.sources.source import Film, LiveSource

_log = logging.getLogger(__name__)

SWITCH_S: Final = 0.0005
"""Longest time a thread keeps the interpreter while another waits."""

RING_OUT_NS: Final = 2 * NS_PER_S
"""Time for the last sound of a source that ended."""

END_S: Final = 5.0
"""How long a node that was told to stop is waited for."""

_POLL_S: Final = 0.05


class NodeThread(threading.Thread):
    """Runs a function until it returns, fails, or is told to stop.

    Attributes:
        error: what it failed with, None so far.
        stopping: set to end it.
        ended: set once it has ended. Ask this, not `join` or `is_alive`: until Python 3.13 a `join`
            that Ctrl-C interrupts takes a running thread for one that has ended.
    """

    def __init__(
        self,
        name: str,
        work: Callable[[threading.Event], None],
        *,
        on_end: Callable[[], None] = lambda: None,
    ) -> None:
        """Wait for `start`.

        Args:
            name: of the node.
            work: runs until the event it is given is set, or its work is done.
            on_end: called from the thread when it ended, for whatever reason.
        """
        super().__init__(name=name, daemon=True)
        self.error: Exception | None = None
        self.stopping = threading.Event()
        self.ended = threading.Event()
        self._work = work
        self._on_end = on_end

    def run(self) -> None:
        """Run; whatever goes wrong is kept for the one who waits."""
        try:
            self._work(self.stopping)
        except Exception as err:  # noqa: BLE001 - the runner is where errors end
            self.error = err
            _log.debug("node %s failed", self.name, exc_info=True)
        finally:
            try:
                self._on_end()
            finally:
                self.ended.set()

    @property
    def running(self) -> bool:
        """Whether it was started and has not ended."""
        return self.ident is not None and not self.ended.is_set()

    def wait(self) -> None:
        """Wait for its end, for END_S at most; not at all where it was never started."""
        if self.ident is not None:
            self.ended.wait(END_S)


def run_film(film: Film, outlet: Outlet, *, receivers: int) -> Callable[[threading.Event], None]:
    """Send a film in lock-step to a known number of receivers."""

    def work(stopping: threading.Event) -> None:
        with _Closing(film, outlet):
            if not outlet.wait_for_receivers(receivers, stopping.is_set):
                return
            for frame in film:
                outlet.send(frame, stop=stopping.is_set)
                if stopping.is_set():
                    return
            outlet.send(End(film.end_ns), stop=stopping.is_set)

    return work


def run_source(
    source: LiveSource, outlet: Outlet, clock: Clock, *, receivers: int = 0
) -> Callable[[threading.Event], None]:
    """Send frames as they come, once there are so many receivers; later they may come and go."""

    def work(stopping: threading.Event) -> None:
        with _Closing(source, outlet):
            if not outlet.wait_for_receivers(receivers, stopping.is_set):
                return
            while not stopping.is_set():
                frame = source.read(_POLL_S)
                if frame is not None:
                    outlet.send(frame, arrived_ns=clock.now_ns())
                elif source.finished:
                    outlet.send(End(clock.now_ns()))
                    outlet.flush(stopping.is_set)
                    return
                else:
                    outlet.service()

    return work


def run_worker(
    node: Node, inlet: Inlet, outlet: Outlet, *, receivers: int = 0
) -> Callable[[threading.Event], None]:
    """Answer messages with messages."""

    def work(stopping: threading.Event) -> None:
        with _Closing(inlet, outlet):
            if not outlet.wait_for_receivers(receivers, stopping.is_set):
                return
            while not stopping.is_set():
                delivery = inlet.take(_POLL_S)
                if delivery is None:
                    outlet.service()
                    continue
                for body in node.process(delivery.body):
                    assert not isinstance(body, np.ndarray)
                    outlet.send(body, arrived_ns=delivery.link.arrived_ns, stop=stopping.is_set)
                if isinstance(delivery.body, End):
                    outlet.flush(stopping.is_set)
                    return

    return work


def run_lockstep_speaker(node: Node, inlet: Inlet, sink: Sink) -> Callable[[threading.Event], None]:
    """Write blocks as gestures complete them; a run that does not reach its end leaves no file."""

    def work(stopping: threading.Event) -> None:
        body: Body | None = None
        with _Closing(inlet):
            try:
                while not (stopping.is_set() or isinstance(body, End)):
                    delivery = inlet.take(_POLL_S)
                    body = delivery.body if delivery else None
                    for block in node.process(body) if body else ():
                        assert isinstance(block, np.ndarray)
                        sink.write(block)
                if isinstance(body, End):
                    sink.close()
            finally:
                sink.abort()

    return work


def run_device_loop(
    loop: DeviceLoop, inlet: Inlet, clock: Clock
) -> Callable[[threading.Event], None]:
    """Tick in real time; after the end of the source until its last sound has been heard."""

    def work(stopping: threading.Event) -> None:
        raise_priority()
        with _Closing(inlet, loop):
            try:
                while not (stopping.is_set() or _rung_out(loop, clock)):
                    idle_ns = loop.tick()
                    clock.sleep_until(clock.now_ns() + idle_ns)
            except BaseException:
                loop.break_off()
                raise

    return work


def _rung_out(loop: DeviceLoop, clock: Clock) -> bool:
    return loop.end_ns is not None and clock.now_ns() > loop.end_ns + RING_OUT_NS


class _Closing:
    """Close things in order at the end of a block."""

    def __init__(self, *things: Inlet | Outlet | Film | LiveSource | DeviceLoop) -> None:
        self._things: Sequence[Inlet | Outlet | Film | LiveSource | DeviceLoop] = things

    def __enter__(self) -> None:
        return None

    def __exit__(self, *error: object) -> None:
        for thing in self._things:
            thing.close()

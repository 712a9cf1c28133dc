"""Camera and parser of a live run: threads of this process, or each in a process of its own."""

import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeAlias

import zmq

from synchresis.bench.child import Child, Say
from synchresis.bench.memory_camera import MemoryCamera, draw_footage
from synchresis.engines.frame import Frame
from synchresis.engines.instrument import Instrument, InstrumentSettings
from synchresis.engines.packs import load_pack
from synchresis.realtime.clock import SystemClock
from synchresis.realtime.links import Context, Delivery, Inlet, Outlet, policy_for
from synchresis.realtime.nodes import ParserNode
from synchresis.realtime.threads import NodeThread, run_source, run_worker

Transport = Literal["inproc", "ipc", "tcp"]
"""How nodes are joined: threads of one process, or processes joined by either kind of socket."""

SCENE: Final = "stick"

_END_S: Final = 2.0
"""A process whose work is done may take so long to end."""


@dataclass(frozen=True, slots=True)
class AgeCase:
    """One live run.

    Attributes:
        transport: how the nodes are joined.
        fps: of the camera.
        seconds: how long it shows pictures.
        pack: name or path.
        seed: of the scene.
        footage_s: length of the footage, which is shown again and again.
    """

    transport: Transport
    fps: float
    seconds: float
    pack: str = "default"
    seed: int = 0
    footage_s: float = 2.0

    @property
    def name(self) -> str:
        """For metrics."""
        return f"latency.age.{self.transport}.{self.fps:g}fps"

    @property
    def loops(self) -> int:
        """How often the footage is shown."""
        return max(1, round(self.seconds / self.footage_s))


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where camera and parser give what they have."""

    frames: str
    gestures: str


Arrivals: TypeAlias = dict[int, tuple[int, int, int]]
"""By sequence number of a frame: when the camera's node sent it, when it came to the parser's
process, and when the parser took it; process clock, nanoseconds."""


@dataclass(frozen=True, slots=True)
class Workers:
    """Camera and parser at work.

    Attributes:
        failed: whether one of them broke down.
        arrivals: of the frames at the parser, once it has ended.
    """

    failed: Callable[[], bool]
    arrivals: Callable[[], Arrivals]


KEPT: Final = 4096
"""Newest frames whose arrival is kept: enough for a run, little enough for weeks."""


class NotedInlet(Inlet):
    """An inlet that keeps when the newest frames were sent, came, and were taken."""

    def __init__(self, context: Context, address: str) -> None:
        self.arrivals: Arrivals = {}
        self._clock = SystemClock()
        super().__init__(context, address, policy_for("frame", lossless=False))

    def take(self, timeout_s: float = 0.0) -> Delivery | None:
        """Oldest message that waits."""
        delivery = super().take(timeout_s)
        if delivery is not None and isinstance(delivery.body, Frame):
            times = (delivery.link.sent_ns, delivery.received_ns, self._clock.now_ns())
            self.arrivals[delivery.body.sequence] = times
            if len(self.arrivals) > KEPT:
                del self.arrivals[next(iter(self.arrivals))]
        return delivery


@contextmanager
def addresses(transport: Transport) -> Iterator[Addresses]:
    """Fresh addresses of one kind."""
    if transport == "inproc":
        yield Addresses("inproc://frames", "inproc://gestures")
    elif transport == "tcp":
        first, second = _free_ports(2)
        yield Addresses(f"tcp://127.0.0.1:{first}", f"tcp://127.0.0.1:{second}")
    else:
        with tempfile.TemporaryDirectory(prefix="synchresis-") as folder:
            at = Path(folder)
            yield Addresses(f"ipc://{at}/frames", f"ipc://{at}/gestures")


@contextmanager
def threads(
    case: AgeCase, at: Addresses, context: Context, instrument: Instrument
) -> Iterator[Workers]:
    """Camera and parser as threads of this process."""
    inlet = NotedInlet(context, at.frames)
    workers = [
        NodeThread("camera", camera_work(case, at, context)),
        NodeThread("parser", parser_work(at, context, instrument, inlet)),
    ]
    for worker in workers:
        worker.start()
    try:
        yield Workers(
            lambda: any(worker.error is not None for worker in workers), lambda: inlet.arrivals
        )
    finally:
        for worker in workers:
            worker.stopping.set()
            worker.join(5)


@contextmanager
def processes(case: AgeCase, at: Addresses) -> Iterator[Workers]:
    """Camera and parser each in a process of its own."""
    camera, parser = Child(camera_process, case, at), Child(parser_process, case.pack, at)
    try:
        yield Workers(
            lambda: any(each.exitcode not in (None, 0) for each in (camera, parser)),
            lambda: parser.hear(_END_S) or {},
        )
    finally:
        camera.join(_END_S)
        parser.join(_END_S)


def camera_process(say: Say, case: AgeCase, at: Addresses) -> None:
    """A camera node by itself; ends with its footage."""
    del say
    with zmq.Context() as context:
        camera_work(case, at, context)(threading.Event())


def parser_process(say: Say, pack: str, at: Addresses) -> None:
    """A parser node by itself; ends with its camera, then says its `Arrivals`."""
    instrument = Instrument(load_pack(pack), InstrumentSettings(lookahead_ns=0))
    instrument.prepare()
    with zmq.Context() as context:
        inlet = NotedInlet(context, at.frames)
        parser_work(at, context, instrument, inlet)(threading.Event())
        say(inlet.arrivals)


def camera_work(
    case: AgeCase, at: Addresses, context: Context
) -> Callable[[threading.Event], None]:
    """Show the footage once somebody looks."""

    def work(stopping: threading.Event) -> None:
        footage = draw_footage(
            SCENE, seed=case.seed, fps=case.fps, seconds=case.footage_s, enlarged=True
        )
        outlet = Outlet(context, [at.frames], policy_for("frame", lossless=False))
        if outlet.wait_for_receivers(1, stopping.is_set):
            camera = MemoryCamera(footage, loops=case.loops)
            run_source(camera, outlet, SystemClock())(stopping)

    return work


def parser_work(
    at: Addresses, context: Context, instrument: Instrument, inlet: Inlet
) -> Callable[[threading.Event], None]:
    """Parse once somebody listens."""
    outlet = Outlet(context, [at.gestures], policy_for("gesture", lossless=False))
    return run_worker(ParserNode(instrument.parser), inlet, outlet, receivers=1)


def _free_ports(count: int) -> list[int]:
    import socket

    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()

"""Age: a frame's capture → the first hop that could depend on it is heard, live, queues included.

The nodes are those of `live` and `graph`: in one process, or camera, parser and speaker each in
their own. The camera shows footage from memory, the output is a clock that takes 128 samples at a
time, so nothing but the system is measured.
"""

import multiprocessing
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Final, Literal, TypeAlias

import numpy as np
import zmq

from synchresis.bench.memory_camera import MemoryCamera, draw_footage
from synchresis.engines.instrument import Instrument, InstrumentSettings
from synchresis.engines.packs import load_pack
from synchresis.engines.playout import Playout
from synchresis.engines.sample_clock import SampleClock
from synchresis.engines.timebase import HOP, NS_PER_S
from synchresis.errors import EngineError
from synchresis.realtime import record as rec
from synchresis.realtime.clock import SystemClock
from synchresis.realtime.delay import MS
from synchresis.realtime.device_loop import DeviceLoop, LoopSettings
from synchresis.realtime.links import Context, Delivery, Inlet, Outlet, policy_for
from synchresis.realtime.messages import Sighting
from synchresis.realtime.nodes import ParserNode
from synchresis.realtime.ring import SoftwareRing
from synchresis.realtime.sinks import NullSink
from synchresis.realtime.threads import NodeThread, run_device_loop, run_source, run_worker

Transport = Literal["inproc", "ipc", "tcp"]
"""How nodes are joined: threads of one process, or processes joined by either kind of socket."""

SCENE: Final = "stick"
_SETTLE: Final = 30
"""First frames, which count for nothing."""

_PATIENCE_S: Final = 90.0


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


@dataclass(slots=True)
class AgeRun:
    """What one run gave; milliseconds, one entry per frame that was parsed.

    Attributes:
        ages: capture → first hop that could depend on it heard.
        transport: on links and in queues, both ways.
        parse: in the parser.
        delay_ms: D.
        parts_ms: its named parts.
        counts: events played, late and dropped, empty rings, frames shown and parsed.
    """

    ages: list[float] = field(default_factory=list)
    transport: list[float] = field(default_factory=list)
    parse: list[float] = field(default_factory=list)
    delay_ms: float = 0.0
    parts_ms: dict[str, float] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)


Failed: TypeAlias = Callable[[], bool]
"""Whether camera or parser broke down."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where camera and parser give what they have."""

    frames: str
    gestures: str


def run_age(case: AgeCase) -> AgeRun:
    """Run the graph until the footage ends.

    Raises:
        EngineError: a process did not do its work.
    """
    instrument = Instrument(load_pack(case.pack), InstrumentSettings(lookahead_ns=0))
    instrument.prepare()
    context: Context = zmq.Context()
    try:
        with _addresses(case.transport) as at:
            inside = case.transport == "inproc"
            others = _threads(case, at, context, instrument) if inside else _processes(case, at)
            with others as failed:
                playout = instrument.playout(nominal_fps=case.fps)
                return _listen(case, at, context, playout, failed=failed)
    finally:
        context.destroy(linger=0)
        instrument.close()


def ages_ms(steps: list[rec.Step], captured: dict[int, int]) -> dict[int, float]:
    """Age of every frame in a record of what the voice thread did.

    Args:
        steps: in order.
        captured: capture times by sequence number.

    Returns:
        Milliseconds by sequence number; frames after the last hop have none.
    """
    ages: dict[int, float] = {}
    waiting: list[tuple[int, SampleClock]] = []
    for step in steps:
        if isinstance(step, rec.Pushed):
            line = SampleClock(step.origin_ns, step.origin_sample, step.rate_mhz)
            waiting.append((step.sequence, line))
        elif isinstance(step, rec.Played):
            for sequence, line in waiting:
                heard_ns = line.ns_of(step.hop * HOP)
                ages[sequence] = (heard_ns - captured[sequence]) / MS
            waiting.clear()
    return ages


class Ear:
    """Notes of every gesture when it was captured, came, and how long it was parsed."""

    def __init__(self, inlet: Inlet) -> None:
        self._inlet = inlet
        self.captured: dict[int, int] = {}
        self.transport: dict[int, float] = {}
        self.parse: dict[int, float] = {}

    def take(self) -> Delivery | None:
        """Next gesture that has come, without waiting."""
        delivery = self._inlet.take()
        if delivery is not None and isinstance(delivery.body, Sighting):
            gesture, parse_ns = delivery.body.gesture, delivery.body.parse_ns
            way_ns = delivery.received_ns - delivery.link.arrived_ns - parse_ns
            self.captured[gesture.sequence] = gesture.captured_ns
            self.transport[gesture.sequence] = way_ns / MS
            self.parse[gesture.sequence] = parse_ns / MS
        return delivery


def _listen(
    case: AgeCase, at: Addresses, context: Context, playout: Playout, *, failed: Failed
) -> AgeRun:
    """The speaker's node, for as long as the others work."""
    clock = SystemClock()
    inlet = Inlet(context, at.gestures, policy_for("gesture", lossless=False))
    ear = Ear(inlet)
    ring = SoftwareRing(clock, NullSink())
    settings = LoopSettings(nominal_fps=case.fps, recording=True)
    loop = DeviceLoop(playout, ring, clock, ear.take, settings)
    speaker = NodeThread("speaker", run_device_loop(loop, inlet, clock))
    speaker.start()
    deadline_ns = clock.now_ns() + round((case.seconds + _PATIENCE_S) * NS_PER_S)
    while speaker.is_alive() and not failed() and clock.now_ns() < deadline_ns:
        speaker.join(0.2)
    speaker.stopping.set()
    speaker.join(5)
    if speaker.error is not None:
        raise speaker.error
    if failed() or loop.parts is None:
        raise EngineError(f"{case.name}: camera or parser failed, or too few frames came")
    return _summary(loop, ear, case)


def _summary(loop: DeviceLoop, ear: Ear, case: AgeCase) -> AgeRun:
    assert loop.record is not None
    assert loop.parts is not None
    ages = ages_ms(loop.record.steps, ear.captured)
    kept = [sequence for sequence in sorted(ages) if sequence >= _SETTLE]
    counts = loop.playout.counts
    shown = case.loops * round(case.footage_s * case.fps)
    return AgeRun(
        ages=[ages[sequence] for sequence in kept],
        transport=[ear.transport[sequence] for sequence in kept],
        parse=[ear.parse[sequence] for sequence in kept],
        delay_ms=loop.parts.delay_ns / MS,
        parts_ms={name: ns / MS for name, ns in asdict(loop.parts).items()},
        counts={
            "played": counts.played,
            "late": counts.late,
            "dropped": counts.dropped,
            "xruns": loop.counts.xruns,
            "shown": shown,
            "parsed": len(ear.captured),
        },
    )


@contextmanager
def _addresses(transport: Transport) -> Iterator[Addresses]:
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


@contextmanager
def _threads(
    case: AgeCase, at: Addresses, context: Context, instrument: Instrument
) -> Iterator[Failed]:
    """Camera and parser as threads of this process."""
    workers = [
        NodeThread("camera", _camera_work(case, at, context)),
        NodeThread("parser", _parser_work(at, context, instrument)),
    ]
    for worker in workers:
        worker.start()
    try:
        yield lambda: any(worker.error is not None for worker in workers)
    finally:
        for worker in workers:
            worker.stopping.set()
            worker.join(5)


@contextmanager
def _processes(case: AgeCase, at: Addresses) -> Iterator[Failed]:
    """Camera and parser each in a process of its own."""
    spawn = multiprocessing.get_context("spawn")
    workers: list[SpawnProcess] = [
        spawn.Process(target=camera_process, args=(case, at), daemon=True),
        spawn.Process(target=parser_process, args=(case, at), daemon=True),
    ]
    for worker in workers:
        worker.start()
    try:
        yield lambda: any(worker.exitcode not in (None, 0) for worker in workers)
    finally:
        for worker in workers:
            worker.join(2)
            if worker.is_alive():
                worker.kill()
                worker.join()


def camera_process(case: AgeCase, at: Addresses) -> None:
    """A camera node by itself; ends with its footage."""
    with zmq.Context() as context:
        _camera_work(case, at, context)(threading.Event())


def parser_process(case: AgeCase, at: Addresses) -> None:
    """A parser node by itself; ends with its camera."""
    instrument = Instrument(load_pack(case.pack), InstrumentSettings(lookahead_ns=0))
    instrument.prepare()
    with zmq.Context() as context:
        _parser_work(at, context, instrument)(threading.Event())


def _camera_work(
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


def _parser_work(
    at: Addresses, context: Context, instrument: Instrument
) -> Callable[[threading.Event], None]:
    """Parse once somebody listens."""
    outlet = Outlet(context, [at.gestures], policy_for("gesture", lossless=False))
    inlet = Inlet(context, at.frames, policy_for("frame", lossless=False))
    return run_worker(ParserNode(instrument.parser), inlet, outlet, receivers=1)


def jitter_ms(ages: list[float]) -> float:
    """p95 − p5 of the ages."""
    low, high = np.percentile(ages, [5, 95])
    return float(high - low)

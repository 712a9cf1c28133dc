"""`bench soak`: hours of live run with random faults; what is counted, and how soon it recovers.

Camera and a speaker run here, the parser and another speaker in processes of their own, joined by
ipc sockets. By a seeded plan the camera stalls, holds frames back, or stamps them wrongly, its node
disappears, and the process of the parser or of the other speaker is killed. The speaker here lives
through it all: what it counts and how its memory grows is that of the whole run.
"""

import tempfile
import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Final

import zmq

from synchresis.bench.age_nodes import Addresses, parser_process
from synchresis.bench.child import Child
from synchresis.bench.environment import stamp_environment
from synchresis.bench.faults import NODE_FAULTS, Fault, FaultySource, Kind, plan_faults
from synchresis.bench.memory_camera import MemoryCamera, draw_footage
from synchresis.bench.options import Options
from synchresis.bench.result import Report
from synchresis.bench.soak_log import Incident, SoakLog
from synchresis.bench.soak_report import soak_findings
from synchresis.bench.soak_speaker import Lives
from synchresis.engines.instrument import Instrument, InstrumentSettings
from synchresis.engines.packs import load_pack
from synchresis.engines.timebase import NS_PER_S
from synchresis.errors import EngineError
from synchresis.realtime.clock import SystemClock
from synchresis.realtime.device_loop import DeviceLoop, LoopSettings
from synchresis.realtime.links import Context, Delivery, Inlet, Outlet, policy_for
from synchresis.realtime.ring import SoftwareRing
from synchresis.realtime.sinks import NullSink
from synchresis.realtime.threads import NodeThread, run_device_loop, run_source

SCENE: Final = "stick"
FPS: Final = 60.0
FOOTAGE_S: Final = 12.0
QUICK_FOOTAGE_S: Final = 1.0

START_S: Final = 120.0
"""Longest time until the first gesture comes."""

GRACE_S: Final = 120.0
"""A run that is over goes on until the last fault is recovered from, at most this long: on a busy
machine a process takes its time to start, and counts must not depend on that."""

_TICK_S: Final = 0.05


def run(options: Options) -> Report:
    """Run for `options.hours`.

    Raises:
        EngineError: the graph does not start, or a node fails by itself.
    """
    seconds = 3600 * options.hours
    soak = Soak(options)
    try:
        soak.start()
        log = soak.run(plan_faults(seconds, seed=options.seed), seconds)
    finally:
        soak.stop()
    results, figures = soak_findings(log)
    host = stamp_environment(seed=options.seed, device=options.device)
    return Report("soak", host, results, figures)


class LastingSource(FaultySource):
    """A source that outlives the nodes that show it."""

    def close(self) -> None:
        """Stay open for the next node."""


class Soak:
    """A live graph and its tormentor."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._clock = SystemClock()
        self._context: Context = zmq.Context()
        self._folder = tempfile.TemporaryDirectory(prefix="synchresis-")
        at = Path(self._folder.name)
        self._at = Addresses(f"ipc://{at}/frames", f"ipc://{at}/gestures")
        self._parser: Child | None = None
        self._speakers = Lives(options.pack, self._at.gestures, FPS)
        self._threads: list[NodeThread] = []
        self._closers = ExitStack()
        self._camera: NodeThread | None = None
        self._outlets: list[Outlet] = []
        self._nodes: dict[Kind, tuple[Callable[[], None], Callable[[], None]]] = {
            "kill_parser": (self._kill_parser, self._start_parser),
            "kill_speaker": (self._speakers.kill, self._speakers.start),
            "unplug": (self._stop_camera, self._start_camera),
        }
        self._down: Fault | None = None
        self._instrument: Instrument | None = None
        self._log = SoakLog()

    def start(self) -> None:
        """Draw the footage, load the engines, start both speakers and the parser.

        Raises:
            EngineError: the other speaker does not start.
        """
        options = self._options
        self._instrument = Instrument(load_pack(options.pack), InstrumentSettings(lookahead_ns=0))
        self._instrument.prepare()
        seconds = QUICK_FOOTAGE_S if options.quick else FOOTAGE_S
        self._footage = draw_footage(SCENE, seed=options.seed, fps=FPS, seconds=seconds)
        self._inlet = Inlet(self._context, self._at.gestures, policy_for("gesture", lossless=False))
        self._closers.callback(self._inlet.close)
        playout = self._instrument.playout(nominal_fps=FPS)
        ring = SoftwareRing(self._clock, NullSink())
        loop_settings = LoopSettings(nominal_fps=FPS)
        self._loop = DeviceLoop(playout, ring, self._clock, self._take, loop_settings)
        self._start_parser()
        self._speakers.start()
        if not self._speakers.wait(START_S):
            raise EngineError(f"soak: the other speaker did not start within {START_S:g} s")

    def run(self, faults: list[Fault], seconds: float) -> SoakLog:
        """Let it run with these faults.

        Args:
            faults: by plan, times since the first frame.
            seconds: length, see also `GRACE_S`.
        """
        loops = int((seconds + GRACE_S) / (self._footage.times_ns[-1] / NS_PER_S)) + 2
        self._source = LastingSource(MemoryCamera(self._footage, loops=loops), faults)
        self._launch()
        begin_ns = self._await_begin()
        pending = [fault for fault in faults if fault.kind in NODE_FAULTS]
        self._log.incidents = [Incident.of(fault, begin_ns) for fault in faults]
        while self._goes_on(seconds, elapsed_ns := self._clock.now_ns() - begin_ns):
            self._check()
            self._torment(pending, elapsed_ns / NS_PER_S)
            self._watch(elapsed_ns)
            threading.Event().wait(_TICK_S)
        self._finish()
        return self._log

    def stop(self) -> None:
        """Stop everything, however far it came."""
        for thread in reversed(self._threads):
            thread.stopping.set()
        for thread in self._threads:
            thread.join(5)
        self._kill_parser()
        self._speakers.kill()
        self._closers.close()
        self._context.destroy(linger=0)
        if self._instrument is not None:
            self._instrument.close()
        self._folder.cleanup()

    def _take(self) -> Delivery | None:
        delivery = self._inlet.take()
        if delivery is not None:
            self._log.hear(delivery)
        return delivery

    def _launch(self) -> None:
        """Speaker and camera; the camera shows nothing before the parser looks."""
        speaker = NodeThread("speaker", run_device_loop(self._loop, self._inlet, self._clock))
        self._threads.append(speaker)
        speaker.start()
        self._start_camera()

    def _start_camera(self) -> None:
        """A camera's node with a socket of its own."""
        outlet = Outlet(self._context, [self._at.frames], policy_for("frame", lossless=False))
        self._outlets.append(outlet)
        work = run_source(self._source, outlet, self._clock, receivers=1)
        self._camera = NodeThread("camera", work)
        self._threads.append(self._camera)
        self._camera.start()

    def _stop_camera(self) -> None:
        """The camera's node goes, and nobody is told."""
        if self._camera is not None:
            self._camera.stopping.set()
            self._camera.join(5)
            self._threads.remove(self._camera)
            self._camera = None

    def _await_begin(self) -> int:
        """When the first picture was shown."""
        deadline_ns = self._clock.now_ns() + round(START_S * NS_PER_S)
        while self._source.begin_ns is None:
            self._check()
            if self._clock.now_ns() > deadline_ns:
                raise EngineError(f"soak: the parser did not start within {START_S:g} s")
            threading.Event().wait(_TICK_S)
        return self._source.begin_ns

    def _goes_on(self, seconds: float, elapsed_ns: int) -> bool:
        """Whether the run is not over, or is waiting for the last recovery and its first hit."""
        over_s = elapsed_ns / NS_PER_S - seconds
        waits = self._log.unrecovered() > 0 or not self._speakers.sounding
        return over_s < 0 or (over_s < GRACE_S and waits)

    def _check(self) -> None:
        """Faults are ours alone: what ends by itself is an error."""
        for thread in self._threads:
            if thread.error is not None:
                raise thread.error
        for name, child in (("parser", self._parser), ("speaker", self._speakers.child)):
            if child is not None and child.exitcode is not None:
                raise EngineError(f"soak: the {name} ended by itself with {child.exitcode}")

    def _watch(self, elapsed_ns: int) -> None:
        """Note what the other speaker says, and how large all have grown."""
        playing_ns = self._speakers.hear()
        if playing_ns is not None:
            self._log.hear_speaker(playing_ns)
        pids = (each.pid if each else None for each in (self._parser, self._speakers.child))
        self._log.sample(elapsed_ns, *pids)

    def _torment(self, pending: list[Fault], elapsed_s: float) -> None:
        """Take a node down, or put a new one in its place, when it is time."""
        if not pending:
            return
        fault = pending[0]
        down, up = self._nodes[fault.kind]
        if self._down is None and elapsed_s >= fault.begin_s:
            self._down = fault
            down()
        if self._down is fault and elapsed_s >= fault.end_s:
            self._down = None
            pending.pop(0)
            up()

    def _start_parser(self) -> None:
        self._parser = Child(parser_process, self._options.pack, self._at)

    def _kill_parser(self) -> None:
        if self._parser is not None:
            self._parser.kill()
            self._parser = None

    def _finish(self) -> None:
        """Gather the counters."""
        loop, played = asdict(self._loop.counts), asdict(self._loop.playout.counts)
        self._log.counts = {
            **loop,
            **played,
            "frames_lost": self._source.lost + sum(each.counts.dropped for each in self._outlets),
            "malformed": self._inlet.counts.malformed
            + sum(each.counts.malformed for each in self._outlets),
            "gestures_lost": self._inlet.counts.lost + self._inlet.counts.dropped,
            **{f"speaker.{what}": count for what, count in self._speakers.counts().items()},
        }

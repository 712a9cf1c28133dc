"""`bench soak`: hours of live run with random faults; what is counted, and how soon it recovers.

Camera and speaker run here, the parser in a process of its own, joined by ipc sockets. By a seeded
plan the camera stalls, holds frames back, or stamps them wrongly, and the parser is killed.
"""

import tempfile
import threading
from dataclasses import asdict
from pathlib import Path
from typing import Final

import zmq

from synchresis.bench.age_nodes import Addresses, parser_process
from synchresis.bench.child import Child
from synchresis.bench.environment import stamp_environment
from synchresis.bench.faults import Fault, FaultySource, plan_faults
from synchresis.bench.memory_camera import MemoryCamera, draw_footage
from synchresis.bench.options import Options
from synchresis.bench.result import Report
from synchresis.bench.soak_log import Incident, SoakLog
from synchresis.bench.soak_report import soak_findings
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
        self._threads: list[NodeThread] = []
        self._instrument: Instrument | None = None
        self._log = SoakLog()

    def start(self) -> None:
        """Draw the footage, load the engines, start the speaker and the parser."""
        options = self._options
        self._instrument = Instrument(load_pack(options.pack), InstrumentSettings(lookahead_ns=0))
        self._instrument.prepare()
        seconds = QUICK_FOOTAGE_S if options.quick else FOOTAGE_S
        self._footage = draw_footage(SCENE, seed=options.seed, fps=FPS, seconds=seconds)
        self._inlet = Inlet(self._context, self._at.gestures, policy_for("gesture", lossless=False))
        playout = self._instrument.playout(nominal_fps=FPS)
        ring = SoftwareRing(self._clock, NullSink())
        loop_settings = LoopSettings(nominal_fps=FPS)
        self._loop = DeviceLoop(playout, ring, self._clock, self._take, loop_settings)
        self._start_parser()

    def run(self, faults: list[Fault], seconds: float) -> SoakLog:
        """Let it run with these faults.

        Args:
            faults: by plan, times since the first frame.
            seconds: length.
        """
        loops = int(seconds / (self._footage.times_ns[-1] / NS_PER_S)) + 2
        source = FaultySource(MemoryCamera(self._footage, loops=loops), faults)
        self._launch(source)
        begin_ns = self._await_begin(source)
        kills = [fault for fault in faults if fault.kind == "kill"]
        self._log.incidents = [Incident.of(fault, begin_ns) for fault in faults]
        end_ns = begin_ns + round(seconds * NS_PER_S)
        while (now_ns := self._clock.now_ns()) < end_ns:
            self._check()
            self._torment(kills, (now_ns - begin_ns) / NS_PER_S)
            self._log.sample(now_ns - begin_ns, self._parser.pid if self._parser else None)
            threading.Event().wait(_TICK_S)
        self._finish(source)
        return self._log

    def stop(self) -> None:
        """Stop everything."""
        for thread in reversed(self._threads):
            thread.stopping.set()
        for thread in self._threads:
            thread.join(5)
        self._kill_parser()
        self._inlet.close()
        self._context.destroy(linger=0)
        if self._instrument is not None:
            self._instrument.close()
        self._folder.cleanup()

    def _take(self) -> Delivery | None:
        delivery = self._inlet.take()
        if delivery is not None:
            self._log.hear(delivery)
        return delivery

    def _launch(self, source: FaultySource) -> None:
        """Camera and speaker; the camera shows nothing before the parser looks."""
        outlet = Outlet(self._context, [self._at.frames], policy_for("frame", lossless=False))

        def camera(stopping: threading.Event) -> None:
            if outlet.wait_for_receivers(1, stopping.is_set):
                run_source(source, outlet, self._clock)(stopping)

        self._outlet = outlet
        self._threads = [
            NodeThread("camera", camera),
            NodeThread("speaker", run_device_loop(self._loop, self._inlet, self._clock)),
        ]
        for thread in self._threads:
            thread.start()

    def _await_begin(self, source: FaultySource) -> int:
        """When the first picture was shown."""
        deadline_ns = self._clock.now_ns() + round(START_S * NS_PER_S)
        while source.begin_ns is None:
            self._check()
            if self._clock.now_ns() > deadline_ns:
                raise EngineError(f"soak: the parser did not start within {START_S:g} s")
            threading.Event().wait(_TICK_S)
        return source.begin_ns

    def _check(self) -> None:
        """Faults are ours alone: what ends by itself is an error."""
        for thread in self._threads:
            if thread.error is not None:
                raise thread.error
        if self._parser is not None and self._parser.exitcode is not None:
            raise EngineError(f"soak: the parser ended by itself with {self._parser.exitcode}")

    def _torment(self, kills: list[Fault], elapsed_s: float) -> None:
        """Kill the parser, or start it again, when it is time."""
        if not kills:
            return
        if self._parser is not None and elapsed_s >= kills[0].begin_s:
            self._kill_parser()
        if self._parser is None and elapsed_s >= kills[0].end_s:
            kills.pop(0)
            self._start_parser()

    def _start_parser(self) -> None:
        self._parser = Child(parser_process, self._options.pack, self._at)

    def _kill_parser(self) -> None:
        if self._parser is not None:
            self._parser.kill()
            self._parser = None

    def _finish(self, source: FaultySource) -> None:
        """Gather the counters."""
        loop, played = asdict(self._loop.counts), asdict(self._loop.playout.counts)
        self._log.counts = {
            **loop,
            **played,
            "frames_lost": source.lost + self._outlet.counts.dropped,
            "malformed": self._inlet.counts.malformed + self._outlet.counts.malformed,
            "gestures_lost": self._inlet.counts.lost + self._inlet.counts.dropped,
        }

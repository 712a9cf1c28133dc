"""Age: a frame's capture → the first hop that could depend on it is heard, live, queues included.

The nodes are those of `live` and `graph`: in one process, or camera, parser and speaker each in
their own. The camera shows footage from memory, the output is a clock that takes 128 samples at a
time, so nothing but the system is measured.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from typing import Final

import zmq

from synchresis.bench.age_nodes import (
    Addresses,
    AgeCase,
    Arrivals,
    Workers,
    addresses,
    processes,
    threads,
)
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
from synchresis.realtime.links import Context, Delivery, Inlet, policy_for
from synchresis.realtime.messages import Sighting
from synchresis.realtime.ring import SoftwareRing
from synchresis.realtime.sinks import NullSink
from synchresis.realtime.threads import NodeThread, run_device_loop

_SETTLE: Final = 30
"""First frames, which count for nothing."""

_PATIENCE_S: Final = 90.0

HOPS: Final = ("camera_sends", "frame_link", "parser_wakes", "parser_sends", "gesture_link")
"""The parts of the transport, in the order of the data: from the source's hands to the socket, on
the link, from the socket to the parser, from the parser to the socket, on the link."""


@dataclass(slots=True)
class AgeRun:
    """What one run gave; milliseconds, one entry per frame that was parsed.

    Attributes:
        ages: capture → first hop that could depend on it heard.
        transport: on links and in queues, both ways.
        parse: in the parser.
        hops: the transport in parts, by the names in `HOPS`.
        delay_ms: D.
        parts_ms: its named parts.
        counts: events played, late and dropped, empty rings, frames shown and parsed.
    """

    ages: list[float] = field(default_factory=list)
    transport: list[float] = field(default_factory=list)
    parse: list[float] = field(default_factory=list)
    hops: dict[str, list[float]] = field(default_factory=dict)
    delay_ms: float = 0.0
    parts_ms: dict[str, float] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)


def run_age(case: AgeCase) -> AgeRun:
    """Run the graph until the footage ends.

    Raises:
        EngineError: a process did not do its work.
    """
    instrument = Instrument(load_pack(case.pack), InstrumentSettings(lookahead_ns=0))
    instrument.prepare()
    context: Context = zmq.Context()
    try:
        with addresses(case.transport) as at:
            inside = case.transport == "inproc"
            others = threads(case, at, context, instrument) if inside else processes(case, at)
            with others as workers:
                playout = instrument.playout(nominal_fps=case.fps)
                return _listen(case, at, context, playout, workers=workers)
    finally:
        context.destroy(linger=0)
        instrument.close()


def pooled(runs: Sequence[AgeRun]) -> AgeRun:
    """Runs of one kind as one: all samples, counts added up, D and its parts of the last."""
    return AgeRun(
        ages=[age for run in runs for age in run.ages],
        transport=[way for run in runs for way in run.transport],
        parse=[parse for run in runs for parse in run.parse],
        hops={hop: [ms for run in runs for ms in run.hops[hop]] for hop in runs[-1].hops},
        delay_ms=runs[-1].delay_ms,
        parts_ms=runs[-1].parts_ms,
        counts={what: sum(run.counts[what] for run in runs) for what in runs[-1].counts},
    )


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
    """Notes of every gesture when it was captured, sent and came, and how long it was parsed."""

    def __init__(self, inlet: Inlet) -> None:
        self._inlet = inlet
        self.captured: dict[int, int] = {}
        self.times: dict[int, tuple[int, int, int, int]] = {}

    def take(self) -> Delivery | None:
        """Next gesture that has come, without waiting."""
        delivery = self._inlet.take()
        if delivery is not None and isinstance(delivery.body, Sighting):
            gesture, link = delivery.body.gesture, delivery.link
            self.captured[gesture.sequence] = gesture.captured_ns
            self.times[gesture.sequence] = (
                link.arrived_ns,
                delivery.body.parse_ns,
                link.sent_ns,
                delivery.received_ns,
            )
        return delivery

    def transport_ms(self, sequence: int) -> float:
        """On links and in queues, both ways."""
        arrived, parse, _, received = self.times[sequence]
        return (received - arrived - parse) / MS

    def parse_ms(self, sequence: int) -> float:
        """In the parser."""
        return self.times[sequence][1] / MS

    def hops_ms(self, sequence: int, arrival: tuple[int, int, int]) -> list[float]:
        """The transport in its parts, see `HOPS`.

        Args:
            sequence: of the frame.
            arrival: the frame at the parser, see `Arrivals`.
        """
        arrived, parse, sent_back, received_back = self.times[sequence]
        sent, received, taken = arrival
        moments = (arrived, sent, received, taken, sent_back - parse, received_back - parse)
        return [(after - before) / MS for before, after in pairwise(moments)]


def _listen(
    case: AgeCase, at: Addresses, context: Context, playout: Playout, *, workers: Workers
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
    while speaker.is_alive() and not workers.failed() and clock.now_ns() < deadline_ns:
        speaker.join(0.2)
    speaker.stopping.set()
    speaker.join(5)
    if speaker.error is not None:
        raise speaker.error
    if workers.failed() or loop.parts is None:
        raise EngineError(f"{case.name}: camera or parser failed, or too few frames came")
    return _summary(loop, ear, case, workers.arrivals())


def _summary(loop: DeviceLoop, ear: Ear, case: AgeCase, arrivals: Arrivals) -> AgeRun:
    assert loop.record is not None
    assert loop.parts is not None
    ages = ages_ms(loop.record.steps, ear.captured)
    kept = [sequence for sequence in sorted(ages) if sequence >= _SETTLE]
    rows = [ear.hops_ms(sequence, arrivals[sequence]) for sequence in kept if sequence in arrivals]
    counts = loop.playout.counts
    return AgeRun(
        ages=[ages[sequence] for sequence in kept],
        transport=[ear.transport_ms(sequence) for sequence in kept],
        parse=[ear.parse_ms(sequence) for sequence in kept],
        hops=dict(zip(HOPS, map(list, zip(*rows, strict=True)), strict=False)),
        delay_ms=loop.parts.delay_ns / MS,
        parts_ms={name: ns / MS for name, ns in asdict(loop.parts).items()},
        counts={
            "played": counts.played,
            "late": counts.late,
            "dropped": counts.dropped,
            "xruns": loop.counts.xruns,
            "shown": case.loops * round(case.footage_s * case.fps),
            "parsed": len(ear.captured),
        },
    )

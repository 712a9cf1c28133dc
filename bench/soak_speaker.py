"""The speaker that a soak kills: a process of its own, and what all its lives played together."""

from dataclasses import asdict, dataclass
from typing import Final

import zmq

from synchresis.bench.child import Child, Say
from synchresis.bench.soak_log import is_normal
from synchresis.engines.instrument import Instrument, InstrumentSettings
from synchresis.engines.packs import load_pack
from synchresis.realtime.clock import SystemClock
from synchresis.realtime.device_loop import DeviceLoop, LoopSettings
from synchresis.realtime.links import Delivery, Inlet, policy_for
from synchresis.realtime.ring import SoftwareRing
from synchresis.realtime.sinks import NullSink
from synchresis.realtime.threads import NodeThread, run_device_loop

SAY_S: Final = 0.25
"""How often a speaker tells what it did; a killed one takes the rest with it."""


@dataclass(frozen=True, slots=True)
class Life:
    """What one speaker's process did so far.

    Attributes:
        playing_ns: when the first normal news came after D was measured, process clock; None
            before.
        news: gestures that came.
        played: events played, late: of them, too late for D, dropped: too late for anything.
        xruns: empty rings.
    """

    playing_ns: int | None = None
    news: int = 0
    played: int = 0
    late: int = 0
    dropped: int = 0
    xruns: int = 0


class Lives:
    """A speaker's process after the other, and their sums."""

    def __init__(self, pack: str, address: str, fps: float) -> None:
        """Start none yet.

        Args:
            pack: name or path.
            address: of the parser's gestures.
            fps: nominal rate of the camera.
        """
        self.child: Child | None = None
        self._arguments = (pack, address, fps)
        self._lives: list[Life] = []

    def start(self) -> None:
        """Start a process; it connects by itself."""
        self.child = Child(speaker_process, *self._arguments)
        self._lives.append(Life())

    def wait(self, timeout_s: float) -> bool:
        """Wait until the newest has loaded its engine; whether it has."""
        return self.child is not None and self.child.hear(timeout_s) is not None

    def kill(self) -> None:
        """End the newest without a word."""
        if self.child is not None:
            self.hear()
            self.child.kill()
            self.child = None

    def hear(self) -> int | None:
        """Take what the newest has said; when it began to play, None while it does not."""
        while self.child is not None and (life := self.child.hear(0)) is not None:
            self._lives[-1] = life
        return None if self.child is None else self._lives[-1].playing_ns

    @property
    def sounding(self) -> bool:
        """Whether the newest has played an event."""
        return bool(self._lives) and self._lives[-1].played > 0

    def counts(self) -> dict[str, int]:
        """Lives, those of them that played nothing, and the sums of the rest."""
        rows = [asdict(life) for life in self._lives]
        sums = {what: sum(row[what] for row in rows) for what in _SUMMED}
        silent = sum(life.played == 0 for life in self._lives)
        return {"lives": len(rows), "silent_lives": silent, **sums}


_SUMMED: Final = ("news", "played", "late", "dropped", "xruns")


class _Ear:
    """Counts the news, and notes when the speaker began to play."""

    def __init__(self, inlet: Inlet) -> None:
        self.news = 0
        self.playing_ns: int | None = None
        self.loop: DeviceLoop | None = None
        self._inlet = inlet

    def take(self) -> Delivery | None:
        """Next gesture that has come; the speaker's thread."""
        delivery = self._inlet.take()
        if delivery is not None:
            self.news += 1
            measured = self.loop is not None and not self.loop.measuring
            if self.playing_ns is None and measured and is_normal(delivery):
                self.playing_ns = delivery.received_ns
        return delivery


def speaker_process(say: Say, pack: str, address: str, fps: float) -> None:
    """A speaker node by itself, for ever; says its `Life` again and again."""
    instrument = Instrument(load_pack(pack), InstrumentSettings(lookahead_ns=0))
    instrument.prepare()
    clock = SystemClock()
    with zmq.Context() as context:
        inlet = Inlet(context, address, policy_for("gesture", lossless=False))
        ear = _Ear(inlet)
        ring = SoftwareRing(clock, NullSink())
        settings = LoopSettings(nominal_fps=fps)
        loop = DeviceLoop(instrument.playout(nominal_fps=fps), ring, clock, ear.take, settings)
        ear.loop = loop
        thread = NodeThread("speaker", run_device_loop(loop, inlet, clock))
        thread.start()
        while thread.is_alive():
            say(_life(ear, loop))
            thread.join(SAY_S)
        if thread.error is not None:
            raise thread.error


def _life(ear: _Ear, loop: DeviceLoop) -> Life:
    counts = loop.playout.counts
    xruns = loop.counts.xruns
    return Life(ear.playing_ns, ear.news, counts.played, counts.late, counts.dropped, xruns)

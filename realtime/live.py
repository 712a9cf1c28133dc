"""Live: from camera to speaker in one process, with real sockets between its nodes."""

import logging
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from types import TracebackType
from typing import Final, Literal, Self, TypeAlias

import zmq

from synchresis.engines.frame import Frame
from synchresis.engines.gesture import Gesture
from synchresis.engines.instrument import Instrument
from synchresis.engines.motion.score_log import ScoreLog
from synchresis.engines.timebase import HOP, NS_PER_S, SAMPLE_RATE
from synchresis.engines.voice.palettes import is_model, resolve
from synchresis.errors import ParameterError
from synchresis.realtime import record as rec
from synchresis.realtime.clock import Clock, SystemClock
from synchresis.realtime.delay import MS, auto_lookahead_ns
from synchresis.realtime.device_loop import DeviceLoop, LoopSettings
from synchresis.realtime.links import Context, Inlet, Outlet, policy_for
from synchresis.realtime.nodes import LockstepSpeaker, ParserNode, View
from synchresis.realtime.outputs import open_ring, open_sink
from synchresis.realtime.ring import Ring
from synchresis.realtime.sinks import Sink
from synchresis.realtime.sinks.lasting import LastingRing
from synchresis.realtime.sources import SourceSettings, open_film, open_live
from synchresis.realtime.sources.source import Film, LiveSource
from synchresis.realtime.status import Status
from synchresis.realtime.threads import (
    SWITCH_S,
    NodeThread,
    run_device_loop,
    run_film,
    run_lockstep_speaker,
    run_source,
    run_worker,
)

_log = logging.getLogger(__name__)

ClockName: TypeAlias = Literal["device", "virtual"]

_POLL_S: Final = 0.05

_PATIENCE_S: Final = 15.0
"""A run with a length ends this much after it even if it never began to play."""


@dataclass(frozen=True, slots=True)
class LiveSettings:
    """Settings of a live session, beside those of its instrument.

    Attributes:
        source: where frames come from.
        out: "device", "null", or a .wav or .flac file.
        device: name or number of the audio device, None for the system's choice.
        clock: "device" in real time, "virtual" in lock-step.
        buffer_hops: hops written ahead, or "auto".
        asap: play everything at once instead of at the constant delay.
        seconds: how long to play, None for ever.
        recording: keep a record of the run, see `synchresis.realtime.record`.
    """

    source: SourceSettings = field(default_factory=SourceSettings)
    out: str = "device"
    device: str | None = None
    clock: ClockName = "device"
    buffer_hops: int | Literal["auto"] = 2
    asap: bool = False
    seconds: float | None = None
    recording: bool = False


@dataclass(frozen=True, slots=True)
class Parts:
    """Things to use in place of those that settings name.

    Attributes:
        film: on the virtual clock, where frames come from, and sink: where sound goes.
        source: on a device's clock, where frames come from, and ring: where sound goes.
        clock: the clock itself.
    """

    film: Film | None = None
    sink: Sink | None = None
    source: LiveSource | None = None
    ring: Ring | None = None
    clock: Clock | None = None


OnGesture: TypeAlias = Callable[[Frame, Gesture], None]
"""Called with every frame and what was seen in it, from the parser's thread: be quick."""


class LiveSession:
    """A running performance. Start, poll until it ends, stop; everything else may come any time.

    Use::

        with LiveSession(instrument, settings) as session:
            while session.poll():
                print(session.status())
    """

    def __init__(
        self,
        instrument: Instrument,
        settings: LiveSettings,
        *,
        parts: "Parts | None" = None,
        on_gesture: OnGesture | None = None,
    ) -> None:
        """Set up without opening anything.

        Args:
            instrument: prepared; not closed by the session.
            settings: of the session.
            parts: source, ring or sink to use in place of those the settings name.
            on_gesture: see `OnGesture`.
        """
        self.settings = settings
        self.loop: DeviceLoop | None = None
        self._instrument = instrument
        self._parts = parts or Parts()
        self._clock = self._parts.clock or SystemClock()
        self._on_gesture = on_gesture
        self._parser = ParserNode(instrument.parser, on_gesture=self._saw)
        self._playout = instrument.playout(asap=settings.asap)
        self._source: LiveSource | None = None
        self._ring: Ring | None = None
        self._inlets: list[Inlet] = []
        self._outlets: list[Outlet] = []
        self._threads: list[NodeThread] = []
        self._context: Context | None = None
        self._closers = ExitStack()
        self._started_ns: int | None = None
        self._playing_ns: int | None = None
        self._switch_s = sys.getswitchinterval()
        self._muted = False
        self._sensitivity = instrument.settings.sensitivity
        self._palettes = [zone.palette for zone in instrument.settings.zones]

    def __enter__(self) -> Self:
        """Start."""
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop; Ctrl-C is the usual end of a performance, no failure."""
        self.stop(failed=isinstance(error, Exception))

    @property
    def record(self) -> rec.RunRecord | None:
        """What was used when, if the settings ask for it and the clock is a device."""
        return self.loop.record if self.loop else None

    def start(self) -> None:
        """Open source, sockets and output, and begin.

        Raises:
            DeviceError, InputError, ParameterError: one of them cannot be used as asked.
        """
        sys.setswitchinterval(SWITCH_S)
        self._context = zmq.Context()
        self._started_ns = self._clock.now_ns()
        try:
            if self.settings.clock == "virtual":
                self._wire_virtual()
            else:
                self._wire_device()
        except BaseException:
            self.stop()
            raise
        for thread in self._threads:
            thread.start()

    def poll(self, wait_s: float = _POLL_S) -> bool:
        """Wait a little; False once the performance is over.

        Raises:
            SynchresisError: a node failed.
        """
        for thread in self._threads:
            if thread.error is not None:
                raise thread.error
        last = self._threads[-1]
        last.ended.wait(wait_s)
        self._choose_lookahead()
        if last.error is not None:
            raise last.error
        return last.running and not self._time_is_up()

    def run(self) -> None:
        """Start, wait for the end, stop."""
        with self:
            while self.poll():
                pass

    def stop(self, *, failed: bool = False) -> None:
        """Stop all threads and close everything; files get their names.

        After an error, be it `failed` or that of a node, an older file of that name stays and what
        was recorded gets another (see `SoundFileSink`).
        """
        if self.loop is not None and (failed or any(thread.error for thread in self._threads)):
            self.loop.break_off()
        for thread in reversed(self._threads):
            thread.stopping.set()
        for thread in self._threads:
            thread.wait()
        self._closers.close()
        if self._context is not None and not any(t.running for t in self._threads):
            self._context.destroy(linger=0)
            self._context = None
        sys.setswitchinterval(self._switch_s)

    def set_palette(self, palette: str, *, zone: int = 0) -> None:
        """Give a zone another palette of the same kind (learned or model).

        Raises:
            ParameterError, PackError: there is no such palette or zone, or the clock is virtual.
        """
        if not 0 <= zone < len(self._palettes):
            raise ParameterError(f"zone={zone} must be 0 to {len(self._palettes) - 1}")
        if is_model(palette) != is_model(self._palettes[zone]):
            raise ParameterError(
                f"palette {palette!r} cannot follow {self._palettes[zone]!r} while playing: "
                "learned and model palettes do not mix in one zone"
            )
        embedding = resolve(palette, self._instrument.pack)
        self._command(rec.Chosen(zone, tuple(embedding.tolist())))
        self._palettes[zone] = palette

    def set_muted(self, *, muted: bool) -> None:
        """Switch sound off or on; on a device's clock only, else `ParameterError`."""
        self._command(rec.Muted(muted))
        self._muted = muted

    def set_sensitivity(self, sensitivity: float) -> None:
        """Multiply the odds of every impact.

        Raises:
            ParameterError: out of range.
        """
        self._parser.set_sensitivity(sensitivity)
        self._sensitivity = sensitivity

    def keep_scores(self, log: ScoreLog | None) -> None:
        """Write the scores of what is seen into a log from now on, or into none."""
        self._parser.keep_scores(log)

    def hit(self, *, zone: int = 0, strength: float = 0.8) -> None:
        """Play a test hit; on a device's clock only, else `ParameterError`."""
        self._command(rec.Hit(zone, strength))

    def view(self) -> View | None:
        """What the parser sees now, None before the first frame."""
        return self._parser.view()

    def status(self) -> Status:
        """How it goes."""
        loop, parser, counts = self.loop, self._parser, self._playout.counts
        parts = loop.parts if loop else None
        named = asdict(parts) if parts else {}
        return Status(
            state=self._state(),
            seconds=self._seconds(),
            fps=parser.fps,
            frames=parser.frames,
            impact=parser.impact,
            threshold=parser.threshold,
            events=parser.events,
            played=counts.played,
            late=counts.late,
            dropped=counts.dropped,
            lost_frames=self._lost_frames(),
            malformed=sum(inlet.counts.malformed for inlet in self._inlets),
            xruns=loop.counts.xruns if loop else 0,
            buffer_hops=loop.buffer_hops if loop else 0,
            delay_ms=parts.delay_ns / MS if parts else None,
            parts_ms={name: ns / MS for name, ns in named.items()},
            lookahead_ms=parser.lookahead_ns / MS,
            muted=self._muted,
            sensitivity=self._sensitivity,
            palettes=tuple(self._palettes),
            level=loop.peak if loop else 0.0,
            camera=self._source.name if self._source else self.settings.source.spec,
            camera_away=bool(self._source and self._source.away),
            estimated=bool(self._source and self._source.estimated),
            sound_away=isinstance(self._ring, LastingRing) and self._ring.away,
        )

    def _saw(self, frame: Frame, gesture: Gesture) -> None:
        """Keep what the record needs, in the parser's thread."""
        if self.record is not None:
            tau_ns, sensitivity = gesture.lookahead_ns, self._sensitivity
            seen = rec.Seen(frame.sequence, frame.captured_ns, tau_ns, sensitivity)
            self.record.seen.append(seen)
        if self._on_gesture is not None:
            self._on_gesture(frame, gesture)

    def _command(self, step: rec.Chosen | rec.Muted | rec.Hit) -> None:
        """Commands need a device loop: the virtual clock is for what can be repeated."""
        if self.settings.clock == "virtual":
            raise ParameterError(
                "palettes, mute and test hits need the device's clock (--clock device)"
            )
        if self.loop is not None:
            self.loop.command(step)

    def _state(self) -> Literal["starting", "measuring", "playing", "ended"]:
        if not any(thread.running for thread in self._threads):
            return "ended" if self._started_ns is not None else "starting"
        return "measuring" if self.loop and self.loop.measuring else "playing"

    def _seconds(self) -> float:
        if self.loop is None:
            return self._playout.next_hop * HOP / SAMPLE_RATE
        if self.loop.measuring:
            return 0.0
        if self._playing_ns is None:
            self._playing_ns = self._clock.now_ns()
        return (self._clock.now_ns() - self._playing_ns) / NS_PER_S

    def _time_is_up(self) -> bool:
        limit_s = self.settings.seconds
        if self.loop is None or limit_s is None or self._started_ns is None:
            return False
        waited_s = (self._clock.now_ns() - self._started_ns) / NS_PER_S
        return self._seconds() >= limit_s or waited_s > limit_s + _PATIENCE_S

    def _lost_frames(self) -> int:
        source = self._source.lost if self._source else 0
        links = sum(outlet.counts.dropped for outlet in self._outlets[:1])
        return source + links + sum(inlet.counts.dropped for inlet in self._inlets[:1])

    def _choose_lookahead(self) -> None:
        """With an automatic lookahead, ask the parser for it once D is known."""
        parts = self.loop.parts if self.loop else None
        if parts is None or self._instrument.settings.lookahead_ns != "auto":
            return
        limit_ns = round(self._instrument.pack.motion.lookahead_max_ms * MS)
        self._parser.set_lookahead(auto_lookahead_ns(parts.before_lookahead_ns, limit_ns))

    def _link(self, what: Literal["frame", "gesture"]) -> tuple[Outlet, Inlet]:
        """Both ends of a link inside this process."""
        assert self._context is not None
        policy = policy_for(what, lossless=self.settings.clock == "virtual")
        address = f"inproc://{what}"
        outlet = Outlet(self._context, [address], policy)
        self._outlets.append(outlet)
        self._closers.callback(outlet.close)
        inlet = Inlet(self._context, address, policy)
        self._inlets.append(inlet)
        self._closers.callback(inlet.close)
        return outlet, inlet

    def _wire_virtual(self) -> None:
        source = replace(self.settings.source, seconds=self.settings.seconds)
        film = self._parts.film or open_film(source)
        self._closers.callback(film.close)
        sink = self._parts.sink or open_sink(self.settings.out)
        frames_out, frames_in = self._link("frame")
        gestures_out, gestures_in = self._link("gesture")
        speaker = LockstepSpeaker(self._playout)
        self._threads = [
            NodeThread("camera", run_film(film, frames_out, receivers=1)),
            NodeThread("parser", run_worker(self._parser, frames_in, gestures_out, receivers=1)),
            NodeThread("speaker", run_lockstep_speaker(speaker, gestures_in, sink)),
        ]

    def _wire_device(self) -> None:
        settings = self.settings
        self._source = self._parts.source or open_live(settings.source, clock=self._clock)
        self._closers.callback(self._source.close)
        ring = self._parts.ring or open_ring(settings.out, settings.device, self._clock)
        self._ring = ring
        frames_out, frames_in = self._link("frame")
        gestures_out, gestures_in = self._link("gesture")
        loop_settings = LoopSettings(
            buffer_hops=settings.buffer_hops,
            asap=settings.asap,
            nominal_fps=self._source.nominal_fps,
            recording=settings.recording,
        )
        self.loop = DeviceLoop(self._playout, ring, self._clock, gestures_in.take, loop_settings)
        self._threads = [
            NodeThread("camera", run_source(self._source, frames_out, self._clock, receivers=1)),
            NodeThread("parser", run_worker(self._parser, frames_in, gestures_out, receivers=1)),
            NodeThread("speaker", run_device_loop(self.loop, gestures_in, self._clock)),
        ]

"""Glass to air: the screen flashes, the webcam sees it, the microphone hears the answer.

The parts are separate so that each can be replaced: a `Screen` to flash, a `FlashParser` that
answers flashes instead of hits but takes the time of the real parser, and the arithmetic.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Final, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from synchresis.engines.frame import Frame
from synchresis.engines.gesture import Event, Gesture
from synchresis.engines.instrument import Instrument, InstrumentSettings
from synchresis.engines.motion.parser import MotionParser, MotionState
from synchresis.engines.packs import Pack
from synchresis.engines.timebase import NS_PER_S
from synchresis.environment import has_display
from synchresis.errors import DeviceError, ParameterError
from synchresis.realtime.hearing import hear_onsets
from synchresis.realtime.live import LiveSession, LiveSettings, Parts
from synchresis.realtime.recorder import Recorder, Recording
from synchresis.realtime.sources.source import LiveSource

WINDOW: Final = "synchresis: point the camera at this window"

ANSWER_NS: Final = NS_PER_S // 2
"""A sound later than this after a flash is no answer to it."""

_REST_NS: Final = 300_000_000
_PATIENCE_S: Final = 20.0


class Screen(Protocol):
    """Something that lights up."""

    def show(self, *, white: bool) -> int:
        """Make it white or black; returns when that was handed to the display (process clock)."""
        ...

    def close(self) -> None:
        """Take it away."""
        ...


class WindowScreen:
    """A window over the whole screen.

    Raises:
        DeviceError: there is no display.
    """

    def __init__(self) -> None:
        if not has_display():
            raise DeviceError("no display to flash on: run this in a desktop session")
        try:
            cv2.namedWindow(WINDOW, cv2.WINDOW_NORMAL)
            cv2.setWindowProperty(WINDOW, cv2.WND_PROP_FULLSCREEN, cv2.WINDOW_FULLSCREEN)
        except cv2.error as err:
            raise DeviceError(f"cannot open a window to flash: {err}") from err
        self._pictures = {
            white: np.full((240, 320), 255 if white else 0, np.uint8) for white in (False, True)
        }

    def show(self, *, white: bool) -> int:
        """Paint the window and let it reach the display."""
        cv2.imshow(WINDOW, self._pictures[white])
        cv2.waitKey(1)
        return time.perf_counter_ns()

    def close(self) -> None:
        """Close the window."""
        cv2.destroyWindow(WINDOW)


@dataclass(frozen=True, slots=True)
class FlashPlan:
    """When to flash.

    Attributes:
        flashes: how many.
        period_s: mean time between two; each comes up to a quarter earlier or later.
        length_s: how long a flash lasts.
        seed: of the irregularity.
    """

    flashes: int = 40
    period_s: float = 0.8
    length_s: float = 0.12
    seed: int = 0

    def __post_init__(self) -> None:
        if not (1 <= self.flashes <= 10_000 and self.period_s >= 0.5 and self.length_s >= 0.03):
            raise ParameterError(
                f"flashes={self.flashes} period_s={self.period_s} length_s={self.length_s} must be "
                "1 to 10000, at least 0.5 and at least 0.03"
            )

    def pauses_s(self) -> NDArray[np.float64]:
        """Darkness before each flash, seconds."""
        rng = np.random.default_rng(self.seed)
        return self.period_s * rng.uniform(0.75, 1.25, self.flashes) - self.length_s


def flash(
    screen: Screen, plan: FlashPlan, *, sleep: Callable[[float], None] = time.sleep
) -> list[int]:
    """Flash a screen by plan.

    Returns:
        When each flash was handed to the display, process clock.
    """
    shown = []
    screen.show(white=False)
    for pause_s in plan.pauses_s():
        sleep(pause_s)
        shown.append(screen.show(white=True))
        sleep(plan.length_s)
        screen.show(white=False)
    sleep(plan.period_s)
    return shown


@dataclass(slots=True)
class FlashState(MotionState):
    """State of a `FlashParser`: that of the real parser, and what it knows of the light.

    Attributes:
        level: mean brightness of the newest frame, 0..255, None before the first.
        seen_ns: capture times of the frames that showed a flash first.
    """

    level: float | None = None
    seen_ns: list[int] = field(default_factory=list)


class FlashParser(MotionParser):
    """Answers flashes of light instead of hits; the real parser runs too, for its time only.

    Args:
        pack: of the real parser.
        rise: how much brighter, 0..255, the mean of the picture must become in one frame.
    """

    def __init__(self, pack: Pack, *, rise: float = 6.0) -> None:
        super().__init__(pack)
        self._rise = rise

    def initial_state(self) -> FlashState:
        """Before the first frame."""
        state = super().initial_state()
        return FlashState(**{each.name: getattr(state, each.name) for each in fields(state)})

    def step(self, frame: Frame, state: MotionState) -> Gesture:
        """The real gesture with its events replaced by the flash, where there is one."""
        gesture = super().step(frame, state)
        if isinstance(state, FlashState) and self._flashes(frame, state):
            when = frame.captured_ns
            return replace(gesture, events=(Event(when, when, 0.9, 0.5, 0.5),))
        return replace(gesture, events=())

    def _flashes(self, frame: Frame, state: FlashState) -> bool:
        """Whether a flash begins in this frame."""
        level = float(frame.picture[::4, ::4].mean())
        before, state.level = state.level, level
        rested = not state.seen_ns or frame.captured_ns - state.seen_ns[-1] > _REST_NS
        if before is None or level - before < self._rise or not rested:
            return False
        state.seen_ns.append(frame.captured_ns)
        return True


@dataclass(frozen=True, slots=True)
class GlassToAir:
    """What was measured, one entry per answered flash.

    Attributes:
        air_ms: float64[N], flash handed to the display → its sound at the microphone.
        stamp_ms: float64[M], flash handed to the display → stamp of the frame that shows it: the
            screen's and the camera's own delay.
        flashes: how many there were.
    """

    air_ms: NDArray[np.float64]
    stamp_ms: NDArray[np.float64]
    flashes: int


def answer_flashes(shown: Sequence[int], seen: Sequence[int], recording: Recording) -> GlassToAir:
    """Pair flashes with the frames that saw them and the sounds that answered.

    Args:
        shown: when each flash was handed to the display, rising.
        seen: stamps of the frames that first showed one, rising.
        recording: what the microphone heard.
    """
    onsets = hear_onsets(recording.sound, floor=2e-3, apart_s=0.2)
    heard = [recording.clock.ns_of(int(onset)) for onset in onsets]
    return GlassToAir(_delays_ms(shown, heard), _delays_ms(shown, seen), len(shown))


def _delays_ms(causes: Sequence[int], effects: Sequence[int]) -> NDArray[np.float64]:
    """First effect within half a second after each cause, milliseconds later."""
    delays = []
    for cause in causes:
        after = [effect - cause for effect in effects if 0 < effect - cause <= ANSWER_NS]
        if after:
            delays.append(min(after) / 1e6)
    return np.array(delays, np.float64)


def measure_glass(
    screen: Screen,
    source: LiveSource,
    pack: Pack,
    plan: FlashPlan,
    *,
    speaker: str | None = None,
    microphone: str | None = None,
) -> GlassToAir:
    """Flash, watch, answer, listen; call from the main thread, which windows need.

    Args:
        screen: what flashes.
        source: an open camera that sees it; closed at the end.
        pack: of the parser, and of the voice that answers.
        plan: when to flash.
        speaker: output device, None for the system's choice.
        microphone: input device, None for the system's choice.

    Raises:
        DeviceError: camera, speaker or microphone cannot be used, or the camera sends nothing.
    """
    instrument = Instrument(pack, InstrumentSettings(lookahead_ns=0))
    instrument.parser.close()
    instrument.parser = FlashParser(pack)
    instrument.prepare()
    seen: list[int] = []

    def note(_: Frame, gesture: Gesture) -> None:
        seen.extend(event.t_ns for event in gesture.events)

    session = LiveSession(
        instrument, LiveSettings(device=speaker), parts=Parts(source=source), on_gesture=note
    )
    length_s = plan.flashes * 1.25 * plan.period_s + _PATIENCE_S
    try:
        with Recorder(seconds=length_s, device=microphone) as recorder, session:
            _await_playing(session)
            shown = flash(screen, plan, sleep=lambda seconds: _rest(session, seconds))
            return answer_flashes(shown, seen, recorder.stop())
    finally:
        instrument.close()
        screen.close()


def _await_playing(session: LiveSession) -> None:
    """Until D is known."""
    deadline_ns = time.perf_counter_ns() + round(_PATIENCE_S * NS_PER_S)
    while session.status().state != "playing":
        if not session.poll() or time.perf_counter_ns() > deadline_ns:
            raise DeviceError(f"{session.status().camera} sends too few pictures to measure with")


def _rest(session: LiveSession, seconds: float) -> None:
    """Sleep while the session runs; its errors come up here."""
    end_ns = time.perf_counter_ns() + round(seconds * NS_PER_S)
    while (left_ns := end_ns - time.perf_counter_ns()) > 0:
        session.poll(min(left_ns / NS_PER_S, 0.02))

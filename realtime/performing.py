"""Performing for a lesson: camera and microphone on one clock, and a prompter."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from synchresis.engines.frame import Frame, Picture
from synchresis.engines.motion.analysis import HEIGHT, WIDTH
from synchresis.engines.teach.motion import Recording, silent_recording
from synchresis.engines.timebase import NS_PER_S
from synchresis.errors import DeviceError
from synchresis.realtime.recorder import Recorder

if TYPE_CHECKING:
    from synchresis.realtime.sources.source import LiveSource

LEAST_FRAMES: Final = 30
"""Fewer pictures than this are no performance."""

PROMPTS: Final = (
    (0.00, "hit hard, once a second, as you will when you play"),
    (0.15, "hit softly, at the same place"),
    (0.30, "hit at other places, all over where you will play"),
    (0.45, "stop: hold still"),
    (0.52, "stroke WITHOUT touching anything: no sound"),
    (0.64, "reach out and pull back without touching: no sound"),
    (0.74, "hit hard and softly, fast and slowly, here and there"),
    (0.90, "hit and pull back at once, as short as you can"),
)
"""Share of the time → what to do from then on."""

SILENT_PROMPTS: Final = (
    (0.00, "let everything move that shall not sound: curtains, passers-by, gestures"),
    (0.50, "go on, as differently as it will be"),
)
"""The same while nothing shall sound."""


@dataclass(frozen=True, slots=True)
class Prompter:
    """Says what to do when its time has come.

    Attributes:
        say: shows one line.
        prompts: share of the time and text, in order.
    """

    say: Callable[[str], None]
    prompts: Sequence[tuple[float, str]] = PROMPTS

    def tell(self, before: float, now: float) -> None:
        """Say what became due since `before`; both are shares of the whole time."""
        for share, text in self.prompts:
            if before < share <= now:
                self.say(text)


def perform(
    source: "LiveSource",
    prompter: Prompter,
    *,
    seconds: float,
    microphone: str | int | None = None,
) -> Recording:
    """Look and listen while somebody performs; nothing is played.

    Args:
        source: an open camera, stamps as the live path will see them.
        prompter: says what to do.
        seconds: how long.
        microphone: input device, None for the system's choice.

    Raises:
        DeviceError: the microphone cannot be used, or the camera sends next to nothing.
    """
    with Recorder(seconds=seconds + 2, device=microphone) as recorder:
        frames = looked(source, prompter, seconds=seconds)
        heard = recorder.stop()
    check_count(frames, source, seconds=seconds)
    return Recording(
        source.name,
        [frame for frame, _ in frames],
        heard.sound,
        heard.clock.ns_of(0) / NS_PER_S,
        aspect=frames[0][1],
    )


def look(source: "LiveSource", prompter: Prompter, *, seconds: float) -> Recording:
    """Look while nothing happens that shall sound; nobody listens.

    Args:
        source: an open camera.
        prompter: says what to do.
        seconds: how long.

    Raises:
        DeviceError: the camera sends next to nothing.
    """
    frames = looked(source, prompter, seconds=seconds)
    check_count(frames, source, seconds=seconds)
    return silent_recording(source.name, [frame for frame, _ in frames], aspect=frames[0][1])


def looked(
    source: "LiveSource", prompter: Prompter, *, seconds: float
) -> list[tuple[Frame, float]]:
    """What a camera shows in that time while prompts are given, as `kept`."""
    frames: list[tuple[Frame, float]] = []
    begin_ns = time.perf_counter_ns()
    before, now = -1.0, 0.0
    while now < 1.0:
        prompter.tell(before, now)
        frame = source.read(0.2)
        if frame is not None:
            frames.append(kept(frame))
        before, now = now, (time.perf_counter_ns() - begin_ns) / (seconds * NS_PER_S)
    return frames


def check_count(frames: list[tuple[Frame, float]], source: "LiveSource", *, seconds: float) -> None:
    """Refuse a camera that sends next to nothing: `DeviceError`."""
    if len(frames) < LEAST_FRAMES:
        raise DeviceError(
            f"{source.name} sent {len(frames)} pictures in {seconds:g} s; is it in use elsewhere?"
        )


def kept(frame: Frame) -> tuple[Frame, float]:
    """A frame as small as the analysis needs, and the height over width it had."""
    picture = frame.picture
    height, width = picture.shape[:2]
    grey: Picture = picture
    if picture.ndim == 3:
        grey = np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.uint8)
    small = cv2.resize(grey, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    shown = np.asarray(small, np.uint8)
    return Frame(shown, frame.captured_ns, frame.sequence, frame.clock_id), height / width

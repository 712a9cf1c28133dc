"""A camera that costs nothing: pictures drawn beforehand, shown when their time has come."""

import time
from dataclasses import dataclass
from typing import Final

import numpy as np

from synchresis.bench.pairing import phase_unevenness
from synchresis.engines.frame import Frame, Picture
from synchresis.engines.scenes import SceneStream
from synchresis.engines.timebase import NS_PER_S
from synchresis.realtime.clock import clock_id

RATE_OFF: Final = 0.002
"""A camera's frame rate may be off by this share: 59.94 is called 60 too."""

_RATES_TRIED: Final = 41


@dataclass(frozen=True, slots=True)
class Footage:
    """A stretch of a scene in memory.

    Attributes:
        name: of the scene.
        pictures: uint8[H, W] grey or uint8[H, W, 3] BGR each.
        times_ns: capture time of each, since the beginning.
        contacts_s: true contacts, seconds since the beginning.
        strengths: of the contacts, 0 to 1.
        fps: nominal frame rate.
    """

    name: str
    pictures: tuple[Picture, ...]
    times_ns: tuple[int, ...]
    contacts_s: tuple[float, ...]
    strengths: tuple[float, ...]
    fps: float


def draw_footage(
    name: str, *, seed: int, fps: float, seconds: float, enlarged: bool = False
) -> Footage:
    """Draw a scene beforehand, so that drawing takes no time from what is measured.

    Args:
        name: of the scene.
        seed: of the scene.
        fps: frames per second.
        seconds: length.
        enlarged: 640 by 480 colour pictures, what a webcam sends, in place of 320 by 240 grey.
    """
    stream = SceneStream(name, seed=seed, fps=fps, colour=enlarged)
    frames = [stream.step() for _ in range(round(seconds * fps))]
    events = SceneStream(name, seed=seed, fps=fps, colour=enlarged).events(-1.0, seconds)
    return Footage(
        name,
        tuple(_enlarge(frame.picture) if enlarged else frame.picture for frame in frames),
        tuple(frame.captured_ns for frame in frames),
        tuple(event.t_s for event in events),
        tuple(event.strength for event in events),
        fps,
    )


def even_rate(name: str, *, seed: int, fps: float, seconds: float) -> float:
    """Frame rate within `RATE_OFF` of `fps` at which contacts fall most evenly between two frames.

    A hit's delay depends on its place between frames; a rate at which some places are missing would
    measure the scene's luck.

    Args:
        name: of the scene.
        seed: of the scene.
        fps: frames per second wanted.
        seconds: length.
    """

    def unevenness(rate: float) -> float:
        events = SceneStream(name, seed=seed, fps=rate).events(-1.0, seconds)
        return phase_unevenness([event.t_s for event in events], rate)

    half = _RATES_TRIED // 2
    rates = [fps * (1 + RATE_OFF * step / half) for step in range(-half, half + 1)]
    return min(rates, key=unevenness)


def _enlarge(picture: Picture) -> Picture:
    """Every pixel four times."""
    return np.ascontiguousarray(picture.repeat(2, axis=0).repeat(2, axis=1))


class MemoryCamera:
    """Footage as a live source: latest wins, frames nobody took in time are lost, as in a camera.

    Time begins with the first `read`, or with `begin`.
    """

    estimated: Final = False

    def __init__(self, footage: Footage, *, loops: int = 1) -> None:
        """Fix what is shown.

        Args:
            footage: the pictures.
            loops: how often it is shown.
        """
        self.name = f"scene:{footage.name}"
        self.nominal_fps = footage.fps
        self.footage = footage
        self.lost = 0
        self.away = False
        self.finished = False
        self.begin_ns: int | None = None
        self._count = loops * len(footage.pictures)
        self._span_ns = footage.times_ns[-1] + round(NS_PER_S / footage.fps)
        self._shown = -1

    def begin(self) -> int:
        """Start the footage now, unless it has started.

        Returns:
            Its first moment, process clock.
        """
        if self.begin_ns is None:
            self.begin_ns = time.perf_counter_ns()
        return self.begin_ns

    def read(self, timeout_s: float) -> Frame | None:
        """Newest frame not read before; None if none came in time."""
        begin_ns = self.begin()
        deadline_ns = time.perf_counter_ns() + round(timeout_s * NS_PER_S)
        while not self.finished:
            now_ns = time.perf_counter_ns()
            newest = self._newest(now_ns - begin_ns)
            if newest > self._shown:
                return self._take(newest, begin_ns)
            end_ns = begin_ns + self._time_ns(self._shown + 1)
            if self._shown + 1 >= self._count and now_ns >= end_ns:
                self.finished = True
                return None
            due_ns = min(end_ns, deadline_ns)
            if now_ns >= deadline_ns:
                return None
            time.sleep(max(0.0, (due_ns - now_ns) / NS_PER_S))
        return None

    def close(self) -> None:
        """Show nothing more."""
        self.finished = True

    def contacts_ns(self) -> list[int]:
        """True contacts of all loops, process clock; the footage must have begun."""
        begin_ns = self.begin()
        loops = self._count // len(self.footage.pictures)
        return [
            begin_ns + turn * self._span_ns + round(contact_s * NS_PER_S)
            for turn in range(loops)
            for contact_s in self.footage.contacts_s
        ]

    def contacts_between(self, begin_ns: int, end_ns: int) -> list[int]:
        """True contacts after `begin_ns` and up to `end_ns`; none before it has begun."""
        if self.begin_ns is None:
            return []
        return [contact for contact in self.contacts_ns() if begin_ns < contact <= end_ns]

    def _take(self, index: int, begin_ns: int) -> Frame:
        self.lost += index - self._shown - 1
        self._shown = index
        picture = self.footage.pictures[index % len(self.footage.pictures)]
        return Frame(picture, begin_ns + self._time_ns(index), index, clock_id(), self.name)

    def _time_ns(self, index: int) -> int:
        turn, place = divmod(index, len(self.footage.times_ns))
        return turn * self._span_ns + self.footage.times_ns[place]

    def _newest(self, elapsed_ns: int) -> int:
        """Index of the newest frame whose time has come; the last read one if none has."""
        index = self._shown
        while index + 1 < self._count and self._time_ns(index + 1) <= elapsed_ns:
            index += 1
        return index

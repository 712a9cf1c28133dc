"""Scenes to watch and hear: of a fixed length, or live without end."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray

from synchresis.engines.frame import Frame, Picture
from synchresis.engines.scenes import families
from synchresis.engines.scenes.audio import Sound, soundtrack
from synchresis.engines.scenes.path import Times
from synchresis.engines.scenes.play import SceneEvent
from synchresis.engines.scenes.render import Film, PictureSize
from synchresis.engines.scenes.shot import Conditions, Shot, draw_shot
from synchresis.engines.scenes.world import SimSettings, Stretch, World, act
from synchresis.engines.timebase import NS_PER_S, SAMPLE_RATE
from synchresis.errors import ParameterError

PART_S: Final = 12.0
"""Length of one action of a live scene; every action starts and ends at rest."""

KEPT_PARTS: Final = 4
"""Simulated actions a stream keeps for those who ask for its events and sound."""

PLAIN: Final = Conditions(
    fps=(30.0,),
    fps_weights=(1.0,),
    aspects=(0.75,),
    handheld=0.0,
    noise=(0.002, 0.006),
    step=(0.0, 0.012),
    blur=(0.0, 0.15),
    exposure=(0.2, 0.5),
    readout_s=(0.0, 0.01),
    drop=0.0,
    repeat=0.0,
    jitter_s=0.0,
    drift=(0.0, 0.01),
    zoom=0.0,
    flicker=0.0,
)
"""A decent webcam on a tripod: how scenes are filmed unless asked otherwise."""


def scene_names() -> tuple[str, ...]:
    """Names of all families, sorted."""
    return tuple(sorted({*families.train_families(), *families.evaluation_families()}))


class SceneStream:
    """A scene that goes on for ever, frame by frame, the same every time for the same arguments.

    Args:
        name: family, one of `scene_names()`.
        seed: of everything.
        fps: nominal frame rate, 1 to 240.
        size: picture width and height, pixels, multiples of 4.
        colour: BGR pictures, else grey.
        conditions: how it is filmed.
    """

    def __init__(
        self,
        name: str,
        *,
        seed: int = 0,
        fps: float | None = 30.0,
        size: tuple[int, int] = (320, 240),
        colour: bool = True,
        settings: SimSettings | None = None,
    ) -> None:
        if fps is not None and not 1.0 <= fps <= 240.0:
            raise ParameterError(f"fps={fps} must lie in 1..240")
        families.family(name)
        self.name = name
        self.seed = seed
        self._settings = settings or SimSettings(conditions=PLAIN)
        aspect = None if settings else size[1] / size[0]
        self.shot: Shot = draw_shot(
            np.random.default_rng([seed, 1]), self._settings.conditions, fps=fps, aspect=aspect
        )
        self._per_part = max(2, round(PART_S * self.shot.fps))
        self._film = Film(PictureSize(size[0], size[1], colour))
        self._parts: dict[int, World] = {}
        self._sequence = 0
        self._frames = self._run()

    def step(self) -> Frame:
        """The next frame; `captured_ns` counts from the scene's beginning."""
        return next(self._frames)

    def __iter__(self) -> Iterator[Frame]:
        return self

    def __next__(self) -> Frame:
        return next(self._frames)

    def events(self, begin_s: float, end_s: float) -> tuple[SceneEvent, ...]:
        """True events with begin < t <= end."""
        parts = range(self._part_of(begin_s), self._part_of(end_s) + 1)
        return tuple(
            event for k in parts for event in self.part(k).events if begin_s < event.t_s <= end_s
        )

    def audio(self, first: int, count: int) -> Sound:
        """The true sound: samples [first, first + count) at 48 kHz since the scene began."""
        begin, end = first / SAMPLE_RATE, (first + count) / SAMPLE_RATE
        whole = range(max(0, self._part_of(begin) - 1), self._part_of(end) + 1)
        sounds = [self._sound_of(k) for k in whole]
        out = np.zeros(count, np.float32)
        for start, sound in sounds:
            low, high = max(first, start), min(first + count, start + len(sound))
            if high > low:
                out[low - first : high - first] += sound[low - start : high - start]
        return out

    def part(self, index: int) -> World:
        """The simulated world of one action (the last few are kept)."""
        if index not in self._parts:
            first = index * self._per_part
            times, shown = self.shot.clock(self._per_part, first)
            start, length = first / self.shot.fps, self._per_part / self.shot.fps
            stretch = Stretch(times, shown, -start, length, index, first)
            if len(self._parts) >= KEPT_PARTS:
                del self._parts[min(self._parts)]
            self._parts[index] = act(self.name, self.seed, self.shot, stretch, self._settings)
        return self._parts[index]

    def _part_of(self, time_s: float) -> int:
        return max(0, int((time_s * self.shot.fps - 0.5) // self._per_part))

    def _sound_of(self, index: int) -> tuple[int, Sound]:
        world = self.part(index)
        start = index * self._per_part / self.shot.fps
        end = start + self._per_part / self.shot.fps
        levels = (world.times, world.friction, world.burst)
        return round(start * SAMPLE_RATE), soundtrack(
            world.events, levels, (start, end + 1.6), self.seed
        )

    def _run(self) -> Iterator[Frame]:
        index = 0
        while True:
            world = self.part(index)
            for time, picture in zip(world.times, self._film.pictures(world), strict=True):
                yield Frame(
                    picture, round(time * NS_PER_S), self._sequence, "virtual", f"scene:{self.name}"
                )
                self._sequence += 1
            index += 1


def scene_source(
    name: str, *, seed: int = 0, fps: float = 30.0, size: tuple[int, int] = (320, 240)
) -> SceneStream:
    """The live source `scene:NAME`: colour pictures of a plain webcam."""
    return SceneStream(name, seed=seed, fps=fps, size=size)


class Scene:
    """A stretch of a scene from its beginning.

    Args:
        name: family.
        seed: of everything.
        duration_s: length, seconds.
        fps: nominal frame rate; None draws one from the conditions.
        size: picture width and height, pixels.
        colour: BGR pictures, else grey.
        settings: how it is filmed and dressed; a plain webcam by default.
    """

    def __init__(
        self,
        name: str,
        seed: int = 0,
        duration_s: float = 10.0,
        fps: float | None = 30.0,
        *,
        size: tuple[int, int] = (320, 240),
        colour: bool = True,
        settings: SimSettings | None = None,
    ) -> None:
        if not 0.0 < duration_s < 1e5:
            raise ParameterError(f"duration_s={duration_s} must be above 0")
        self.name = name
        self.seed = seed
        self.duration_s = duration_s
        self._open: Callable[[], SceneStream] = partial(
            SceneStream, name, seed=seed, fps=fps, size=size, colour=colour, settings=settings
        )
        self.stream = self._open()

    @property
    def fps(self) -> float:
        """Nominal frame rate."""
        return self.stream.shot.fps

    def frames(self) -> Iterator[tuple[Picture, float]]:
        """Pictures (uint8[H, W, 3] BGR or uint8[H, W] grey) with capture times (s), in order."""
        for frame in self._open():
            if frame.captured_ns >= self.duration_s * NS_PER_S:
                return
            yield frame.picture, frame.captured_ns / NS_PER_S

    @property
    def events(self) -> tuple[SceneEvent, ...]:
        """True events in time order."""
        return self.stream.events(-1.0, self.duration_s)

    @property
    def audio(self) -> Sound:
        """The true sound, float32[round(48000 · duration)]."""
        return self.stream.audio(0, round(self.duration_s * SAMPLE_RATE))

    @property
    def levels(self) -> tuple[Times, NDArray[np.float32], NDArray[np.float32]]:
        """Frame times (s) with the friction and burst level of each frame."""
        times: list[Times] = []
        friction: list[NDArray[np.float32]] = []
        burst: list[NDArray[np.float32]] = []
        index = 0
        while not times or times[-1][-1] < self.duration_s:
            world = self.stream.part(index)
            times.append(world.times)
            friction.append(world.friction)
            burst.append(world.burst)
            index += 1
        seen = np.concatenate(times) < self.duration_s
        joined = (np.concatenate(times), np.concatenate(friction), np.concatenate(burst))
        return joined[0][seen], joined[1][seen], joined[2][seen]

"""Watching a recording: what the untaught network says of each frame, kept for teaching."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from synchresis.engines.decoding import picture_stream, upright
from synchresis.engines.frame import Frame
from synchresis.engines.gesture import Gesture
from synchresis.engines.motion.parser import GAP_NS, MotionParser, MotionState, maps_of
from synchresis.engines.motion.picker import placed_event
from synchresis.engines.timebase import NS_PER_S
from synchresis.errors import InputError, ParameterError, reason_of

Floats = NDArray[np.float32]
Times = NDArray[np.float64]

BETWEEN_S: Final = 1000.0
"""Time put between recordings that are joined, by which they are told apart: no hole is as long."""

NEAR_S: Final = 0.5
"""How long before the first and after the last picture an onset may belong to what is seen."""


@dataclass(frozen=True, slots=True)
class Watched:
    """Frames of a recording as the network saw and answered them.

    Attributes:
        captured_s: float64[T], rising.
        t_s: float64[T], when an event decided in this frame would have happened.
        score: float32[T], of the untaught picker, whole picture.
        total: float32[T], probability of an event anywhere.
        strength: float32[T], of an event decided in this frame.
        impact: float32[T, cells], probability of an event.
        map: float16[T, cells], sound-producing motion.
        flow: float16[T, 4, cells]: u, v, residual, difference.
        embedding: float32[T, D].
    """

    captured_s: Times
    t_s: Times
    score: Floats
    total: Floats
    strength: Floats
    impact: Floats
    map: NDArray[np.float16]
    flow: NDArray[np.float16]
    embedding: Floats

    def part(self, chosen: NDArray[np.bool_]) -> "Watched":
        """Some of the frames."""
        return Watched(*(getattr(self, name.name)[chosen] for name in fields(Watched)))

    def between(self, begin_s: float, end_s: float) -> "Watched":
        """Frames captured in [begin, end)."""
        return self.part((self.captured_s >= begin_s) & (self.captured_s < end_s))

    @property
    def starts(self) -> NDArray[np.intp]:
        """First frames of stretches without a gap."""
        gaps = np.diff(self.captured_s) * NS_PER_S > GAP_NS
        return np.concatenate(([0], np.flatnonzero(gaps) + 1))

    @property
    def seconds(self) -> float:
        """How long was looked, gaps left out."""
        steps = np.diff(self.captured_s)
        steps[self.starts[1:] - 1] = 0.0
        return float(steps.sum())

    @property
    def recordings(self) -> list[slice]:
        """Frames of each recording of those that were joined; never empty ones."""
        apart = np.diff(self.captured_s) > 0.99 * BETWEEN_S
        edges = [0, *(np.flatnonzero(apart) + 1).tolist(), len(self.captured_s)]
        return [slice(a, b) for a, b in pairwise(edges) if b > a]


@dataclass(slots=True)
class _Rows:
    """Frames gathered so far."""

    kept: dict[str, list[Any]] = field(
        default_factory=lambda: {name.name: [] for name in fields(Watched)}
    )

    def add(self, **values: Any) -> None:
        for name, value in values.items():
            self.kept[name].append(value)

    def watched(self) -> Watched:
        types = {"captured_s": "f8", "t_s": "f8", "map": "f2", "flow": "f2"}
        return Watched(**{n: np.array(v, types.get(n, "f4")) for n, v in self.kept.items()})


class Watcher(MotionParser):
    """A motion parser that keeps what it saw."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.rows = _Rows()
        if self.taught is not None:
            raise ParameterError("a taught pack cannot be taught again; teach from its base")

    def _answer(
        self, frame: Frame, begin: int, out: Mapping[str, Floats], state: MotionState
    ) -> Gesture:
        gesture = super()._answer(frame, begin, out, state)
        maps = maps_of(out, gesture)
        event = placed_event(maps.impact, maps, 0, self.settings.times)
        self.rows.add(
            captured_s=frame.captured_ns / NS_PER_S,
            t_s=event.t_ns / NS_PER_S,
            score=state.picker.zones[0].score,
            total=maps.total,
            strength=event.strength,
            impact=maps.impact.ravel().copy(),
            map=state.last_map.ravel().astype(np.float16),
            flow=state.flow_input[0].reshape(4, -1).astype(np.float16),
            embedding=state.last_embedding.copy(),
        )
        return gesture


def watch(
    frames: Iterable[Frame],
    watcher: Watcher,
    *,
    aspect: float | None = None,
    name: str = "the recording",
) -> Watched:
    """Run the network over frames from a fresh state.

    Args:
        frames: in time order.
        watcher: prepared.
        aspect: height over width of what is shown, None where pixels are square.
        name: for messages.

    Raises:
        InputError: fewer than two frames.
    """
    watcher.rows = _Rows()
    state = watcher.initial_state()
    state.aspect = aspect
    for frame in frames:
        watcher.step(frame, state)
    if not watcher.rows.kept["score"]:
        raise InputError(f"{name} has fewer than two pictures to learn from")
    return watcher.rows.watched()


def film_frames(path: Path, longest_s: float) -> Iterator[Frame]:
    """Frames of a video file, times as in the file.

    Raises:
        InputError: not a video that can be read.
    """
    import av

    try:
        with av.open(str(path)) as container:
            for index, picture in enumerate(container.decode(picture_stream(container))):
                time_s = float(picture.time) if picture.time is not None else index / 30
                if time_s > longest_s:
                    return
                yield Frame(upright(picture), round(time_s * NS_PER_S), index)
    except (av.error.FFmpegError, OSError, IndexError) as err:
        raise InputError(f"video {path} cannot be read: {reason_of(err)}") from err


def joined(parts: Sequence[Watched], sounds: Sequence[Times]) -> tuple[Watched, Times]:
    """Several recordings as one, far apart in time, with the onsets heard while they were seen.

    Args:
        parts: recordings.
        sounds: onset times of each, on its own clock.
    """
    shift, moved, onsets = 0.0, [], []
    for part, times in zip(parts, sounds, strict=True):
        offset = shift - float(part.captured_s[0])
        named = {name.name: getattr(part, name.name) for name in fields(Watched)}
        named["captured_s"] = part.captured_s + offset
        named["t_s"] = part.t_s + offset
        moved.append(named)
        seen = (times > part.captured_s[0] - NEAR_S) & (times < part.captured_s[-1] + NEAR_S)
        onsets.append(times[seen] + offset)
        shift = float(named["captured_s"][-1]) + BETWEEN_S
    whole = {name: np.concatenate([named[name] for named in moved]) for name in moved[0]}
    return Watched(**whole), np.concatenate(onsets)

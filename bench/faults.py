"""Faults: what a soak does to the camera, by a seeded plan."""

import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np

from synchresis.engines.frame import Frame
from synchresis.engines.timebase import NS_PER_S
from synchresis.errors import ParameterError
from synchresis.realtime.sources.source import LiveSource

Kind = Literal["stall", "burst", "jump", "kill_parser", "kill_speaker", "unplug"]
"""No frames for a while; frames held back, then all at once; stamps off for a while; the parser's
or a speaker's process killed and started again after a while; the camera's node gone without a
word, with its socket, and a new one in its place after a while."""

NODE_FAULTS: Final[tuple[Kind, ...]] = ("kill_parser", "kill_speaker", "unplug")
"""Faults of nodes; the others are the source's."""

LENGTHS_S: Final[dict[Kind, tuple[float, float]]] = {
    "stall": (0.2, 3.0),
    "burst": (0.1, 0.6),
    "jump": (0.5, 2.0),
    "kill_parser": (0.2, 1.0),
    "kill_speaker": (0.2, 1.0),
    "unplug": (0.3, 2.0),
}
"""Shortest and longest of each kind, seconds."""

RECOVERY_S: Final[dict[Kind, float]] = {
    "stall": 2.0,
    "burst": 2.0,
    "jump": 2.5,
    "kill_parser": 8.0,
    "kill_speaker": 9.0,
    "unplug": 3.0,
}
"""Left alone after each kind; a process that starts must load its engine first, and a speaker
measure D."""

JUMP_S: Final = 0.8
"""Largest jump of the stamps, either way."""

_HELD: Final = 240


@dataclass(frozen=True, slots=True)
class Fault:
    """One disturbance.

    Attributes:
        kind: what happens.
        begin_s: seconds after the source's start.
        length_s: how long it lasts.
        shift_s: by how much stamps are off, `jump` only.
    """

    kind: Kind
    begin_s: float
    length_s: float
    shift_s: float = 0.0

    @property
    def end_s(self) -> float:
        """When things are normal again."""
        return self.begin_s + self.length_s


def plan_faults(seconds: float, *, seed: int, every_s: float = 6.0) -> list[Fault]:
    """Faults one after another, with time between them to recover, kinds in turn.

    Args:
        seconds: length of the run; the first 3 s are left alone.
        seed: of places, lengths and jumps.
        every_s: mean time between two, longer where recovery needs it.

    Raises:
        ParameterError: `every_s` is not positive.
    """
    if every_s <= 0:
        raise ParameterError(f"every_s={every_s} must be positive")
    rng = np.random.default_rng(seed)
    kinds = tuple(LENGTHS_S)
    faults: list[Fault] = []
    begin = 3.0 + rng.uniform(0, 1)
    while True:
        kind = kinds[len(faults) % len(kinds)]
        length = float(rng.uniform(*LENGTHS_S[kind]))
        if begin + length + RECOVERY_S[kind] > seconds:
            return faults
        shift = float(rng.choice((-1, 1)) * rng.uniform(0.1, JUMP_S)) if kind == "jump" else 0.0
        faults.append(Fault(kind, begin, length, shift))
        begin += max(every_s * float(rng.uniform(0.8, 1.2)), length + RECOVERY_S[kind])


class FaultySource:
    """A live source with faults."""

    def __init__(
        self,
        source: LiveSource,
        faults: list[Fault],
        *,
        now_ns: Callable[[], int] = time.perf_counter_ns,
    ) -> None:
        """Time begins with the first `read`; faults of nodes are ignored."""
        self._source = source
        ours = [each for each in faults if each.kind not in NODE_FAULTS]
        self._faults: Iterator[Fault] = iter(ours)
        self._fault = next(self._faults, None)
        self._now_ns = now_ns
        self.begin_ns: int | None = None
        self._held: deque[Frame] = deque(maxlen=_HELD)
        self._swallowed = 0
        self.name = source.name

    @property
    def nominal_fps(self) -> float:
        """Of the source."""
        return self._source.nominal_fps

    @property
    def estimated(self) -> bool:
        """Of the source."""
        return self._source.estimated

    @property
    def away(self) -> bool:
        """Of the source."""
        return self._source.away

    @property
    def finished(self) -> bool:
        """Of the source."""
        return self._source.finished

    @property
    def lost(self) -> int:
        """Frames lost by the source and to faults."""
        return self._source.lost + self._swallowed

    def read(self, timeout_s: float) -> Frame | None:
        """Newest frame that the fault of the moment lets through."""
        if self.begin_ns is None:
            self.begin_ns = self._now_ns()
        if self._held and not self._active("burst"):
            return self._held.popleft()
        frame = self._source.read(timeout_s)
        return None if frame is None else self._through(frame)

    def close(self) -> None:
        """Close the source."""
        self._source.close()

    def _through(self, frame: Frame) -> Frame | None:
        if self._active("stall"):
            self._swallowed += 1
            return None
        if self._active("burst"):
            self._held.append(frame)
            return None
        if self._held:
            self._held.append(frame)
            return self._held.popleft()
        if self._active("jump") and self._fault is not None:
            shift_ns = round(self._fault.shift_s * NS_PER_S)
            return replace(frame, captured_ns=frame.captured_ns + shift_ns)
        return frame

    def _active(self, kind: Kind) -> bool:
        """Whether a fault of this kind is on; faults that are over are put away."""
        assert self.begin_ns is not None
        elapsed_s = (self._now_ns() - self.begin_ns) / NS_PER_S
        while self._fault is not None and elapsed_s >= self._fault.end_s:
            self._fault = next(self._faults, None)
        fault = self._fault
        return fault is not None and fault.kind == kind and elapsed_s >= fault.begin_s

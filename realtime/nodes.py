"""Nodes: stages with a state and typed ports; sockets, clocks and threads are the runner's."""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from synchresis.engines.frame import Frame
from synchresis.engines.gesture import Gesture
from synchresis.engines.motion.parser import MotionParser, MotionState, check_lookahead
from synchresis.engines.motion.score_log import ScoreLog
from synchresis.engines.pipeline import VirtualPlayout
from synchresis.engines.playout import Block, Playout
from synchresis.engines.timebase import NS_PER_S
from synchresis.realtime.messages import Body, End, Sighting

Port: TypeAlias = Literal["frame", "gesture", "block"]
"""What goes through a port."""

QUIET_NS: Final = NS_PER_S // 4
"""τ may change once nothing happened for this long."""


class Node(Protocol):
    """One message in, any number out."""

    @property
    def takes(self) -> Port:
        """What goes in."""
        ...

    @property
    def gives(self) -> Port:
        """What comes out."""
        ...

    def process(self, body: Body) -> Iterable[Body | Block]:
        """Answer a message; blocks are valid until the next is taken."""
        ...


def run_node(node: Node, inputs: Iterable[Body]) -> Iterator[Body | Block]:
    """A node without sockets: all it says to all it is told."""
    for body in inputs:
        yield from node.process(body)


@dataclass(frozen=True, slots=True)
class View:
    """What a preview shows of one frame.

    Attributes:
        frame: as parsed.
        map: float32[rows, cols], sound-producing motion, 0 to 1.
        gesture: its events and levels.
        impact: highest score of all zones.
        threshold: score that makes an event.
    """

    frame: Frame
    map: NDArray[np.float32]
    gesture: Gesture
    impact: float
    threshold: float


class ParserNode:
    """Frames to gestures.

    Attributes:
        frames: parsed so far.
        events: found so far.
        parse_ns: time the newest frame took.
    """

    takes: Final[Port] = "frame"
    gives: Final[Port] = "gesture"

    def __init__(
        self, parser: MotionParser, *, on_gesture: Callable[[Frame, Gesture], None] | None = None
    ) -> None:
        """Take a prepared parser, with a fresh state.

        Args:
            parser: prepared.
            on_gesture: called with every frame and its gesture, from the node's thread.
        """
        self.frames = 0
        self.events = 0
        self.parse_ns = 0
        self._parser = parser
        self._state: MotionState = parser.initial_state()
        self._wanted_ns = parser.lookahead_ns
        self._event_ns: int | None = None
        self._view: tuple[Frame, Gesture] | None = None
        self._captured: deque[int] = deque(maxlen=10)
        self._on_gesture = on_gesture
        self._log: ScoreLog | None = None

    def process(self, body: Body) -> Iterable[Body]:
        """The gesture of a frame; the end passes through."""
        if isinstance(body, End):
            return (body,)
        if not isinstance(body, Frame):
            return ()
        return (Sighting(self.parse(body), body.clock_id, body.camera, self.parse_ns),)

    def parse(self, frame: Frame) -> Gesture:
        """The gesture of a frame."""
        begin_ns = time.perf_counter_ns()
        self._change_lookahead(frame.captured_ns)
        gesture = self._parser.step(frame, self._state)
        self.frames += 1
        self.events += len(gesture.events)
        if gesture.events:
            self._event_ns = frame.captured_ns
        self._view = frame, gesture
        self._captured.append(frame.captured_ns)
        if (log := self._log) is not None:
            log.add(frame.captured_ns, self._state.picker.zones)
        self.parse_ns = time.perf_counter_ns() - begin_ns
        if self._on_gesture is not None:
            self._on_gesture(frame, gesture)
        return gesture

    def set_lookahead(self, lookahead_ns: int) -> None:
        """Ask for another τ; it changes in the next silence.

        Raises:
            ParameterError: out of range.
        """
        check_lookahead(lookahead_ns)
        self._wanted_ns = lookahead_ns

    def set_sensitivity(self, sensitivity: float) -> None:
        """Multiply the odds of every impact from the next frame on; from any thread.

        Raises:
            ParameterError: out of range.
        """
        self._parser.set_sensitivity(sensitivity)

    def keep_scores(self, log: ScoreLog | None) -> None:
        """Write scores into a log from the next frame on, or into none; from any thread."""
        self._log = log

    @property
    def lookahead_ns(self) -> int:
        """τ now."""
        return self._state.lookahead_ns

    @property
    def fps(self) -> float:
        """Frames per second by the last nine intervals, 0 before the second frame."""
        times = list(self._captured)
        return (len(times) - 1) * NS_PER_S / (times[-1] - times[0]) if len(times) > 1 else 0.0

    @property
    def threshold(self) -> float:
        """Score that makes an event."""
        return self._parser.settings.bar

    @property
    def impact(self) -> float:
        """Highest score of all zones in the newest frame."""
        return max(zone.score for zone in self._state.picker.zones)

    def view(self) -> View | None:
        """What is seen now, for a preview or a status line; from any thread."""
        seen = self._view
        if seen is None:
            return None
        return View(seen[0], self._state.last_map.copy(), seen[1], self.impact, self.threshold)

    def _change_lookahead(self, now_ns: int) -> None:
        quiet = self._event_ns is None or now_ns - self._event_ns > QUIET_NS
        if quiet and self._wanted_ns != self._state.lookahead_ns:
            self._state.lookahead_ns = self._wanted_ns


class LockstepSpeaker:
    """Gestures to sound on the virtual clock."""

    takes: Final[Port] = "gesture"
    gives: Final[Port] = "block"

    def __init__(self, playout: Playout) -> None:
        """Take a fresh playout with D = 0."""
        self._virtual = VirtualPlayout(playout)

    def process(self, body: Body) -> Iterable[Block]:
        """The hops that a gesture completes; at the end the rest."""
        if isinstance(body, Sighting):
            return self._virtual.push(body.gesture)
        if isinstance(body, End):
            return self._virtual.finish(body.end_ns)
        return ()

"""An oracle in the parser's place: it takes the parser's time but knows the true contacts.

It separates the transport's errors from the motion engine's. Its figures are labelled "oracle" and
never stand for the system.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, Generic, TypeVar

from synchresis.engines.frame import Frame
from synchresis.engines.gesture import MAX_EVENTS, Event, Gesture, Levels
from synchresis.engines.pipeline import ParserStage

S = TypeVar("S")


class OracleParser(Generic[S]):
    """Gestures of the real parser with the true contacts of the interval in place of its events."""

    latency_samples: Final = 0

    def __init__(
        self, parser: ParserStage[S], contacts_ns: Sequence[int], *, strength: float = 0.8
    ) -> None:
        """Fix what it knows.

        Args:
            parser: the real one, run for its time and its intervals.
            contacts_ns: true contacts on the clock of the frames, rising.
            strength: of every event.
        """
        self._parser = parser
        self._contacts = sorted(contacts_ns)
        self._strength = strength

    def initial_state(self) -> S:
        """That of the real parser."""
        return self._parser.initial_state()

    def step(self, frame: Frame, state: S) -> Gesture:
        """One frame."""
        gesture = self._parser.step(frame, state)
        inside = [t for t in self._contacts if gesture.begin_ns < t <= gesture.end_ns]
        events = tuple(
            Event(t, frame.captured_ns, self._strength, 0.5, 0.5) for t in inside[:MAX_EVENTS]
        )
        return replace(gesture, events=events, levels=tuple(Levels() for _ in gesture.levels))

"""An oracle in the parser's place: it takes the parser's time but knows the true contacts.

It separates the transport's errors from the motion engine's. Its figures are labelled "oracle" and
never stand for the system.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final, TypeAlias

from synchresis.engines.frame import Frame
from synchresis.engines.gesture import MAX_EVENTS, Event, Gesture, Levels
from synchresis.engines.motion.parser import MotionParser, MotionState
from synchresis.engines.packs import Pack

Contacts: TypeAlias = Callable[[int, int], Sequence[int]]
"""True contacts after one time and up to another, on the clock of the frames, nanoseconds."""

STRENGTH: Final = 0.8
"""Of every event."""


class OracleParser(MotionParser):
    """Gestures of the real parser with the true contacts of the interval in place of its events.

    Args:
        pack: of the real parser.
        contacts: what the oracle knows.
        lookahead_ns: τ: the oracle knows that much of the future.
    """

    def __init__(self, pack: Pack, contacts: Contacts, *, lookahead_ns: int = 0) -> None:
        super().__init__(pack, lookahead_ns=lookahead_ns)
        self._contacts = contacts

    def step(self, frame: Frame, state: MotionState) -> Gesture:
        """One frame."""
        gesture = super().step(frame, state)
        inside = self._contacts(gesture.begin_ns, gesture.end_ns)
        events = tuple(Event(t, frame.captured_ns, STRENGTH, 0.5, 0.5) for t in inside[:MAX_EVENTS])
        return replace(gesture, events=events, levels=tuple(Levels() for _ in gesture.levels))

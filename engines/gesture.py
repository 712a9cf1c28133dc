"""Gesture: what one frame says about sound, small enough to read, draw, record or send."""

from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal["impact"]

MAX_EVENTS: Final = 4
"""Events one gesture can carry per zone."""


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened and makes a sound.

    Attributes:
        t_ns: when it happens: inside the interval its frame answers for, or up to one interval
            later, when it was seen coming.
        decided_ns: capture time of the newest frame used to decide it.
        strength: 0 to 1; level is 40 (strength - 1) dB relative to the palette's loudest hit.
        x: place in the whole picture, 0 left to 1 right.
        y: place in the whole picture, 0 top to 1 bottom.
        zone: index of the zone it sounds in.
        kind: impact, for now.
    """

    t_ns: int
    decided_ns: int
    strength: float
    x: float
    y: float
    zone: int = 0
    kind: Kind = "impact"


@dataclass(frozen=True, slots=True)
class Levels:
    """Continuous sound of one zone during one frame: friction and burst 0 to 1, centroid 0 to 1."""

    friction: float = 0.0
    burst: float = 0.0
    x: float = 0.5
    y: float = 0.5


@dataclass(frozen=True, slots=True)
class Gesture:
    """What one frame says: it answers for (begin_ns, end_ns], every moment once.

    Attributes:
        captured_ns: capture time of the frame.
        begin_ns: end of the interval the frame before answered for (T of frame n - 1).
        end_ns: T of this frame: max(begin_ns, captured_ns + lookahead_ns).
        lookahead_ns: the lookahead it was made for; negative waits for evidence.
        events: in time order, all zones.
        levels: one entry per zone.
        sequence: number of the frame.
    """

    captured_ns: int
    begin_ns: int
    end_ns: int
    lookahead_ns: int
    events: tuple[Event, ...]
    levels: tuple[Levels, ...]
    sequence: int = 0

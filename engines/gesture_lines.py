"""gestures.jsonl: gestures as lines of JSON, for people, plots and scores.

The first line says version, pack and lookahead; each of the others is one frame. All times are
seconds since the first frame.
"""

from collections.abc import Iterable, Iterator
from typing import BinaryIO, Final, TypeVar

import msgspec

from synchresis.engines.gesture import Event, Gesture, Kind, Levels
from synchresis.engines.timebase import NS_PER_S
from synchresis.errors import InputError

T = TypeVar("T", bound=msgspec.Struct)

VERSION: Final = 1
"""Version of the lines."""


class Head(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """First line: version, hash of the pack, lookahead τ in seconds."""

    version: int
    pack: str
    tau: float


class ZoneLine(msgspec.Struct, frozen=True):
    """Levels of one zone, 0 to 1."""

    friction: float
    burst: float
    x: float
    y: float


class EventLine(msgspec.Struct, frozen=True):
    """One event: when it happened, the newest frame used, how hard, where."""

    t: float
    decided: float
    strength: float
    kind: Kind
    x: float
    y: float
    zone: int


class FrameLine(msgspec.Struct, frozen=True, omit_defaults=True):
    """One frame: its time, its zones, its events.

    `until` is there only in frames that answer for nothing, as repeated ones do: T of the one
    before, which stays.
    """

    t: float
    zones: tuple[ZoneLine, ...]
    events: tuple[EventLine, ...]
    until: float | None = None


class GestureWriter:
    """Writes gestures to a binary file as they come."""

    def __init__(self, file: BinaryIO, *, pack: str, tau_s: float) -> None:
        """Write the first line; `pack` is the pack's hash."""
        self._file = file
        self._encode = msgspec.json.Encoder().encode
        self._write(Head(VERSION, pack, tau_s))

    def write(self, gesture: Gesture) -> None:
        """Write one frame."""
        self._write(to_line(gesture))

    def _write(self, line: msgspec.Struct) -> None:
        self._file.write(self._encode(line) + b"\n")


def to_line(gesture: Gesture) -> FrameLine:
    """A gesture of a source whose first frame is at 0 ns as a line."""
    zones = tuple(
        ZoneLine(_short(z.friction), _short(z.burst), _short(z.x), _short(z.y))
        for z in gesture.levels
    )
    stays = gesture.end_ns != gesture.captured_ns + gesture.lookahead_ns
    until = gesture.end_ns / NS_PER_S if stays else None
    events = tuple(map(_event, gesture.events))
    return FrameLine(gesture.captured_ns / NS_PER_S, zones, events, until)


def read_lines(lines: Iterable[bytes]) -> tuple[Head, Iterator[FrameLine]]:
    """First line and frames of a file of gestures.

    Raises:
        InputError: a line is not what it should be; raised while iterating, with its number.
    """
    numbered = enumerate(lines, start=1)
    head = _decode(next(numbered, (1, b"")), Head)
    if head.version != VERSION:
        raise InputError(f"gestures: version {head.version} must be {VERSION}")
    return head, (_decode(line, FrameLine) for line in numbered)


def to_gesture(line: FrameLine, head: Head, *, begin_ns: int = 0, sequence: int = 0) -> Gesture:
    """The gesture a line was written from; `begin_ns` is T of the frame before."""
    captured_ns, lookahead_ns = round(line.t * NS_PER_S), round(head.tau * NS_PER_S)
    end_ns = captured_ns + lookahead_ns if line.until is None else round(line.until * NS_PER_S)
    return Gesture(
        captured_ns=captured_ns,
        begin_ns=begin_ns,
        end_ns=max(begin_ns, end_ns),
        lookahead_ns=lookahead_ns,
        events=tuple(
            Event(
                round(e.t * NS_PER_S),
                round(e.decided * NS_PER_S),
                strength=e.strength,
                x=e.x,
                y=e.y,
                zone=e.zone,
                kind=e.kind,
            )
            for e in line.events
        ),
        levels=tuple(Levels(z.friction, z.burst, z.x, z.y) for z in line.zones),
        sequence=sequence,
    )


def _event(event: Event) -> EventLine:
    return EventLine(
        event.t_ns / NS_PER_S,
        event.decided_ns / NS_PER_S,
        _short(event.strength),
        event.kind,
        _short(event.x),
        _short(event.y),
        event.zone,
    )


def _short(value: float) -> float:
    """Five decimals: below what anybody hears or sees."""
    return round(float(value), 5)


def _decode(numbered: tuple[int, bytes], kind: type[T]) -> T:
    number, line = numbered
    try:
        return msgspec.json.decode(line, type=kind)
    except msgspec.DecodeError as err:
        raise InputError(f"gestures, line {number}: {err}") from err

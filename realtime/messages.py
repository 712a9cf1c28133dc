"""Messages: what goes over the wire, checked as it comes in.

Multipart `[topic, header, payload…]`: the header is MessagePack of a versioned struct, the payload
raw bytes. Whoever decodes trusts nothing: sizes, ranges and versions are checked here, once.
"""

import math
from dataclasses import dataclass
from typing import Final, TypeAlias, TypeVar

import msgspec
import numpy as np

from synchresis.engines.frame import Frame
from synchresis.engines.gesture import Event, Gesture, Levels
from synchresis.errors import TransportError

VERSION: Final = 1
"""Version of every header; another one is refused."""

MAX_HEADER_BYTES: Final = 65_536
"""A longer header is not one of ours."""

MAX_PICTURE_BYTES: Final = 64 << 20
"""A larger picture is refused."""

MAX_TIME_NS: Final = 1 << 62
"""Times beyond this are refused, so that sums of them stay within 64 bits."""

MAX_ZONES: Final = 64
"""Zones one gesture may speak of."""

FRAME: Final = b"frame"
GESTURE: Final = b"gesture"
END: Final = b"end"
WANT: Final = b"want"

Parts: TypeAlias = list[bytes | memoryview]
"""A message as it is sent: topic, header, payload."""


class Link(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What every message on a link carries.

    Attributes:
        number: running number on this link, from 1; gaps are losses.
        epoch: drawn when the sender started; a new one means that it started again.
        sent_ns: when it was sent, on the sender's clock.
        arrived_ns: when the frame that it is about came out of the source, on the same clock.
    """

    number: int
    epoch: int
    sent_ns: int
    arrived_ns: int = 0


class FrameHeader(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Header of a frame; the payload is the picture, row by row."""

    v: int
    link: Link
    captured_ns: int
    sequence: int
    clock_id: str
    camera: str
    shape: tuple[int, ...]


class GestureHeader(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A gesture, and whose time its times are."""

    v: int
    link: Link
    clock_id: str
    camera: str
    parse_ns: int
    gesture: Gesture


class EndHeader(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The source has ended: nothing more will come."""

    v: int
    link: Link
    end_ns: int


class WantHeader(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Receiver to sender: send this many more, or with `renew` this many in all."""

    v: int
    credit: int
    renew: bool


@dataclass(frozen=True, slots=True)
class Sighting:
    """A gesture with the clock its times belong to, its camera, and how long parsing took."""

    gesture: Gesture
    clock_id: str
    camera: str
    parse_ns: int = 0


@dataclass(frozen=True, slots=True)
class End:
    """The end of a source, nanoseconds."""

    end_ns: int


Body: TypeAlias = Frame | Sighting | End
"""What a link carries."""

H = TypeVar("H", bound=msgspec.Struct)

_encoder = msgspec.msgpack.Encoder()
_frame = msgspec.msgpack.Decoder(FrameHeader)
_gesture = msgspec.msgpack.Decoder(GestureHeader)
_end = msgspec.msgpack.Decoder(EndHeader)
_want = msgspec.msgpack.Decoder(WantHeader)


def encode(body: Body, link: Link) -> Parts:
    """A message ready to send; a frame's picture is not copied."""
    if isinstance(body, Frame):
        return _encode_frame(body, link)
    if isinstance(body, End):
        return [END, _encoder.encode(EndHeader(VERSION, link, body.end_ns))]
    header = GestureHeader(VERSION, link, body.clock_id, body.camera, body.parse_ns, body.gesture)
    return [GESTURE, _encoder.encode(header)]


def encode_want(credit: int, *, renew: bool) -> Parts:
    """A receiver's request."""
    return [WANT, _encoder.encode(WantHeader(VERSION, credit, renew))]


def decode(parts: list[memoryview]) -> tuple[Body, Link]:
    """A message as it came in.

    Args:
        parts: topic, header, payload; a frame's picture goes on using the payload's memory.

    Raises:
        TransportError: malformed, foreign, oversized, of another version or with nonsense in it.
    """
    if len(parts) < 2:
        raise TransportError(f"message of {len(parts)} parts must have at least 2")
    topic = bytes(parts[0][:16])
    if topic == FRAME:
        return _decode_frame(parts)
    if len(parts) != 2:
        raise TransportError(f"message {topic!r} of {len(parts)} parts must have 2")
    if topic == GESTURE:
        return _decode_gesture(parts[1])
    if topic == END:
        end = _header(_end, parts[1])
        _check_times(end.end_ns, 0)
        return End(end.end_ns), _checked(end.link)
    raise TransportError(f"message of unknown topic {topic!r}")


def decode_want(parts: list[memoryview]) -> WantHeader:
    """A request as it came in.

    Raises:
        TransportError: it is none.
    """
    if len(parts) != 2 or bytes(parts[0][:16]) != WANT:
        raise TransportError("request must be [want, header]")
    return _header(_want, parts[1])


def _encode_frame(frame: Frame, link: Link) -> Parts:
    picture = np.ascontiguousarray(frame.picture)
    header = FrameHeader(
        VERSION,
        link,
        frame.captured_ns,
        frame.sequence,
        frame.clock_id,
        frame.camera,
        picture.shape,
    )
    return [FRAME, _encoder.encode(header), picture.data.cast("B")]


def _decode_frame(parts: list[memoryview]) -> tuple[Frame, Link]:
    if len(parts) != 3:
        raise TransportError(f"frame of {len(parts)} parts must have 3")
    header = _header(_frame, parts[1])
    _check_times(header.captured_ns, header.sequence)
    shape = header.shape
    if len(shape) not in (2, 3) or min(shape) < 1 or (len(shape) == 3 and shape[2] != 3):
        raise TransportError(f"frame of shape {shape} must be [H, W] or [H, W, 3]")
    size = math.prod(shape)
    if size > MAX_PICTURE_BYTES or size != parts[2].nbytes:
        raise TransportError(f"frame of shape {shape} came with {parts[2].nbytes} bytes")
    picture = np.frombuffer(parts[2], np.uint8).reshape(shape)
    picture.flags.writeable = False
    frame = Frame(picture, header.captured_ns, header.sequence, header.clock_id, header.camera)
    return frame, _checked(header.link)


def _decode_gesture(part: memoryview) -> tuple[Sighting, Link]:
    header = _header(_gesture, part)
    gesture = header.gesture
    _check_times(gesture.captured_ns, gesture.sequence)
    _check_times(gesture.begin_ns, gesture.end_ns)
    _check_times(gesture.lookahead_ns, header.parse_ns)
    if not 1 <= len(gesture.levels) <= MAX_ZONES:
        raise TransportError(f"gesture of {len(gesture.levels)} zones must have 1 to {MAX_ZONES}")
    for event in gesture.events:
        _check_event(event)
    for levels in gesture.levels:
        _check_levels(levels)
    sighting = Sighting(gesture, header.clock_id, header.camera, header.parse_ns)
    return sighting, _checked(header.link)


def _header(decoder: "msgspec.msgpack.Decoder[H]", part: memoryview) -> H:
    if part.nbytes > MAX_HEADER_BYTES:
        raise TransportError(f"header of {part.nbytes} bytes is longer than {MAX_HEADER_BYTES}")
    try:
        header = decoder.decode(part)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as err:
        raise TransportError(f"malformed header: {err}") from err
    version: int = getattr(header, "v", 0)
    if version != VERSION:
        raise TransportError(f"header of version {version}, this program speaks {VERSION}")
    return header


def _checked(link: Link) -> Link:
    _check_times(link.sent_ns, link.arrived_ns)
    _check_times(link.number, link.epoch)
    return link


def _check_times(*values: int) -> None:
    if any(abs(value) > MAX_TIME_NS for value in values):
        raise TransportError(f"numbers {values} are beyond 2^62")


def _check_event(event: Event) -> None:
    _check_times(event.t_ns, event.decided_ns)
    if not 0 <= event.zone < MAX_ZONES:
        raise TransportError(f"event of zone {event.zone} must be of 0 to {MAX_ZONES - 1}")
    _check_fractions(event.strength, event.x, event.y)


def _check_levels(levels: Levels) -> None:
    _check_fractions(levels.friction, levels.burst, levels.x, levels.y)


def _check_fractions(*values: float) -> None:
    if not all(0 <= value <= 1 for value in values):  # false for NaN as well
        raise TransportError(f"values {values} must be within 0 to 1")

import contextlib
from dataclasses import replace

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synchresis.engines.frame import Frame
from synchresis.engines.gesture import Event, Gesture, Levels
from synchresis.errors import TransportError
from synchresis.realtime import messages
from synchresis.realtime.messages import Body, End, Link, Sighting, decode, decode_want, encode

LINK = Link(3, 77, 1000, 900)
GESTURE = Gesture(
    40, 0, 40, 5, (Event(17, 40, 0.25, 0.5, 0.75, 1),), (Levels(0.1, 0.2), Levels()), 9
)
SIGHTING = Sighting(GESTURE, "host/boot", "camera 0", 7_000_000)


def wire(parts: messages.Parts) -> list[memoryview]:
    return [memoryview(bytes(part)) for part in parts]


def sent(body: Body) -> list[memoryview]:
    return wire(encode(body, LINK))


def changed(body: Body, **fields: object) -> list[memoryview]:
    """A message with other header fields."""
    parts = sent(body)
    header = msgspec.msgpack.decode(parts[1])
    header.update(fields)
    parts[1] = memoryview(msgspec.msgpack.encode(header))
    return parts


@pytest.mark.parametrize("shape", [(4, 6), (4, 6, 3), (1, 1)])
def test_frame_comes_back_as_it_was(shape: tuple[int, ...], rng: np.random.Generator) -> None:
    picture = rng.integers(0, 256, shape, np.uint8)
    frame = Frame(picture, 123, 4, "host/boot", "camera 0")
    body, link = decode(sent(frame))
    assert isinstance(body, Frame)
    np.testing.assert_array_equal(body.picture, picture)
    assert not body.picture.flags.writeable
    assert replace(body, picture=picture) == frame
    assert link == LINK


def test_a_turned_picture_is_sent_row_by_row(rng: np.random.Generator) -> None:
    picture = np.rot90(rng.integers(0, 256, (4, 6, 3), np.uint8))
    body, _ = decode(sent(Frame(picture, 0, 0)))
    assert isinstance(body, Frame)
    np.testing.assert_array_equal(body.picture, picture)


@pytest.mark.parametrize("body", [SIGHTING, End(5_000_000_000)])
def test_gesture_and_end_come_back_as_they_were(body: Body) -> None:
    assert decode(sent(body)) == (body, LINK)


def test_request_comes_back_as_it_was() -> None:
    want = decode_want(wire(messages.encode_want(64, renew=True)))
    assert (want.credit, want.renew) == (64, True)


FRAME = Frame(np.zeros((4, 6), np.uint8), 0, 0)


@pytest.mark.parametrize(
    ("parts", "match"),
    [
        ([], "0 parts"),
        ([memoryview(b"frame")], "1 parts"),
        (sent(FRAME)[:2], "frame of 2 parts"),
        ([*sent(SIGHTING), memoryview(b"")], "3 parts must have 2"),
        ([memoryview(b"picture"), memoryview(b"")], "unknown topic"),
        ([memoryview(b"gesture"), memoryview(b"\xc1")], "malformed"),
        ([memoryview(b"gesture"), memoryview(b"")], "malformed"),
        ([memoryview(b"gesture"), memoryview(bytes(70_000))], "longer than"),
        (changed(SIGHTING, v=2), "version 2"),
        (changed(SIGHTING, extra=1), "malformed"),
        (changed(FRAME, shape=[4, 7]), "came with 24 bytes"),
        (changed(FRAME, shape=[4, 3, 2]), r"\[H, W\]"),
        (changed(FRAME, shape=[0, 6]), r"\[H, W\]"),
        (changed(FRAME, shape=[-4, -6]), r"\[H, W\]"),
        (changed(FRAME, shape=[24]), r"\[H, W\]"),
        (changed(FRAME, shape=[1 << 20, 1 << 20]), "came with"),
        (changed(FRAME, captured_ns=1 << 63), "2\\^62|malformed"),
        (changed(End(0), end_ns=-(1 << 63)), "2\\^62"),
    ],
)
def test_nonsense_is_refused(parts: list[memoryview], match: str) -> None:
    with pytest.raises(TransportError, match=match):
        decode(parts)


@pytest.mark.parametrize(
    "gesture",
    [
        replace(GESTURE, levels=()),
        replace(GESTURE, levels=(Levels(),) * 65),
        replace(GESTURE, levels=(Levels(friction=float("nan")),)),
        replace(GESTURE, levels=(Levels(burst=1.5),)),
        replace(GESTURE, end_ns=1 << 62, begin_ns=-(1 << 62) - 1),
        replace(GESTURE, events=(replace(GESTURE.events[0], strength=-0.1),)),
        replace(GESTURE, events=(replace(GESTURE.events[0], zone=64),)),
        replace(GESTURE, events=(replace(GESTURE.events[0], zone=-1),)),
        replace(GESTURE, events=(replace(GESTURE.events[0], t_ns=1 << 62 | 1),)),
    ],
)
def test_gestures_out_of_range_are_refused(gesture: Gesture) -> None:
    with pytest.raises(TransportError):
        decode(sent(replace(SIGHTING, gesture=gesture)))


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.binary(max_size=200), max_size=4), st.sampled_from([b"frame", b"gesture", b"end"])
)
def test_any_bytes_are_decoded_or_refused(rest: list[bytes], topic: bytes) -> None:
    with contextlib.suppress(TransportError):
        decode([memoryview(part) for part in (topic, *rest)])


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 255))
def test_a_flipped_byte_is_decoded_or_refused(place: int, value: int) -> None:
    for body in (SIGHTING, FRAME):
        parts = sent(body)
        header = bytearray(parts[1])
        header[place % len(header)] = value
        with contextlib.suppress(TransportError):
            decode([parts[0], memoryview(bytes(header)), *parts[2:]])

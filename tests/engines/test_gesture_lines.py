"""gestures.jsonl: what is written is what can be read."""

import io
import json
from dataclasses import replace

import pytest

from synchresis.engines.gesture import Event, Gesture, Levels
from synchresis.engines.gesture_lines import GestureWriter, read_lines, to_gesture
from synchresis.errors import InputError

EVENT = Event(1_021_000_000, 1_033_333_333, 0.7, 0.4, 0.6, zone=1)
GESTURE = Gesture(
    captured_ns=1_033_333_333,
    begin_ns=1_000_000_000,
    end_ns=1_053_333_333,
    lookahead_ns=20_000_000,
    events=(EVENT,),
    levels=(Levels(), Levels(0.25, 0.5, 0.125, 1.0)),
    sequence=31,
)


def written(*gestures: Gesture) -> list[bytes]:
    file = io.BytesIO()
    writer = GestureWriter(file, pack="abc", tau_s=0.02)
    for gesture in gestures:
        writer.write(gesture)
    return file.getvalue().splitlines()


def test_lines_have_the_documented_keys() -> None:
    head, line = map(json.loads, written(GESTURE))
    assert head == {"version": 1, "pack": "abc", "tau": 0.02}
    assert line == {
        "t": 1.033333333,
        "zones": [
            {"friction": 0.0, "burst": 0.0, "x": 0.5, "y": 0.5},
            {"friction": 0.25, "burst": 0.5, "x": 0.125, "y": 1.0},
        ],
        "events": [
            {
                "t": 1.021,
                "decided": 1.033333333,
                "strength": 0.7,
                "kind": "impact",
                "x": 0.4,
                "y": 0.6,
                "zone": 1,
            }
        ],
    }


def test_a_gesture_comes_back_to_the_nanosecond() -> None:
    head, lines = read_lines(written(GESTURE))
    (line,) = lines
    assert to_gesture(line, head, begin_ns=GESTURE.begin_ns, sequence=31) == GESTURE


def test_a_frame_that_answers_for_nothing_says_until_when_was_answered() -> None:
    again = replace(GESTURE, captured_ns=1_066_666_666, begin_ns=GESTURE.end_ns, events=())
    head, lines = read_lines(written(GESTURE, again))
    first, line = lines
    assert (first.until, line.until) == (None, 1.053333333)
    assert to_gesture(line, head, begin_ns=GESTURE.end_ns, sequence=31) == again


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], "line 1"),
        ([b"{"], "line 1"),
        ([b'{"version": 2, "pack": "", "tau": 0}'], "version 2 must be 1"),
        ([b'{"version": 1, "pack": "", "tau": 0, "more": 1}'], "line 1"),
        ([*written(), b'{"t": 1}'], "line 2"),
        ([*written(GESTURE), b"null"], "line 3"),
    ],
)
def test_a_bad_line_is_named(lines: list[bytes], message: str) -> None:
    with pytest.raises(InputError, match=message):
        list(read_lines(lines)[1])

import time

import numpy as np
import pytest

from synchresis.bench.memory_camera import (
    RATE_OFF,
    Footage,
    MemoryCamera,
    draw_footage,
    even_rate,
)
from synchresis.bench.oracle import OracleParser
from synchresis.bench.pairing import phase_unevenness
from synchresis.engines.frame import Frame
from synchresis.engines.gesture import Levels
from synchresis.engines.scenes import SceneStream

MS = 1_000_000


def footage(count=20, step_ms=5, contacts=(0.012, 0.033)):
    pictures = tuple(np.full((4, 4), k, np.uint8) for k in range(count))
    times = tuple(k * step_ms * MS for k in range(count))
    return Footage("test", pictures, times, contacts, (1.0,) * len(contacts), 1000 / step_ms)


def test_frames_come_in_order_stamped_when_due():
    camera = MemoryCamera(footage())
    frames = []
    while (frame := camera.read(1.0)) is not None:
        assert time.perf_counter_ns() >= frame.captured_ns, "no frame before its time"
        frames.append(frame)
    assert camera.finished
    assert frames[-1].sequence == 19
    assert len(frames) + camera.lost == 20
    for frame in frames:
        assert frame.captured_ns == camera.begin_ns + frame.sequence * 5 * MS
        assert frame.picture[0, 0] == frame.sequence


def test_a_slow_reader_gets_the_newest_and_losses_are_counted():
    camera = MemoryCamera(footage())
    camera.read(1.0)
    time.sleep(0.052)
    frame = camera.read(1.0)
    assert frame.sequence >= 10
    assert camera.lost == frame.sequence - 1


def test_no_frame_in_time_is_none():
    camera = MemoryCamera(footage(step_ms=1000))
    assert camera.read(0.01) is not None
    assert camera.read(0.01) is None
    assert not camera.finished
    camera.close()
    assert camera.read(0.01) is None


def test_loops_go_on_in_time_and_repeat_the_contacts():
    camera = MemoryCamera(footage(count=4), loops=3)
    begin = camera.begin()
    assert camera.contacts_ns()[:2] == [begin + 12 * MS, begin + 33 * MS]
    assert camera.contacts_ns()[2] == begin + (20 + 12) * MS
    last = None
    while (frame := camera.read(1.0)) is not None:
        last = frame
    assert last.sequence == 11
    assert last.captured_ns == begin + (2 * 20 + 3 * 5) * MS


def test_drawn_footage_has_the_scenes_contacts():
    drawn = draw_footage("ball", seed=1, fps=60, seconds=4)
    assert len(drawn.contacts_s) >= 2
    assert max(drawn.contacts_s) <= 4
    assert len(drawn.pictures) == len(drawn.times_ns) == pytest.approx(240, abs=3)
    assert drawn.pictures[0].shape == (240, 320)
    assert any((a != b).any() for a, b in zip(drawn.pictures, drawn.pictures[1:], strict=False))


def test_contacts_between_are_after_the_first_and_up_to_the_last():
    camera = MemoryCamera(footage())
    assert camera.contacts_between(0, 10**18) == []
    assert camera.begin_ns is None, "asking does not start it"
    begin = camera.begin()
    assert camera.contacts_between(begin + 12 * MS, begin + 33 * MS) == [begin + 33 * MS]
    assert camera.contacts_between(begin + 11 * MS, begin + 32 * MS) == [begin + 12 * MS]


def test_the_oracle_knows_every_contact_once_and_nothing_else(tiny_pack):
    contacts = [7 * MS, 31 * MS, 55 * MS, 70 * MS]
    lookahead = 20 * MS
    oracle = OracleParser(
        tiny_pack, lambda a, b: [t for t in contacts if a < t <= b], lookahead_ns=lookahead
    )
    oracle.prepare()
    state = oracle.initial_state()
    picture = np.zeros((240, 320), np.uint8)
    gestures = [oracle.step(Frame(picture, k * 10 * MS - 30 * MS, k), state) for k in range(9)]
    events = [event for gesture in gestures for event in gesture.events]
    assert [event.t_ns for event in events] == contacts
    for gesture in gestures:
        for event in gesture.events:
            assert gesture.begin_ns < event.t_ns <= gesture.captured_ns + lookahead
            assert event.decided_ns == gesture.captured_ns
        assert gesture.levels == (Levels(),)


def test_contacts_fall_evenly_between_frames_at_the_rate_that_is_found():
    def unevenness(fps):
        events = SceneStream("stick", seed=0, fps=fps).events(-1.0, 40.0)
        return phase_unevenness([event.t_s for event in events], fps)

    rate = even_rate("stick", seed=0, fps=60.0, seconds=40.0)
    assert rate == pytest.approx(60, rel=RATE_OFF)
    assert unevenness(rate) < 0.7 * unevenness(60.0)

import itertools

import numpy as np
import pytest

from synchresis.engines.frame import Frame
from synchresis.engines.motion.analysis import AnalysisState, analyse
from synchresis.engines.motion.levels import LevelMeter
from synchresis.engines.motion.parser import MotionParser
from synchresis.engines.zone import Zone
from synchresis.errors import ParameterError

STEP_NS = 1_000_000_000 // 30


def flashing(count: int, rng: np.random.Generator, size=(120, 160)) -> list[np.ndarray]:
    """Pictures of which every seventh flashes in one corner: the tiny engine's idea of a hit."""
    base = rng.integers(60, 120, size).astype(np.uint8)
    out = []
    for index in range(count):
        picture = base.copy()
        if index % 7 == 6:
            picture[: size[0] // 4, : size[1] // 4] = 255 if index % 2 else 0
        out.append(picture)
    return out


def frames(pictures, *, start_ns=0, step_ns=STEP_NS):
    return [Frame(p, start_ns + k * step_ns, k) for k, p in enumerate(pictures)]


def parsed(parser, given):
    state = parser.initial_state()
    return [parser.step(frame, state) for frame in given], state


def test_events_lie_inside_their_frames_interval_and_every_moment_is_answered_once(parser, rng):
    gestures, _ = parsed(parser, frames(flashing(40, rng)))
    events = [event for gesture in gestures for event in gesture.events]
    assert len(events) == 2  # only white flashes differ by over half
    for before, after in itertools.pairwise(gestures):
        assert after.begin_ns == before.end_ns
    for gesture in gestures:
        for event in gesture.events:
            span = gesture.end_ns - gesture.begin_ns
            assert gesture.begin_ns < event.t_ns <= gesture.end_ns + span
            assert event.decided_ns == gesture.captured_ns


def test_causal_cutting_the_video_changes_nothing_decided_before(parser, rng):
    pictures = flashing(40, rng)
    whole, _ = parsed(parser, frames(pictures))
    for cut in (1, 9, 23):
        other = pictures[:cut] + flashing(40 - cut, np.random.default_rng(cut))
        part, _ = parsed(parser, frames(other))
        assert part[:cut] == whole[:cut]


def test_stillness_makes_no_event_and_no_level(parser, rng):
    still = rng.integers(0, 255, (120, 160)).astype(np.uint8)
    gestures, state = parsed(parser, frames([still] * 30))
    assert not any(gesture.events for gesture in gestures)
    assert all(level.friction == level.burst == 0 for g in gestures for level in g.levels)
    assert state.last_map.max() == 0


def test_reset_equals_fresh(parser, rng):
    given = frames(flashing(20, rng))
    fresh, state = parsed(parser, given)
    parser.reset_state(state)
    assert [parser.step(frame, state) for frame in given] == fresh


@pytest.mark.parametrize("change", ["gap", "size"])
def test_nothing_stale_after_a_gap_or_a_change_of_size(parser, rng, change):
    pictures = flashing(7, rng)
    state = parser.initial_state()
    for frame in frames(pictures[:6]):
        parser.step(frame, state)
    other = np.full((240, 320) if change == "size" else (120, 160), 255, np.uint8)
    late = 5 * STEP_NS + (STEP_NS if change == "size" else 600_000_000)
    first = parser.step(Frame(other, late, 6), state)
    assert not first.events and state.last_map.max() == 0
    after = parser.step(Frame(other, late + STEP_NS, 7), state)
    assert not after.events and after.begin_ns == first.end_ns == late


def test_a_frame_not_newer_than_the_last_answers_for_nothing(parser, rng):
    given = frames(flashing(8, rng))
    state = parser.initial_state()
    for frame in given[:6]:
        last = parser.step(frame, state)
    again = parser.step(Frame(given[6].picture, given[5].captured_ns, 6), state)
    assert again.begin_ns == again.end_ns == last.end_ns and not again.events
    assert parser.step(given[6], state).begin_ns == last.end_ns


@pytest.mark.parametrize("lookahead_ms", [-50, 0, 120])
def test_lookahead_moves_the_interval_and_reaches_the_network(tiny_pack, rng, lookahead_ms):
    ahead = MotionParser(tiny_pack, lookahead_ns=lookahead_ms * 1_000_000, backend="onnx")
    ahead.prepare()
    gestures, state = parsed(ahead, frames(flashing(16, rng)))
    assert gestures[5].end_ns == gestures[5].captured_ns + lookahead_ms * 1_000_000
    assert state.timing[0, 1] == pytest.approx(lookahead_ms / 1e3)
    ahead.close()


def test_time_step_is_true_and_clamped(parser, rng):
    state = parser.initial_state()
    picture = rng.integers(0, 255, (120, 160)).astype(np.uint8)
    for time_ns, expected in ((0, 1 / 30), (40_000_000, 0.04), (41_000_000, 1 / 240)):
        parser.step(Frame(picture, time_ns, 0), state)
        assert state.timing[0, 0] == pytest.approx(expected, rel=1e-5)


def test_refusals(tiny_pack, parser):
    with pytest.raises(ParameterError, match="lookahead 200 ms"):
        MotionParser(tiny_pack, lookahead_ns=200_000_000)
    with pytest.raises(ParameterError, match="zones"):
        MotionParser(tiny_pack, ())
    with pytest.raises(ParameterError, match="uint8"):
        parser.step(Frame(np.zeros((4, 4), np.float32), 0, 0), parser.initial_state())


def test_analysis_is_the_same_whether_grey_or_coloured_and_pixels_are_its_mean(rng):
    grey = rng.integers(0, 255, (240, 320)).astype(np.uint8)
    one, two = AnalysisState.allocate(), AnalysisState.allocate()
    analyse(grey, one)
    analyse(np.repeat(grey[:, :, None], 3, 2), two)
    assert np.abs(one.grey.astype(int) - two.grey).max() <= 1
    mean = one.grey.reshape(120, 2, 160, 2).mean((1, 3)) / 255
    assert np.abs(one.pixels[0, 0] - mean).max() < 1.01 / 255


def test_level_meter_follows_motion_and_keeps_the_last_place():
    meter = LevelMeter((Zone(), Zone(0, 0, 0.5, 1)))
    state = meter.initial_state()
    plane = np.zeros((30, 40), np.float32)
    loud = plane.copy()
    loud[10:14, 30:34] = 0.9
    whole, left = meter.step(loud, plane, loud, state)
    assert whole.friction == pytest.approx((0.9 - 0.15) / 0.85) and whole.burst == 0
    assert left.friction == 0 and (left.x, left.y) == (0.25, 0.5)
    assert (whole.x, whole.y) == (pytest.approx(0.8), pytest.approx(0.4))
    kept, _ = meter.step(plane, plane, plane, state)
    assert (kept.x, kept.y, kept.friction) == (whole.x, whole.y, 0.0)


@pytest.mark.parametrize("side", [0.01, 0.05, 0.3])
def test_level_of_a_zone_does_not_depend_on_its_size(side):
    meter = LevelMeter((Zone(0.5, 0.5, 0.5 + side, 0.5 + side),))
    full = np.ones((30, 40), np.float32)
    (levels,) = meter.step(full, full, full, meter.initial_state())
    assert (levels.friction, levels.burst) == (1.0, 1.0)

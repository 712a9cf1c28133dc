from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synchresis.engines.control import Controls
from synchresis.engines.gesture import Event, Gesture, Levels
from synchresis.engines.sample_clock import SampleClock
from synchresis.engines.score import QUEUE, STALE_NS, Score, ScoreState
from synchresis.engines.timebase import HOP, NS_PER_S, SAMPLE_RATE, sample_of
from synchresis.engines.zone import Zone
from synchresis.errors import ParameterError

MS = 1_000_000
FRAME = 40 * MS
ONE = (Zone(),)
TWO = (Zone(0, 0, 0.5, 1), Zone(0.5, 0, 1, 1))
Hit = tuple[int, int, float]
"""Absolute sample, zone, strength."""


def gesture(n: int, *events: Event, levels: tuple[Levels, ...] = (Levels(),)) -> Gesture:
    """Gesture of frame n at 25 frames per second, lookahead 0."""
    end = n * FRAME
    return Gesture(end, max(end - FRAME, 0), end, 0, events, levels, n)


def event(t_ms: float, strength: float = 0.8, zone: int = 0) -> Event:
    t_ns = round(t_ms * MS)
    return Event(t_ns, t_ns, strength, 0.25, 0.75, zone)


def play(score: Score, state: ScoreState, hops: range) -> list[Hit]:
    controls = Controls.zeros(score.zones)
    hits: list[Hit] = []
    for hop in hops:
        score.step(hop, state, controls)
        for zone in np.flatnonzero(controls.onset):
            sample = hop * HOP + int(controls.onset_sample[zone])
            hits.append((sample, int(zone), float(controls.strength[zone])))
    return hits


def friction(score: Score, state: ScoreState, hops: range) -> list[float]:
    controls = Controls.zeros(score.zones)
    return [float(score.step(hop, state, controls).friction[0]) for hop in hops]


@pytest.mark.parametrize("delay_ms", [0, 7, 60])
@pytest.mark.parametrize("t_ms", [0.0, 5.3, 5.34, 21.0, 33.3])
def test_event_plays_at_t_plus_delay_to_the_sample(t_ms: float, delay_ms: int) -> None:
    score = Score(ONE, delay_ms * MS)
    state = score.initial_state()
    score.push(gesture(1, event(t_ms)), state)
    expected = sample_of(round(t_ms * MS) + delay_ms * MS)
    assert play(score, state, range(40)) == [(expected, 0, pytest.approx(0.8))]
    assert (state.counts.played, state.counts.late, state.counts.dropped) == (1, 0, 0)


def test_onset_lasts_one_hop_and_strength_ends_with_it() -> None:
    score = Score(ONE)
    state, controls = score.initial_state(), Controls.zeros(1)
    score.push(gesture(1, event(8.0)), state)
    rows = []
    for hop in range(4):
        score.step(hop, state, controls)
        rows.append(
            (float(controls.onset[0]), int(controls.onset_sample[0]), float(controls.strength[0]))
        )
    assert rows == [(0, 0, 0), (1, 384 - 256, pytest.approx(0.8)), (0, 0, 0), (0, 0, 0)]


def test_onset_carries_its_place_then_the_centroid_returns() -> None:
    score = Score(ONE)
    state, controls = score.initial_state(), Controls.zeros(1)
    score.push(gesture(1, event(1.0), levels=(Levels(x=0.9, y=0.1),)), state)
    score.step(0, state, controls)
    assert (controls.x[0], controls.y[0]) == (0.25, 0.75)
    score.step(1, state, controls)
    assert (controls.x[0], controls.y[0]) == (np.float32(0.9), np.float32(0.1))


def test_noise_index_is_the_absolute_sample() -> None:
    score = Score(TWO)
    controls = score.step(1234, score.initial_state(), Controls.zeros(2))
    assert controls.noise_index.tolist() == [1234 * HOP] * 2


def test_controls_are_written_in_place_and_the_palette_is_left_alone() -> None:
    score = Score(ONE)
    state, controls = score.initial_state(), Controls.zeros(1)
    controls.palette[:] = 3
    arrays = [controls.onset, controls.friction, controls.palette, state.target, state.level]
    score.push(gesture(1, event(1.0), levels=(Levels(friction=0.5),)), state)
    assert score.step(0, state, controls) is controls
    after = [controls.onset, controls.friction, controls.palette, state.target, state.level]
    assert all(a is b for a, b in zip(arrays, after, strict=True))
    assert (controls.palette == 3).all()


def test_late_event_plays_at_the_next_hop_and_is_counted() -> None:
    score = Score(ONE)
    state = score.initial_state()
    assert play(score, state, range(10)) == []
    score.push(gesture(1, event(20.0)), state)
    assert play(score, state, range(10, 20)) == [(10 * HOP, 0, pytest.approx(0.8))]
    assert (state.counts.played, state.counts.late) == (1, 1)


def test_event_is_late_only_once_its_hop_has_been_stepped() -> None:
    t_ms = 10 * HOP / 48 + 1  # inside hop 10
    for stepped, late in ((10, 0), (11, 1)):
        score = Score(ONE)
        state = score.initial_state()
        play(score, state, range(stepped))
        score.push(gesture(1, event(t_ms)), state)
        play(score, state, range(stepped, 20))
        assert state.counts.late == late


def test_event_whose_hop_was_skipped_is_late() -> None:
    score = Score(ONE)
    state = score.initial_state()
    score.push(gesture(1, event(8.0)), state)
    assert play(score, state, range(3, 6)) == [(3 * HOP, 0, pytest.approx(0.8))]
    assert state.counts.late == 1


def test_event_later_than_the_stale_limit_is_dropped() -> None:
    score = Score(ONE)
    state = score.initial_state(first_hop=1000)
    now_ms = 1000 * HOP / 48
    limit_ms = STALE_NS / MS
    score.push(gesture(1, event(now_ms - limit_ms - 1), event(now_ms - limit_ms + 1)), state)
    assert len(play(score, state, range(1000, 1010))) == 1
    assert (state.counts.late, state.counts.dropped) == (1, 1)


def test_gesture_that_waited_too_long_gives_no_event() -> None:
    score = Score(ONE)
    state = score.initial_state()
    score.push(gesture(1, event(20.0)), state, age_ns=STALE_NS + 1)
    score.push(gesture(1, event(30.0)), state, age_ns=STALE_NS)
    assert [hit[0] for hit in play(score, state, range(20))] == [sample_of(30 * MS)]
    assert state.counts.dropped == 1


def test_two_events_of_one_zone_in_one_hop_both_play() -> None:
    score = Score(ONE)
    state = score.initial_state()
    score.push(gesture(1, event(6.0, 0.3), event(7.0, 0.9)), state)
    assert play(score, state, range(4)) == [
        (288, 0, pytest.approx(0.3)),
        (512, 0, pytest.approx(0.9)),
    ]
    assert (state.counts.played, state.counts.late) == (2, 1)


def test_zones_do_not_disturb_each_other() -> None:
    score = Score(TWO)
    state = score.initial_state()
    levels = (Levels(friction=0.7), Levels())
    score.push(gesture(1, event(6.0, zone=1), event(7.0, 0.5, zone=0), levels=levels), state)
    controls = Controls.zeros(2)
    score.step(0, state, controls)
    score.step(1, state, controls)
    assert controls.onset.tolist() == [1, 1]
    assert controls.onset_sample.tolist() == [336 - 256, 288 - 256]
    assert controls.friction[0] > 0
    assert controls.friction[1] == 0


def test_queue_is_bounded_and_losses_are_counted() -> None:
    score = Score(ONE)
    state = score.initial_state()
    for n in range(QUEUE + 5):
        score.push(gesture(1, event(10.0 * n)), state)
    assert len(state.pending) == QUEUE
    assert state.counts.dropped == 5


def test_event_of_an_unknown_zone_is_dropped() -> None:
    score = Score(ONE)
    state = score.initial_state()
    score.push(gesture(1, event(1.0, zone=1)), state)
    assert play(score, state, range(5)) == []
    assert state.counts.dropped == 1


def test_asap_plays_at_once_and_calls_nothing_late() -> None:
    score = Score(ONE, 50 * MS, asap=True)
    state = score.initial_state()
    play(score, state, range(10))
    score.push(gesture(1, event(20.0)), state)
    assert play(score, state, range(10, 20)) == [(10 * HOP, 0, pytest.approx(0.8))]
    assert state.counts.late == 0


def test_test_hit_plays_at_the_next_hop() -> None:
    score = Score(TWO)
    state = score.initial_state(first_hop=7)
    score.hit(state, zone=1, strength=0.6)
    assert play(score, state, range(7, 12)) == [(7 * HOP, 1, pytest.approx(0.6))]


def test_drifting_device_clock_moves_the_sample() -> None:
    clock = SampleClock(origin_ns=5 * NS_PER_S, origin_sample=512, rate_mhz=48_480_000)
    score = Score(ONE, 10 * MS)
    state = score.initial_state(first_hop=2)
    late = replace(event(0.0), t_ns=5 * NS_PER_S + 90 * MS)
    score.push(gesture(1, late), state, clock=clock)
    assert play(score, state, range(2, 40)) == [(512 + 4848, 0, pytest.approx(0.8))]


def test_levels_hold_over_the_interval_of_their_frame_plus_delay() -> None:
    score = Score(ONE, 20 * MS)
    state = score.initial_state()
    for n, level in ((1, 0.0), (2, 0.9), (3, 0.0)):
        score.push(gesture(n, levels=(Levels(friction=level),)), state)
    got = friction(score, state, range(40))
    times_ms = np.arange(40) * HOP / 48
    rising = (times_ms > 60) & (times_ms <= 100)
    assert all(g == 0 for g, t in zip(got, times_ms, strict=True) if t <= 60)
    assert np.all(np.diff(got)[rising[1:]] > 0)
    assert np.argmax(got) == np.flatnonzero(rising)[-1]


def test_a_level_still_holds_at_the_very_end_of_its_interval() -> None:
    score = Score(ONE)
    state = score.initial_state()
    end_ns = 16 * MS  # sample 768, the first of hop 3
    for begin, end, level in ((0, end_ns, 0.5), (end_ns, 2 * end_ns, 0.0)):
        score.push(Gesture(end, begin, end, 0, (), (Levels(friction=level),)), state)
    got = friction(score, state, range(6))
    assert np.argmax(got) == 3


def test_levels_are_smoothed_with_ten_milliseconds() -> None:
    score = Score(ONE)
    state = score.initial_state()
    for n in range(1, 20):
        score.push(gesture(n, levels=(Levels(friction=0.8),)), state)
    got = friction(score, state, range(1, 100))
    hops = np.arange(1, 100)
    assert got == pytest.approx(0.8 * (1 - np.exp(-hops * HOP / 480)), abs=1e-5)


def test_without_news_levels_hold_then_decay_to_silence() -> None:
    score = Score(ONE)
    state = score.initial_state()
    for n in range(1, 5):
        score.push(gesture(n, levels=(Levels(friction=0.8),)), state)
    got = np.array(friction(score, state, range(300)))
    times_ms = np.arange(300) * HOP / 48
    held = (times_ms > 100) & (times_ms <= 160 + 60)  # 1.5 intervals of 40 ms after the last
    assert got[held] == pytest.approx(0.8, abs=1e-3)
    at = np.searchsorted(times_ms, 160 + 60 + 40)
    slope = np.log(got[at + 1] / got[at]) / ((times_ms[at + 1] - times_ms[at]) / 1e3)
    assert slope == pytest.approx(-1 / 0.050, rel=0.05)
    assert got[times_ms > 160 + 60 + 500].max() == 0


def test_stale_levels_make_no_sound() -> None:
    score = Score(ONE)
    state = score.initial_state()
    friction(score, state, range(1000))
    for n in range(1, 50):
        score.push(gesture(n, levels=(Levels(friction=1.0),)), state)
    assert max(friction(score, state, range(1000, 1100))) == 0


def test_after_a_long_gap_levels_begin_at_zero() -> None:
    score = Score(ONE)
    state = score.initial_state()
    for n in range(1, 5):
        score.push(gesture(n, levels=(Levels(friction=0.8),)), state)
    assert friction(score, state, range(30))[-1] > 0.7
    assert max(friction(score, state, range(60, 100))) == 0


def test_a_lost_gesture_leaves_the_level_held() -> None:
    score = Score(ONE)
    state = score.initial_state()
    for n in (1, 2, 4, 5):
        score.push(gesture(n, levels=(Levels(friction=0.8),)), state)
    got = np.array(friction(score, state, range(37)))
    assert np.all(np.diff(got[1:]) >= 0)


def test_asap_levels_follow_the_newest_gesture() -> None:
    score = Score(ONE, 50 * MS, asap=True)
    state = score.initial_state(first_hop=500)
    score.push(gesture(1, levels=(Levels(friction=0.8),)), state)
    got = friction(score, state, range(500, 600))
    assert got[0] > 0
    assert got[7] > 0.75
    assert got[-1] == 0


def test_rate_is_the_median_of_the_last_nine_intervals() -> None:
    score = Score(ONE, nominal_fps=50)
    state = score.initial_state()
    assert state.interval_ns == 20 * MS
    times = [0, 40, 80, 90, 130, 170, 2000]
    for n, t in enumerate(times):
        score.push(replace(gesture(n), captured_ns=t * MS), state)
    assert state.interval_ns == 40 * MS
    for n in range(9):
        score.push(replace(gesture(n), captured_ns=(2000 + 10 * n) * MS), state)
    assert state.interval_ns == 10 * MS


@pytest.mark.parametrize("asap", [False, True])
def test_levels_hold_over_repeated_frames(asap: bool) -> None:
    """Every second frame answers for nothing, with the levels of the one before."""
    score = Score(ONE, 10 * MS, asap=asap)
    state, levels, hops = score.initial_state(), [], 2 * FRAME * SAMPLE_RATE // (NS_PER_S * HOP)
    for n in range(12):
        new = replace(gesture(2 * n, levels=(Levels(0.5),)), begin_ns=2 * max(n - 1, 0) * FRAME)
        score.push(new, state)
        again = replace(new, captured_ns=new.captured_ns + FRAME, begin_ns=new.end_ns)
        first = n * hops
        levels.append(friction(score, state, range(first, first + hops // 2)))
        score.push(again, state)
        levels.append(friction(score, state, range(first + hops // 2, first + hops)))
    assert state.interval_ns == 2 * FRAME
    np.testing.assert_allclose(np.concatenate(levels[10:]), 0.5, atol=1e-3)


def test_a_hop_cannot_be_stepped_twice() -> None:
    score = Score(ONE)
    state = score.initial_state()
    play(score, state, range(3))
    with pytest.raises(ParameterError, match=r"hop=2 was stepped already, next is 3"):
        play(score, state, range(2, 3))


def test_zones_of_parser_and_score_must_agree() -> None:
    score = Score(TWO)
    with pytest.raises(ParameterError, match="levels for 1 zones, the score has 2"):
        score.push(gesture(1), score.initial_state())


@pytest.mark.parametrize(
    ("zones", "delay", "fps", "name"),
    [((), 0, 30.0, "zones"), (ONE, -1, 30.0, "delay_ns"), (ONE, 0, 0.0, "nominal_fps")],
)
def test_nonsense_settings_are_refused(
    zones: tuple[Zone, ...], delay: int, fps: float, name: str
) -> None:
    with pytest.raises(ParameterError, match=name):
        Score(zones, delay, nominal_fps=fps)


Pushes = list[tuple[int, list[float], float]]


@settings(max_examples=60, deadline=None)
@given(
    pushes=st.lists(
        st.tuples(
            st.integers(0, 12),  # hops stepped before the gesture comes
            st.lists(st.floats(0.01, 39.9), max_size=3),  # events, ms into the interval
            st.floats(0, 1),
        ),
        max_size=12,
    ),
    delay_ms=st.integers(0, 90),
)
def test_every_event_plays_once_at_its_sample_or_later_and_counted(
    pushes: Pushes, delay_ms: int
) -> None:
    score = Score(ONE, delay_ms * MS)
    state = score.initial_state()
    hop, hits, due = 0, [], []
    for n, (wait, times, level) in enumerate(pushes, start=1):
        hits += play(score, state, range(hop, hop + wait))
        hop += wait
        # strengths tell events apart: number k is played with k/64
        events = [
            event((n - 1) * 40 + t, (len(due) + k) / 64) for k, t in enumerate(sorted(times), 1)
        ]
        score.push(gesture(n, *events, levels=(Levels(friction=level),)), state)
        due += [sample_of(e.t_ns + delay_ms * MS) for e in events]
    hits += play(score, state, range(hop, hop + 200))
    played = [(sample, due[round(strength * 64) - 1]) for sample, _, strength in hits]
    late = [(sample, own) for sample, own in played if sample != own]
    assert len({strength for *_, strength in hits}) == len(hits)
    assert len(played) + state.counts.dropped == len(due)
    assert len({sample // HOP for sample, _ in played}) == len(played)
    assert state.counts.late == len([1 for sample, own in late if sample // HOP > own // HOP])
    assert all(sample > own and sample % HOP == 0 for sample, own in late)
    assert all((sample - own) * NS_PER_S <= STALE_NS * SAMPLE_RATE for sample, own in late)

import numpy as np
import pytest

from synchresis.engines.motion.picker import AHEAD, Told
from synchresis.engines.training.motion.lesson_prior import threshold_and_times
from synchresis.engines.training.motion.told_times import TOLD, event_times, read_by, straightened
from synchresis.engines.training.motion.usual_threshold import Scored, usual_threshold

STEP_S = 0.04


def test_the_lean_of_told_times_is_found_and_rises(rng):
    told = rng.uniform(0, 1.2, 4000)
    so = told + 0.4 * told**2 + 0.02 * rng.normal(size=4000)
    so[::10] = rng.uniform(0, 2, 400)  # events paired with another hit
    table = straightened([(told[:2000], so[:2000]), (told[2000:], so[2000:])])
    for centre in TOLD[1:-1]:
        assert table.straighten(centre) == pytest.approx(centre + 0.4 * centre**2, abs=0.04)
    assert list(table.so) == sorted(table.so) and table.so[-1] == 1 + AHEAD


def test_times_are_those_of_events_near_a_hit():
    captured = STEP_S * np.arange(100)
    score = np.zeros(100)
    score[[20, 50, 80]] = 0.9
    told_s = captured - 0.25 * STEP_S  # told three quarters into every interval
    onsets = captured[[20, 50]] + 0.005
    told, so = event_times(Scored(captured, score, told_s, onsets), 0.5)
    assert told == pytest.approx([0.75, 0.75])
    assert so == pytest.approx([1.125, 1.125])


def test_times_are_read_inside_their_own_intervals():
    captured = np.array([0.0, 0.04, 0.10, 0.14])
    told_s = np.array([0.0, 0.02, 0.10, 0.13])  # half, whole and three quarters of the interval
    one = Scored(captured, np.zeros(4), told_s, np.zeros(0))
    read = read_by(one, Told((0.0, 1.0, 2.0), (0.0, 1.5, 2.0)))
    assert read.t_s == pytest.approx([0.0, 0.03, 0.13, 0.145])
    assert read.captured_s is captured
    np.testing.assert_array_equal(read_by(one, Told()).t_s, told_s)


def test_a_threshold_is_chosen_by_times_as_they_will_be_read(rng):
    """Faint hits are told too early to count until the table is read, and then they do."""
    captured = 0.1 * np.arange(800)
    streams = []
    for _ in range(8):
        score = 0.05 * rng.random(800)
        hits = 5 + 10 * np.arange(60)
        score[hits[::2]], score[hits[1::2]] = 0.9, 0.45
        told_s = captured - 0.075  # a quarter into the interval; so is nine tenths
        onsets_s = np.where(np.arange(60) % 2, captured[hits] - 0.01, captured[hits] - 0.03)
        streams.append(Scored(captured, score, told_s, onsets_s))
    assert usual_threshold(streams) > 0.45
    threshold, table = threshold_and_times(streams, 0.2)
    assert threshold < 0.45
    assert table.straighten(0.3) > 0.6

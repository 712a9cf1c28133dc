import numpy as np
import pytest

from synchresis.engines.motion.picker import AHEAD
from synchresis.engines.training.motion.told_times import TOLD, event_times, straightened
from synchresis.engines.training.motion.usual_threshold import Scored

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

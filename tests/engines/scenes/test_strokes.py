import numpy as np
import pytest

from synchresis.engines.scenes.springs import Spring, swing, targets
from synchresis.engines.scenes.strokes import Manner, Striker, Strokes, rhythm, shared


def heights(plan, times):
    return plan.path.at(np.asarray(times, float))[:, 0]


@pytest.mark.parametrize("seed", range(6))
def test_every_hit_is_a_fast_arrival_at_height_zero(seed):
    plan = Striker(np.random.default_rng(seed), Manner(quiet=0.4)).plan(12.0)
    assert len(plan.hits) > 3
    for time, strength, _ in plan.hits:
        before, at, after = heights(plan, [time - 0.01, time, time + 0.01])
        assert at == pytest.approx(0.0, abs=1e-9)
        assert before > 0.002
        assert after >= -1e-9
        assert 0.05 <= strength <= 1.0


@pytest.mark.parametrize("seed", range(6))
def test_louder_hits_arrive_faster(seed):
    plan = Striker(np.random.default_rng(seed), Manner(quiet=0.0)).plan(40.0)
    times, strengths = plan.hit_times, plan.hit_strengths
    speed = heights(plan, times - 0.004) / 0.004
    assert np.corrcoef(np.log(speed), strengths)[0, 1] > 0.8


@pytest.mark.parametrize("seed", range(6))
def test_silent_actions_never_arrive_fast(seed):
    plan = Striker(np.random.default_rng(seed), Manner(quiet=1.0)).plan(20.0)
    assert plan.hits == []
    times = np.arange(0, 20, 0.001)
    height = heights(plan, times)
    arriving = (height[1:] <= 1e-6) & (height[:-1] > 1e-6)
    assert (height >= -1e-9).all()
    assert ((height[:-1] - height[1:])[arriving] / 0.001 < 0.15).all()
    assert height.std() > 0.01


@pytest.mark.parametrize("action", ["_air", "_withdraw", "_hover", "_gesture"])
def test_look_alikes_stay_above_the_surface(action):
    for seed in range(10):
        striker = Striker(np.random.default_rng(seed), Manner(rest=0.1))
        for _ in range(5):
            getattr(striker, action)()
        low = heights(Strokes(striker._path), np.arange(0, striker._path.end_s, 0.002)).min()
        assert low >= 0.02


def test_plans_start_and_end_at_rest():
    manner = Manner(rest=0.1)
    for seed in range(10):
        rng = np.random.default_rng(seed)
        for plan in (
            Striker(rng, manner).plan(6.0),
            Striker(rng, manner).keep(rhythm(rng, 6.0, (0.15, 0.6)), 6.0),
        ):
            ends = plan.path.at(np.array([0.0, 6.0]))
            np.testing.assert_allclose(ends, [[0.1, 0.0]] * 2, atol=1e-9)


def test_beats_are_hit_on_time():
    rng = np.random.default_rng(3)
    beats = [(0.5, 0.5), (0.7, 0.9), (1.9, 0.4), (2.25, 0.4)]
    plan = Striker(rng, Manner()).keep(beats, 4.0)
    np.testing.assert_allclose(plan.hit_times, [t for t, _ in beats], atol=1e-9)


def test_two_hands_share_all_beats():
    rng = np.random.default_rng(5)
    beats = rhythm(rng, 10.0, (0.12, 0.5))
    left, right = shared(rng, beats, together=0.0)
    assert sorted(left + right) == beats
    assert left
    assert right


@pytest.mark.parametrize("seed", range(4))
def test_springs_report_the_contacts_that_happen(seed):
    spring = Spring(bounce=0.3)
    plan = swing(targets(np.random.default_rng(seed), spring, 30.0), spring, 30.0)
    assert plan.hits
    times = plan.hit_times
    assert (np.diff(times) >= 0.06).all()
    assert (heights(plan, times) < 0.01).all()
    assert (heights(plan, times - 0.02) > heights(plan, times)).all()

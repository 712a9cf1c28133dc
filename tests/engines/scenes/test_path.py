import numpy as np
import pytest

from synchresis.engines.scenes.path import Drift, Path, pulses, ringing


def test_rest_to_rest_is_the_minimum_jerk_movement():
    path = Path(1)
    path.knot(1.0, (2.0,))
    path.knot(3.0, (5.0,))
    x = np.linspace(0, 1, 11)
    expected = 2.0 + 3.0 * (10 * x**3 - 15 * x**4 + 6 * x**5)
    np.testing.assert_allclose(path.at(1.0 + 2.0 * x)[:, 0], expected, atol=1e-12)


def test_it_stands_still_outside_its_knots():
    path = Path(2)
    path.knot(1.0, (2.0, 1.0), after=(9.0, 9.0))
    path.knot(2.0, (3.0, 4.0), before=(1.0, 1.0))
    np.testing.assert_array_equal(path.at(np.array([-5.0, 0.0])), [[2.0, 1.0]] * 2)
    np.testing.assert_array_equal(path.at(np.array([2.0, 9.0])), [[3.0, 4.0]] * 2)


def test_matching_speeds_and_gravity_give_a_parabola():
    gravity, speed = 5.0, 2.0
    flight = 2 * speed / gravity
    path = Path(1)
    path.knot(0.0, (0.0,), before=(0.0,), after=(-speed,), pull=(gravity,))
    path.knot(flight, (0.0,), before=(speed,), pull=(gravity,))
    t = np.linspace(0, flight, 21)
    np.testing.assert_allclose(path.at(t)[:, 0], -speed * t + 0.5 * gravity * t**2, atol=1e-12)


def test_a_contact_turns_the_speed_round():
    path = Path(1)
    path.knot(0.0, (1.0,))
    path.knot(1.0, (0.0,), before=(-3.0,), after=(1.5,))
    path.knot(2.0, (1.0,))
    near = path.at(np.array([1.0 - 1e-6, 1.0, 1.0 + 1e-6]))[:, 0]
    assert near[1] == pytest.approx(0.0, abs=1e-12)
    assert (near[0] - near[1]) / 1e-6 == pytest.approx(3.0, rel=1e-3)
    assert (near[2] - near[1]) / 1e-6 == pytest.approx(1.5, rel=1e-3)


def test_nothing_rings_before_the_blow():
    times = np.linspace(0, 2, 201)
    for wave in (
        ringing(times, np.array([1.0]), 0.5, rate_hz=8.0, decay_s=0.1),
        pulses(times, np.array([1.0]), 0.5, decay_s=0.1),
    ):
        assert not wave[times < 1.0].any()
        assert np.abs(wave[times > 1.0]).max() > 0.1


def test_drift_has_the_size_asked_for_and_no_amplitude_is_exactly_none(rng):
    times = np.linspace(0, 2000, 20001)
    assert Drift.draw(rng, 0.01, (0.3, 4.0)).at(times).std() == pytest.approx(0.01, rel=0.1)
    assert not Drift.draw(rng, 0.0, (0.3, 4.0)).at(times).any()

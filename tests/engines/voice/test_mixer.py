import numpy as np
import pytest

from synchresis.engines.control import Controls
from synchresis.engines.timebase import HOP
from synchresis.engines.voice.mixer import CEILING, KNEE, Mixer
from synchresis.engines.zone import Zone
from synchresis.errors import ParameterError


def controls_at(x: float, y: float = 1.0, *, onset: float = 1.0, zones: int = 1) -> Controls:
    controls = Controls.zeros(zones)
    controls.onset[:] = onset
    controls.x[:] = x
    controls.y[:] = y
    return controls


def settled(mixer: Mixer, x: float, y: float, level: float = 0.1) -> np.ndarray:
    state = mixer.initial_state()
    mono = np.full((1, HOP), level, np.float32)
    for _ in range(6):
        out = mixer.step(mono, controls_at(x, y), state)
    return out[-1].copy()


@pytest.mark.parametrize("x", [0.0, 0.2, 0.5, 0.9, 1.0])
def test_pan_keeps_power_and_follows_place(x: float) -> None:
    left, right = settled(Mixer((Zone(),), master_db=0.0), x, 1.0)
    assert np.hypot(left, right) == pytest.approx(0.1, rel=1e-4)
    assert (left > right) == (x < 0.5) or x == 0.5
    if x == 0.0:
        assert right == pytest.approx(0, abs=1e-6)


def test_far_is_softer_than_near() -> None:
    mixer = Mixer((Zone(),), master_db=0.0)
    near, far = np.hypot(*settled(mixer, 0.5, 1.0)), np.hypot(*settled(mixer, 0.5, 0.0))
    assert 20 * np.log10(far / near) == pytest.approx(-4.0, abs=0.05)


def test_place_is_latched_at_the_onset() -> None:
    mixer = Mixer((Zone(),), master_db=0.0)
    state = mixer.initial_state()
    mono = np.full((1, HOP), 0.1, np.float32)
    for _ in range(6):
        mixer.step(mono, controls_at(0.0), state)
    for _ in range(6):
        out = mixer.step(mono, controls_at(1.0, onset=0.0), state)
    assert out[-1, 1] == pytest.approx(0, abs=1e-6)


def test_pan_takes_at_least_ten_milliseconds() -> None:
    mixer = Mixer((Zone(),), master_db=0.0)
    state = mixer.initial_state()
    mono = np.full((1, HOP), 0.1, np.float32)
    for _ in range(6):
        mixer.step(mono, controls_at(0.0), state)
    out = np.concatenate([mixer.step(mono, controls_at(1.0), state).copy() for _ in range(6)])
    crossed = np.flatnonzero(out[:, 1] > 0.0999)
    assert 480 <= crossed[0] <= 1100
    assert np.abs(np.diff(out, axis=0)).max() < 0.1 / 100


def test_gain_of_zone_and_master() -> None:
    mixer = Mixer((Zone(gain_db=-6.0),), master_db=-12.0)
    assert np.hypot(*settled(mixer, 0.5, 1.0)) == pytest.approx(0.1 * 10 ** (-18 / 20), rel=1e-3)


@pytest.mark.parametrize("level", [0.5, 1.0, 10.0, 1e6])
def test_no_sample_passes_the_ceiling(level: float, rng: np.random.Generator) -> None:
    mixer = Mixer((Zone(), Zone()), master_db=24.0)
    state = mixer.initial_state()
    for _ in range(20):
        mono = (level * rng.standard_normal((2, HOP))).astype(np.float32)
        out = mixer.step(mono, controls_at(rng.random(), zones=2), state)
        assert np.abs(out).max() <= CEILING


def test_below_the_knee_nothing_is_changed() -> None:
    out = settled(Mixer((Zone(),), master_db=0.0), 0.0, 1.0, level=0.7 * KNEE / 0.7)
    assert out[0] == pytest.approx(KNEE, rel=1e-5)


def test_rider_turns_down_within_a_few_milliseconds() -> None:
    mixer = Mixer((Zone(),), master_db=0.0)
    state = mixer.initial_state()
    mono = np.full((1, HOP), 4.0, np.float32)
    for _ in range(3):
        out = mixer.step(mono, controls_at(0.0), state)
    assert out[-1, 0] == pytest.approx(KNEE, rel=0.05)


def test_a_broken_sample_is_silence_and_does_not_stay() -> None:
    mixer = Mixer((Zone(),), master_db=0.0)
    state = mixer.initial_state()
    mono = np.full((1, HOP), 0.1, np.float32)
    mono[0, 10] = np.nan
    mono[0, 11] = np.inf
    out = mixer.step(mono, controls_at(0.5), state)
    assert np.isfinite(out).all()
    assert out[10, 0] == 0
    assert np.isfinite(mixer.step(mono, controls_at(0.5), state)).all()


def test_master_gain_out_of_range_is_refused() -> None:
    with pytest.raises(ParameterError, match=r"master_db=100"):
        Mixer((Zone(),), master_db=100.0)

import numpy as np
import pytest

from synchresis.engines.scenes import sensor
from synchresis.engines.scenes.shot import Conditions, draw_shot


def columns(**changes):
    row = np.zeros(sensor.SENSOR_SIZE, np.float32)
    row[sensor.GAIN] = 1.0
    for name, value in changes.items():
        row[getattr(sensor, name)] = value
    return row


def exposed(picture, row, key=1):
    out = np.empty_like(picture)
    sensor.expose(picture, row, key, out)
    return out


GREY = np.full((48, 64, 1), 0.5, np.float32)


def test_a_clean_sensor_changes_nothing():
    np.testing.assert_allclose(exposed(GREY, columns()), GREY, atol=1e-6)


def test_noise_has_the_size_asked_for_and_follows_its_key():
    big = np.full((240, 320, 1), 0.5, np.float32)
    noise = exposed(big, columns(READ=0.02)) - big
    assert noise.std() == pytest.approx(0.02, rel=0.03)
    assert noise.mean() == pytest.approx(0.0, abs=3e-4)
    np.testing.assert_array_equal(noise, exposed(big, columns(READ=0.02)) - big)
    other = exposed(big, columns(READ=0.02), key=2) - big
    assert abs(np.corrcoef(noise.ravel(), other.ravel())[0, 1]) < 0.02
    rows = noise[:, :, 0]
    assert abs(np.corrcoef(rows[:, 1:].ravel(), rows[:, :-1].ravel())[0, 1]) < 0.02


def test_shot_noise_grows_with_light():
    dark = exposed(np.full((96, 96, 1), 0.04, np.float32), columns(SHOT=0.05)) - 0.04
    bright = exposed(np.full((96, 96, 1), 0.64, np.float32), columns(SHOT=0.05)) - 0.64
    assert bright.std() / dark.std() == pytest.approx(4.0, rel=0.1)


def test_blur_keeps_the_mean_and_softens():
    picture = np.random.default_rng(0).random((48, 64, 1)).astype(np.float32)
    soft = exposed(picture, columns(BLUR=0.25))
    assert soft.mean() == pytest.approx(picture.mean(), abs=3e-3)
    assert soft.std() < 0.6 * picture.std()
    assert exposed(picture, columns(BLUR=-0.08)).std() > picture.std()


def test_vignette_darkens_corners_only():
    picture = exposed(GREY, columns(VIGNETTE=0.5))
    assert picture[24, 32, 0] == pytest.approx(0.5, abs=1e-3)
    assert picture[0, 0, 0] == pytest.approx(0.25, abs=0.02)


def test_the_codec_skips_small_changes_until_a_key_frame():
    basis, coded = sensor.dct_matrix(), np.zeros_like(GREY)
    row = columns(STEP=0.01, SKIP=0.02, KEY=1.0)
    sensor.encode(GREY, row, basis, coded)
    np.testing.assert_allclose(coded, GREY, atol=0.01)
    row[sensor.KEY] = 0.0
    before = coded.copy()
    sensor.encode(GREY + 0.015, row, basis, coded)
    np.testing.assert_array_equal(coded, before)
    sensor.encode(GREY + 0.1, row, basis, coded)
    np.testing.assert_allclose(coded, GREY + 0.1, atol=0.01)


def test_a_coarser_quantiser_loses_more():
    picture = np.random.default_rng(1).random((48, 64, 1)).astype(np.float32)
    errors = []
    for step in (0.005, 0.05, 0.2):
        coded = np.zeros_like(picture)
        sensor.encode(picture, columns(STEP=step, KEY=1.0), sensor.dct_matrix(), coded)
        errors.append(float(np.abs(coded - picture).mean()))
    assert errors[0] < 0.003
    assert errors[0] < errors[1] < errors[2]


def test_no_step_is_no_codec():
    coded = np.zeros_like(GREY)
    sensor.encode(GREY, columns(), sensor.dct_matrix(), coded)
    np.testing.assert_array_equal(coded, GREY)


def shots(**changes):
    conditions = Conditions(fps=(30.0,), fps_weights=(1.0,), **changes)
    return [draw_shot(np.random.default_rng(seed), conditions) for seed in range(40)]


def test_frames_come_at_the_frame_rate_in_order():
    for shot in shots():
        times, shown = shot.clock(300, 0)
        assert (np.diff(times) > 0).all()
        assert times[-1] == pytest.approx(299 / 30.0, abs=0.1)
        assert ((shown >= 0) & (shown <= np.arange(len(times)))).all()


def test_drops_and_repeats_happen_as_often_as_said():
    lossy = [shot for shot in shots(drop=0.2) if shot.drop > 0.05]
    assert lossy
    for shot in lossy:
        times, _ = shot.clock(4000, 0)
        assert 1 - len(times) / 4000 == pytest.approx(shot.drop, abs=0.03)
    stutter = [shot for shot in shots(repeat=0.3, drop=0.0) if shot.repeat > 0.1]
    assert stutter
    for shot in stutter:
        _, shown = shot.clock(4000, 0)
        assert np.mean(shown != np.arange(4000)) == pytest.approx(shot.repeat, abs=0.05)

"""Flow: the stage on motion that is known, and as a stage."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from synchresis.bench.flow_truth import (
    CASES,
    FlowPair,
    draw_pair,
    end_point_error,
    flow_pairs,
    grid_mean,
)
from synchresis.errors import ParameterError
from synchresis.kernels.flow import Flow, FlowField, FlowSettings

SETTINGS = FlowSettings()
ROWS, COLS, WIDTH = SETTINGS.rows, SETTINGS.cols, SETTINGS.width


@pytest.fixture(scope="module")
def pairs() -> list[FlowPair]:
    return list(flow_pairs(per_case=1, seed=5))


def _field(previous: NDArray[np.uint8], current: NDArray[np.uint8]) -> FlowField:
    stage = Flow(SETTINGS)
    state = stage.initial_state()
    stage.step(previous, 1.0, state)
    return stage.step(current, 1.0, state)


def _pixels(previous: NDArray[np.uint8], current: NDArray[np.uint8]) -> NDArray[np.float32]:
    return _field(previous, current).flow * np.float32(WIDTH)


def _pair(pairs: list[FlowPair], case: str) -> FlowPair:
    return next(pair for pair in pairs if pair.case == case)


def _error(pair: FlowPair) -> float:
    truth = grid_mean(pair.flow, ROWS, COLS)
    return end_point_error(_pixels(pair.previous, pair.current), truth)


def _noisy(picture: NDArray[np.uint8], rng: np.random.Generator, noise: float) -> NDArray[np.uint8]:
    grey = picture + rng.normal(0.0, noise, picture.shape)
    return np.clip(np.rint(grey), 0, 255).astype(np.uint8)


@pytest.mark.parametrize(
    ("case", "pixels"),
    [
        ("translation small", 0.06),
        ("translation", 0.12),
        ("translation large", 0.3),
        ("rotation", 0.15),
        ("zoom", 0.15),
        ("objects", 0.45),
        ("sticks", 0.4),
        ("objects, noise", 0.5),
        ("objects, exposure", 0.5),
    ],
)
def test_known_motion_is_found(pairs: list[FlowPair], case: str, pixels: float) -> None:
    assert _error(_pair(pairs, case)) < pixels


def test_pictures_that_stay_give_exactly_zero(pairs: list[FlowPair]) -> None:
    for pair in pairs:
        field = _field(pair.previous, pair.previous)
        for array in (field.flow, field.residual, field.difference, field.motion):
            assert not array.any()


def test_noise_alone_moves_next_to_nothing(pairs: list[FlowPair], rng: np.random.Generator) -> None:
    textured = _pair(pairs, "objects").previous
    for picture in (textured, np.full_like(textured, 120)):
        flow = _pixels(_noisy(picture, rng, 2.0), _noisy(picture, rng, 2.0))
        speed = np.hypot(*flow)
        assert speed.mean() < 0.08 and speed.max() < 0.5


def test_a_change_of_light_alone_moves_next_to_nothing(pairs: list[FlowPair]) -> None:
    picture = _pair(pairs, "objects").previous
    brighter = np.clip(picture * 1.05 + 4, 0, 255).astype(np.uint8)
    field = _field(picture, brighter)
    assert np.hypot(*(field.flow * WIDTH)).mean() < 0.1
    assert field.difference.mean() > 0.02


def test_axes_signs_and_units() -> None:
    rng = np.random.default_rng(3)
    big = cv2.GaussianBlur(rng.uniform(0, 255, (300, 400)).astype(np.float32), (0, 0), 2.5)
    big = np.clip((big - big.mean()) * 4 + 128, 0, 255).astype(np.uint8)
    previous, current = big[30:270, 40:360].copy(), big[28:268, 37:357].copy()
    stage = Flow(SETTINGS)
    state = stage.initial_state()
    stage.step(previous, 0.04, state)
    field = stage.step(current, 0.04, state, aspect=0.5)
    inner = field.flow[:, 3:-3, 3:-3]
    np.testing.assert_allclose(inner[0], 3 / 320 / 0.04, rtol=0.02)
    np.testing.assert_allclose(inner[1], 2 / 240 * 0.5 / 0.04, rtol=0.02)
    np.testing.assert_allclose(field.motion[[0, 3]], inner.mean((1, 2)), rtol=0.01)
    np.testing.assert_allclose(field.motion[[1, 2, 4, 5]], 0.0, atol=0.01)


def test_camera_motion_is_found_behind_moving_objects() -> None:
    case = next(case for case in CASES if case.name == "objects, camera shake")
    for seed in range(3):
        pair = draw_pair(case, np.random.default_rng(seed), 240, 320)
        camera = np.median(pair.flow.reshape(2, -1), axis=1)
        motion = _field(pair.previous, pair.current).motion * WIDTH
        np.testing.assert_allclose(motion[[0, 3]], camera, atol=0.25)


def test_rotation_and_zoom_show_in_the_affine_part(pairs: list[FlowPair]) -> None:
    for case in ("rotation", "zoom"):
        pair = _pair(pairs, case)
        truth = grid_mean(pair.flow, ROWS, COLS)
        x, y = (np.arange(COLS) + 0.5) / COLS - 0.5, (np.arange(ROWS) + 0.5) / ROWS - 0.5
        a = _field(pair.previous, pair.current).motion * WIDTH
        fitted = np.stack(
            [a[0] + a[1] * x + a[2] * y[:, None], a[3] + a[4] * x + a[5] * y[:, None]]
        )
        assert end_point_error(fitted, truth) < 0.15


def test_residual_is_what_motion_does_not_explain(pairs: list[FlowPair]) -> None:
    slid = _pair(pairs, "translation large")
    field = _field(slid.previous, slid.current)
    assert np.median(field.residual) < 0.35 * np.median(field.difference)
    picture = _pair(pairs, "objects").previous
    changed = picture.copy()
    changed[96:128, 160:200] = np.random.default_rng(0).integers(0, 255, (32, 40))
    residual = _field(picture, changed).residual
    assert residual[12:16, 20:25].min() > 0.05 and residual[:8].max() < 0.02


def test_error_is_below_dis_fast(pairs: list[FlowPair]) -> None:
    dis = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    ours, theirs = 0.0, 0.0
    for pair in pairs:
        dense = dis.calc(pair.previous, pair.current, None).transpose(2, 0, 1)
        truth = grid_mean(pair.flow, ROWS, COLS)
        ours += _error(pair)
        theirs += end_point_error(grid_mean(dense, ROWS, COLS), truth)
    assert ours < 0.9 * theirs


def test_mirrored_pictures_give_mirrored_flow(pairs: list[FlowPair]) -> None:
    pair = _pair(pairs, "objects, camera shake")
    flow = _pixels(pair.previous, pair.current)
    swapped = _pixels(pair.previous[:, ::-1].copy(), pair.current[:, ::-1].copy())[..., ::-1]
    gap = np.hypot(swapped[0] + flow[0], swapped[1] - flow[1])
    assert np.quantile(gap, 0.95) < 0.02


def test_first_picture_gives_zero_and_reset_equals_fresh(pairs: list[FlowPair]) -> None:
    stage, pair = Flow(SETTINGS), pairs[1]
    state = stage.initial_state()
    flows = []
    for _ in range(2):
        first = stage.step(pair.previous, 1.0, state)
        assert not first.flow.any() and not first.residual.any() and not first.motion.any()
        flows.append(stage.step(pair.current, 1.0, state).flow.copy())
        stage.reset_state(state)
    np.testing.assert_array_equal(*flows)


def test_only_the_last_two_pictures_count(pairs: list[FlowPair]) -> None:
    stage = Flow(SETTINGS)
    fresh = _field(pairs[3].previous, pairs[3].current)
    state = stage.initial_state()
    for pair in pairs[:3]:
        stage.step(pair.current, 0.1, state)
        stage.step(pair.previous, 0.1, state)
    stage.step(pairs[3].previous, 1.0, state)
    field = stage.step(pairs[3].current, 1.0, state)
    for name in ("flow", "residual", "difference", "motion"):
        np.testing.assert_array_equal(getattr(field, name), getattr(fresh, name))


def test_streams_in_turn_equal_streams_alone(pairs: list[FlowPair]) -> None:
    stage = Flow(SETTINGS)
    states = [stage.initial_state() for _ in range(2)]
    for pair, state in zip(pairs, states, strict=False):
        stage.step(pair.previous, 1.0, state)
    for pair, state in zip(pairs, states, strict=False):
        stage.step(pair.current, 1.0, state)
    for pair, state in zip(pairs, states, strict=False):
        alone = _field(pair.previous, pair.current)
        np.testing.assert_array_equal(state.field.flow, alone.flow)


def test_arrays_are_written_in_place_and_the_picture_is_left_alone(pairs: list[FlowPair]) -> None:
    stage = Flow(SETTINGS)
    state = stage.initial_state()
    field = stage.step(pairs[0].previous, 1.0, state)
    picture = pairs[0].current.copy()
    again = stage.step(picture, 1.0, state)
    assert again is field and field.flow.shape == (2, ROWS, COLS)
    assert field.flow.dtype == field.motion.dtype == np.float32
    np.testing.assert_array_equal(picture, pairs[0].current)


def test_wild_pictures_give_finite_flow(rng: np.random.Generator) -> None:
    stage = Flow(SETTINGS)
    state = stage.initial_state()
    black, white = np.zeros((240, 320), np.uint8), np.full((240, 320), 255, np.uint8)
    noise = [rng.integers(0, 256, (240, 320), dtype=np.uint8) for _ in range(3)]
    for picture in (black, white, *noise, black, noise[0]):
        field = stage.step(picture, 1.0, state)
        for array in (field.flow, field.residual, field.difference, field.motion):
            assert np.isfinite(array).all()


def test_wrong_inputs_are_named() -> None:
    stage = Flow(SETTINGS)
    state = stage.initial_state()
    with pytest.raises(ParameterError, match=r"uint8\[10, 10\] must be uint8\[240, 320\]"):
        stage.step(np.zeros((10, 10), np.uint8), 1.0, state)
    with pytest.raises(ParameterError, match="float64"):
        stage.step(np.zeros((240, 320)), 1.0, state)
    with pytest.raises(ParameterError, match="dt_s=0"):
        stage.step(np.zeros((240, 320), np.uint8), 0, state)
    with pytest.raises(ParameterError, match="square cells"):
        FlowSettings(height=240, width=320, rows=30, cols=20)
    with pytest.raises(ParameterError, match="even"):
        FlowSettings(height=232, width=320, rows=29, cols=40)
    with pytest.raises(ParameterError, match="four numbers"):
        FlowSettings(iterations=(1, 1, 1, 0))

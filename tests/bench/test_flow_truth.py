"""Picture pairs with true flow: the truth is true."""

import cv2
import numpy as np
import pytest

from synchresis.bench.flow_truth import (
    CASES,
    Case,
    FlowPair,
    draw_pair,
    end_point_error,
    flow_pairs,
    grid_mean,
    still,
)

HEIGHT, WIDTH = 120, 160


def _draw(name: str, seed: int = 0) -> FlowPair:
    case = next(case for case in CASES if case.name == name)
    return draw_pair(case, np.random.default_rng(seed), HEIGHT, WIDTH)


def _warped_back(pair: FlowPair) -> np.ndarray:
    rows, cols = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    map_x, map_y = cols + pair.flow[0], rows + pair.flow[1]
    return cv2.remap(pair.current, map_x, map_y, cv2.INTER_LINEAR)


@pytest.mark.parametrize("name", ["translation large", "rotation", "zoom", "objects fast"])
def test_true_flow_leads_back_to_the_picture_before(name: str) -> None:
    pair = _draw(name)
    inner = slice(14, -14), slice(14, -14)
    before = pair.previous.astype(float)[inner]
    explained = np.abs(_warped_back(pair).astype(float)[inner] - before)
    unexplained = np.abs(pair.current.astype(float)[inner] - before)
    assert np.median(explained) < 4
    assert explained.mean() < 0.8 * unexplained.mean()


def test_background_of_a_still_camera_does_not_move() -> None:
    flow = _draw("objects", 3).flow
    moving = np.hypot(*flow) > 0
    assert 0.02 < moving.mean() < 0.8


def test_drawing_follows_the_seed_and_the_size() -> None:
    first, again = (list(flow_pairs(height=HEIGHT, width=WIDTH, per_case=1)) for _ in range(2))
    assert len(first) == len(CASES)
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one.current, other.current)
        assert one.flow.shape == (2, HEIGHT, WIDTH)
    assert not np.array_equal(
        first[0].previous, next(flow_pairs(per_case=1, seed=1)).previous[:120, :160]
    )


def test_nothing_moves_without_motion() -> None:
    pair = draw_pair(Case("still", still, noise=0.0), np.random.default_rng(0), HEIGHT, WIDTH)
    assert not pair.flow.any()
    np.testing.assert_array_equal(pair.previous, pair.current)


def test_grid_mean_and_error() -> None:
    plane = np.arange(2 * 4 * 6, dtype=np.float32).reshape(2, 4, 6)
    cells = grid_mean(plane, 2, 3)
    assert cells[0, 0, 0] == plane[0, :2, :2].mean() and cells[1, 1, 2] == plane[1, 2:, 4:].mean()
    assert end_point_error(cells + np.array([3.0, 4.0])[:, None, None], cells) == pytest.approx(5)

import numpy as np
import pytest

from synchresis.engines.scenes import primitives as at
from synchresis.engines.scenes import raster
from synchresis.engines.scenes.atlas import HELD_BACK, atlas
from synchresis.engines.scenes.primitives import Canvas, Look
from synchresis.engines.scenes.render import grey_look
from synchresis.engines.scenes.shot import row_weights

HEIGHT, WIDTH, ASPECT = 120, 160, 0.75
STAND = np.array([[0.0, 0.0, 1.0, 0.0]], np.float32)
WHITE = Look(colour=(1.0, 1.0, 1.0), amplitude=0.0, shade=0.0)


def drawn(canvas, camera=STAND, weights=None):
    pose, look = canvas.finished()
    camera = np.repeat(camera, len(pose), axis=0) if len(camera) == 1 else camera
    weights = (
        np.full((len(pose), HEIGHT), 1 / len(pose), np.float32) if weights is None else weights
    )
    base, out = np.zeros((2, HEIGHT, WIDTH, 1), np.float32)
    raster.draw(
        pose, grey_look(look), camera.astype(np.float32), weights, ASPECT, atlas(), base, 0, out
    )
    return out[:, :, 0]


def canvas(samples=1):
    return Canvas(samples, (0.6, -0.8))


def area(picture):
    return picture.sum() / (HEIGHT * WIDTH) * ASPECT


@pytest.mark.parametrize("angle", [0.0, 0.7, 2.0])
def test_shapes_cover_their_area(angle):
    for draw, expected in (
        (lambda c: c.ellipse((0.02, 0.01), (0.2, 0.1), WHITE, angle=angle), np.pi * 0.2 * 0.1),
        (lambda c: c.box((0.02, 0.01), (0.2, 0.1), WHITE, angle=angle, corner=0.0), 0.4 * 0.2),
    ):
        board = canvas()
        draw(board)
        assert area(drawn(board)) == pytest.approx(expected, rel=0.02)


def test_a_capsule_reaches_from_end_to_end():
    board = canvas()
    start, end = np.array([-0.2, 0.1]), np.array([0.25, -0.05])
    board.capsule(start, end, (0.03, 0.03), WHITE)
    length = float(np.hypot(*(end - start)))
    assert area(drawn(board)) == pytest.approx(0.06 * length + np.pi * 0.03**2, rel=0.03)


def test_the_centre_of_a_shape_lies_where_it_was_put():
    board = canvas()
    board.ellipse((0.13, -0.21), (0.06, 0.04), WHITE)
    picture = drawn(board)
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    x = (picture * (columns + 0.5)).sum() / picture.sum() / WIDTH - 0.5
    y = ((picture * (rows + 0.5)).sum() / picture.sum() / HEIGHT - 0.5) * ASPECT
    assert (x, y) == pytest.approx((0.13, -0.21), abs=0.002)


def test_the_camera_moves_zooms_and_rolls_the_picture():
    board = canvas()
    board.ellipse((0.2, 0.0), (0.05, 0.05), WHITE)
    centred = drawn(board, np.array([[0.2, 0.0, 1.0, 0.0]]))
    assert centred[HEIGHT // 2, WIDTH // 2] == pytest.approx(1.0)
    closer = drawn(board, np.array([[0.2, 0.0, 0.5, 0.0]]))
    assert area(closer) == pytest.approx(4 * area(centred), rel=0.03)
    rolled = drawn(board, np.array([[0.0, 0.0, 0.0, 1.0]]))
    assert rolled[int(HEIGHT / 2 - 0.2 / ASPECT * HEIGHT), WIDTH // 2] == pytest.approx(1.0)


def test_texture_moves_with_its_object():
    look = Look(colour=(0.5, 0.5, 0.5), texture=5, amplitude=0.8, scale=2.0, shade=0.0)
    pictures = []
    for x in (-0.1, -0.1 + 24 / WIDTH):
        board = canvas()
        board.box((x, 0.0), (0.2, 0.2), look, corner=0.0)
        pictures.append(drawn(board))
    inner = pictures[0][40:80, 45:85]
    assert inner.std() > 0.05
    np.testing.assert_allclose(pictures[1][40:80, 69:109], inner, atol=2e-3)


def test_shadows_darken_and_lights_add():
    board = canvas()
    board.box((0.0, 0.0), (1.0, 1.0), Look(colour=(0.5,) * 3, amplitude=0.0, shade=0.0))
    board.ellipse((-0.2, 0.0), (0.1, 0.1), Look(amplitude=0.0, add=0.0), alpha=0.4)
    light = Look(colour=(1.0,) * 3, amplitude=0.0, shade=0.0, cover=0.0)
    board.ellipse((0.2, 0.0), (0.1, 0.1), light, alpha=0.3)
    picture = drawn(board)
    assert picture[60, 48] == pytest.approx(0.3, abs=1e-4)
    assert picture[60, 112] == pytest.approx(0.8, abs=1e-4)
    assert picture[5, 5] == pytest.approx(0.5, abs=1e-4)


def test_motion_blurs_over_the_sub_times():
    board = canvas(4)
    x = np.array([-0.15, -0.05, 0.05, 0.15])
    board.ellipse(np.stack([x, np.zeros(4)], 1), (0.04, 0.04), WHITE)
    picture = drawn(board)
    for centre in x:
        assert picture[60, int((centre + 0.5) * WIDTH)] == pytest.approx(0.25, abs=0.01)


def test_a_rolling_shutter_shows_lower_rows_later():
    weights = row_weights(8, HEIGHT, 0.004, 0.028)
    np.testing.assert_allclose(weights.sum(0), 1.0, atol=1e-5)
    board = canvas(8)
    x = np.linspace(-0.3, 0.3, 8)
    board.box(np.stack([x, np.zeros(8)], 1), (0.02, 0.5), WHITE, corner=0.0)
    picture = drawn(board, weights=weights)
    columns = np.arange(WIDTH)
    top = (picture[5] * columns).sum() / picture[5].sum()
    bottom = (picture[-5] * columns).sum() / picture[-5].sum()
    assert bottom - top > 0.4 * WIDTH


def test_the_kept_base_changes_nothing():
    board = canvas()
    for k in range(5):
        board.box((0.05 * k - 0.1, 0.0), (0.1, 0.05), Look(texture=k), angle=0.3 * k)
    pose, look = board.finished()
    look, weights = grey_look(look), np.ones((1, HEIGHT), np.float32)
    fresh, kept = np.zeros((2, HEIGHT, WIDTH, 1), np.float32)
    base = np.zeros_like(fresh)
    raster.draw(pose, look, STAND, weights, ASPECT, atlas(), base, 0, fresh)
    short = np.zeros_like(fresh)
    raster.draw(pose[:, :3], look[:3], STAND, weights, ASPECT, atlas(), base, 0, short)
    raster.draw(pose, look, STAND, weights, ASPECT, atlas(), base, 3, kept)
    np.testing.assert_array_equal(kept, fresh)


def test_the_base_is_drawn_anew_when_something_in_it_starts_to_move():
    board = canvas(2)
    for k in range(3):
        board.box((0.1 * k - 0.1, 0.0), (0.1, 0.05), Look(texture=k), angle=0.3 * k)
    pose, look = board.finished()
    look, weights = grey_look(look), np.full((2, HEIGHT), 0.5, np.float32)
    camera = np.repeat(STAND, 2, axis=0)
    base, out, fresh = np.zeros((3, HEIGHT, WIDTH, 1), np.float32)
    kept = raster.draw(pose, look, camera, weights, ASPECT, atlas(), base, 0, out)
    assert kept == 3
    pose[1, 1, at.CX] += 0.1
    raster.draw(pose, look, camera, weights, ASPECT, atlas(), base, kept, out)
    raster.draw(pose, look, camera, weights, ASPECT, atlas(), np.zeros_like(base), 0, fresh)
    np.testing.assert_array_equal(out, fresh)


def test_atlas_layers_are_periodic_noise_of_one_size():
    layers = atlas()
    assert layers.shape == (24, 256, 256)
    assert np.abs(layers).max() <= 1.0
    assert (layers.std((1, 2)) > 0.1).all()
    assert np.abs(layers.mean((1, 2))).max() < 0.08
    for layer in layers[[0, 1, 2, 3]]:
        seam = np.abs(layer[:, 0] - layer[:, -1]).mean()
        assert seam < 1.5 * np.abs(np.diff(layer, axis=1)).mean()
    assert max(HELD_BACK) < len(layers)


def test_layout_columns_are_all_used():
    assert at.GROW == at.POSE_SIZE - 1
    assert at.ADD == at.LOOK_SIZE - 1

"""Scenes filmed askew: picture and truth go together."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from synchresis.engines.scenes.world import SimSettings, simulate  # noqa: E402
from synchresis.engines.training.motion.askew import STRETCH, Skew  # noqa: E402
from synchresis.engines.training.motion.film import film  # noqa: E402

ROWS, COLS = 120, 160


def spot(x: float, y: float) -> "torch.Tensor":
    """Pictures uint8[2, 120, 160] with a bright square round a place."""
    picture = torch.zeros((2, ROWS, COLS), dtype=torch.uint8)
    col, row = round(x * COLS), round(y * ROWS)
    picture[:, row - 2 : row + 2, col - 2 : col + 2] = 255
    return picture


@pytest.mark.parametrize("seed", range(12))
def test_truth_moves_as_the_picture_does(seed: int) -> None:
    skew = Skew.draw(np.random.default_rng(seed), 0.75, 1.0)
    told = skew.places(np.array([0.55, 0.45]))
    seen = skew.picture(spot(0.55, 0.45))[0].double()
    x = float((seen.sum(0) * (torch.arange(COLS) + 0.5)).sum() / seen.sum() / COLS)
    y = float((seen.sum(1) * (torch.arange(ROWS) + 0.5)).sum() / seen.sum() / ROWS)
    assert (x, y) == pytest.approx(tuple(told), abs=0.01)


@pytest.mark.parametrize("seed", range(8))
def test_pictures_are_turned_in_the_world(seed: int) -> None:
    """Right angles stay right, whatever the shape of the picture."""
    skew = Skew.draw(np.random.default_rng(seed), 0.5, 1.0)
    square = np.diag([1.0, 0.5])
    world = square @ skew.matrix @ np.linalg.inv(square)
    rows = world @ world.T
    assert rows[0, 1] == pytest.approx(0.0, abs=1e-9)
    assert STRETCH**-4 - 1e-9 <= rows[0, 0] / rows[1, 1] <= STRETCH**4 + 1e-9


def test_none_askew_changes_nothing_and_all_do() -> None:
    worlds = [simulate(5, SimSettings(frames=6, families=("stick",)))]
    cpu = torch.device("cpu")
    plain, askew = film(worlds, cpu), film(worlds, cpu, askew=1.0)
    assert torch.equal(plain.pixels, film(worlds, cpu, askew=0.0).pixels)
    assert torch.equal(askew.pixels, film(worlds, cpu, askew=1.0).pixels)
    assert not torch.equal(plain.pixels, askew.pixels)
    assert not torch.equal(plain.flow, askew.flow)
    assert torch.equal(plain.event_s, askew.event_s)

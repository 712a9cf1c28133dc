import numpy as np

from synchresis.engines.teach.palette_search import search


def test_finds_the_bottom_of_a_bent_bowl(rng: np.random.Generator) -> None:
    goal = rng.standard_normal(8)
    bend = np.diag(np.linspace(1, 20, 8))

    def cost(points: np.ndarray) -> np.ndarray:
        off = points - goal
        return np.einsum("ki,ij,kj->k", off, bend, off)

    found = search(
        cost,
        np.zeros(8),
        np.ones(8),
        population=16,
        keep_going=lambda generation: generation < 120,
        rng=rng,
    )
    assert found.cost < 1e-3 * cost(np.zeros((1, 8)))[0]
    np.testing.assert_allclose(found.point, goal, atol=0.1)
    assert found.tried == 1 + 120 * 16


def test_no_time_gives_the_start(rng: np.random.Generator) -> None:
    found = search(
        lambda points: (points**2).sum(1),
        np.full(3, 2.0),
        np.ones(3),
        population=8,
        keep_going=lambda _: False,
        rng=rng,
    )
    np.testing.assert_array_equal(found.point, np.full(3, 2.0))
    assert found.cost == 12.0

"""Search for an embedding without gradients: a small CMA-ES (Hansen 2016), NumPy only."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]

Cost = Callable[[Doubles], Doubles]
"""Cost of candidates: float64[K, D] → float64[K]."""


@dataclass
class Found:
    """Best point, its cost, and how many were tried."""

    point: Doubles
    cost: float
    tried: int


@dataclass(frozen=True)
class _Rates:
    """Constants of the method for a dimension and a number of parents (Hansen 2016, table 1)."""

    weights: Doubles
    mass: float
    path: float
    step: float
    one: float
    rank: float
    damping: float
    usual: float

    @classmethod
    def of(cls, size: int, parents: int) -> "_Rates":
        weights = math.log(parents + 0.5) - np.log(np.arange(1, parents + 1))
        weights /= weights.sum()
        mass = 1 / float((weights**2).sum())
        step = (mass + 2) / (size + mass + 5)
        one = 2 / ((size + 1.3) ** 2 + mass)
        return cls(
            weights=weights,
            mass=mass,
            path=4 / (size + 4),
            step=step,
            one=one,
            rank=min(1 - one, 2 * (mass - 2 + 1 / mass) / ((size + 2) ** 2 + mass)),
            damping=1 + step + 2 * max(0.0, math.sqrt((mass - 1) / (size + 1)) - 1),
            usual=math.sqrt(size) * (1 - 1 / (4 * size) + 1 / (21 * size**2)),
        )


class _Cloud:
    """Where points are drawn: a normal distribution that follows the better ones."""

    def __init__(self, size: int, parents: int) -> None:
        self._rates = _Rates.of(size, parents)
        self._mean, self._step, self._covariance = np.zeros(size), 0.5, np.eye(size)
        self._path, self._step_path = np.zeros(size), np.zeros(size)

    def draw(self, count: int, rng: np.random.Generator) -> Doubles:
        """Points float64[count, D]."""
        values, axes = np.linalg.eigh(self._covariance)
        root = axes * np.sqrt(np.maximum(values, 1e-12))
        moves = rng.standard_normal((count, len(self._mean))) @ root.T
        points: Doubles = self._mean + self._step * moves
        return points

    def follow(self, best: Doubles) -> None:
        """Move towards the parents, best first: float64[parents, D]."""
        r = self._rates
        moves = (best - self._mean) / self._step
        move = r.weights @ moves
        self._mean = self._mean + self._step * move
        values, axes = np.linalg.eigh(self._covariance)
        whitened = axes @ ((axes.T @ move) / np.sqrt(np.maximum(values, 1e-12)))
        self._step_path *= 1 - r.step
        self._step_path += math.sqrt(r.step * (2 - r.step) * r.mass) * whitened
        self._path *= 1 - r.path
        self._path += math.sqrt(r.path * (2 - r.path) * r.mass) * move
        rank = (r.weights[:, None, None] * _outer(moves)).sum(axis=0)
        self._covariance *= 1 - r.one - r.rank
        self._covariance += r.one * np.outer(self._path, self._path) + r.rank * rank
        length = float(np.linalg.norm(self._step_path)) / r.usual
        self._step *= math.exp((r.step / r.damping) * (length - 1))


def search(
    cost: Cost,
    start: Doubles,
    spread: Doubles,
    *,
    population: int,
    keep_going: Callable[[int], bool],
    rng: np.random.Generator,
) -> Found:
    """Minimise a cost from a starting point.

    Args:
        cost: of a batch of points.
        start: float64[D].
        spread: float64[D], how far each coordinate may matter at first.
        population: points per generation.
        keep_going: asked with the generation's number before each.
        rng: draws the points.

    Returns:
        The best point seen, the start included.
    """
    parents = population // 2
    cloud = _Cloud(len(start), parents)
    best = Found(start.copy(), float(cost(start[None])[0]), 1)
    generation = 0
    while keep_going(generation):
        drawn = cloud.draw(population, rng)
        points = start + spread * drawn
        costs = cost(points)
        order = np.argsort(costs)[:parents]
        tried = best.tried + population
        if costs[order[0]] < best.cost:
            best = Found(points[order[0]].copy(), float(costs[order[0]]), tried)
        best.tried = tried
        cloud.follow(drawn[order])
        generation += 1
    return best


def _outer(rows: Doubles) -> Doubles:
    """Outer product of each row with itself: [K, D, D]."""
    products: Doubles = rows[:, :, None] * rows[:, None, :]
    return products

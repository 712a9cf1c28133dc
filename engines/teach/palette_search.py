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
    size = len(start)
    parents = population // 2
    weights = math.log(parents + 0.5) - np.log(np.arange(1, parents + 1))
    weights /= weights.sum()
    mass = 1 / float((weights**2).sum())
    c_path, c_step = 4 / (size + 4), (mass + 2) / (size + mass + 5)
    c_one = 2 / ((size + 1.3) ** 2 + mass)
    c_rank = min(1 - c_one, 2 * (mass - 2 + 1 / mass) / ((size + 2) ** 2 + mass))
    damping = 1 + c_step + 2 * max(0.0, math.sqrt((mass - 1) / (size + 1)) - 1)
    usual = math.sqrt(size) * (1 - 1 / (4 * size) + 1 / (21 * size**2))
    mean, step, covariance = np.zeros(size), 0.5, np.eye(size)
    path, step_path = np.zeros(size), np.zeros(size)
    best = Found(start.copy(), float(cost(start[None])[0]), 1)
    generation = 0
    while keep_going(generation):
        values, axes = np.linalg.eigh(covariance)
        root = axes * np.sqrt(np.maximum(values, 1e-12))
        draws = rng.standard_normal((population, size))
        moves = draws @ root.T
        points = start + spread * (mean + step * moves)
        costs = cost(points)
        order = np.argsort(costs)[:parents]
        if costs[order[0]] < best.cost:
            best = Found(points[order[0]].copy(), float(costs[order[0]]), best.tried)
        best.tried += population
        move = weights @ moves[order]
        mean = mean + step * move
        whitened = axes @ ((axes.T @ move) / np.sqrt(np.maximum(values, 1e-12)))
        step_path = (1 - c_step) * step_path + math.sqrt(c_step * (2 - c_step) * mass) * whitened
        path = (1 - c_path) * path + math.sqrt(c_path * (2 - c_path) * mass) * move
        rank = (weights[:, None, None] * _outer(moves[order])).sum(axis=0)
        covariance = (1 - c_one - c_rank) * covariance + c_one * np.outer(path, path)
        covariance += c_rank * rank
        step *= math.exp((c_step / damping) * (float(np.linalg.norm(step_path)) / usual - 1))
        generation += 1
    return best


def _outer(rows: Doubles) -> Doubles:
    """Outer product of each row with itself: [K, D, D]."""
    products: Doubles = rows[:, :, None] * rows[:, None, :]
    return products

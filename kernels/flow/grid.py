"""Equations on the grid: shared between neighbours, coupled, solved.

Planes carry a border of one cell on every side, so that a neighbour is a constant number of places
away in the flattened plane; what stands in the border never counts.
"""

import numba
import numpy as np

from synchresis.kernels.flow.pictures import SAFE_MATH, Floats
from synchresis.kernels.flow.settings import LARGEST_STEP, PRIOR, SWEEPS

EQUATIONS = 9
"""Planes of equations: fit, fit·S (2), fit·q, fit·H (3), fit·p (2)."""

_ONE = np.float32(1.0)
_PRIOR = np.float32(PRIOR)
_STEP = np.float32(LARGEST_STEP)
_BELL = np.outer([1.0, 2.0, 1.0], [1.0, 2.0, 1.0]).astype(np.float32) / np.float32(16.0)


@numba.njit(nogil=True, cache=True, fastmath=SAFE_MATH, error_model="numpy")
def weigh_neighbours(d: Floats, reach: float, alike: Floats) -> None:
    """Write how much each of the 3×3 neighbours counts.

    Args:
        d: float32[2, R + 2, C + 2], displacements.
        reach: pixels of difference at which a neighbour counts half.
        alike: float32[9, R + 2, C + 2], written; 0 towards the border.
    """
    rows, cols = d.shape[1] - 2, d.shape[2] - 2
    sharpness = np.float32(1.0 / (reach * reach))
    for i in range(3):
        for j in range(3):
            bell = _BELL[i, j]
            for r in range(rows):
                dx, dy = d[0, r + 1, 1 : 1 + cols], d[1, r + 1, 1 : 1 + cols]
                nx, ny = d[0, r + i, j : j + cols], d[1, r + i, j : j + cols]
                out = alike[3 * i + j, r + 1, 1 : 1 + cols]
                for c in range(cols):
                    gap = (nx[c] - dx[c]) * (nx[c] - dx[c]) + (ny[c] - dy[c]) * (ny[c] - dy[c])
                    out[c] = bell / (_ONE + sharpness * gap)
    for k in range(3):
        alike[k, 1] = np.float32(0.0)
        alike[6 + k, rows] = np.float32(0.0)
        alike[3 * k, :, 1] = np.float32(0.0)
        alike[3 * k + 2, :, cols] = np.float32(0.0)


@numba.njit(nogil=True, cache=True, fastmath=SAFE_MATH, error_model="numpy")
def share_equations(equations: Floats, alike: Floats, total: Floats) -> None:
    """Sum the neighbours' equations: float32[9, R + 2, C + 2] each."""
    wide = equations.shape[2]
    first, size = wide + 1, equations.shape[1] * wide - 2 * wide - 2
    for n in range(EQUATIONS):
        plane = equations[n].reshape(-1)
        out = total[n].reshape(-1)[first : first + size]
        out[:] = np.float32(0.0)
        for k in range(9):
            weight = alike[k].reshape(-1)[first : first + size]
            start = first + (k // 3 - 1) * wide + k % 3 - 1
            values = plane[start : start + size]
            for p in range(size):
                out[p] += weight[p] * values[p]


@numba.njit(nogil=True, cache=True, fastmath=SAFE_MATH, error_model="numpy")
def eliminate(total: Floats, alike: Floats, coupling: float, trust: Floats) -> None:
    """Turn the summed equations, in place, into those of the coupled problem.

    Brightness is eliminated; planes 4 to 6 become the inverse of A + λ + α Σ w (xx, xy, yy), planes
    7 and 8 the right-hand side b. `trust` float32[R, C] becomes det A / trace A.
    """
    rows, cols = trust.shape
    strength = np.float32(coupling)
    for r in range(1, rows + 1):
        for c in range(1, cols + 1):
            share = _ONE / total[0, r, c]
            sx, sy, q = total[1, r, c], total[2, r, c], total[3, r, c] * share
            xx = total[4, r, c] - sx * sx * share
            xy = total[5, r, c] - sx * sy * share
            yy = total[6, r, c] - sy * sy * share
            trust[r - 1, c - 1] = (xx * yy - xy * xy) / (xx + yy + np.float32(1e-9))
            others = np.float32(0.0)
            for k in range(9):
                others += alike[k, r, c]
            diagonal = _PRIOR + strength * (others - alike[4, r, c])
            xx, yy = xx + diagonal, yy + diagonal
            inverse = _ONE / (xx * yy - xy * xy)
            total[4, r, c], total[5, r, c], total[6, r, c] = (
                yy * inverse,
                -xy * inverse,
                xx * inverse,
            )
            total[7, r, c] -= sx * q
            total[8, r, c] -= sy * q


@numba.njit(nogil=True, cache=True, fastmath=SAFE_MATH, error_model="numpy")
def couple(
    total: Floats, alike: Floats, coupling: float, start: Floats, d: Floats, work: Floats
) -> None:
    """Sweep over the grid and step the displacements `d` in place.

    Args:
        total: what `eliminate` left.
        alike: the neighbours' weights.
        coupling: pull of neighbours on each other.
        start: float32[2, R + 2, C + 2], displacements at the level's start.
        d: float32[2, R + 2, C + 2], changed.
        work: float32[4, R + 2, C + 2]: two pairs of planes to sweep between.
    """
    rows, cols = d.shape[1] - 2, d.shape[2] - 2
    work[0:2] = d
    for sweep in range(SWEEPS):
        source, target = (0, 2) if sweep % 2 == 0 else (2, 0)
        for r in range(1, rows + 1):
            _sweep_row(total, alike, np.float32(coupling), start, work, (r, source, target))
    last = 0 if SWEEPS % 2 == 0 else 2
    for axis in range(2):
        for r in range(1, rows + 1):
            for c in range(1, cols + 1):
                step = work[last + axis, r, c] - d[axis, r, c]
                d[axis, r, c] += min(max(step, -_STEP), _STEP)


@numba.njit(nogil=True, cache=True, fastmath=SAFE_MATH, error_model="numpy")
def _sweep_row(
    total: Floats,
    alike: Floats,
    coupling: np.float32,
    start: Floats,
    work: Floats,
    places: tuple[int, int, int],
) -> None:
    r, source, target = places
    cols = work.shape[2] - 2
    for c in range(1, cols + 1):
        x, y = np.float32(0.0), np.float32(0.0)
        for i in range(3):
            for j in range(3):
                if i != 1 or j != 1:
                    weight = alike[3 * i + j, r, c]
                    x += weight * work[source, r + i - 1, c + j - 1]
                    y += weight * work[source + 1, r + i - 1, c + j - 1]
        bx = total[7, r, c] + _PRIOR * start[0, r, c] + coupling * x
        by = total[8, r, c] + _PRIOR * start[1, r, c] + coupling * y
        work[target, r, c] = total[4, r, c] * bx + total[5, r, c] * by
        work[target + 1, r, c] = total[5, r, c] * bx + total[6, r, c] * by


@numba.njit(nogil=True, cache=True, fastmath=SAFE_MATH, error_model="numpy")
def refine_grid(coarse: Floats, fine: Floats) -> None:
    """Double displacements linearly to a grid of twice the size, values doubled: pixels halve.

    Args:
        coarse: float32[2, R + 2, C + 2]; its border is overwritten by its edge.
        fine: float32[2, 2 R + 2, 2 C + 2], written.
    """
    rows, cols = coarse.shape[1] - 2, coarse.shape[2] - 2
    near, far = np.float32(0.75), np.float32(0.25)
    for axis in range(2):
        plane = coarse[axis]
        plane[0], plane[rows + 1] = plane[1], plane[rows]
        plane[:, 0], plane[:, cols + 1] = plane[:, 1], plane[:, cols]
        for r in range(2 * rows):
            home = r // 2 + 1
            other = home + 2 * (r % 2) - 1
            for c in range(2 * cols):
                mine = c // 2 + 1
                next_one = mine + 2 * (c % 2) - 1
                here = near * plane[home, mine] + far * plane[other, mine]
                there = near * plane[home, next_one] + far * plane[other, next_one]
                fine[axis, r + 1, c + 1] = np.float32(2.0) * (near * here + far * there)

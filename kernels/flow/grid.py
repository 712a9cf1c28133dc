"""Equations on the grid: shared between neighbours, coupled, solved.

Planes of R × C cells have a border of one cell on every side and are flattened to
N = (R + 2)(C + 2) numbers: cell (r, c) lies at (r + 1)(C + 2) + c + 1, and each neighbour lies a
constant number of places away. What stands in the border is finite and never counts.
"""

import numpy as np

from synchresis.kernels.compiled import compiled
from synchresis.kernels.flow.pictures import Floats
from synchresis.kernels.flow.settings import LARGEST_STEP, PRIOR, SWEEPS

EQUATIONS = 9
"""Planes of equations: fit, fit·S (2), fit·q, fit·H (3), fit·p (2)."""

_ZERO = np.float32(0.0)
_ONE = np.float32(1.0)
_LITTLE = np.float32(1e-9)
_TINY = np.float32(1e-30)
"""Keeps the border, where all sums are 0, from becoming NaN."""

_PRIOR = np.float32(PRIOR)
_STEP = np.float32(LARGEST_STEP)
_BELL = np.outer([1.0, 2.0, 1.0], [1.0, 2.0, 1.0]).reshape(9).astype(np.float32) / np.float32(16.0)


@compiled
def weigh_neighbours(d: Floats, shape: tuple[int, int], reach: float, alike: Floats) -> None:
    """Write how much each of the 3×3 neighbours counts.

    Args:
        d: float32[2, N], displacements.
        shape: R and C.
        reach: pixels of difference at which a neighbour counts half.
        alike: float32[9, N], written; 0 towards the border.
    """
    rows, cols = shape
    wide = cols + 2
    sharpness = np.float32(1.0 / (reach * reach))
    first, size = wide + 1, rows * wide - 2
    x, y = d[0, first : first + size], d[1, first : first + size]
    for k in range(9):
        bell, start = _BELL[k], first + (k // 3 - 1) * wide + k % 3 - 1
        out = alike[k, first : first + size]
        other_x, other_y = d[0, start : start + size], d[1, start : start + size]
        for p in range(size):
            gap_x, gap_y = other_x[p] - x[p], other_y[p] - y[p]
            out[p] = bell / (_ONE + sharpness * (gap_x * gap_x + gap_y * gap_y))
    _forget_border(alike, rows, cols)


@compiled
def _forget_border(alike: Floats, rows: int, cols: int) -> None:
    """Zero the weights of neighbours outside the grid, and those of the border's own cells."""
    wide = cols + 2
    for k in range(9):
        plane = alike[k]
        for r in range(rows + 2):
            plane[r * wide], plane[r * wide + cols + 1] = _ZERO, _ZERO
            if k % 3 == 0:
                plane[r * wide + 1] = _ZERO
            if k % 3 == 2:
                plane[r * wide + cols] = _ZERO
        for c in range(wide):
            if k < 3:
                plane[wide + c] = _ZERO
            if k > 5:
                plane[rows * wide + c] = _ZERO


@compiled
def add_neighbours(alike: Floats, values: Floats, wide: int, out: Floats) -> None:
    """Add the weighted 3×3 neighbours of `values` float32[N] to `out` float32[N]."""
    first, size = wide + 1, len(values) - 2 * wide - 2
    inner = out[first : first + size]
    for i in range(3):
        before = alike[3 * i, first : first + size]
        same = alike[3 * i + 1, first : first + size]
        after = alike[3 * i + 2, first : first + size]
        row = values[first + (i - 1) * wide - 1 : first + (i - 1) * wide + 1 + size]
        for p in range(size):
            inner[p] += before[p] * row[p] + same[p] * row[p + 1] + after[p] * row[p + 2]


@compiled
def share_equations(equations: Floats, alike: Floats, wide: int, total: Floats) -> None:
    """Sum the neighbours' equations: float32[9, N] each."""
    for n in range(EQUATIONS):
        plane = total[n]
        for p in range(len(plane)):
            plane[p] = _ZERO
        add_neighbours(alike, equations[n], wide, plane)


@compiled
def eliminate(total: Floats, alike: Floats, coupling: float, start: Floats, trust: Floats) -> None:
    """Turn the summed equations, in place, into those of the coupled problem.

    Brightness is eliminated; planes 4 to 6 of `total` become the inverse of A + λ + α Σ w (xx, xy,
    yy), planes 7 and 8 the right-hand side b + λ z₀; `alike` becomes α·w without the middle.

    Args:
        total: float32[9, N].
        alike: float32[9, N].
        coupling: α.
        start: float32[2, N], z₀.
        trust: float32[R, C], written: det A / trace A.
    """
    size = total.shape[1]
    share, q = total[0], total[3]
    for p in range(size):
        share[p] = _ONE / (share[p] + _TINY)
        q[p] *= share[p]
    for axis in range(2):
        slope, right, begin = total[1 + axis], total[7 + axis], start[axis]
        for p in range(size):
            right[p] += _PRIOR * begin[p] - slope[p] * q[p]
    for k in range(3):
        matrix, first, second = total[4 + k], total[1 + k // 2], total[1 + (k + 1) // 2]
        for p in range(size):
            matrix[p] -= first[p] * second[p] * share[p]
    _note_trust(total, trust)
    for p in range(size):
        q[p] = _PRIOR
    for k in range(9):
        weights, strength = alike[k], _ZERO if k == 4 else np.float32(coupling)
        for p in range(size):
            weights[p] *= strength
            q[p] += weights[p]
    xx, xy, yy = total[4], total[5], total[6]
    for p in range(size):
        a, b = xx[p] + q[p], yy[p] + q[p]
        inverse = _ONE / (a * b - xy[p] * xy[p])
        xx[p], xy[p], yy[p] = b * inverse, -xy[p] * inverse, a * inverse


@compiled
def _note_trust(total: Floats, trust: Floats) -> None:
    """Write det A / trace A of planes 4 to 6 to float32[R, C]."""
    rows, cols = trust.shape
    for r in range(rows):
        first = (r + 1) * (cols + 2) + 1
        xx, xy = total[4, first : first + cols], total[5, first : first + cols]
        yy, out = total[6, first : first + cols], trust[r]
        for c in range(cols):
            out[c] = (xx[c] * yy[c] - xy[c] * xy[c]) / (xx[c] + yy[c] + _LITTLE)


@compiled
def couple(total: Floats, alike: Floats, wide: int, d: Floats, work: Floats) -> None:
    """Sweep over the grid, from the displacements `d` on, and step them in place.

    Args:
        total: float32[9, N], what `eliminate` left.
        alike: float32[9, N], alike.
        wide: C + 2.
        d: float32[2, N], changed.
        work: float32[4, N]: swept displacements, then right-hand sides.
    """
    size = d.shape[1]
    for axis in range(2):
        old, new = d[axis], work[axis]
        for p in range(size):
            new[p] = old[p]
    for _ in range(SWEEPS):
        for axis in range(2):
            side, right = work[2 + axis], total[7 + axis]
            for p in range(size):
                side[p] = right[p]
            add_neighbours(alike, work[axis], wide, side)
        for axis in range(2):
            new, first, second = work[axis], total[4 + axis], total[5 + axis]
            x, y = work[2], work[3]
            for p in range(size):
                new[p] = first[p] * x[p] + second[p] * y[p]
    for axis in range(2):
        old, new = d[axis], work[axis]
        for p in range(size):
            old[p] += min(max(new[p] - old[p], -_STEP), _STEP)


@compiled
def refine_grid(coarse: Floats, shape: tuple[int, int], fine: Floats) -> None:
    """Double displacements linearly to a grid of twice the size, values doubled: pixels halve.

    Args:
        coarse: float32[2, (R + 2)(C + 2)].
        shape: R and C.
        fine: float32[2, (2 R + 2)(2 C + 2)], written.
    """
    rows, cols = shape
    near, far = np.float32(0.75), np.float32(0.25)
    for axis in range(2):
        for r in range(2 * rows):
            home = r // 2
            other = min(max(home + 2 * (r % 2) - 1, 0), rows - 1)
            mine = coarse[axis, (home + 1) * (cols + 2) + 1 : (home + 2) * (cols + 2) - 1]
            next_row = coarse[axis, (other + 1) * (cols + 2) + 1 : (other + 2) * (cols + 2) - 1]
            out = fine[axis, (r + 1) * (2 * cols + 2) + 1 : (r + 2) * (2 * cols + 2) - 1]
            for c in range(cols):
                left, right = max(c - 1, 0), min(c + 1, cols - 1)
                here = near * mine[c] + far * next_row[c]
                before = near * mine[left] + far * next_row[left]
                after = near * mine[right] + far * next_row[right]
                out[2 * c] = np.float32(2.0) * (near * here + far * before)
                out[2 * c + 1] = np.float32(2.0) * (near * here + far * after)

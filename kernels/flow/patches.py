"""Patches of a row of cells, laid out so that neighbouring cells are neighbouring numbers.

Pixel k of the patches of cells 0, 1, 2 … lies at k·LANES, k·LANES + 1, …: every sum over a patch is
then a plain loop over cells, which compilers turn into vector instructions. Rows of cells longer
than LANES are done in parts.
"""

import math

import numba
import numpy as np

from synchresis.kernels.flow.pictures import PAD, SAFE_MATH, Floats

LANES = 40
"""Cells worked on together."""

_HALF = np.float32(0.5)
_ZERO = np.float32(0.0)
_ONE = np.float32(1.0)


@numba.njit(nogil=True, cache=True, fastmath=SAFE_MATH, error_model="numpy")
def collect_template(
    picture: Floats, top: int, left: int, stride: int, cells: int, patch: int, out: Floats
) -> None:
    """Copy the patches of `cells` cells with a border of one pixel to `out`.

    Args:
        picture: padded picture.
        top: first row of the patches, in the picture without border.
        left: first column of the first patch.
        stride: pixels from cell to cell.
        cells: number of cells, at most LANES.
        patch: pixels along the side of a patch.
        out: float32[(patch + 2)² · LANES].
    """
    side = patch + 2
    for i in range(side):
        row = picture[PAD + top - 1 + i]
        for j in range(side):
            place = out[(i * side + j) * LANES : (i * side + j + 1) * LANES]
            first = PAD + left - 1 + j
            for c in range(cells):
                place[c] = row[first + c * stride]


@numba.njit(nogil=True, cache=True, fastmath=SAFE_MATH, error_model="numpy")
def extend_slopes(block: Floats, ends: tuple[int, int, int, int], cells: int, side: int) -> None:
    """Give pixels outside the picture the slope of the nearest pixel inside.

    Patches may begin and end one pixel outside; there the outermost values of the template, which
    serve its slopes only, are set so that (next − last) / 2 is the slope at the picture's edge.

    Args:
        block: float32[side² · LANES], from `collect_template`, changed.
        ends: 1 or 0 each: the patches stand at the top, bottom, left or right edge.
        cells: number of cells.
        side: pixels along the side of a patch with its border.
    """
    top, bottom, left, right = ends
    last = side - 1
    two = np.float32(2.0)
    for k in range(side):
        for c in range(cells):
            if top:
                block[k * LANES + c] = (
                    two * block[(2 * side + k) * LANES + c] - block[(3 * side + k) * LANES + c]
                )
            if bottom:
                block[(last * side + k) * LANES + c] = (
                    two * block[((last - 2) * side + k) * LANES + c]
                    - block[((last - 3) * side + k) * LANES + c]
                )
        row = k * side
        if left:
            block[row * LANES] = two * block[(row + 2) * LANES] - block[(row + 3) * LANES]
        if right:
            end = (row + last) * LANES + cells - 1
            block[end] = two * block[end - 2 * LANES] - block[end - 3 * LANES]


@numba.njit(nogil=True, cache=True, fastmath=SAFE_MATH, error_model="numpy")
def collect_moved(
    picture: Floats, y: Floats, x: Floats, cells: int, patch: int, block: Floats, weights: Floats
) -> None:
    """Copy each cell's patch from where it moved to, with what interpolation needs.

    Args:
        picture: padded picture.
        y: float32[cells], row of each patch's first pixel, in the picture without border.
        x: float32[cells], column of it.
        cells: number of cells, at most LANES.
        patch: pixels along the side of a patch.
        block: float32[(patch + 1)² · LANES], written.
        weights: float32[2 · LANES], written: the parts of a pixel, down and right.
    """
    height, width = picture.shape[0] - 2 * PAD, picture.shape[1] - 2 * PAD
    for c in range(cells):
        down, right = math.floor(y[c]), math.floor(x[c])
        weights[c] = y[c] - np.float32(down)
        weights[LANES + c] = x[c] - np.float32(right)
        top = PAD + min(max(int(down), -patch - 1), height)
        left = PAD + min(max(int(right), -patch - 1), width)
        if patch == 4:
            for i in range(5):
                for j in range(5):
                    block[(i * 5 + j) * LANES + c] = picture[top + i, left + j]
        else:
            for i in range(9):
                for j in range(9):
                    block[(i * 9 + j) * LANES + c] = picture[top + i, left + j]


@numba.njit(nogil=True, cache=True, fastmath=SAFE_MATH, error_model="numpy")
def slope_sums(template: Floats, cells: int, patch: int, sums: Floats) -> None:
    """Write the means of gx, gy, gx², gx·gy, gy² to sums: float32[5 · LANES]."""
    side = patch + 2
    sums[:] = _ZERO
    for i in range(patch):
        for j in range(patch):
            k = ((i + 1) * side + j + 1) * LANES
            west, east = template[k - LANES :], template[k + LANES :]
            north, south = template[k - side * LANES :], template[k + side * LANES :]
            for c in range(cells):
                gx = _HALF * (east[c] - west[c])
                gy = _HALF * (south[c] - north[c])
                sums[c] += gx
                sums[LANES + c] += gy
                sums[2 * LANES + c] += gx * gx
                sums[3 * LANES + c] += gx * gy
                sums[4 * LANES + c] += gy * gy
    share = _ONE / np.float32(patch * patch)
    for c in range(5 * LANES):
        sums[c] *= share


@numba.njit(nogil=True, cache=True, fastmath=SAFE_MATH, error_model="numpy")
def residual_sums(
    template: Floats, block: Floats, weights: Floats, cells: int, patch: int, sums: Floats
) -> None:
    """Write the means of r, r², gx·r, gy·r to sums: float32[4 · LANES]."""
    side, wide = patch + 2, patch + 1
    sums[:] = _ZERO
    for i in range(patch):
        for j in range(patch):
            k = ((i + 1) * side + j + 1) * LANES
            here = template[k:]
            west, east = template[k - LANES :], template[k + LANES :]
            north, south = template[k - side * LANES :], template[k + side * LANES :]
            m = (i * wide + j) * LANES
            upper, lower = block[m:], block[m + wide * LANES :]
            for c in range(cells):
                down, right = weights[c], weights[LANES + c]
                a = upper[c] + right * (upper[LANES + c] - upper[c])
                b = lower[c] + right * (lower[LANES + c] - lower[c])
                r = a + down * (b - a) - here[c]
                sums[c] += r
                sums[LANES + c] += r * r
                sums[2 * LANES + c] += _HALF * (east[c] - west[c]) * r
                sums[3 * LANES + c] += _HALF * (south[c] - north[c]) * r
    share = _ONE / np.float32(patch * patch)
    for c in range(4 * LANES):
        sums[c] *= share


@numba.njit(nogil=True, cache=True, fastmath=SAFE_MATH, error_model="numpy")
def change_sums(
    template: Floats, block: Floats, weights: Floats, cells: int, patch: int, sums: Floats
) -> None:
    """Write the mean |r| to sums: float32[LANES]."""
    side, wide = patch + 2, patch + 1
    sums[:LANES] = _ZERO
    for i in range(patch):
        for j in range(patch):
            here = template[((i + 1) * side + j + 1) * LANES :]
            m = (i * wide + j) * LANES
            upper, lower = block[m:], block[m + wide * LANES :]
            for c in range(cells):
                down, right = weights[c], weights[LANES + c]
                a = upper[c] + right * (upper[LANES + c] - upper[c])
                b = lower[c] + right * (lower[LANES + c] - lower[c])
                sums[c] += abs(a + down * (b - a) - here[c])
    share = _ONE / np.float32(patch * patch)
    for c in range(LANES):
        sums[c] *= share

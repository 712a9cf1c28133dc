"""Patches of a row of cells, laid out so that neighbouring cells are neighbouring numbers.

Pixel k of the patches of cells 0, 1, 2 … lies at k·LANES, k·LANES + 1, …: every sum over a patch is
then a plain loop over cells, which compilers turn into vector instructions. Rows of cells longer
than LANES are done in parts. Sums take four pixels of a patch's row at a time, so that what they
share is read once.
"""

import numba
import numpy as np
from numpy.typing import NDArray

from synchresis.kernels.compiled import compiled
from synchresis.kernels.flow.pictures import PAD, Floats
from synchresis.kernels.flow.settings import FINE_PATCH, PATCH

Corners = NDArray[np.int32]

LANES = 40
"""Cells worked on together."""

_NEAREST = np.float32(-FINE_PATCH - 1)
"""Pixels before the picture's first one where a patch sees nothing but the border."""

_HALF = np.float32(0.5)
_ZERO = np.float32(0.0)
_ONE = np.float32(1.0)


@compiled
def collect_template(
    picture: Floats, corner: tuple[int, int], stride: int, cells: int, out: Floats
) -> None:
    """Copy the patches of `cells` cells, with a border of one pixel, to `out`.

    Patches have 8 × 8 pixels at a stride of 8, else 4 × 4.

    Args:
        picture: padded picture.
        corner: row and column of the first patch's border in the padded picture.
        stride: pixels from cell to cell: 2, 4 or 8.
        cells: number of cells, at most LANES.
        out: float32[≥ (patch + 2)² · LANES].
    """
    top, left = corner
    if stride == 2:
        for c in range(cells):
            _copy(picture, top, left + 2 * c, PATCH + 2, out, c)
    elif stride == PATCH:
        for c in range(cells):
            _copy(picture, top, left + PATCH * c, PATCH + 2, out, c)
    else:
        for c in range(cells):
            _copy(picture, top, left + FINE_PATCH * c, FINE_PATCH + 2, out, c)


@numba.njit(nogil=True, inline="always")
def _copy(picture: Floats, top: int, left: int, side: int, out: Floats, lane: int) -> None:
    """Copy a square of pixels to a lane; its size is to be a constant, so that loops unroll."""
    if top >= 0 and left >= 0:  # always so: it tells the compiler that no index counts backwards
        for i in range(side):
            row = picture[top + i]
            for j in range(side):
                out[(i * side + j) * LANES + lane] = row[left + j]


@compiled
def extend_slopes(block: Floats, ends: tuple[int, int, int, int], cells: int, side: int) -> None:
    """Give pixels outside the picture the slope of the nearest pixel inside.

    Patches may begin and end one pixel outside; there the outermost values of the template, which
    serve its slopes only, are set so that (next − last) / 2 is the slope at the picture's edge.

    Args:
        block: float32[≥ side² · LANES], from `collect_template`, changed.
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
                inner = block[(2 * side + k) * LANES + c], block[(3 * side + k) * LANES + c]
                block[k * LANES + c] = two * inner[0] - inner[1]
            if bottom:
                here = (last * side + k) * LANES + c
                up = side * LANES
                block[here] = two * block[here - 2 * up] - block[here - 3 * up]
        row = k * side
        if left:
            block[row * LANES] = two * block[(row + 2) * LANES] - block[(row + 3) * LANES]
        if right:
            end = (row + last) * LANES + cells - 1
            block[end] = two * block[end - 2 * LANES] - block[end - 3 * LANES]


@compiled
def collect_moved(
    picture: Floats, shift: Floats, corners: Corners, cells: int, patch: int, block: Floats
) -> None:
    """Copy each cell's patch from where it moved to.

    Args:
        picture: padded picture.
        shift: float32[2 · LANES], row, then column of each patch's first pixel in the picture
            without border; become the parts of a pixel beyond `corners`.
        corners: int32[2 · LANES], written: row and column in the padded picture.
        cells: number of cells, at most LANES.
        patch: pixels along the side of a patch: 4 or 8.
        block: float32[≥ (patch + 1)² · LANES], written.
    """
    for axis in range(2):
        farthest = np.float32(picture.shape[axis] - 2 * PAD)
        part, corner = shift[axis * LANES :], corners[axis * LANES :]
        for c in range(LANES):
            place = min(max(part[c], _NEAREST), farthest) + np.float32(PAD)
            corner[c] = np.int32(place)
            part[c] = place - np.float32(corner[c])
    rows, cols = corners[:LANES], corners[LANES:]
    if patch == PATCH:
        for c in range(cells):
            _copy(picture, int(rows[c]), int(cols[c]), PATCH + 1, block, c)
    else:
        for c in range(cells):
            _copy(picture, int(rows[c]), int(cols[c]), FINE_PATCH + 1, block, c)


@compiled
def slope_sums(template: Floats, patch: int, sums: Floats) -> None:
    """Write the means of gx, gy, gx², gx·gy, gy² to sums: float32[5 · LANES]."""
    for c in range(5 * LANES):
        sums[c] = _ZERO
    for i in range(patch):
        for j in range(0, patch, 4):
            k = ((i + 1) * (patch + 2) + j) * LANES
            here = template[k:]
            north = template[k - (patch + 2) * LANES :]
            south = template[k + (patch + 2) * LANES :]
            for c in range(LANES):
                x0 = _HALF * (here[c + 2 * LANES] - here[c])
                x1 = _HALF * (here[c + 3 * LANES] - here[c + LANES])
                x2 = _HALF * (here[c + 4 * LANES] - here[c + 2 * LANES])
                x3 = _HALF * (here[c + 5 * LANES] - here[c + 3 * LANES])
                y0 = _HALF * (south[c + LANES] - north[c + LANES])
                y1 = _HALF * (south[c + 2 * LANES] - north[c + 2 * LANES])
                y2 = _HALF * (south[c + 3 * LANES] - north[c + 3 * LANES])
                y3 = _HALF * (south[c + 4 * LANES] - north[c + 4 * LANES])
                sums[c] += x0 + x1 + x2 + x3
                sums[c + LANES] += y0 + y1 + y2 + y3
                sums[c + 2 * LANES] += x0 * x0 + x1 * x1 + x2 * x2 + x3 * x3
                sums[c + 3 * LANES] += x0 * y0 + x1 * y1 + x2 * y2 + x3 * y3
                sums[c + 4 * LANES] += y0 * y0 + y1 * y1 + y2 * y2 + y3 * y3
    share = _ONE / np.float32(patch * patch)
    for c in range(5 * LANES):
        sums[c] *= share


@compiled
def residual_sums(template: Floats, block: Floats, shift: Floats, patch: int, sums: Floats) -> None:
    """Write the means of r, r², gx·r, gy·r to sums.

    Args:
        template: from `collect_template`.
        block: from `collect_moved`.
        shift: float32[2 · LANES], parts of a pixel down, then right.
        patch: pixels along the side of a patch.
        sums: float32[4 · LANES], written.
    """
    for c in range(4 * LANES):
        sums[c] = _ZERO
    for i in range(patch):
        for j in range(0, patch, 4):
            k = ((i + 1) * (patch + 2) + j) * LANES
            here = template[k:]
            north = template[k - (patch + 2) * LANES :]
            south = template[k + (patch + 2) * LANES :]
            upper = block[(i * (patch + 1) + j) * LANES :]
            lower = block[((i + 1) * (patch + 1) + j) * LANES :]
            for c in range(LANES):
                down, right = shift[c], shift[c + LANES]
                m0 = upper[c] + down * (lower[c] - upper[c])
                m1 = upper[c + LANES] + down * (lower[c + LANES] - upper[c + LANES])
                m2 = upper[c + 2 * LANES] + down * (lower[c + 2 * LANES] - upper[c + 2 * LANES])
                m3 = upper[c + 3 * LANES] + down * (lower[c + 3 * LANES] - upper[c + 3 * LANES])
                m4 = upper[c + 4 * LANES] + down * (lower[c + 4 * LANES] - upper[c + 4 * LANES])
                t0, t1 = here[c + LANES], here[c + 2 * LANES]
                t2, t3 = here[c + 3 * LANES], here[c + 4 * LANES]
                r0, r1 = m0 + right * (m1 - m0) - t0, m1 + right * (m2 - m1) - t1
                r2, r3 = m2 + right * (m3 - m2) - t2, m3 + right * (m4 - m3) - t3
                sums[c] += r0 + r1 + r2 + r3
                sums[c + LANES] += r0 * r0 + r1 * r1 + r2 * r2 + r3 * r3
                sums[c + 2 * LANES] += _HALF * (
                    (t1 - here[c]) * r0
                    + (t2 - t0) * r1
                    + (t3 - t1) * r2
                    + (here[c + 5 * LANES] - t2) * r3
                )
                sums[c + 3 * LANES] += _HALF * (
                    (south[c + LANES] - north[c + LANES]) * r0
                    + (south[c + 2 * LANES] - north[c + 2 * LANES]) * r1
                    + (south[c + 3 * LANES] - north[c + 3 * LANES]) * r2
                    + (south[c + 4 * LANES] - north[c + 4 * LANES]) * r3
                )
    share = _ONE / np.float32(patch * patch)
    for c in range(4 * LANES):
        sums[c] *= share


@compiled
def change_sums(template: Floats, block: Floats, shift: Floats, sums: Floats) -> None:
    """Write the mean |r| of patches of 4 × 4 pixels to sums: float32[LANES]."""
    for c in range(LANES):
        sums[c] = _ZERO
    for i in range(PATCH):
        for j in range(PATCH):
            here = template[((i + 1) * (PATCH + 2) + j + 1) * LANES :]
            upper = block[(i * (PATCH + 1) + j) * LANES :]
            lower = block[((i + 1) * (PATCH + 1) + j) * LANES :]
            for c in range(LANES):
                down, right = shift[c], shift[c + LANES]
                a = upper[c] + down * (lower[c] - upper[c])
                b = upper[c + LANES] + down * (lower[c + LANES] - upper[c + LANES])
                sums[c] += abs(a + right * (b - a) - here[c])
    share = _ONE / np.float32(PATCH * PATCH)
    for c in range(LANES):
        sums[c] *= share

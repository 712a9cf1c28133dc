"""One level of the search: patches measured row by row, equations solved on the grid."""

from typing import NamedTuple

import numba
import numpy as np

from synchresis.kernels.flow.grid import (
    EQUATIONS,
    couple,
    eliminate,
    share_equations,
    weigh_neighbours,
)
from synchresis.kernels.flow.patches import (
    LANES,
    change_sums,
    collect_moved,
    collect_template,
    extend_slopes,
    residual_sums,
    slope_sums,
)
from synchresis.kernels.flow.pictures import SAFE_MATH, Floats
from synchresis.kernels.flow.settings import FINE_PATCH, NOISE, STILL_BIAS

_NOISE = np.float32(NOISE * NOISE)
_STILL_BIAS = np.float32(STILL_BIAS)


class Room(NamedTuple):
    """Arrays to work in on a grid of R × C cells; P is the number of row parts of LANES cells.

    Attributes:
        d: float32[2, R + 2, C + 2], displacements, the result.
        start: float32[2, R + 2, C + 2], displacements at the level's start.
        work: float32[4, R + 2, C + 2], what the sweeps alternate between.
        equations: float32[9, R + 2, C + 2], each cell's own.
        total: float32[9, R + 2, C + 2], shared with the neighbours.
        alike: float32[9, R + 2, C + 2], how much neighbours count.
        trust: float32[R, C].
        slopes: float32[R · P, 5 · LANES], means of the template's slopes and their squares.
        templates: float32[R · P, 100 · LANES].
        block: float32[81 · LANES].
        weights: float32[2 · LANES].
        place: float32[2, LANES], y and x of the patches of one part of a row.
        sums: float32[4 · LANES].
    """

    d: Floats
    start: Floats
    work: Floats
    equations: Floats
    total: Floats
    alike: Floats
    trust: Floats
    slopes: Floats
    templates: Floats
    block: Floats
    weights: Floats
    place: Floats
    sums: Floats


def make_room(rows: int, cols: int) -> Room:
    """Allocate what a grid of this size needs."""
    parts = rows * -(-cols // LANES)

    def plane(*lead: int) -> Floats:
        return np.zeros((*lead, rows + 2, cols + 2), np.float32)

    return Room(
        d=plane(2),
        start=plane(2),
        work=plane(4),
        equations=plane(EQUATIONS),
        total=plane(EQUATIONS),
        alike=plane(9),
        trust=np.zeros((rows, cols), np.float32),
        slopes=np.zeros((parts, 5 * LANES), np.float32),
        templates=np.zeros((parts, (FINE_PATCH + 2) ** 2 * LANES), np.float32),
        block=np.zeros((FINE_PATCH + 1) ** 2 * LANES, np.float32),
        weights=np.zeros(2 * LANES, np.float32),
        place=np.zeros((2, LANES), np.float32),
        sums=np.zeros(4 * LANES, np.float32),
    )


@numba.njit(nogil=True, cache=True, fastmath=SAFE_MATH, error_model="numpy")
def search(
    template: Floats,
    picture: Floats,
    room: Room,
    sizes: tuple[int, int, int, int],
    pulls: tuple[float, float],
) -> None:
    """Improve `room.d` on one level.

    Args:
        template: padded picture before.
        picture: padded picture now.
        room: displacements to start from, and arrays to work in.
        sizes: patch, stride, iterations, and 1 where standing still is tried.
        pulls: coupling and reach.
    """
    patch, stride, iterations, tries_still = sizes
    rows, cols = room.trust.shape
    parts = (cols + LANES - 1) // LANES
    for r in range(rows):
        for part in range(parts):
            _prepare(template, room, (r, part * LANES, r * parts + part), (patch, stride))
            if tries_still:
                _try_still(picture, room, (r, part * LANES, r * parts + part), (patch, stride))
    room.start[:] = room.d
    for _ in range(iterations):
        for r in range(rows):
            for part in range(parts):
                _measure(picture, room, (r, part * LANES, r * parts + part), (patch, stride))
        weigh_neighbours(room.d, pulls[1], room.alike)
        share_equations(room.equations, room.alike, room.total)
        eliminate(room.total, room.alike, pulls[0], room.trust)
        couple(room.total, room.alike, pulls[0], room.start, room.d, room.work)


@numba.njit(nogil=True, cache=True, fastmath=SAFE_MATH, error_model="numpy")
def changes(template: Floats, picture: Floats, room: Room, scale: float, out: Floats) -> None:
    """Write the mean |C(x + scale·d) − T(x)| of 4 × 4 patches, grey 0 to 1, to float32[R, C]."""
    rows, cols = room.trust.shape
    share = np.float32(1.0 / 255.0)
    for r in range(rows):
        for first in range(0, cols, LANES):
            cells = min(LANES, cols - first)
            patches = room.templates[0]
            collect_template(template, 4 * r, 4 * first, 4, cells, 4, patches)
            _move(picture, room, (r, first, 0), (4, 4), np.float32(scale))
            change_sums(patches, room.block, room.weights, cells, 4, room.sums)
            for c in range(cells):
                out[r, first + c] = room.sums[c] * share


@numba.njit(nogil=True, cache=True, fastmath=SAFE_MATH, error_model="numpy")
def _prepare(
    template: Floats, room: Room, place: tuple[int, int, int], shape: tuple[int, int]
) -> None:
    """Cut a part of a row of cells from the template and sum its slopes."""
    r, first, part = place
    patch, stride = shape
    cells = min(LANES, room.trust.shape[1] - first)
    margin = (patch - stride) // 2
    patches = room.templates[part]
    top, left = r * stride - margin, first * stride - margin
    collect_template(template, top, left, stride, cells, patch, patches)
    if margin:
        rows, cols = room.trust.shape
        ends = int(r == 0), int(r == rows - 1), int(first == 0), int(first + cells == cols)
        extend_slopes(patches, ends, cells, patch + 2)
    slope_sums(patches, cells, patch, room.slopes[part])


@numba.njit(nogil=True, cache=True, fastmath=SAFE_MATH, error_model="numpy")
def _move(
    picture: Floats,
    room: Room,
    place: tuple[int, int, int],
    shape: tuple[int, int],
    scale: np.float32,
) -> None:
    """Fetch a part's patches of the picture from where `room.d` times `scale` says."""
    r, first, _ = place
    patch, stride = shape
    cells = min(LANES, room.trust.shape[1] - first)
    margin = np.float32((patch - stride) // 2)
    y, x = room.place[0], room.place[1]
    for c in range(cells):
        y[c] = np.float32(r * stride) - margin + scale * room.d[1, r + 1, first + c + 1]
        x[c] = np.float32((first + c) * stride) - margin + scale * room.d[0, r + 1, first + c + 1]
    collect_moved(picture, y, x, cells, patch, room.block, room.weights)


@numba.njit(nogil=True, cache=True, fastmath=SAFE_MATH, error_model="numpy")
def _try_still(
    picture: Floats, room: Room, place: tuple[int, int, int], shape: tuple[int, int]
) -> None:
    """Set displacements to zero where that fits better than what was found so far."""
    r, first, part = place
    cells = min(LANES, room.trust.shape[1] - first)
    patches, sums = room.templates[part], room.sums
    found = room.work[0, r + 1]
    _move(picture, room, place, shape, np.float32(1.0))
    residual_sums(patches, room.block, room.weights, cells, shape[0], sums)
    for c in range(cells):
        found[first + c] = sums[LANES + c] - sums[c] * sums[c]
    _move(picture, room, place, shape, np.float32(0.0))
    residual_sums(patches, room.block, room.weights, cells, shape[0], sums)
    for c in range(cells):
        if _STILL_BIAS * (sums[LANES + c] - sums[c] * sums[c]) < found[first + c]:
            room.d[0, r + 1, first + c + 1] = np.float32(0.0)
            room.d[1, r + 1, first + c + 1] = np.float32(0.0)


@numba.njit(nogil=True, cache=True, fastmath=SAFE_MATH, error_model="numpy")
def _measure(
    picture: Floats, room: Room, place: tuple[int, int, int], shape: tuple[int, int]
) -> None:
    """Write the equations of a part of a row of cells."""
    r, first, part = place
    cells = min(LANES, room.trust.shape[1] - first)
    _move(picture, room, place, shape, np.float32(1.0))
    sums, slopes = room.sums, room.slopes[part]
    residual_sums(room.templates[part], room.block, room.weights, cells, shape[0], sums)
    row = room.equations[:, r + 1]
    for c in range(cells):
        dx, dy = room.d[0, r + 1, first + c + 1], room.d[1, r + 1, first + c + 1]
        sx, sy = slopes[c], slopes[LANES + c]
        xx, xy, yy = slopes[2 * LANES + c], slopes[3 * LANES + c], slopes[4 * LANES + c]
        fit = _NOISE / (sums[LANES + c] - sums[c] * sums[c] + _NOISE)
        cell = first + c + 1
        row[0, cell] = fit
        row[1, cell] = fit * sx
        row[2, cell] = fit * sy
        row[3, cell] = fit * (sx * dx + sy * dy - sums[c])
        row[4, cell] = fit * xx
        row[5, cell] = fit * xy
        row[6, cell] = fit * yy
        row[7, cell] = fit * (xx * dx + xy * dy - sums[2 * LANES + c])
        row[8, cell] = fit * (xy * dx + yy * dy - sums[3 * LANES + c])

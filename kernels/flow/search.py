"""One level of the search: patches measured row by row, equations solved on the grid."""

from typing import NamedTuple

import numpy as np

from synchresis.kernels.compiled import compiled
from synchresis.kernels.flow.grid import (
    EQUATIONS,
    couple,
    eliminate,
    share_equations,
    weigh_neighbours,
)
from synchresis.kernels.flow.patches import (
    LANES,
    Corners,
    change_sums,
    collect_moved,
    collect_template,
    extend_slopes,
    residual_sums,
    slope_sums,
)
from synchresis.kernels.flow.pictures import PAD, Floats
from synchresis.kernels.flow.settings import FINE_PATCH, NOISE, STILL_BIAS

_NOISE = np.float32(NOISE * NOISE)
_STILL_BIAS = np.float32(STILL_BIAS)
_ZERO = np.float32(0.0)


class Room(NamedTuple):
    """Arrays to work in on a grid of R × C cells, P parts of rows of LANES cells.

    Attributes:
        d: float32[2, N], displacements, the result; for planes of N numbers see `grid`.
        start: float32[2, N], displacements at the level's start.
        work: float32[4, N], what the sweeps alternate between.
        equations: float32[9, N], each cell's own.
        total: float32[9, N], shared with the neighbours.
        alike: float32[9, N], how much neighbours count.
        trust: float32[R, C].
        slopes: float32[P, 5 · LANES], means of the template's slopes and their squares.
        templates: float32[P, 100 · LANES].
        block: float32[81 · LANES], the moved patches of one part.
        shift: float32[2 · LANES], rows and columns of the moved patches of one part.
        corners: int32[2 · LANES], whole pixels of `shift`.
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
    shift: Floats
    corners: Corners
    sums: Floats


def make_room(rows: int, cols: int) -> Room:
    """Allocate what a grid of this size needs."""
    parts = rows * -(-cols // LANES)

    def planes(count: int) -> Floats:
        return np.zeros((count, (rows + 2) * (cols + 2)), np.float32)

    return Room(
        d=planes(2),
        start=planes(2),
        work=planes(4),
        equations=planes(EQUATIONS),
        total=planes(EQUATIONS),
        alike=planes(9),
        trust=np.zeros((rows, cols), np.float32),
        slopes=np.zeros((parts, 5 * LANES), np.float32),
        templates=np.zeros((parts, (FINE_PATCH + 2) ** 2 * LANES), np.float32),
        block=np.zeros((FINE_PATCH + 1) ** 2 * LANES, np.float32),
        shift=np.zeros(2 * LANES, np.float32),
        corners=np.zeros(2 * LANES, np.int32),
        sums=np.zeros(4 * LANES, np.float32),
    )


@compiled
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
    for iteration in range(iterations):
        for row_part in range(rows * parts):
            kept = row_part if iterations > 1 else 0
            place = row_part // parts, row_part % parts * LANES, kept
            if iteration == 0:
                _prepare(template, room, place, (patch, stride))
                if tries_still:
                    _try_still(picture, room, place, (patch, stride))
                _remember(room, place)
            _measure(picture, room, place, (patch, stride))
        weigh_neighbours(room.d, (rows, cols), pulls[1], room.alike)
        share_equations(room.equations, room.alike, cols + 2, room.total)
        eliminate(room.total, room.alike, pulls[0], room.start, room.trust)
        couple(room.total, room.alike, cols + 2, room.d, room.work)


@compiled
def changes(
    template: Floats,
    picture: Floats,
    room: Room,
    shape: tuple[int, int],
    scale: float,
    out: Floats,
) -> None:
    """Write the mean |C(x + scale·d) − T(x)| of patches, grey 0 to 1.

    Args:
        template: padded picture before.
        picture: padded picture now.
        room: displacements, and arrays to work in.
        shape: patch and stride, 4 both.
        scale: factor of the displacements.
        out: float32[R, C], written.
    """
    rows, cols = room.trust.shape
    stride = shape[1]
    share = np.float32(1.0 / 255.0)
    patches = room.templates[0]
    for r in range(rows):
        for first in range(0, cols, LANES):
            cells = min(LANES, cols - first)
            corner = PAD + stride * r - 1, PAD + stride * first - 1
            collect_template(template, corner, stride, cells, patches)
            _move(picture, room, (r, first), shape, np.float32(scale))
            change_sums(patches, room.block, room.shift, room.sums)
            for c in range(cells):
                out[r, first + c] = room.sums[c] * share


@compiled
def _prepare(
    template: Floats, room: Room, place: tuple[int, int, int], shape: tuple[int, int]
) -> None:
    """Cut a part of a row of cells from the template and sum its slopes."""
    r, first, kept = place
    patch, stride = shape
    rows, cols = room.trust.shape
    cells = min(LANES, cols - first)
    margin = (patch - stride) // 2
    patches = room.templates[kept]
    corner = PAD + r * stride - margin - 1, PAD + first * stride - margin - 1
    collect_template(template, corner, stride, cells, patches)
    if margin > 0:
        ends = int(r == 0), int(r == rows - 1), int(first == 0), int(first + cells == cols)
        extend_slopes(patches, ends, cells, patch + 2)
    slope_sums(patches, patch, room.slopes[kept])


@compiled
def _remember(room: Room, place: tuple[int, int, int]) -> None:
    """Keep the displacements of a part of a row of cells as the level's start."""
    r, first, _ = place
    cols = room.trust.shape[1]
    begin = (r + 1) * (cols + 2) + 1 + first
    for p in range(begin, begin + min(LANES, cols - first)):
        room.start[0, p] = room.d[0, p]
        room.start[1, p] = room.d[1, p]


@compiled
def _move(
    picture: Floats,
    room: Room,
    place: tuple[int, int],
    shape: tuple[int, int],
    scale: np.float32,
) -> None:
    """Fetch a part's patches of the picture from where `room.d` times `scale` says."""
    r, first = place
    patch, stride = shape
    cols = room.trust.shape[1]
    cells = min(LANES, cols - first)
    margin = np.float32((patch - stride) // 2)
    begin = (r + 1) * (cols + 2) + 1 + first
    top, left, step = np.float32(r * stride), np.float32(first * stride), np.float32(stride)
    y, x = room.shift[:LANES], room.shift[LANES:]
    across, down = room.d[0, begin : begin + cells], room.d[1, begin : begin + cells]
    for c in range(cells):
        y[c] = top - margin + scale * down[c]
        x[c] = left - margin + step * np.float32(c) + scale * across[c]
    collect_moved(picture, room.shift, room.corners, cells, patch, room.block)


@compiled
def _try_still(
    picture: Floats, room: Room, place: tuple[int, int, int], shape: tuple[int, int]
) -> None:
    """Set displacements to zero where that fits better than what was found so far."""
    r, first, kept = place
    cols = room.trust.shape[1]
    cells = min(LANES, cols - first)
    begin = (r + 1) * (cols + 2) + 1 + first
    sums, still = room.sums, room.work[0]
    for moved in range(2):
        _move(picture, room, (r, first), shape, np.float32(moved))
        residual_sums(room.templates[kept], room.block, room.shift, shape[0], sums)
        for c in range(cells):
            variance = sums[LANES + c] - sums[c] * sums[c]
            if not moved:
                still[begin + c] = _STILL_BIAS * variance
            elif still[begin + c] < variance:
                room.d[0, begin + c] = _ZERO
                room.d[1, begin + c] = _ZERO


@compiled
def _measure(
    picture: Floats, room: Room, place: tuple[int, int, int], shape: tuple[int, int]
) -> None:
    """Write the equations of a part of a row of cells."""
    r, first, kept = place
    cols = room.trust.shape[1]
    cells = min(LANES, cols - first)
    begin = (r + 1) * (cols + 2) + 1 + first
    _move(picture, room, (r, first), shape, np.float32(1.0))
    sums, slopes = room.sums, room.slopes[kept]
    residual_sums(room.templates[kept], room.block, room.shift, shape[0], sums)
    dx, dy = room.d[0, begin : begin + cells], room.d[1, begin : begin + cells]
    fit = room.equations[0, begin : begin + cells]
    for c in range(cells):
        fit[c] = _NOISE / (sums[LANES + c] - sums[c] * sums[c] + _NOISE)
    # S, q = S·d − R, H and p = H d − g, each weighted by how well the patch fits
    for k in range(2):
        out = room.equations[1 + k, begin : begin + cells]
        for c in range(cells):
            out[c] = fit[c] * slopes[k * LANES + c]
    out = room.equations[3, begin : begin + cells]
    for c in range(cells):
        out[c] = fit[c] * (slopes[c] * dx[c] + slopes[LANES + c] * dy[c] - sums[c])
    for k in range(3):
        out = room.equations[4 + k, begin : begin + cells]
        for c in range(cells):
            out[c] = fit[c] * slopes[(2 + k) * LANES + c]
    for k in range(2):
        out = room.equations[7 + k, begin : begin + cells]
        xs, ys = slopes[(2 + k) * LANES :], slopes[(3 + k) * LANES :]
        gs = sums[(2 + k) * LANES :]
        for c in range(cells):
            out[c] = fit[c] * (xs[c] * dx[c] + ys[c] * dy[c] - gs[c])

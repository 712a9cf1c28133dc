"""The flow kernel from its formulas, in float64: readable, slow, the measure of the others.

**Search** (after Kroeger et al., "Fast Optical Flow using Dense Inverse Search", ECCV 2016, and
Baker & Matthews' inverse compositional Lucas-Kanade): each patch of the previous picture T looks
for itself in the current picture C. With r = C(x + d) − T(x), gradient ∇T and means over the patch
H = ⟨∇T ∇Tᵀ⟩, S = ⟨∇T⟩, g = ⟨∇T r⟩, R = ⟨r⟩, the patch says about the displacement z
    H z = p,  p = H d − g      and      mean residual at z = S·z − q,  q = S·d − R.

**Sharing** Patches are small, so each solves the equations of its 3×3 neighbours together, weighted
by how much they move alike (w, from the difference of displacements) and by how well they fit (v,
from the variance of the residual). A common change of brightness is eliminated over the window:
    A = Σ wv H − Σ wv S (Σ wv S)ᵀ / Σ wv,     b = Σ wv p − Σ wv S · Σ wv q / Σ wv.

**Coupling** z then minimises the data term plus a pull towards the level's start (λ, so that noise
moves nothing) and towards neighbours (α·w): a few Jacobi sweeps of
    (A + λ + α Σ w) z = b + λ z₀ + α Σ w z_neighbour.

Grey levels are 0–255; positions outside a picture show its nearest pixel.
"""

import numpy as np
from numpy.typing import NDArray

from synchresis.kernels.flow.settings import (
    CONFIDENT,
    DOUBT,
    LARGEST_STEP,
    NOISE,
    PRIOR,
    SCALES,
    STILL_BIAS,
    SWEEPS,
    FlowSettings,
    Level,
)

Array = NDArray[np.float64]


def flow_reference(
    previous: NDArray[np.generic], current: NDArray[np.generic], settings: FlowSettings
) -> tuple[Array, Array, Array, Array]:
    """Find where each cell of `previous` went.

    Args:
        previous: uint8 or float[height, width], grey levels 0–255.
        current: the next picture, alike.
        settings: the grid.

    Returns:
        displacement: float64[2, rows, cols], pixels of the analysed picture, +x right, +y down.
        residual: float64[rows, cols], mean |C(x + d) − T(x)|, grey 0–1.
        difference: float64[rows, cols], mean |C(x) − T(x)|, grey 0–1.
        motion: float64[6], the camera's: u = a0 + a1 x + a2 y, v = a3 + a4 x + a5 y in pixels,
            x and y from −½ to ½ across the picture.
    """
    earlier, later = _pyramid(previous, settings), _pyramid(current, settings)
    displacement = np.zeros((2, settings.rows // 2, settings.cols // 2))
    trust = np.zeros((settings.rows, settings.cols))
    halvings = settings.levels[0].halvings
    for level in settings.levels:
        displacement = displacement * 2.0 ** (halvings - level.halvings)
        if displacement.shape[1] < level.rows:
            displacement = _refine_grid(displacement)
        halvings = level.halvings
        pictures = earlier[halvings], later[halvings]
        displacement, trust = _search(*pictures, displacement, level)
    displacement = displacement * 2.0**halvings
    base = next(level for level in settings.levels if level.halvings == settings.base)
    pictures = earlier[settings.base], later[settings.base]
    residual = _mean_change(*pictures, displacement * 0.5**settings.base, base)
    difference = _mean_change(*pictures, np.zeros_like(displacement), base)
    motion = fit_motion(displacement, trust, 320.0 / settings.width)
    return displacement, residual, difference, motion


def _pyramid(picture: NDArray[np.generic], settings: FlowSettings) -> list[Array]:
    """Return the picture and its halvings by 2×2 means."""
    pictures = [np.asarray(picture, np.float64)]
    for _ in range(settings.levels[0].halvings):
        p = pictures[-1]
        pictures.append((p[::2, ::2] + p[1::2, ::2] + p[::2, 1::2] + p[1::2, 1::2]) / 4)
    return pictures


def _refine_grid(values: Array) -> Array:
    """Double the grid [2, R, C] linearly: each new cell is ¾ its own old cell, ¼ the nearest."""
    for axis in (1, 2):
        old = np.moveaxis(values, axis, -1)
        padded = np.concatenate([old[..., :1], old, old[..., -1:]], axis=-1)
        pairs = np.stack(
            [0.75 * old + 0.25 * padded[..., :-2], 0.75 * old + 0.25 * padded[..., 2:]], -1
        )
        values = np.moveaxis(pairs.reshape(*old.shape[:-1], -1), -1, axis)
    return values


def _search(template: Array, picture: Array, start: Array, level: Level) -> tuple[Array, Array]:
    """Improve displacements [2, R, C] on one level; also return the smaller eigenvalue of A."""
    y, x = _patch_pixels(level)
    inside = _sample(template, y, x)
    slopes = _gradient(template, y, x)
    squares = np.stack([_mean(slopes[0] ** 2), _mean(slopes[0] * slopes[1]), _mean(slopes[1] ** 2)])
    slope = _mean(slopes)

    def residual(d: Array) -> Array:
        return _sample(picture, y + d[1, ..., None, None], x + d[0, ..., None, None]) - inside

    if level.tries_still:
        still = STILL_BIAS * _variance(residual(np.zeros_like(start)))
        start = np.where(still < _variance(residual(start)), 0.0, start)
    d, trust = start, np.zeros(start.shape[1:])
    for _ in range(level.iterations):
        r = residual(d)
        pull = _apply(squares, d) - _mean(slopes * r)
        offset = (slope * d).sum(0) - _mean(r)
        fit = NOISE**2 / (_variance(r) + NOISE**2)
        alike = _likeness(d, level.reach)
        matrix, right = _share(fit, alike, squares, slope, pull, offset)
        z = _couple(matrix, right, start, d, alike, level.coupling)
        d = d + np.clip(z - d, -LARGEST_STEP, LARGEST_STEP)
        trust = _smaller_eigenvalue(matrix)
    return d, trust


def _patch_pixels(level: Level) -> tuple[Array, Array]:
    """Return y and x of every patch's pixels: float64[R, C, P, P]."""
    inner = np.arange(level.patch, dtype=np.float64) - (level.patch - level.stride) / 2
    rows = level.stride * np.arange(level.rows)[:, None] + inner
    cols = level.stride * np.arange(level.cols)[:, None] + inner
    y, x = np.broadcast_arrays(rows[:, None, :, None], cols[None, :, None, :])
    return y, x


def _sample(picture: Array, y: Array, x: Array) -> Array:
    """Sample bilinearly; outside the picture its nearest pixel is seen."""
    height, width = picture.shape
    y, x = np.clip(y, 0, height - 1), np.clip(x, 0, width - 1)
    top = np.minimum(np.floor(y).astype(int), height - 2)
    left = np.minimum(np.floor(x).astype(int), width - 2)
    y, x = y - top, x - left
    upper = picture[top, left] * (1 - x) + picture[top, left + 1] * x
    lower = picture[top + 1, left] * (1 - x) + picture[top + 1, left + 1] * x
    return np.asarray(upper * (1 - y) + lower * y)


def _gradient(picture: Array, y: Array, x: Array) -> Array:
    """Return half the difference of the next and the last pixel along x and y: [2, R, C, P, P]."""
    height, width = picture.shape
    y, x = np.clip(y, 0, height - 1), np.clip(x, 0, width - 1)
    along_x = _sample(picture, y, x + 1) - _sample(picture, y, x - 1)
    along_y = _sample(picture, y + 1, x) - _sample(picture, y - 1, x)
    return np.stack([along_x, along_y]) / 2


def _mean(values: Array) -> Array:
    return np.asarray(values.mean(axis=(-2, -1)))


def _variance(values: Array) -> Array:
    return _mean(values**2) - _mean(values) ** 2


def _apply(matrix: Array, vector: Array) -> Array:
    """Multiply symmetric matrices [3, R, C] (xx, xy, yy) by vectors [2, R, C]."""
    xx, xy, yy = matrix
    return np.stack([xx * vector[0] + xy * vector[1], xy * vector[0] + yy * vector[1]])


def _neighbours(values: Array) -> Array:
    """Return the 3×3 neighbours [9, ..., R, C], row by row, of [..., R, C], edges repeated."""
    rows, cols = values.shape[-2:]
    border = [(0, 0)] * (values.ndim - 2) + [(1, 1), (1, 1)]
    padded = np.pad(values, border, mode="edge")
    return np.stack([padded[..., i : i + rows, j : j + cols] for i in range(3) for j in range(3)])


def _likeness(d: Array, reach: float) -> Array:
    """Return how much each of the 3×3 neighbours counts: float64[9, R, C], 0 outside the grid."""
    rows, cols = d.shape[1:]
    bell = np.outer([1, 2, 1], [1, 2, 1]).reshape(9, 1, 1) / 16
    present = np.pad(np.ones((rows, cols)), 1)
    present = np.stack([present[i : i + rows, j : j + cols] for i in range(3) for j in range(3)])
    gap = ((_neighbours(d) - d) ** 2).sum(axis=1)
    return np.asarray(bell * present / (1 + gap / reach**2))


def _share(
    fit: Array, alike: Array, squares: Array, slope: Array, pull: Array, offset: Array
) -> tuple[Array, Array]:
    """Sum the neighbours' equations, brightness eliminated: A [3, R, C], b [2, R, C]."""

    def total(values: Array) -> Array:
        weighted = _neighbours(fit * values)
        weights = alike.reshape(9, *[1] * (values.ndim - 2), *alike.shape[1:])
        return np.asarray((weights * weighted).sum(axis=0))

    weight, s, q = total(np.ones_like(fit)), total(slope), total(offset)
    outer = np.stack([s[0] * s[0], s[0] * s[1], s[1] * s[1]])
    return total(squares) - outer / weight, total(pull) - s * q / weight


def _couple(
    matrix: Array, right: Array, start: Array, d: Array, alike: Array, coupling: float
) -> Array:
    """Solve for displacements that fit, stay near the start and agree with alike neighbours."""
    others = alike.copy()
    others[4] = 0
    diagonal = PRIOR + coupling * others.sum(axis=0)
    xx, xy, yy = matrix[0] + diagonal, matrix[1], matrix[2] + diagonal
    determinant = xx * yy - xy * xy
    for _ in range(SWEEPS):
        drawn = (others[:, None] * _neighbours(d)).sum(axis=0)
        b = right + PRIOR * start + coupling * drawn
        d = np.stack([yy * b[0] - xy * b[1], xx * b[1] - xy * b[0]]) / determinant
    return d


def _smaller_eigenvalue(matrix: Array) -> Array:
    """Return determinant / trace: between half the smaller eigenvalue and all of it."""
    xx, xy, yy = matrix
    return np.asarray((xx * yy - xy * xy) / (xx + yy + 1e-9))


def _mean_change(template: Array, picture: Array, d: Array, level: Level) -> Array:
    """Return the mean |C(x + d) − T(x)| of each patch, grey 0–1."""
    y, x = _patch_pixels(level)
    moved = _sample(picture, y + d[1, ..., None, None], x + d[0, ..., None, None])
    return _mean(np.abs(moved - _sample(template, y, x))) / 255


def fit_motion(displacement: Array, trust: Array, per_pixel: float) -> Array:
    """Fit an affine motion to most cells, those that go elsewhere counting less and less.

    Args:
        displacement: float64[2, R, C], pixels.
        trust: float64[R, C], smaller eigenvalue of each cell's equations.
        per_pixel: 320 / width: scales deviations to those of a picture 320 pixels wide.

    Returns:
        float64[6]: u = a0 + a1 x + a2 y, v = a3 + a4 x + a5 y, x and y from −½ to ½.
    """
    rows, cols = trust.shape
    x = (np.arange(cols) + 0.5) / cols - 0.5
    y = (np.arange(rows) + 0.5) / rows - 0.5
    basis = np.stack([np.ones((rows, cols)), *np.broadcast_arrays(x, y[:, None])])
    confidence = trust / (trust + CONFIDENT) + DOUBT
    weight = confidence
    motion = np.zeros((2, 3))
    for scale in (*SCALES, None):
        normal = np.einsum("irc,jrc,rc->ij", basis, basis, weight)
        right = np.einsum("krc,jrc,rc->kj", displacement, basis, weight)
        motion = np.linalg.solve(normal, right.T).T
        if scale is not None:
            fitted = np.einsum("kj,jrc->krc", motion, basis)
            away = ((displacement - fitted) ** 2).sum(axis=0) * per_pixel**2
            weight = confidence / (1 + away / scale**2) ** 2
    return motion.reshape(6)

"""The camera's motion: an affine fit to the flow that cells moving otherwise drop out of."""

import numpy as np
from numpy.typing import NDArray

from synchresis.kernels.compiled import compiled
from synchresis.kernels.flow.pictures import Floats
from synchresis.kernels.flow.settings import CONFIDENT, DOUBT, SCALES

Doubles = NDArray[np.float64]

_CONFIDENT = np.float32(CONFIDENT)
_DOUBT = np.float32(DOUBT)
_SHARPNESS = np.array([1.0 / (scale * scale) for scale in SCALES])


@compiled
def fit_motion(d: Floats, trust: Floats, per_pixel: float, sums: Doubles, motion: Doubles) -> None:
    """Fit u = a0 + a1 x + a2 y, v = a3 + a4 x + a5 y, x and y from −½ to ½.

    Args:
        d: float32[2, (R + 2)(C + 2)], displacements in pixels, with a border of one cell.
        trust: float32[R, C], overwritten by the cells' confidence.
        per_pixel: 320 / width.
        sums: float64[3, 5], the normal equations' room: 3 × 3 matrix and two right-hand sides.
        motion: float64[6], written, pixels.
    """
    rows, cols = trust.shape
    for r in range(rows):
        for c in range(cols):
            trust[r, c] = trust[r, c] / (trust[r, c] + _CONFIDENT) + _DOUBT
    for k in range(6):
        motion[k] = 0.0
    _normal_equations(d, trust, 0.0, motion, sums)
    _solve(sums, motion)
    for sharpness in _SHARPNESS:
        _normal_equations(d, trust, sharpness * per_pixel * per_pixel, motion, sums)
        _solve(sums, motion)


@compiled
def _normal_equations(
    d: Floats, confidence: Floats, sharpness: float, motion: Doubles, sums: Doubles
) -> None:
    """Sum weight·basis·basisᵀ and weight·d·basis: rows in float32, the rest in float64."""
    rows, cols = confidence.shape
    for i in range(3):
        for j in range(5):
            sums[i, j] = 0.0
    sharp = np.float32(sharpness)
    m1, m4 = np.float32(motion[1]), np.float32(motion[4])
    per_col = np.float32(1.0 / cols)
    for r in range(rows):
        y = (r + 0.5) / rows - 0.5
        u0 = np.float32(motion[0] + motion[2] * y)
        v0 = np.float32(motion[3] + motion[5] * y)
        w0 = w1 = w2 = u1 = v1 = u2 = v2 = np.float32(0.0)
        first = (r + 1) * (cols + 2) + 1
        u_row, v_row = d[0, first : first + cols], d[1, first : first + cols]
        for c in range(cols):
            x = (np.float32(c) + np.float32(0.5)) * per_col - np.float32(0.5)
            u, v = u_row[c], v_row[c]
            gap_u, gap_v = u - u0 - m1 * x, v - v0 - m4 * x
            away = np.float32(1.0) + sharp * (gap_u * gap_u + gap_v * gap_v)
            weight = confidence[r, c] / (away * away)
            w0 += weight
            w1 += weight * x
            w2 += weight * x * x
            u1 += weight * u
            u2 += weight * u * x
            v1 += weight * v
            v2 += weight * v * x
        sums[0, 0] += w0
        sums[0, 1] += w1
        sums[0, 2] += w0 * y
        sums[1, 1] += w2
        sums[1, 2] += w1 * y
        sums[2, 2] += w0 * y * y
        sums[0, 3] += u1
        sums[1, 3] += u2
        sums[2, 3] += u1 * y
        sums[0, 4] += v1
        sums[1, 4] += v2
        sums[2, 4] += v1 * y


@compiled
def _solve(sums: Doubles, motion: Doubles) -> None:
    """Solve the symmetric 3 × 3 system for both right-hand sides by Cramer's rule."""
    a, b, c = sums[0, 0], sums[0, 1], sums[0, 2]
    d, e, f = sums[1, 1], sums[1, 2], sums[2, 2]
    aa, ab, ac = d * f - e * e, c * e - b * f, b * e - c * d
    bb, bc, cc = a * f - c * c, b * c - a * e, a * d - b * b
    share = 1.0 / (a * aa + b * ab + c * ac)
    for k in range(2):
        p, q, r = sums[0, 3 + k], sums[1, 3 + k], sums[2, 3 + k]
        motion[3 * k] = share * (aa * p + ab * q + ac * r)
        motion[3 * k + 1] = share * (ab * p + bb * q + bc * r)
        motion[3 * k + 2] = share * (ac * p + bc * q + cc * r)

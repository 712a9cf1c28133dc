"""The drawing formula in Numba: one picture from the poses and looks of primitives.

`raster_torch.py` writes the same formula for batches on a GPU; a test holds the two equal.
"""

import math
from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from synchresis.engines.scenes import primitives as at
from synchresis.engines.scenes.atlas import SIZE

Canvas32 = NDArray[np.float32]

EDGE_PIXELS: Final = 0.75
"""Half width of a shape's edge, in pixels, when its look asks for no softer one."""

_CX, _CY, _COS, _SIN, _A, _W0, _W1, _BEND, _ALPHA, _GAIN, _GROW = range(at.POSE_SIZE)
_CORNER, _ELLIPSE, _SOFT, _BLUE, _GREEN, _RED, _LAYER, _AMP, _SCALE, _U, _V, _SHADE = range(12)
_LX, _LY, _COVER, _ADD = range(12, at.LOOK_SIZE)


@njit(cache=True, nogil=True, inline="always")
def _texel(layer: Canvas32, tu: float, tv: float) -> float:
    x = (tu - math.floor(tu)) * SIZE
    y = (tv - math.floor(tv)) * SIZE
    x0 = int(x)
    y0 = int(y)
    fx = x - x0
    fy = y - y0
    x0 &= SIZE - 1
    y0 &= SIZE - 1
    x1 = (x0 + 1) & (SIZE - 1)
    y1 = (y0 + 1) & (SIZE - 1)
    top = layer[y0, x0] + fx * (layer[y0, x1] - layer[y0, x0])
    low = layer[y1, x0] + fx * (layer[y1, x1] - layer[y1, x0])
    return top + fy * (low - top)


@njit(cache=True, nogil=True)
def _bounds(
    p: Canvas32, look: Canvas32, camera: Canvas32, shape: tuple[int, int], aspect: float
) -> tuple[int, int, int, int]:
    """Rows and columns a primitive may touch: first row, end row, first column, end column."""
    height, width = shape
    c, s = camera[2], camera[3]
    zoom2 = c * c + s * s
    dx, dy = p[_CX] - camera[0], p[_CY] - camera[1]
    x = (c * dx + s * dy) / zoom2
    y = (c * dy - s * dx) / zoom2
    zoom = math.sqrt(zoom2)
    ax = abs(c * p[_COS] + s * p[_SIN]) / zoom
    ay = abs(c * p[_SIN] - s * p[_COS]) / zoom
    half = max(p[_W0], p[_W1]) + abs(p[_BEND])
    edge = look[_SOFT] + EDGE_PIXELS * 0.5 * (1.0 / width + aspect / height) * zoom
    ex = (p[_A] * ax + half * ay + edge) / zoom + 1.0 / width
    ey = (p[_A] * ay + half * ax + edge) / zoom + aspect / height
    row0 = max(0, int(math.floor((y - ey) / aspect * height + 0.5 * height)))
    row1 = min(height, int(math.ceil((y + ey) / aspect * height + 0.5 * height)) + 1)
    col0 = max(0, int(math.floor((x - ex + 0.5) * width)))
    col1 = min(width, int(math.ceil((x + ex + 0.5) * width)) + 1)
    return row0, row1, col0, col1


@njit(cache=True, nogil=True, fastmath=True)
def _composite(
    picture: Canvas32,
    p: Canvas32,
    look: Canvas32,
    camera: Canvas32,
    layers: Canvas32,
    aspect: float,
) -> None:
    """Draw one primitive over `picture` float32[H, W, C]."""
    height, width, channels = picture.shape
    row0, row1, col0, col1 = _bounds(p, look, camera, (height, width), aspect)
    one = np.float32(1.0)
    zoom = np.float32(math.sqrt(camera[2] ** 2 + camera[3] ** 2))
    edge = look[_SOFT] + np.float32(EDGE_PIXELS * 0.5 * (1.0 / width + aspect / height)) * zoom
    scale = look[_SCALE] / p[_GROW]
    light_u = look[_LX] * p[_COS] + look[_LY] * p[_SIN]
    light_v = look[_LY] * p[_COS] - look[_LX] * p[_SIN]
    layer = layers[int(look[_LAYER])]
    for row in range(row0, row1):
        sy = np.float32((row + 0.5) * aspect / height - 0.5 * aspect)
        for col in range(col0, col1):
            sx = np.float32((col + 0.5) / width - 0.5)
            dx = camera[2] * sx - camera[3] * sy + camera[0] - p[_CX]
            dy = camera[3] * sx + camera[2] * sy + camera[1] - p[_CY]
            u = dx * p[_COS] + dy * p[_SIN]
            v = dy * p[_COS] - dx * p[_SIN]
            un = min(max(u / p[_A], -one), one)
            v -= p[_BEND] * (one - un * un)
            w = p[_W0] + (p[_W1] - p[_W0]) * (np.float32(0.5) * un + np.float32(0.5))
            small = min(p[_A], w)
            if look[_ELLIPSE] > 0.5:
                d = (math.sqrt((u / p[_A]) ** 2 + (v / w) ** 2) - one) * small
            else:
                r = look[_CORNER] * small
                qx = abs(u) - p[_A] + r
                qy = abs(v) - w + r
                ox, oy = max(qx, np.float32(0.0)), max(qy, np.float32(0.0))
                d = math.sqrt(ox * ox + oy * oy) + min(max(qx, qy), np.float32(0.0)) - r
            cover = min(max(np.float32(0.5) - np.float32(0.5) * d / edge, np.float32(0.0)), one)
            if cover <= 0.0:
                continue
            cover = cover * cover * (np.float32(3.0) - np.float32(2.0) * cover) * p[_ALPHA]
            vn = min(max(v / w, -one), one)
            shade = one + look[_SHADE] * (
                un * un * un * light_u + vn * light_v - np.float32(0.4) * vn * vn
            )
            tone = _texel(layer, u * scale + look[_U], v * scale + look[_V])
            tone = cover * look[_ADD] * p[_GAIN] * shade * (one + look[_AMP] * tone)
            keep = one - cover * look[_COVER]
            for k in range(channels):
                picture[row, col, k] = picture[row, col, k] * keep + tone * look[_BLUE + k]


@njit(cache=True, nogil=True)
def _steady(pose: Canvas32, camera: Canvas32) -> int:
    """How many leading primitives look the same at all sub-times."""
    subs, count, _ = pose.shape
    for s in range(1, subs):
        for k in range(4):
            if camera[s, k] != camera[0, k]:
                return 0
    for p in range(count):
        for s in range(1, subs):
            for k in range(at.POSE_SIZE):
                if pose[s, p, k] != pose[0, p, k]:
                    return p
    return count


@njit(cache=True, nogil=True)
def draw(
    pose: Canvas32,
    look: Canvas32,
    camera: Canvas32,
    weights: Canvas32,
    aspect: float,
    layers: Canvas32,
    base: Canvas32,
    based: int,
    out: Canvas32,
) -> int:
    """Draw one picture: the average of its sub-times, row by row (exposure, rolling shutter).

    Args:
        pose: float32[S, P, POSE_SIZE].
        look: float32[P, LOOK_SIZE]; with one channel BLUE holds the grey.
        camera: float32[S, 4]: pan x, pan y, cos and sin of the roll over the zoom.
        weights: float32[S, H]: share of each sub-time in each row.
        aspect: height over width of what the picture shows.
        layers: the atlas.
        base: float32[H, W, C] holding the first `based` primitives, kept between calls.
        based: how many leading primitives `base` already holds; 0 draws it anew.
        out: float32[H, W, C], receives the picture.

    Returns:
        How many leading primitives `base` holds now.
    """
    subs, count, _ = pose.shape
    height, width, channels = out.shape
    steady = _steady(pose, camera)
    if based > steady or based == 0:
        base[:] = 0.0
        based = 0
    for p in range(based, steady):
        if pose[0, p, _ALPHA] > 0.0:
            _composite(base, pose[0, p], look[p], camera[0], layers, aspect)
    if steady == count:
        out[:] = base
        return steady
    out[:] = 0.0
    buffer = np.empty_like(out)
    for s in range(subs):
        buffer[:] = base
        for p in range(steady, count):
            if pose[s, p, _ALPHA] > 0.0:
                _composite(buffer, pose[s, p], look[p], camera[s], layers, aspect)
        for row in range(height):
            share = weights[s, row]
            for col in range(width):
                for k in range(channels):
                    out[row, col, k] += share * buffer[row, col, k]
    return steady

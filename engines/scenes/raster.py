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


ZERO: Final = np.float32(0.0)
HALF: Final = np.float32(0.5)
ONE: Final = np.float32(1.0)
_SIZE: Final = np.float32(SIZE)


@njit(cache=True, nogil=True, fastmath=True, inline="always")
def _texel(layer: Canvas32, tu: np.float32, tv: np.float32) -> np.float32:
    """The layer at (tu, tv) periods, interpolated."""
    x = (tu - np.float32(math.floor(tu))) * _SIZE
    y = (tv - np.float32(math.floor(tv))) * _SIZE
    x0 = int(x)
    y0 = int(y)
    fx = x - np.float32(x0)
    fy = y - np.float32(y0)
    x0 &= SIZE - 1
    y0 &= SIZE - 1
    x1 = (x0 + 1) & (SIZE - 1)
    y1 = (y0 + 1) & (SIZE - 1)
    top = layer[y0, x0] + fx * (layer[y0, x1] - layer[y0, x0])
    low = layer[y1, x0] + fx * (layer[y1, x1] - layer[y1, x0])
    return np.float32(top + fy * (low - top))


@njit(cache=True, nogil=True, fastmath=True, inline="always")
def _distance(
    u: np.float32, v: np.float32, w: np.float32, a: np.float32, corner: np.float32, ellipse: bool
) -> np.float32:
    """Signed distance to the edge of a shape of half length `a` and half width `w`."""
    small = min(a, w)
    if ellipse:
        ru, rv = u / a, v / w
        return np.float32((math.sqrt(ru * ru + rv * rv) - ONE) * small)
    r = corner * small
    qx = abs(u) - a + r
    qy = abs(v) - w + r
    if qx <= ZERO or qy <= ZERO:
        return np.float32(max(qx, qy) - r)
    return np.float32(math.sqrt(qx * qx + qy * qy) - r)


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
    row0 = max(0, math.floor((y - ey) / aspect * height + 0.5 * height))
    row1 = min(height, math.ceil((y + ey) / aspect * height + 0.5 * height) + 1)
    col0 = max(0, math.floor((x - ex + 0.5) * width))
    col1 = min(width, math.ceil((x + ex + 0.5) * width) + 1)
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
    camera_c, camera_s = camera[2], camera[3]
    cos, sin, a, bend = p[_COS], p[_SIN], p[_A], p[_BEND]
    zoom = np.float32(math.sqrt(camera_c * camera_c + camera_s * camera_s))
    edge = look[_SOFT] + np.float32(EDGE_PIXELS * 0.5 * (1.0 / width + aspect / height)) * zoom
    sharp = HALF / edge
    scale = look[_SCALE] / p[_GROW]
    light_u = look[_LX] * cos + look[_LY] * sin
    light_v = look[_LY] * cos - look[_LX] * sin
    offset_x, offset_y = camera[0] - p[_CX], camera[1] - p[_CY]
    layer = layers[int(look[_LAYER])]
    round_shape = look[_ELLIPSE] > HALF
    for row in range(row0, row1):
        sy = np.float32((row + 0.5) * aspect / height - 0.5 * aspect)
        for col in range(col0, col1):
            sx = np.float32(col + 0.5) / np.float32(width) - HALF
            dx = camera_c * sx - camera_s * sy + offset_x
            dy = camera_s * sx + camera_c * sy + offset_y
            u = dx * cos + dy * sin
            v = dy * cos - dx * sin
            un = min(max(u / a, -ONE), ONE)
            v -= bend * (ONE - un * un)
            w = p[_W0] + (p[_W1] - p[_W0]) * (HALF * un + HALF)
            cover = HALF - sharp * _distance(u, v, w, a, look[_CORNER], round_shape)
            if cover <= ZERO:
                continue
            cover = min(cover, ONE)
            cover = cover * cover * (np.float32(3.0) - np.float32(2.0) * cover) * p[_ALPHA]
            vn = min(max(v / w, -ONE), ONE)
            side = un * un * un * light_u + vn * light_v - np.float32(0.4) * vn * vn
            tone = cover * look[_ADD] * p[_GAIN] * (ONE + look[_SHADE] * side)
            if look[_AMP] != ZERO:
                grain = _texel(layer, u * scale + look[_U], v * scale + look[_V])
                tone *= ONE + look[_AMP] * grain
            keep = ONE - cover * look[_COVER]
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
    return int(count)


@njit(cache=True, nogil=True)
def _average(out: Canvas32, buffer: Canvas32, shares: Canvas32) -> None:
    """Add `buffer` float32[H, W, C] to `out`, each row by its share float32[H]."""
    height, width, channels = out.shape
    for row in range(height):
        for col in range(width):
            for k in range(channels):
                out[row, col, k] += shares[row] * buffer[row, col, k]


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
        _average(out, buffer, weights[s])
    return steady

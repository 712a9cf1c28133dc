"""The drawing formula of `raster.py` as one Triton kernel, for training on an NVIDIA GPU.

One program draws a tile of one frame: all sub-times, all primitives, in registers. Primitives that
cannot touch the tile are skipped by their bounds.
"""

from typing import Final

import torch
import triton  # type: ignore[import-not-found,import-untyped,unused-ignore]
import triton.language as tl  # type: ignore[import-not-found,import-untyped,unused-ignore]
from torch import Tensor

from synchresis.engines.scenes import primitives as at
from synchresis.engines.scenes.atlas import SIZE
from synchresis.engines.scenes.drawing_torch import Drawing
from synchresis.engines.scenes.raster import EDGE_PIXELS

TILE_ROWS: Final = 8
TILE_COLUMNS: Final = 32


def draw(drawing: Drawing) -> Tensor:
    """Averaged sub-times of a batch: float32[B, T, H, W]."""
    worlds, frames, subs, count, _ = drawing.pose.shape
    height, width = drawing.weights.shape[2], drawing.width
    out = torch.empty((worlds, frames, height, width), device=drawing.pose.device)
    across = -(-width // TILE_COLUMNS)
    grid = (worlds * frames, across * -(-height // TILE_ROWS))
    d = drawing
    parts = (d.pose, d.look, d.camera, d.aspect, d.weights, d.layers, d.bounds)
    sizes = (frames, subs, count, height, width, across)
    _kernel[grid](
        *(part.contiguous() for part in parts), out, *sizes, 0.5 * EDGE_PIXELS,
        POSE=at.POSE_SIZE, LOOK=at.LOOK_SIZE, SIZE=SIZE, ROWS=TILE_ROWS, COLUMNS=TILE_COLUMNS,
    )  # fmt: skip
    return out


@triton.jit  # type: ignore[untyped-decorator,unused-ignore]
def _texel(layer, tu, tv, SIZE: tl.constexpr):  # type: ignore[no-untyped-def]
    x = (tu - tl.floor(tu)) * SIZE
    y = (tv - tl.floor(tv)) * SIZE
    x0 = x.to(tl.int32)
    y0 = y.to(tl.int32)
    fx = x - x0
    fy = y - y0
    x0 = x0 & (SIZE - 1)
    y0 = (y0 & (SIZE - 1)) * SIZE
    x1 = (x0 + 1) & (SIZE - 1)
    y1 = (y0 + SIZE) & (SIZE * SIZE - 1)
    a = tl.load(layer + y0 + x0)
    b = tl.load(layer + y0 + x1)
    c = tl.load(layer + y1 + x0)
    d = tl.load(layer + y1 + x1)
    top = a + fx * (b - a)
    return top + fy * (c + fx * (d - c) - top)


@triton.jit  # type: ignore[untyped-decorator,unused-ignore]
def _one(  # type: ignore[no-untyped-def]
    picture, p, q, x, y, pixel, layers, inside, SIZE: tl.constexpr
):
    """One primitive over a tile; columns of `p` and `q` as primitives.py numbers them."""
    cos = tl.load(p + 2)
    sin = tl.load(p + 3)
    a = tl.load(p + 4)
    w0 = tl.load(p + 5)
    w1 = tl.load(p + 6)
    dx = x - tl.load(p + 0)
    dy = y - tl.load(p + 1)
    u = dx * cos + dy * sin
    v = dy * cos - dx * sin
    ratio = u / a
    un = tl.minimum(tl.maximum(ratio, -1.0), 1.0)
    v = v - tl.load(p + 7) * (1.0 - un * un)
    w = w0 + (w1 - w0) * (0.5 * un + 0.5)
    small = tl.minimum(a, w)
    r = tl.load(q + 0) * small
    qx = tl.abs(u) - a + r
    qy = tl.abs(v) - w + r
    ox = tl.maximum(qx, 0.0)
    oy = tl.maximum(qy, 0.0)
    box = tl.sqrt(ox * ox + oy * oy) + tl.minimum(tl.maximum(qx, qy), 0.0) - r
    vw = v / w
    oval = (tl.sqrt(ratio * ratio + vw * vw) - 1.0) * small
    d = tl.where(tl.load(q + 1) > 0.5, oval, box)
    cover = 0.5 - 0.5 * d / (tl.load(q + 2) + pixel)
    cover = tl.where(inside, tl.minimum(tl.maximum(cover, 0.0), 1.0), 0.0)
    cover = cover * cover * (3.0 - 2.0 * cover) * tl.load(p + 8)
    vn = tl.minimum(tl.maximum(vw, -1.0), 1.0)
    lx = tl.load(q + 12)
    ly = tl.load(q + 13)
    side = un * un * un * (lx * cos + ly * sin) + vn * (ly * cos - lx * sin) - 0.4 * vn * vn
    scale = tl.load(q + 8) / tl.load(p + 10)
    layer = layers + tl.load(q + 6).to(tl.int32) * (SIZE * SIZE)
    grain = _texel(layer, u * scale + tl.load(q + 9), v * scale + tl.load(q + 10), SIZE)
    tone = cover * tl.load(q + 15) * tl.load(p + 9) * (1.0 + tl.load(q + 11) * side)
    tone = tone * (1.0 + tl.load(q + 7) * grain) * tl.load(q + 3)
    return picture * (1.0 - cover * tl.load(q + 14)) + tone


@triton.jit  # type: ignore[untyped-decorator,unused-ignore]
def _kernel(  # type: ignore[no-untyped-def]
    pose, look, camera, aspects, weights, layers, bounds, out,
    frames, subs, count, height, width, across, edge,
    POSE: tl.constexpr, LOOK: tl.constexpr, SIZE: tl.constexpr,
    ROWS: tl.constexpr, COLUMNS: tl.constexpr,
):  # fmt: skip
    frame = tl.program_id(0)
    tile = tl.program_id(1)
    world = frame // frames
    row0 = (tile // across) * ROWS
    col0 = (tile % across) * COLUMNS
    rows = row0 + tl.arange(0, ROWS)
    columns = col0 + tl.arange(0, COLUMNS)
    aspect = tl.load(aspects + world)
    sy = ((rows + 0.5) * aspect / height - 0.5 * aspect)[:, None]
    sx = ((columns + 0.5) / width - 0.5)[None, :]
    total = tl.zeros((ROWS, COLUMNS), tl.float32)
    for sub in range(subs):
        moment = frame * subs + sub
        cam = camera + moment * 4
        c = tl.load(cam + 2)
        s = tl.load(cam + 3)
        pixel = edge * (1.0 / width + aspect / height) * tl.sqrt(c * c + s * s)
        x = c * sx - s * sy + tl.load(cam)
        y = s * sx + c * sy + tl.load(cam + 1)
        picture = tl.zeros((ROWS, COLUMNS), tl.float32)
        for index in range(count):
            box = bounds + (moment * count + index) * 4
            top = tl.load(box)
            bottom = tl.load(box + 1)
            left = tl.load(box + 2)
            right = tl.load(box + 3)
            touches = (top < row0 + ROWS) & (bottom > row0)
            touches = touches & (left < col0 + COLUMNS) & (right > col0)
            if touches:
                p = pose + (moment * count + index) * POSE
                q = look + (world * count + index) * LOOK
                inside_rows = (rows >= top) & (rows < bottom)
                inside_columns = (columns >= left) & (columns < right)
                inside = inside_rows[:, None] & inside_columns[None, :]
                picture = _one(picture, p, q, x, y, pixel, layers, inside, SIZE)
        shares = weights + (world * subs + sub) * height + rows
        share = tl.load(shares, mask=rows < height, other=0.0)
        total += share[:, None] * picture
    place = frame * (height * width) + rows[:, None] * width + columns[None, :]
    tl.store(out + place, total, mask=(rows < height)[:, None] & (columns < width)[None, :])

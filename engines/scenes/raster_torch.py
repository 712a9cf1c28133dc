"""The drawing formula of `raster.py` in torch: batches of worlds on any device, for training.

On an NVIDIA GPU `raster_triton.py` draws instead, the same formula in one kernel.
"""

from collections.abc import Sequence
from typing import Final

import torch
from torch import Tensor

from synchresis.engines.scenes import primitives as at
from synchresis.engines.scenes import sensor_torch
from synchresis.engines.scenes.atlas import SIZE
from synchresis.engines.scenes.batch import Batch, stack
from synchresis.engines.scenes.drawing_torch import Drawing, upload
from synchresis.engines.scenes.raster import EDGE_PIXELS
from synchresis.engines.scenes.world import World

CHUNK: Final = 256
"""Sub-pictures drawn at once, to bound memory."""


def render_torch(
    worlds: Sequence[World] | Batch,
    device: torch.device | str,
    *,
    size: tuple[int, int] = (160, 120),
) -> Tensor:
    """Pictures of worlds: uint8[B, T, H, W], grey.

    Args:
        worlds: worlds of equally many frames, or a batch of them.
        device: where to draw.
        size: width and height in pixels, multiples of 4.
    """
    batch = worlds if isinstance(worlds, Batch) else stack(worlds)
    device = torch.device(device)
    drawing = upload(batch, device, size)
    if device.type == "cuda":
        from synchresis.engines.scenes import raster_triton

        drawn = raster_triton.draw(drawing)
    else:
        drawn = draw(drawing)
    sensor = torch.from_numpy(batch.sensor).to(device)
    keys = torch.from_numpy(batch.noise_keys).to(device)
    shown = torch.from_numpy(batch.shown).to(device)
    exposed = sensor_torch.expose(drawn, sensor, keys)
    return sensor_torch.encode(exposed, sensor, shown)


def draw(drawing: Drawing) -> Tensor:
    """Averaged sub-times of a batch: float32[B, T, H, W]."""
    worlds, frames, subs, count, _ = drawing.pose.shape
    height, width = drawing.weights.shape[2], drawing.width
    device = drawing.pose.device
    owner = torch.arange(worlds, device=device).repeat_interleave(frames * subs)
    pose = drawing.pose.reshape(-1, count, at.POSE_SIZE)
    bounds, camera = drawing.bounds.reshape(-1, count, 4), drawing.camera.reshape(-1, 4)
    look, aspect = drawing.look[owner], drawing.aspect[owner]
    parts = []
    for first in range(0, len(pose), CHUNK):
        part = slice(first, first + CHUNK)
        picture = torch.zeros((len(pose[part]), height, width), device=device)
        stand = (camera[part], aspect[part], bounds[part])
        parts.append(composite(picture, pose[part], look[part], stand, drawing.layers))
    drawn = torch.cat(parts).reshape(worlds, frames, subs, height, width)
    return torch.einsum("btshw,bsh->bthw", drawn, drawing.weights)


def composite(
    picture: Tensor,
    pose: Tensor,
    look: Tensor,
    stand: tuple[Tensor, Tensor, Tensor],
    layers: Tensor,
) -> Tensor:
    """Draw primitives over `picture`.

    Args:
        picture: float32[N, H, W].
        pose: float32[N, P, POSE_SIZE].
        look: float32[N, P, LOOK_SIZE].
        stand: camera float32[N, 4], aspect float32[N], bounds float32[N, P, 4].
        layers: the atlas, flat.
    """
    camera, aspect, bounds = stand
    _, height, width = picture.shape
    tall = aspect[:, None, None]
    rows = torch.arange(height, device=picture.device, dtype=torch.float32)[None, :, None]
    columns = torch.arange(width, device=picture.device, dtype=torch.float32)[None, None, :]
    sy = (rows + 0.5) * tall / height - 0.5 * tall
    sx = (columns + 0.5) / width - 0.5
    px, py, c, s = (camera[:, k, None, None] for k in range(4))
    x = c * sx - s * sy + px
    y = s * sx + c * sy + py
    edge = EDGE_PIXELS * 0.5 * (1.0 / width + tall / height) * torch.sqrt(c * c + s * s)
    for index in range(pose.shape[1]):
        top, end, left, right = (bounds[:, index, k, None, None] for k in range(4))
        inside = (rows >= top) & (rows < end) & (columns >= left) & (columns < right)
        picture = _one(picture, pose[:, index], look[:, index], (x, y, edge, inside), layers)
    return picture


def _one(
    picture: Tensor,
    pose: Tensor,
    look: Tensor,
    place: tuple[Tensor, ...],
    layers: Tensor,
) -> Tensor:
    p = [pose[:, k, None, None] for k in range(at.POSE_SIZE)]
    q = [look[:, k, None, None] for k in range(at.LOOK_SIZE)]
    x, y, edge, inside = place
    dx, dy = x - p[at.CX], y - p[at.CY]
    u = dx * p[at.COS] + dy * p[at.SIN]
    v = dy * p[at.COS] - dx * p[at.SIN]
    un = (u / p[at.HALF_LENGTH]).clamp(-1.0, 1.0)
    v = v - p[at.BEND] * (1.0 - un * un)
    w = p[at.HALF_W0] + (p[at.HALF_W1] - p[at.HALF_W0]) * (0.5 * un + 0.5)
    d = _distance(u, v, w, p[at.HALF_LENGTH], (q[at.CORNER], q[at.ELLIPSE]))
    cover = (0.5 - 0.5 * d / (q[at.SOFT] + edge)).clamp(0.0, 1.0)
    cover = cover * cover * (3.0 - 2.0 * cover) * p[at.ALPHA] * inside
    vn = (v / w).clamp(-1.0, 1.0)
    light_u = q[at.LIGHT_X] * p[at.COS] + q[at.LIGHT_Y] * p[at.SIN]
    light_v = q[at.LIGHT_Y] * p[at.COS] - q[at.LIGHT_X] * p[at.SIN]
    shade = 1.0 + q[at.SHADE] * (un * un * un * light_u + vn * light_v - 0.4 * vn * vn)
    scale = q[at.TEX_SCALE] / p[at.GROW]
    tone = _texel(layers, q[at.LAYER], u * scale + q[at.TEX_U], v * scale + q[at.TEX_V])
    tone = cover * q[at.ADD] * p[at.GAIN] * shade * (1.0 + q[at.TEX_AMP] * tone)
    return picture * (1.0 - cover * q[at.COVER]) + tone * q[at.BLUE]


def _distance(u: Tensor, v: Tensor, w: Tensor, a: Tensor, kind: tuple[Tensor, Tensor]) -> Tensor:
    """Signed distance to the edge, picture widths."""
    corner, ellipse = kind
    small = torch.minimum(a, w)
    r = corner * small
    qx, qy = u.abs() - a + r, v.abs() - w + r
    ox, oy = qx.clamp(min=0.0), qy.clamp(min=0.0)
    box = torch.sqrt(ox * ox + oy * oy) + torch.maximum(qx, qy).clamp(max=0.0) - r
    ratio_u, ratio_v = u / a, v / w
    oval = (torch.sqrt(ratio_u * ratio_u + ratio_v * ratio_v) - 1.0) * small
    return torch.where(ellipse > 0.5, oval, box)


def _texel(layers: Tensor, layer: Tensor, tu: Tensor, tv: Tensor) -> Tensor:
    x = (tu - tu.floor()) * SIZE
    y = (tv - tv.floor()) * SIZE
    x0, y0 = x.to(torch.int32), y.to(torch.int32)
    fx, fy = x - x0, y - y0
    x0, y0 = x0 & (SIZE - 1), y0 & (SIZE - 1)
    x1, y1 = (x0 + 1) & (SIZE - 1), (y0 + 1) & (SIZE - 1)
    base = layer.to(torch.int32) * (SIZE * SIZE)
    a, b = layers[base + y0 * SIZE + x0], layers[base + y0 * SIZE + x1]
    c, d = layers[base + y1 * SIZE + x0], layers[base + y1 * SIZE + x1]
    top = a + fx * (b - a)
    return top + fy * (c + fx * (d - c) - top)

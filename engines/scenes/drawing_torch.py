"""A batch of worlds on a device, ready to be drawn."""

from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from torch import Tensor

from synchresis.engines.scenes import primitives as at
from synchresis.engines.scenes.atlas import atlas
from synchresis.engines.scenes.batch import Batch
from synchresis.engines.scenes.raster import EDGE_PIXELS
from synchresis.engines.scenes.shot import row_weights


@dataclass(frozen=True, slots=True)
class Drawing:
    """What the batched renderers draw.

    Attributes:
        pose: float32[B, T, S, P, POSE_SIZE].
        look: float32[B, P, LOOK_SIZE].
        camera: float32[B, T, S, 4].
        aspect: float32[B].
        weights: float32[B, S, H], share of each sub-time in each row.
        bounds: float32[B, T, S, P, 4], pixels a primitive may touch.
        layers: the atlas, flat.
        width: of the pictures, pixels.
    """

    pose: Tensor
    look: Tensor
    camera: Tensor
    aspect: Tensor
    weights: Tensor
    bounds: Tensor
    layers: Tensor
    width: int


def upload(batch: Batch, device: torch.device, size: tuple[int, int]) -> Drawing:
    """Put a batch on a device, to be drawn at `size` (width, height)."""
    width, height = size
    subs = batch.pose.shape[2]
    pose, look, camera, aspect = (
        torch.from_numpy(part).to(device)
        for part in (batch.pose, batch.look, batch.camera, batch.aspect)
    )
    shares = [row_weights(subs, height, float(e), float(r)) for e, r in batch.shutter]
    weights = torch.from_numpy(np.stack(shares)).to(device)
    bounds = touched(pose, look, camera, aspect, (height, width))
    return Drawing(pose, look, camera, aspect, weights, bounds, _layers(device), width)


@cache
def _layers(device: torch.device) -> Tensor:
    return torch.from_numpy(atlas()).to(device).reshape(-1)


def touched(
    pose: Tensor, look: Tensor, camera: Tensor, aspect: Tensor, size: tuple[int, int]
) -> Tensor:
    """Pixels primitives may touch, float32[B, T, S, P, 4]: first and end row, then column."""
    height, width = size
    px, py, c, s = (camera[..., None, k] for k in range(4))
    zoom2 = c * c + s * s
    zoom = zoom2.sqrt()
    p = [pose[..., k] for k in range(at.POSE_SIZE)]
    tall = aspect[:, None, None, None]
    dx, dy = p[at.CX] - px, p[at.CY] - py
    x, y = (c * dx + s * dy) / zoom2, (c * dy - s * dx) / zoom2
    along_x = (c * p[at.COS] + s * p[at.SIN]).abs() / zoom
    along_y = (c * p[at.SIN] - s * p[at.COS]).abs() / zoom
    half = torch.maximum(p[at.HALF_W0], p[at.HALF_W1]) + p[at.BEND].abs()
    pixel = 0.5 * EDGE_PIXELS * (1.0 / width + tall / height) * zoom
    edge = look[:, None, None, :, at.SOFT] + pixel
    ex = (p[at.HALF_LENGTH] * along_x + half * along_y + edge) / zoom + 1.0 / width
    ey = (p[at.HALF_LENGTH] * along_y + half * along_x + edge) / zoom + tall / height
    bounds = [
        ((y - ey) / tall * height + 0.5 * height).floor(),
        ((y + ey) / tall * height + 0.5 * height).ceil() + 1.0,
        ((x - ex + 0.5) * width).floor(),
        ((x + ex + 0.5) * width).ceil() + 1.0,
    ]
    return torch.where(p[at.ALPHA][..., None] > 0.0, torch.stack(bounds, -1), -1.0)

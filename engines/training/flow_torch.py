"""The flow kernel in torch, batched, for training on any device.

The same formulas as `synchresis.kernels.flow.reference`, in float32; that file explains them.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

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


@torch.no_grad()
def flow_torch(
    previous: Tensor, current: Tensor, settings: FlowSettings | None = None
) -> dict[str, Tensor]:
    """Find where each cell of `previous` went, for a batch of picture pairs.

    Args:
        previous: uint8 or float[B, height, width], grey levels 0-255.
        current: the next pictures, alike.
        settings: the grid; by default 320x240 pixels and 30 x 40 cells.

    Returns:
        displacement: float32[B, 2, rows, cols], pixels of the analysed picture.
        residual: float32[B, rows, cols], grey 0-1.
        difference: float32[B, rows, cols], grey 0-1.
        motion: float32[B, 6], the camera's, pixels; see `flow_reference`.
    """
    settings = settings or FlowSettings()
    earlier, later = _pyramid(previous, settings), _pyramid(current, settings)
    halvings = settings.levels[0].halvings
    shape = (previous.shape[0], 2, settings.rows // 2, settings.cols // 2)
    d = torch.zeros(shape, device=previous.device)
    trust = d[:, 0]
    for level in settings.levels:
        d = d * 2.0 ** (halvings - level.halvings)
        if d.shape[2] < level.rows:
            d = F.interpolate(d, scale_factor=2, mode="bilinear", align_corners=False)
        halvings = level.halvings
        d, trust = _search(earlier[halvings], later[halvings], d, level)
    d = d * 2.0**halvings
    base = next(level for level in settings.levels if level.halvings == settings.base)
    template, picture = earlier[settings.base], later[settings.base]
    inside = _patches(template, base)
    moved = _sample(picture, d * 0.5**settings.base, base)
    return {
        "displacement": d,
        "residual": (moved - inside).abs().mean((-2, -1)) / 255,
        "difference": (_patches(picture, base) - inside).abs().mean((-2, -1)) / 255,
        "motion": fit_motion_torch(d, trust, 320.0 / settings.width),
    }


def to_widths(
    displacement: Tensor, motion: Tensor, dt_s: Tensor, aspect: Tensor, settings: FlowSettings
) -> tuple[Tensor, Tensor]:
    """Convert pixels between two pictures to picture widths per second.

    Args:
        displacement: float32[B, 2, rows, cols], pixels.
        motion: float32[B, 6], pixels.
        dt_s: float32[B], seconds between the pictures.
        aspect: float32[B], height / width of the picture before it was resized.
        settings: the grid.

    Returns:
        flow float32[B, 2, rows, cols] and motion float32[B, 6], picture widths per second.
    """
    along_x = 1 / (settings.width * dt_s)
    along_y = aspect / (settings.height * dt_s)
    scale = torch.stack([along_x, along_y], 1)
    return displacement * scale[:, :, None, None], motion * scale.repeat_interleave(3, 1)


def _pyramid(pictures: Tensor, settings: FlowSettings) -> list[Tensor]:
    levels = [pictures.float()]
    for _ in range(settings.levels[0].halvings):
        levels.append(F.avg_pool2d(levels[-1], 2))
    return levels


def _search(
    template: Tensor, picture: Tensor, start: Tensor, level: Level
) -> tuple[Tensor, Tensor]:
    inside = _patches(template, level)
    slopes = torch.stack([_patches(s, level) for s in _gradient(template)], 1)
    squares = torch.stack(
        [_mean(slopes[:, 0] ** 2), _mean(slopes[:, 0] * slopes[:, 1]), _mean(slopes[:, 1] ** 2)], 1
    )
    slope = _mean(slopes)
    if level.tries_still:
        still = STILL_BIAS * _variance(_patches(picture, level) - inside)
        found = _variance(_sample(picture, start, level) - inside)
        start = torch.where((still < found)[:, None], 0.0, start)
    d, matrix = start, squares
    for _ in range(level.iterations):
        r = _sample(picture, d, level) - inside
        pull = _apply(squares, d) - _mean(slopes * r[:, None])
        offset = (slope * d).sum(1) - _mean(r)
        fit = NOISE**2 / (_variance(r) + NOISE**2)
        alike = _likeness(d, level.reach)
        equations = torch.cat(
            [torch.ones_like(fit)[:, None], slope, offset[:, None], squares, pull], 1
        )
        matrix, right = _share(fit[:, None] * equations, alike)
        z = _couple(matrix, right, start, d, alike, level.coupling)
        d = d + (z - d).clamp(-LARGEST_STEP, LARGEST_STEP)
    return d, _smaller_eigenvalue(matrix)


def _patches(pictures: Tensor, level: Level) -> Tensor:
    """Cut [B, H, W] into patches [B, R, C, P, P], the border repeated."""
    margin = (level.patch - level.stride) // 2
    padded = F.pad(pictures[:, None], (margin,) * 4, mode="replicate")[:, 0]
    return padded.unfold(1, level.patch, level.stride).unfold(2, level.patch, level.stride)


def _gradient(pictures: Tensor) -> tuple[Tensor, Tensor]:
    padded = F.pad(pictures[:, None], (1, 1, 1, 1), mode="replicate")[:, 0]
    along_x = padded[:, 1:-1, 2:] - padded[:, 1:-1, :-2]
    along_y = padded[:, 2:, 1:-1] - padded[:, :-2, 1:-1]
    return along_x / 2, along_y / 2


def _sample(pictures: Tensor, d: Tensor, level: Level) -> Tensor:
    """Sample each patch d [B, 2, R, C] pixels away from its place: [B, R, C, P, P]."""
    batch, height, width = pictures.shape
    inner = torch.arange(level.patch, device=d.device) - (level.patch - level.stride) / 2
    rows = level.stride * torch.arange(level.rows, device=d.device)[:, None] + inner
    cols = level.stride * torch.arange(level.cols, device=d.device)[:, None] + inner
    y = (rows[:, None, :, None] + d[:, 1, ..., None, None]).clamp(0, height - 1)
    x = (cols[None, :, None, :] + d[:, 0, ..., None, None]).clamp(0, width - 1)
    top, left = y.floor().clamp(max=height - 2), x.floor().clamp(max=width - 2)
    y, x = y - top, x - left
    corner = top.long() * width + left.long()
    flat = pictures.reshape(batch, -1)

    def at(index: Tensor) -> Tensor:
        return flat.gather(1, index.reshape(batch, -1)).reshape(index.shape)

    upper = at(corner) * (1 - x) + at(corner + 1) * x
    lower = at(corner + width) * (1 - x) + at(corner + width + 1) * x
    return upper * (1 - y) + lower * y


def _mean(values: Tensor) -> Tensor:
    return values.mean((-2, -1))


def _variance(values: Tensor) -> Tensor:
    return _mean(values**2) - _mean(values) ** 2


def _apply(matrix: Tensor, vector: Tensor) -> Tensor:
    xx, xy, yy = matrix.unbind(1)
    x, y = vector.unbind(1)
    return torch.stack([xx * x + xy * y, xy * x + yy * y], 1)


def _neighbours(values: Tensor) -> Tensor:
    """Return the 3x3 neighbours [B, N, 9, R, C] of [B, N, R, C], edges repeated."""
    rows, cols = values.shape[-2:]
    padded = F.pad(values, (1, 1, 1, 1), mode="replicate")
    places = [padded[..., i : i + rows, j : j + cols] for i in range(3) for j in range(3)]
    return torch.stack(places, 2)


def _likeness(d: Tensor, reach: float) -> Tensor:
    """Return how much each of the 3x3 neighbours counts: [B, 9, R, C], 0 outside the grid."""
    rows, cols = d.shape[2:]
    line = torch.tensor([1.0, 2.0, 1.0], device=d.device)
    bell = (torch.outer(line, line) / 16).reshape(9, 1, 1)
    ones = F.pad(torch.ones((rows, cols), device=d.device), (1, 1, 1, 1))
    present = torch.stack([ones[i : i + rows, j : j + cols] for i in range(3) for j in range(3)])
    gap = ((_neighbours(d) - d[:, :, None]) ** 2).sum(1)
    return bell * present / (1 + gap / reach**2)


def _share(equations: Tensor, alike: Tensor) -> tuple[Tensor, Tensor]:
    """Sum the neighbours' equations [B, 9, R, C] (1, S, q, H, p) and eliminate the brightness."""
    total = (alike[:, None] * _neighbours(equations)).sum(2)
    weight, sx, sy, q, xx, xy, yy, px, py = total.unbind(1)
    matrix = torch.stack([xx - sx * sx / weight, xy - sx * sy / weight, yy - sy * sy / weight], 1)
    return matrix, torch.stack([px - sx * q / weight, py - sy * q / weight], 1)


def _couple(
    matrix: Tensor, right: Tensor, start: Tensor, d: Tensor, alike: Tensor, coupling: float
) -> Tensor:
    others = alike.clone()
    others[:, 4] = 0
    diagonal = PRIOR + coupling * others.sum(1)
    xx, xy, yy = matrix[:, 0] + diagonal, matrix[:, 1], matrix[:, 2] + diagonal
    determinant = (xx * yy - xy * xy)[:, None]
    right = right + PRIOR * start
    for _ in range(SWEEPS):
        b = right + coupling * (others[:, None] * _neighbours(d)).sum(2)
        crossed = [yy * b[:, 0] - xy * b[:, 1], xx * b[:, 1] - xy * b[:, 0]]
        d = torch.stack(crossed, 1) / determinant
    return d


def _smaller_eigenvalue(matrix: Tensor) -> Tensor:
    xx, xy, yy = matrix.unbind(1)
    return (xx * yy - xy * xy) / (xx + yy + 1e-9)


def fit_motion_torch(displacement: Tensor, trust: Tensor, per_pixel: float) -> Tensor:
    """Fit the camera's affine motion, as the reference does.

    Args:
        displacement: float32[B, 2, R, C], pixels.
        trust: float32[B, R, C].
        per_pixel: 320 / width.

    Returns:
        float32[B, 6].
    """
    batch, rows, cols = trust.shape
    x = (torch.arange(cols, device=trust.device) + 0.5) / cols - 0.5
    y = (torch.arange(rows, device=trust.device) + 0.5) / rows - 0.5
    ones = torch.ones((rows, cols), device=trust.device)
    basis = torch.stack([ones, ones * x, ones * y[:, None]]).reshape(3, -1).double()
    flat = displacement.reshape(batch, 2, -1).double()
    confidence = (trust / (trust + CONFIDENT) + DOUBT).reshape(batch, -1).double()
    weight = confidence
    for scale in (*SCALES, None):
        normal = torch.einsum("in,jn,bn->bij", basis, basis, weight)
        right = torch.einsum("bkn,jn,bn->bjk", flat, basis, weight)
        motion = torch.linalg.solve(normal, right).transpose(1, 2)
        if scale is not None:
            away = ((flat - motion @ basis) ** 2).sum(1) * per_pixel**2
            weight = confidence / (1 + away / scale**2) ** 2
    return motion.reshape(batch, 6).float()

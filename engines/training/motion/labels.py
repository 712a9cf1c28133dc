"""Targets: what each frame should answer, from true events, capture times and the lookahead."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from synchresis.engines.training.motion.batch import Batch

LATE_S = 0.022
"""Softness of the impact target on frames after the one whose interval holds the event, seconds."""

EARLY_S = 0.008
"""The same on frames before."""

WHEN_RANGE = (-1.5, 2.0)
"""Times told about an event, intervals from the begin of the frame's own."""

MAP_S = 0.12
"""Half width in time of the sound-producing map round an event, seconds."""


@dataclass(slots=True)
class Targets:
    """Targets of a batch; see the network's outputs.

    Attributes:
        impact: float32[B, T, rows, cols], soft, 0..1.
        total: float32[B, T], soft, 0..1.
        map: float32[B, T, rows, cols].
        map_weight: float32[B, T, rows, cols], 0 where sound without a known place may come from.
        strength: float32[B, T, rows, cols], meant where `near` > 0.
        when: float32[B, T, rows, cols], intervals from the frame's begin, meant where `near` > 0.
        near: float32[B, T, rows, cols], weight of strength and `when`.
        span_s: float32[B, T], length of each frame's interval.
        levels: float32[B, T, 2], of the whole picture.
        sounding: int64[B, T]: 1 sounding, 0 silent, -1 between.
        weight: float32[B, T], 0 on the first frame, which answers for nothing.
        located: float32[B, 1], 1 where places and levels are known.
    """

    impact: Tensor
    total: Tensor
    map: Tensor
    map_weight: Tensor
    strength: Tensor
    when: Tensor
    near: Tensor
    span_s: Tensor
    levels: Tensor
    sounding: Tensor
    weight: Tensor
    located: Tensor


def blob(xy: Tensor, rows: int, cols: int, sigma: float) -> Tensor:
    """Gaussians on the grid: xy float[..., 2] fractions → float[..., rows, cols], peak 1."""
    x = torch.arange(cols, device=xy.device) + 0.5
    y = torch.arange(rows, device=xy.device) + 0.5
    dx = (x - xy[..., :1] * cols) / sigma
    dy = (y - xy[..., 1:] * rows) / sigma
    return torch.exp(-0.5 * dy * dy)[..., :, None] * torch.exp(-0.5 * dx * dx)[..., None, :]


def soft_hits(batch: Batch, tau_s: Tensor) -> tuple[Tensor, Tensor]:
    """How much each frame should answer for each event, and where in its interval.

    Args:
        batch: B sequences of T frames.
        tau_s: float32[B], lookahead.

    Returns:
        share: float32[B, T, E], 1 where the frame's interval holds the event, soft beside it.
        when: float32[B, T, E], intervals from the begin of the frame's own: 0..1 inside, more where
            the event is still to come, less where it is past; within WHEN_RANGE.
    """
    end = batch.captured_s + tau_s[:, None]
    begin = torch.cat((end[:, :1], end[:, :-1]), 1)
    event = batch.event_s[:, None, :]
    late = (begin[..., None] - event).clamp_min(0.0)
    early = (event - end[..., None]).clamp_min(0.0)
    share = torch.exp(-0.5 * (late / LATE_S) ** 2) * torch.exp(-0.5 * (early / EARLY_S) ** 2)
    holds = (event > begin[..., None]) & (event <= end[..., None])
    position = (event - begin[..., None]) / (end - begin)[..., None].clamp_min(1e-3)
    finite = torch.isfinite(event)
    share = torch.where(holds, torch.ones_like(share), share) * finite
    return share, position.nan_to_num(0.0).clamp(*WHEN_RANGE)


def targets_of(batch: Batch, tau_s: Tensor, rows: int = 30, cols: int = 40) -> Targets:
    """All targets of a batch at a lookahead, float32[B] seconds."""
    share, when = soft_hits(batch, tau_s)
    spot = blob(batch.event_xy, rows, cols, 0.9)
    wide = blob(batch.event_xy, rows, cols, 2.5)
    dense = share[..., None, None] * spot[:, None]
    impact, owner = dense.max(2)
    since = batch.captured_s[..., None] + tau_s[:, None, None] - batch.event_s[:, None, :]
    glow = torch.exp(-0.5 * (since / MAP_S) ** 2).nan_to_num(0.0)
    sounding_map = (glow[..., None, None] * wide[:, None]).amax(2)
    elsewhere = (batch.levels.amax(2) > 0.1)[..., None, None] & (sounding_map < 0.3)
    strength = pick(batch.event_strength[:, None].expand_as(share), owner)
    weight = torch.ones_like(share[..., 0])
    weight[:, 0] = 0.0
    located = batch.located.float()[:, None]
    known = located[..., None, None]
    return Targets(
        impact=impact,
        total=share.amax(2),
        map=sounding_map,
        map_weight=weight[..., None, None] * ~elsewhere * known,
        strength=strength,
        when=pick(when, owner),
        near=impact * (impact > 0.3) * known,
        span_s=batch.dt_s,
        levels=batch.levels,
        sounding=sounding_of(since, batch.levels),
        weight=weight,
        located=located,
    )


def pick(values: Tensor, owner: Tensor) -> Tensor:
    """Value of the event that owns each cell: float[B, T, E], int64[B, T, h, w] → float."""
    return values.gather(2, owner.flatten(2)).reshape(owner.shape)


def sounding_of(since: Tensor, levels: Tensor) -> Tensor:
    """Class of each frame for the embedding, int64[B, T]; see Targets."""
    distance = since.abs().nan_to_num(math.inf).amin(2)
    heard = levels.amax(2)
    label = torch.full(distance.shape, -1, dtype=torch.int64, device=since.device)
    label[(distance > 0.35) & (heard < 0.02)] = 0
    label[(distance < 0.06) | (heard > 0.3)] = 1
    return label

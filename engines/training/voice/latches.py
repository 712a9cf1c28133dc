"""What the network remembers of hits exactly: strength, place, palette and take, and their ages.

Two versions of one formula: whole sequences at once for training, one hop for the exported graph.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from synchresis.engines.voice.layout import EMBEDDING, TAKE

HIT = 2 + EMBEDDING + TAKE
OLD = 1e4
"""Age before any hit, hops."""

EXCITED = 1e-3
_AGES = 3
LATCH = HIT + 1 + _AGES
"""Numbers of the latch state: the last hit, strength of the one before, three ages plus one."""


@dataclass
class Drive:
    """What the decoder knows at each hop; every Tensor[B, T, …].

    Attributes:
        onset: [B, T, 1]; levels: [B, T, 2] friction and burst.
        hit: [B, T, HIT] strength, onset sample / HOP, palette and take of the last hit.
        before: [B, T, 1] strength of the last but one.
        ages: [B, T, 3] hops since the last hit, the last but one, and since anything was asked
            for; OLD before.
        palette: [B, T, 32] as asked for now; texture: [B, T, TEXTURE] noise.
    """

    onset: Tensor
    levels: Tensor
    hit: Tensor
    before: Tensor
    ages: Tensor
    palette: Tensor
    texture: Tensor


def drive_sequence(control: Tensor, palette: Tensor, take: Tensor, texture: Tensor) -> Drive:
    """Drive of whole sequences from their beginning.

    Args:
        control: [B, T, 8], as the engine's input.
        palette: [B, T, 32].
        take: [B, T, 16], latched at onsets.
        texture: [B, T, TEXTURE].
    """
    onset, levels = control[..., :1], control[..., 3:5]
    asked = torch.cat([control[..., 2:3], control[..., 1:2], palette, take], dim=-1)
    last = _latest(onset[..., 0] > 0)
    earlier = _before(last)
    excited = (onset[..., 0] > 0) | (levels.amax(-1) > EXCITED)
    hit = _gather(asked, last)
    before = _gather(asked[..., :1], earlier)
    ages = torch.stack([_age(last), _age(earlier), _age(_latest(excited))], dim=-1)
    return Drive(onset, levels, hit, before, ages, palette, texture)


def drive_hop(
    control: Tensor, palette: Tensor, take: Tensor, texture: Tensor, latch: Tensor
) -> tuple[Drive, Tensor]:
    """Drive of one hop ([B, …] in, [B, 1, …] out) and the next latch [B, LATCH]."""
    onset, levels = control[:, :1], control[:, 3:5]
    asked = torch.cat([control[:, 2:3], control[:, 1:2], palette, take], dim=-1)
    new = (onset > 0).to(control.dtype)
    excited = ((onset > 0) | (levels.amax(-1, keepdim=True) > EXCITED)).to(control.dtype)
    hit = new * asked + (1 - new) * latch[:, :HIT]
    before = new * latch[:, :1] + (1 - new) * latch[:, HIT : HIT + 1]
    old = latch[:, HIT + 1 :]
    grown = (old + (old > 0).to(old.dtype)).clamp(max=OLD)
    first = new + (1 - new) * grown[:, :1]
    second = new * grown[:, :1] + (1 - new) * grown[:, 1:2]
    quiet = excited + (1 - excited) * grown[:, 2:]
    stored = torch.cat([first, second, quiet], dim=-1)
    never = (stored < 0.5).to(stored.dtype)
    ages = never * OLD + (1 - never) * (stored - 1)
    whole = [onset, levels, hit, before, ages, palette, texture]
    drive = Drive(*(part.unsqueeze(1) for part in whole))
    return drive, torch.cat([hit, before, stored], dim=-1)


def _latest(flag: Tensor) -> Tensor:
    """Index of the latest true hop up to each hop, −1 before any: [B, T]."""
    steps = torch.arange(flag.shape[1], device=flag.device).expand_as(flag)
    return torch.where(flag, steps, -1).cummax(dim=1).values


def _before(last: Tensor) -> Tensor:
    """Index of the hit before the latest one."""
    index = (last - 1).clamp(min=0)
    return torch.where(last > 0, last.gather(1, index), -1)


def _age(last: Tensor) -> Tensor:
    steps = torch.arange(last.shape[1], device=last.device).expand_as(last)
    return torch.where(last >= 0, steps - last, int(OLD)).float()


def _gather(values: Tensor, index: Tensor) -> Tensor:
    """Values at an index per hop, 0 where it is −1: [B, T, C]."""
    wide = index.clamp(min=0).unsqueeze(-1).expand(-1, -1, values.shape[-1])
    return values.gather(1, wide) * (index >= 0).unsqueeze(-1)

"""Doubt while nothing moves on: noise and light make flow, too, but flow that turns back.

What moves goes on moving, at least somewhere in the picture; noise of one frame enters two flows
with opposite signs, light that flickers pushes there and back. So each block of cells remembers how
much its flows in a row agree, and where no block's do hits are doubted, whatever the network says.
Every hit begins with something that moves, so it costs none; in noisy still rooms it takes most of
the false events away. It needs no training. A hit that is still to come may not have begun to move:
doubt fades with the lookahead as adaptation does, of whose making most of those events are.
"""

from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor

from synchresis.engines.training.motion.memory import leaky_scan

BLOCKS: Final = (3, 4)
"""Rows and columns of blocks; coarse, so that noise averages out, and not one, so that a small hand
in a noisy room counts."""

MEMORY_S: Final = 1.0
"""Time constant of the memory, seconds."""

MOVES: Final = 0.25
"""Agreement of two flows in a row, 1 where they are equal, from which on nothing is doubted."""

STILL: Final = 0.05
"""Agreement up to which all is doubted in full."""

DOUBT: Final = 2.0
"""What full doubt takes off the logit of the score: odds fall to a seventh."""

FAINT: Final = 3e-6
"""Flow energy, as `squeeze_flow` scales it, up to which nothing agrees."""

CHANNELS: Final = 2 * BLOCKS[0] * BLOCKS[1]
"""Numbers the memory holds."""


def paired(flow: Tensor, before: Tensor) -> Tensor:
    """Common energy of two flows in a row, then the mean of their energies, block by block.

    Args:
        flow: float[N, 5, rows, cols], squeezed, u and v first.
        before: the same of the frame before, zeros where there is none.

    Returns:
        float32[N, CHANNELS].
    """
    now, then = flow[:, :2].float(), before[:, :2].float()
    common = (now * then).sum(1, keepdim=True)
    energy = 0.5 * (now * now + then * then).sum(1, keepdim=True)
    size = (flow.shape[2] // BLOCKS[0], flow.shape[3] // BLOCKS[1])
    return F.avg_pool2d(torch.cat((common, energy), 1), size).flatten(1)


def remembered(pairs: Tensor, dt_s: Tensor) -> Tensor:
    """Memories over sequences from their first frame on: float32[B, T, CHANNELS], dt_s [B, T]."""
    time_s = pairs.new_full((CHANNELS,), MEMORY_S)
    return leaky_scan(pairs, dt_s, time_s, None)


def remember(pair: Tensor, dt_s: Tensor, memory: Tensor) -> Tensor:
    """The same frame by frame: float32[B, CHANNELS], 0 at first; dt_s float32[B]."""
    return pair + torch.exp(-dt_s[:, None] / MEMORY_S) * (memory - pair)


def doubt_of(memory: Tensor) -> Tensor:
    """What is taken off the score's logit, float32[N, 1], by the memory with the frame in it."""
    common, energy = memory.chunk(2, 1)
    agreement = (common / (energy + FAINT)).amax(1, keepdim=True)
    return DOUBT * ((MOVES - agreement) / (MOVES - STILL)).clamp(0.0, 1.0)

"""Takes at play time: which takes a palette has, from the palette's embedding.

Every recording was learned with a take of its own; those of one family lie together. The exported
graph turns standard noise into a take of the families nearest to the palette asked for.
"""

import torch
from torch import Tensor, nn

from synchresis.engines.training.voice.learner import Learned
from synchresis.engines.training.voice.recordings import Recordings

WIDTH = 0.5
"""Share of a family's own spread that hits are drawn with: fewer odd takes."""

_SHRINK = 3.0
_NEAR = 0.3
"""Distance at which a family counts e^-1, as a share of the median distance to the nearest."""


class Takes(nn.Module):
    """Mean and spread of takes by palette embedding: attention over the families learned."""

    families: Tensor
    means: Tensor
    spreads: Tensor
    sharpness: Tensor

    def __init__(self, families: Tensor, means: Tensor, spreads: Tensor) -> None:
        super().__init__()
        distance = torch.cdist(families, families)
        distance.fill_diagonal_(torch.inf)
        near = _NEAR * distance.amin(1).median()
        self.register_buffer("families", families)
        self.register_buffer("means", means)
        self.register_buffer("spreads", spreads)
        self.register_buffer("sharpness", 1 / near.square())

    def forward(self, palette: Tensor, noise: Tensor) -> Tensor:
        """Takes [..., 16] of palettes [..., 32] from standard noise [..., 16]."""
        closeness = 2 * palette @ self.families.T - self.families.square().sum(1)
        share = torch.softmax(self.sharpness * closeness, dim=-1)
        return share @ self.means + noise * (share @ self.spreads)


def learned_takes(learned: Learned, recordings: Recordings) -> Takes:
    """What a trained network knows of takes."""
    family = torch.from_numpy(recordings.family)
    takes = learned.takes.detach()
    present = torch.unique(family)
    count = torch.bincount(family, minlength=len(recordings.families)).float()[:, None]
    sums = torch.zeros(len(count), takes.shape[1]).index_add_(0, family, takes)
    means = sums / count.clamp(min=1)
    square = (takes - means[family]).square()
    within = torch.zeros_like(means).index_add_(0, family, square)
    usual = square.sum(0) / (len(takes) - len(present))
    spread = ((within + _SHRINK * usual) / (count - 1 + _SHRINK).clamp(min=1)).sqrt()
    with torch.no_grad():
        table = learned.embedding(present)
    return Takes(table, means[present], WIDTH * spread[present])

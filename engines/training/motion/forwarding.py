"""Audio forwarding: what the picture cannot explain is explained by the sound itself.

REGNET (Chen et al. 2020) fed a bottleneck of the true sound beside the picture in training, and
nothing at test time: sounds from outside the picture then teach the visual side nothing. Here the
bottleneck of a sequence's sound gives one probability: that a frame hears something unseen. It is
constant over the sequence, so it carries no timing, and is joined by noisy-or in the loss only.
"""

import torch
from torch import Tensor, nn

from synchresis.engines.training.motion.batch import SOUND_BANDS

BOTTLENECK = 8
"""Numbers kept of a sequence's sound."""

MOST = 0.5
"""Largest probability the sound may claim for the unseen."""


class AudioForwarding(nn.Module):
    """Sound of a sequence → probability that a frame's onset is not seen. Training only."""

    def __init__(self, hidden: int = 32) -> None:
        super().__init__()
        self.listen = nn.GRU(
            SOUND_BANDS, hidden, num_layers=2, batch_first=True, bidirectional=True
        )
        self.squeeze = nn.Linear(2 * hidden, BOTTLENECK)
        self.claim = nn.Linear(BOTTLENECK, 1)
        nn.init.constant_(self.claim.bias, -3.0)

    def forward(self, sound: Tensor, located: Tensor) -> Tensor:
        """Probability per sequence.

        Args:
            sound: float32[B, T, SOUND_BANDS].
            located: bool[B]; scenes, where everything is seen, claim nothing.

        Returns:
            float32[B, 1], 0..MOST.
        """
        _, last = self.listen(sound)
        kept = torch.tanh(self.squeeze(torch.cat((last[-2], last[-1]), 1)))
        return MOST * torch.sigmoid(self.claim(kept)) * ~located[:, None]

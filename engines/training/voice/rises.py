"""How usual the rise of each recording is within its family.

A take that rises long before or after the others of its sound is heard early or late when it is
recalled in their place; often a faint noise comes before it.
"""

from typing import Final

import numpy as np
import torch
from torch import Tensor

from synchresis.engines.evaluation.voice_attacks import attack_ms
from synchresis.engines.training.voice.recordings import Recordings

RARER_MS: Final = 4.0
"""A recording that rises so much sooner or later than its family is recalled e times as seldom."""

RAREST: Final = 3.0
"""Logarithm of how many times more seldom at most."""


def rarity(recordings: Recordings) -> Tensor:
    """How many times more seldom each is to be recalled, logarithm: float32[R], 0 where usual."""
    count = len(recordings.length)
    rise = np.array([attack_ms(recordings.sound(index)) for index in range(count)])
    usual = np.zeros(count)
    for number in np.unique(recordings.family):
        members = recordings.family == number
        usual[members] = np.median(rise[members])
    off = np.minimum(np.abs(rise - usual) / RARER_MS, RAREST)
    return torch.from_numpy(off.astype(np.float32))

"""Phases of a hit's first frame that keep the sound behind its onset.

Recorded phases under other magnitudes would also sound before the onset. A gate in time, open from
the onset on, is a short sum over neighbouring bins; gating and then putting the magnitudes back
some times over (as Griffin and Lim, 1984, did with overlap) leaves phases that fit both.
"""

from typing import Final

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from synchresis.engines.voice.copying import N

ROUNDS: Final = 4
REACH: Final = 16
"""Bins on each side that the gate takes in."""

OPENS, CLOSES = -24, 704
"""Samples from the onset at which the gate is half open; what is later lies before the onset."""

TINY = 1e-6


def gate_taps() -> Tensor:
    """The gate as a convolution over bins of (real, imaginary): float32[2, 2, 2 REACH + 1]."""
    place = np.arange(N)
    is_open = (place < CLOSES) | (place >= N + OPENS)
    offset = np.arange(-REACH, REACH + 1)
    smooth = np.sinc(offset / (REACH + 1))
    taps = (np.fft.fft(is_open)[offset] / N * smooth)[::-1]
    rows = [[taps.real, -taps.imag], [taps.imag, taps.real]]
    return torch.from_numpy(np.array(rows)).float()


def gated(spectrum: Tensor, taps: Tensor) -> Tensor:
    """Spectra [B, 2, 513] (real, imaginary) of sounds that begin at sample 0, gated in time."""
    mirror = spectrum.new_tensor([1.0, -1.0]).reshape(1, 2, 1)
    low = spectrum[:, :, 1 : REACH + 1].flip(2) * mirror
    high = spectrum[:, :, -REACH - 1 : -1].flip(2) * mirror
    return F.conv1d(torch.cat([low, spectrum, high], dim=2), taps)


def settle(magnitude: Tensor, phases: Tensor, taps: Tensor) -> Tensor:
    """Unit phases (real, imaginary) [B, 2, 513] of magnitudes [B, 513], from phases in radians."""
    unit = torch.stack([torch.cos(phases), torch.sin(phases)], dim=1)
    for _ in range(ROUNDS):
        kept = gated(magnitude.unsqueeze(1) * unit, taps)
        unit = kept * torch.rsqrt(kept.square().sum(1, keepdim=True) + TINY)
    return unit

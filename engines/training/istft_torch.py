"""Overlap-add in torch, differentiable, for training the voice."""

import torch
import torch.nn.functional as F
from torch import Tensor

from synchresis.kernels.overlap_add.window import HOP, N, window


def overlap_add_torch(spectra: Tensor) -> Tensor:
    """Turn spectrograms into the sound that the overlap-add stage makes of them.

    Args:
        spectra: complex64[B, T, 513], frame k covers output samples [256 k, 256 k + 1024).

    Returns:
        float32[B, 256 T]: the samples up to the end of the last frame's first hop.
    """
    batch, frames, _ = spectra.shape
    weights = torch.from_numpy(window()).to(spectra.device)
    parts = (torch.fft.irfft(spectra, N) * weights).reshape(batch, frames, N // HOP, HOP)
    shifted = [
        F.pad(parts[:, : frames - lag, lag], (0, 0, lag, 0)) for lag in range(min(N // HOP, frames))
    ]
    return torch.stack(shifted).sum(0).reshape(batch, frames * HOP)

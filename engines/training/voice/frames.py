"""Target frames: what the network should give at each hop so that overlap-add makes the sound.

A frame is the sound under a Hann window of 768 samples, weighted so that the kernel's window and
overlap make exactly the sound again. A hit is known only from its own hop on: frames before it
must not contain it, and its first frames carry what those would have carried.
"""

import numpy as np
import torch
from torch import Tensor

from synchresis.engines.timebase import HOP
from synchresis.engines.training.voice.framing import N, window

HANN, BEGIN = 768, 32
"""Length of the analysis window and where it begins in the frame; its middle is CENTRE."""

BEFORE = 3
"""Frames before a hit's own that reach into it."""


def analysis_window() -> Tensor:
    """float32[1024]: times the kernel's window, overlapped at a hop of 256, exactly 1."""
    hann = np.zeros(N)
    hann[BEGIN : BEGIN + HANN] = np.sin(np.pi * (np.arange(HANN) + 0.5) / HANN) ** 2
    overlapped = (hann * window()).reshape(4, HOP).sum(axis=0)
    return torch.tensor(hann / np.tile(overlapped, 4), dtype=torch.float32)


def onset_boost() -> Tensor:
    """float32[1024]: by how much a hit's first samples are raised, from the start of its hop."""
    product = analysis_window().double().numpy() * window()
    total = np.zeros(N)
    for age in range(4):
        total[HOP * age :] += product[: N - HOP * age]
    return torch.tensor(1 / np.maximum(total, 1e-3), dtype=torch.float32)


class Framer:
    """Frames of a mixture of events, on any device."""

    def __init__(self, device: torch.device) -> None:
        self.analysis = analysis_window().to(device)
        self.boost = onset_boost().to(device)

    def raise_onsets(self, events: Tensor, begin: Tensor) -> Tensor:
        """Events [E, L] that begin `begin` samples into their hop, first samples raised."""
        place = torch.arange(N, device=events.device) + begin[:, None]
        gain = torch.where(place < N, self.boost[place.clamp(max=N - 1)], 1.0)
        raised = events.clone()
        raised[:, :N] *= gain
        return raised

    def attacks(self, raised: Tensor, begin: Tensor) -> Tensor:
        """First frames of the events alone, complex[E, 513], and as if they began at sample 0."""
        frame = self._placed(raised, begin, 0)
        spectra: Tensor = torch.fft.rfft(frame)
        return spectra

    def frames(
        self, mixture: Tensor, raised: Tensor, begin: Tensor, where: tuple[Tensor, Tensor]
    ) -> Tensor:
        """Complex[B, T, 513] of the raised mixture [B, 256 T + 1024], future hits taken out.

        Args:
            mixture: sum of raised events and textures.
            raised: [E, L], the events.
            begin: [E], their start inside their hop, samples.
            where: row and hop of every event, each int64[E].
        """
        row, hop = where
        cut = mixture.unfold(1, N, HOP) * self.analysis
        cut = cut[:, : (mixture.shape[1] - N) // HOP].contiguous()
        for early in range(1, BEFORE + 1):
            part = self._placed(raised, begin, HOP * early)
            valid = hop >= early
            cut.index_put_((row[valid], hop[valid] - early), -part[valid], accumulate=True)
        spectra: Tensor = torch.fft.rfft(cut)
        return spectra

    def _placed(self, raised: Tensor, begin: Tensor, delay: int) -> Tensor:
        """The events' first samples in a frame that begins `delay` samples before their hop."""
        index = torch.arange(N, device=raised.device) - delay - begin[:, None]
        sound = raised[:, :N].gather(1, index.clamp(min=0)) * (index >= 0)
        windowed: Tensor = sound * self.analysis
        return windowed


def overlap_add(real: Tensor, imag: Tensor) -> Tensor:
    """Samples [B, 256 T] of spectra [B, T, 513]: the kernel's formula, with gradients."""
    weights = torch.from_numpy(window()).to(real.device)
    frames = torch.fft.irfft(torch.complex(real, imag), n=N) * weights
    parts = frames.reshape(*frames.shape[:2], N // HOP, HOP)
    sound = parts[:, :, 0]
    for late in range(1, N // HOP):
        sound = sound + torch.nn.functional.pad(parts[:, :-late, late], (0, 0, late, 0))
    whole: Tensor = sound.reshape(real.shape[0], -1)
    return whole

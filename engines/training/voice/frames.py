"""Target frames: what the network should give at each hop so that overlap-add makes the sound.

A frame is the sound under a Hann window of 768 samples, weighted so that the kernel's window and
overlap make exactly the sound again. A hit is known only from its own hop on: frames before it
must not contain it, and its first frames carry what those would have carried.
"""

import torch
from torch import Tensor

from synchresis.engines.timebase import HOP
from synchresis.engines.voice.copying import N, analysis_window, onset_boost, synthesis_window

BEFORE = 3
"""Frames before a hit's own that reach into it."""


class Framer:
    """Frames of a mixture of events, on any device."""

    def __init__(self, device: torch.device) -> None:
        self.analysis = torch.from_numpy(analysis_window()).float().to(device)
        self.boost = torch.from_numpy(onset_boost()).float().to(device)

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
    weights = torch.from_numpy(synthesis_window()).float().to(real.device)
    frames = torch.fft.irfft(torch.complex(real, imag), n=N) * weights
    parts = frames.reshape(*frames.shape[:2], N // HOP, HOP)
    sound = parts[:, :, 0]
    for late in range(1, N // HOP):
        sound = sound + torch.nn.functional.pad(parts[:, :-late, late], (0, 0, late, 0))
    whole: Tensor = sound.reshape(real.shape[0], -1)
    return whole

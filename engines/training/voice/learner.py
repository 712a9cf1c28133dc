"""Learner: the network, the embeddings of what it was trained on, and one step of training."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from synchresis.engines.training.voice.features import start
from synchresis.engines.training.voice.losses import VoiceLoss, weighted
from synchresis.engines.training.voice.mixing import Batch
from synchresis.engines.training.voice.network import Shape, VoiceNetwork
from synchresis.engines.training.voice.recordings import Recordings
from synchresis.engines.training.voice.streaming import Given, Unrolled, run_sequence
from synchresis.engines.voice.layout import BINS, TAKE

_TAKE_NOISE = 0.3
_FAMILY_WEIGHT, _TAKE_WEIGHT = 1e-3, 3e-3
_EMBEDDING_RATE = 3.0
_CLIP = 3.0


@dataclass
class Rates:
    """Learning rate, and decay of the running mean of the weights."""

    rate: float = 1e-3
    mean: float = 0.999


class Learned(nn.Module):
    """Network and tables: a palette's place, a family's way from it, a recording's take."""

    palette: Tensor

    def __init__(self, recordings: Recordings, shape: Shape) -> None:
        super().__init__()
        self.network = VoiceNetwork(shape)
        first = start(recordings)
        self.palettes = nn.Parameter(torch.from_numpy(first.palettes))
        self.families = nn.Parameter(torch.from_numpy(first.families))
        self.takes = nn.Parameter(torch.from_numpy(first.takes))
        self.register_buffer("palette", torch.from_numpy(np.asarray(recordings.palette)))

    def embedding(self, family: Tensor) -> Tensor:
        """Embeddings of families: [..., 32]."""
        place: Tensor = self.palettes[self.palette[family]] + self.families[family]
        return place

    def play(self, batch: Batch, mel: Tensor) -> Unrolled:
        """Run the network over a batch."""
        noise = batch.noise.clone()
        take = self.takes[batch.recording]
        take = take + _TAKE_NOISE * torch.randn_like(take)
        noise = noise.index_put((batch.row[:, None], batch.hop[:, None], self._lanes(noise)), take)
        given = Given(mel, batch.copying)
        return run_sequence(
            self.network, batch.control, self.embedding(batch.family), noise, given=given
        )

    def prior(self) -> Tensor:
        """Keeps families near their palette and takes like standard noise."""
        wide = self.families.square().mean()
        takes = self.takes.square().mean() + (self.takes.mean(0).square()).mean()
        return _FAMILY_WEIGHT * wide + _TAKE_WEIGHT * takes

    def _lanes(self, noise: Tensor) -> Tensor:
        return torch.arange(BINS, BINS + TAKE, device=noise.device)[None]


class Learner:
    """Optimizer, running mean of the weights, and steps."""

    def __init__(self, learned: Learned, loss: VoiceLoss, rates: Rates | None = None) -> None:
        self.learned, self.loss = learned, loss
        self._rates = rates or Rates()
        tables = [learned.palettes, learned.families, learned.takes]
        table_ids = {id(table) for table in tables}
        weights = [p for p in learned.parameters() if id(p) not in table_ids]
        self._groups = [(weights, 1.0), (tables, _EMBEDDING_RATE)]
        self.optimizer = torch.optim.AdamW(
            [{"params": weights, "weight_decay": 1e-2}, {"params": tables, "weight_decay": 0.0}],
            lr=self._rates.rate,
            betas=(0.9, 0.98),
        )
        self.mean = {name: value.detach().clone() for name, value in learned.state_dict().items()}
        self.steps = 0

    def step(self, batch: Batch, *, progress: float) -> dict[str, Tensor]:
        """One update; `progress` 0 to 1 of the time given sets the rate."""
        warm = min(1.0, (self.steps + 1) / 200)
        falling = 0.02 + 0.49 * (1 + math.cos(math.pi * progress))
        rate = self._rates.rate * warm * falling
        for group, (_, factor) in zip(self.optimizer.param_groups, self._groups, strict=True):
            group["lr"] = rate * factor
        with torch.no_grad():
            mel = self.loss.frame_mel(batch.frames)
        played = self.learned.play(batch, mel)
        terms = self.loss(self.learned.network, batch, played, mel)
        total = weighted(terms) + self.learned.prior()
        self.optimizer.zero_grad(set_to_none=True)
        total.backward()
        norm = nn.utils.clip_grad_norm_(self.learned.parameters(), _CLIP)
        if torch.isfinite(norm):
            self.optimizer.step()
            self._average()
        self.steps += 1
        return {"loss": total.detach(), **{name: term.detach() for name, term in terms.items()}}

    def _average(self) -> None:
        keep = min(self._rates.mean, (self.steps + 1) / (self.steps + 10))
        with torch.no_grad():
            for name, value in self.learned.state_dict().items():
                if value.dtype.is_floating_point:
                    self.mean[name].lerp_(value, 1 - keep)

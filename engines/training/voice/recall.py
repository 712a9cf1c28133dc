"""What the exported voice recalls of the recordings it learned from, when it plays a hit.

A take of 16 numbers says too little of a recording: where the decoder's mel was wrong for it, a
code of `Recall.width` numbers says how, and the phases of its first frame are kept as they were.
A hit is a blend of the recordings nearest to what is asked for: near in palette, near in strength,
shuffled by noise, so that two equal hits differ as two takes do. What is unlike the nearest of them
counts little: a mean of unlike sounds is faint and like none. How faint a blend is beside what such
blends usually are, and a recording's own departure from the level of its strength, are made up for
while the hit is young: the last number of the code.
"""

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor, nn

from synchresis.engines.training.voice.attack import gate_taps, settle
from synchresis.engines.training.voice.latches import OLD, Drive
from synchresis.engines.training.voice.network import Head, Painter
from synchresis.engines.voice.copying import FLOOR
from synchresis.engines.voice.mel import MELS

KNOTS: Final = (
    0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 56, 64,
    80, 96, 112, 128, 160, 192, 224, 256, 320, 376,
)  # fmt: skip
"""Ages in hops at which corrections are kept, linear between; none from the last one on."""

BLENDED: Final = 8
"""Recordings that make one hit."""

RESEMBLANCE: Final = 0.8
"""How far the painter paints a corrected mel as it paints a given one, without the decoder."""

WIDTH, FALL = 0.1, 3.0
"""A recording as far in strength as WIDTH counts 2^-FALL, far ones as the power -2 FALL."""

_SHUFFLE = 0.2
_NEAR = 0.3
"""Distance at which a family counts e^-1, as a share of the median distance to the nearest."""

UNLIKE = 3.0
"""Root mean square difference of log-mels at which a recording counts e^-1 beside the nearest."""

LEVELLED_HOPS: Final = (32, 128)
"""Level is made up for in full until the first age, not at all from the second on."""

_AS_KEPT = (
    "families", "family", "strength", "takes", "codes", "jitter", "likeness", "extent", "shapes",
)  # fmt: skip
_SEED = 20_406
_SILENT = 1e-3


@dataclass(frozen=True)
class Kept:
    """What is kept of R recordings in F families.

    Attributes:
        families: float32[F, 32], embeddings; family: int64[R], of each recording.
        strength: float32[R]; takes: float32[R, 16]; codes: float32[R, K].
        jitter: float32[16], by how much takes differ beyond the recordings blended.
        likeness: float32[R, n], extent: float32[R]: how unlike two recordings are.
        phases: float32[R, 513], radians, of the first frame as if it began at sample 0.
        basis: float32[len(KNOTS), 80, K], correction of the log-mel by code.
        shapes: float32[R, n], logarithms of power early in a recording, by time and band, all
            raised alike so that the logarithm of their sum is the level it is to lose.
    """

    families: Tensor
    family: Tensor
    strength: Tensor
    takes: Tensor
    codes: Tensor
    jitter: Tensor
    likeness: Tensor
    extent: Tensor
    phases: Tensor
    basis: Tensor
    shapes: Tensor


@dataclass
class Recalled:
    """Of one hit: take [B, 16], code [B, K], phases of its first frame [B, 513], radians."""

    take: Tensor
    code: Tensor
    phases: Tensor


class Recall(nn.Module):
    """Blends recordings by palette, strength and noise, and corrects the mel of the decoder."""

    families: Tensor
    family: Tensor
    strength: Tensor
    takes: Tensor
    codes: Tensor
    jitter: Tensor
    likeness: Tensor
    extent: Tensor
    shapes: Tensor
    phases: Tensor
    places: Tensor
    rarity: Tensor
    sharpness: Tensor
    basis: Tensor
    knot: Tensor
    share: Tensor
    taps: Tensor

    def __init__(self, kept: Kept) -> None:
        super().__init__()
        self.width = kept.codes.shape[1] + 1
        for name in _AS_KEPT:
            self.register_buffer(name, getattr(kept, name))
        # Phases need no more than half precision, and it halves the largest table.
        self.register_buffer("phases", kept.phases.half())
        count = torch.bincount(kept.family, minlength=len(kept.families))
        self.register_buffer("rarity", count[kept.family].float().log())
        seeded = torch.Generator().manual_seed(_SEED)
        places = torch.randn(len(kept.takes), kept.takes.shape[1], generator=seeded)
        self.register_buffer("places", _SHUFFLE * places / places.norm(dim=1, keepdim=True))
        distance = torch.cdist(kept.families, kept.families).fill_diagonal_(torch.inf)
        self.register_buffer("sharpness", 1 / (_NEAR * distance.amin(1).median()).square())
        louder = -0.5 * levelled()[:, None, None].expand(-1, MELS, 1)
        basis = torch.cat([kept.basis, louder], dim=2)
        self.register_buffer("basis", basis.reshape(len(KNOTS), -1))
        knot, share = _knots()
        self.register_buffer("knot", knot)
        self.register_buffer("share", share)
        self.register_buffer("taps", gate_taps())

    def forward(self, palette: Tensor, strength: Tensor, noise: Tensor) -> Recalled:
        """Blend for palettes [B, 32] and strengths [B, 1] by standard noise [B, 16]."""
        blend, index = self.blend(palette, strength, noise)
        take = (blend @ self.takes[index])[:, 0] + self.jitter * noise
        code = (blend @ self.codes[index])[:, 0]
        level = torch.logsumexp(blend @ self.shapes[index], dim=2)
        code = torch.cat([code, level], dim=1)
        return Recalled(take, code, self.phases[index[:, 0]].float())

    def blend(self, palette: Tensor, strength: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Shares [B, 1, 8] and indices [B, 8] of the recordings blended, nearest first."""
        # Weights stand first in the products, which keeps them in full precision everywhere.
        closeness = 2 * self.families @ palette.T - self.families.square().sum(1, keepdim=True)
        near = (self.sharpness * closeness)[self.family] + self.places @ noise.T
        gap = (strength - self.strength) / WIDTH
        score = near.T - FALL * torch.log(1 + gap * gap) - self.rarity
        best, index = torch.topk(score, min(BLENDED, len(self.strength)), dim=1)
        likeness = self.likeness[index]
        unlike = (likeness - likeness[:, :1]).square().sum(2) / self.extent[index[:, :1]]
        return torch.softmax(best - unlike / UNLIKE**2, dim=1).unsqueeze(1), index

    def correct(
        self, code: Tensor, drive: Drive, painter: Painter, painted: tuple[Tensor, Tensor]
    ) -> tuple[Tensor, Tensor]:
        """Mel and features of one hop, [B, 1, …], as the recordings blended had them.

        Nothing changes before the first hit, nor while friction or burst is asked for.
        """
        mel, features = painted
        age = drive.ages[:, 0, :1]
        idle = (drive.levels.amax(-1, keepdim=True) <= _SILENT).to(mel.dtype)
        active = (age < OLD).to(mel.dtype).unsqueeze(1) * idle
        corrected = torch.clamp(mel, min=_floor()) + self._correction(code, age[:, 0])
        features = features + RESEMBLANCE * active * (painter.copying - features)
        return mel + active * (corrected - mel), features

    def begin(self, recalled: Recalled, head: Head) -> Head:
        """The head of one hop with the recorded phases of a hit's first frame, fitted to it."""
        unit = settle(head.magnitude[:, 0], recalled.phases, self.taps).unsqueeze(2)
        return Head(head.magnitude, head.turn, (unit[:, 0], unit[:, 1]), head.certainty)

    def _correction(self, code: Tensor, age: Tensor) -> Tensor:
        """Correction of the log-mel [B, 1, 80] at ages [B] in hops."""
        hop = torch.clamp(age, max=KNOTS[-1]).long()
        knot, share = self.knot[hop], self.share[hop].unsqueeze(1)
        below, above = self.basis[knot], self.basis[knot + 1]
        rows = (below + share * (above - below)).reshape(-1, MELS, self.width)
        return (rows @ code.unsqueeze(2)).transpose(1, 2)


def interpolation(hops: int) -> Tensor:
    """Matrix [hops, len(KNOTS)] from knots to ages 0 to hops − 1."""
    knot, share = _knots()
    age = torch.arange(hops).clamp(max=KNOTS[-1])
    matrix = torch.zeros(hops, len(KNOTS))
    place = torch.arange(hops)
    matrix[place, knot[age]] = 1 - share[age]
    matrix[place, knot[age] + 1] += share[age]
    return matrix


def levelled() -> Tensor:
    """Share of the level made up for at KNOTS: float32[len(KNOTS)]."""
    full, none = LEVELLED_HOPS
    return ((none - torch.tensor(KNOTS)) / (none - full)).clamp(0, 1)


def _knots() -> tuple[Tensor, Tensor]:
    """Knot at or before each age 0 to KNOTS[-1], and how far on the way to the next one."""
    knots = torch.tensor(KNOTS)
    age = torch.arange(KNOTS[-1] + 1)
    knot = (torch.searchsorted(knots, age, right=True) - 1).clamp(max=len(KNOTS) - 2)
    return knot, (age - knots[knot]) / (knots[knot + 1] - knots[knot])


def _floor() -> float:
    """Log-mel of silence."""
    return float(torch.tensor(FLOOR).log())

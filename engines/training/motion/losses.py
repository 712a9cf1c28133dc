"""The training objective of the motion engine."""

import torch
import torch.nn.functional as F
from torch import Tensor

from synchresis.engines.training.motion.labels import Targets

WEIGHTS = {
    "dense": 1.0,
    "total": 1.0,
    "top": 0.5,
    "map": 0.3,
    "strength": 0.3,
    "when": 0.2,
    "levels": 0.5,
    "contrast": 0.1,
}
"""Share of each term in the sum."""

WHEN_UNIT_S = 0.010
"""Errors of time beyond this count by their size, smaller ones by their square."""

KEPT_OWN = 0.3
"""What the truth still counts in sequences whose hits are held to those of an earlier network."""

KEPT_PULL = 0.5
"""What the distance from that network's logits counts there."""

LEVEL_CELLS = 8
"""Best cells whose mean is the level, as the live level meter takes it."""


def quality_focal(logits: Tensor, target: Tensor) -> Tensor:
    """Focal cross entropy for soft targets: |y - p|² BCE (Li et al. 2020, quality focal loss)."""
    gap = (target - torch.sigmoid(logits)).abs()
    return gap * gap * F.binary_cross_entropy_with_logits(logits, target, reduction="none")


def masked_mean(values: Tensor, weight: Tensor) -> Tensor:
    """Mean of values where weight is, 0 where it is nowhere."""
    return (values * weight).sum() / weight.sum().clamp_min(1.0)


def contrastive(embedding: Tensor, label: Tensor, temperature: float = 0.1) -> Tensor:
    """Supervised contrastive loss (Khosla et al. 2020): frames of one class together.

    Args:
        embedding: float32[N, D], length 1.
        label: int64[N], 0 silent motion, 1 sounding.
        temperature: of the softmax.
    """
    N = len(label)
    if N < 4 or not 0 < int(label.sum()) < N:
        return embedding.sum() * 0.0
    logits = embedding @ embedding.T / temperature
    own = torch.eye(N, dtype=torch.bool, device=embedding.device)
    logits = logits.masked_fill(own, -1e4)
    log_share = logits - torch.logsumexp(logits, 1, keepdim=True)
    same = (label[:, None] == label[None]) & ~own
    return -((log_share * same).sum(1) / same.sum(1).clamp_min(1)).mean()


def sampled(embedding: Tensor, label: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Up to `count` labelled frames of each class, the same number of both."""
    chosen = []
    for kind in (0, 1):
        index = torch.nonzero(label == kind)[:, 0]
        chosen.append(index[torch.randperm(len(index), device=index.device)[:count]])
    short = min(len(index) for index in chosen)
    joined = torch.cat([index[:short] for index in chosen])
    return embedding[joined], label[joined]


def terms_of(
    out: dict[str, Tensor],
    targets: Targets,
    elsewhere: Tensor | None = None,
    earlier: dict[str, Tensor] | None = None,
) -> dict[str, Tensor]:
    """Every term of the loss.

    Args:
        out: the network's logits for [B, T].
        targets: of the same frames.
        elsewhere: float32[B, 1], probability that a frame's sound comes from outside the picture.
        earlier: logits of a network that is to be held to where something sounds, same shapes.
    """
    logits = {name: value.float() for name, value in out.items()}
    weight = targets.weight
    placed = weight * targets.located
    events = (targets.total * placed).sum().clamp_min(4.0)
    dense = quality_focal(logits["impact"], targets.impact) * placed[..., None, None]
    bce = F.binary_cross_entropy_with_logits
    cells = weight[..., None, None]
    vectors, label = sampled(logits["embedding"].flatten(0, 1), targets.sounding.flatten(), 256)
    hits = [heard_loss(hit, targets.total, elsewhere) for hit in hit_logits(logits)]
    if earlier is not None:
        both = zip(hits, hit_logits(logits), hit_logits(earlier), strict=True)
        hits = [kept_loss(loss, hit, old, targets) for loss, hit, old in both]
    return {
        "dense": dense.sum() / events,
        "total": masked_mean(hits[0], weight),
        "top": masked_mean(hits[1], weight),
        "map": 4.0
        * masked_mean(bce(logits["map"], targets.map, reduction="none"), targets.map_weight),
        "strength": masked_mean(
            bce(logits["strength"], targets.strength, reduction="none"), targets.near * cells
        ),
        "when": masked_mean(when_loss(logits["when"], targets), targets.near * cells),
        "levels": masked_mean(level_loss(logits, targets), placed),
        "contrast": contrastive(vectors, label),
    }


def heard_loss(logits: Tensor, target: Tensor, elsewhere: Tensor | None) -> Tensor:
    """Cross entropy of hearing an event in a frame, events four times, float32[B, T].

    With `elsewhere` b an event is heard if it is seen or comes from outside: 1 - (1 - p)(1 - b).
    """
    weight = 1 + 3 * target
    if elsewhere is None:
        loss = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
        return loss * weight
    heard = 1 - torch.sigmoid(-logits) * (1 - elsewhere)
    heard = heard.clamp(1e-5, 1 - 1e-5)
    return F.binary_cross_entropy(heard, target, reduction="none") * weight


def hit_logits(out: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    """Logits of a hit in each frame, by `total` and by the two best cells, float32[B, T] each."""
    top = out["impact"].float().flatten(2).topk(2, 2).values.mean(2)
    return out["total"].float()[..., 0], top


def kept_loss(loss: Tensor, hit: Tensor, earlier: Tensor, targets: Targets) -> Tensor:
    """Loss of hits held to an earlier network's in sequences that sound, float32[B, T].

    What is silent is learned from the truth; what sounds mostly from what that network made of the
    same frames, so that learning silence does not cost hits it knows from more than is shown now
    (after Li & Hoiem 2016, "Learning without forgetting").

    Args:
        loss: `heard_loss` of the frames.
        hit: logits of a hit, float32[B, T].
        earlier: the same of the earlier network.
        targets: of the same frames.
    """
    sounding = ((targets.total * targets.weight).amax(1, keepdim=True) > 0.5).float()
    distance = F.smooth_l1_loss(hit, earlier, reduction="none") * (1 + 3 * targets.total)
    return loss * (1 - (1 - KEPT_OWN) * sounding) + KEPT_PULL * sounding * distance


def when_loss(when: Tensor, targets: Targets) -> Tensor:
    """Smooth absolute error of the time told, in units of 10 ms, float32[B, T, rows, cols]."""
    unit = (targets.span_s / WHEN_UNIT_S)[..., None, None]
    return F.smooth_l1_loss(when * unit, targets.when * unit, reduction="none")


def level_loss(logits: dict[str, Tensor], targets: Targets) -> Tensor:
    """Cross entropy of the mean of the best cells of friction and burst, float32[B, T]."""
    planes = torch.stack((logits["friction"], logits["burst"]), 2)
    best = torch.sigmoid(planes).flatten(3).topk(LEVEL_CELLS, 3).values.mean(3)
    best = best.clamp(1e-4, 1 - 1e-4)
    return F.binary_cross_entropy(best, targets.levels, reduction="none").sum(2)


def total_loss(terms: dict[str, Tensor]) -> Tensor:
    """The weighted sum."""
    return torch.stack([WEIGHTS[name] * value for name, value in terms.items()]).sum()

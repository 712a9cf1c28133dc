"""Fitting: from watched frames and heard onsets to lag, place, readout and threshold."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from synchresis.engines.motion.readout import (
    AGES_S,
    FEATURES,
    Readout,
    Scaling,
    aged,
    describe,
    logit,
)
from synchresis.engines.teach.timing import (
    LAGS_S,
    Scores,
    Times,
    bumps,
    lag_of,
    picked,
    refined,
    threshold_of,
)
from synchresis.engines.teach.watching import Watched

Floats = NDArray[np.float32]

GRID: Final = (30, 40)
"""Rows and columns of the place map."""

PENALTY: Final = 0.3
"""Of the ridge regression, for blocks of features of size 1."""


@dataclass(frozen=True, slots=True)
class Shares:
    """Size of each block of features: how freely it is used."""

    logits: float = 1.0
    motion: float = 1.0
    embedding: float = 0.25


CHOICES: Final = (Shares(), Shares(0.3, 0.3, 0.075), Shares(0.1, 0.1, 0.025))
"""How freely: that which predicts best out of fold is used."""

FOLDS: Final = 5
"""Parts that are held back in turn while a threshold is chosen."""

APART: Final = 3
"""Frames left out beside a part held back: their past reaches into it."""

NEAR_LAG_S: Final = 0.1
"""How far the readout's lag may lie from that of the untaught score before it costs much."""

EARLY: Final = 0.5
"""Correlation that deciding a second earlier is worth."""

SPREAD: Final = 1.5
"""Standard deviation by which the place map is smoothed, cells."""

ANYWHERE: Final = 0.2
"""Share of the place map that is even over the picture."""

BLOCK: Final = 512
"""Frames described at once, to bound memory."""


@dataclass(frozen=True, slots=True)
class Taught:
    """What was learned.

    Attributes:
        lag_s: onset minus the time of an event, seconds.
        threshold: of the picker.
        readout: None if only lag and threshold were taught.
    """

    lag_s: float
    threshold: float
    readout: Readout | None = None

    def scores(self, seen: Watched) -> Scores:
        """Score of each frame, float64[T]."""
        if self.readout is None:
            return seen.score.astype(np.float64)
        rows = described(seen, self.readout.place)
        return self.readout.scores(history(seen, rows), seen.embedding)

    def times_s(self, seen: Watched) -> Times:
        """When an event of each frame would happen, float64[T]."""
        return seen.t_s if self.readout is None else seen.captured_s

    def heard_s(self, seen: Watched, scores: Scores | None = None) -> Times:
        """When the live picker's events should sound, float64[N], rising.

        Args:
            seen: the frames.
            scores: of `scores(seen)`, if they are there already.
        """
        scores = self.scores(seen) if scores is None else scores
        at = picked(seen.captured_s, scores, self.threshold)
        return np.sort(self.times_s(seen)[at] + self.lag_s)

    def agreement(self, seen: Watched, scores: Scores, onsets_s: Times) -> tuple[Scores, Scores]:
        """Scores of frames, and how near each is to an onset: float64[T] each."""
        return scores, bumps(self.times_s(seen), onsets_s - self.lag_s)


def fit_threshold(seen: Watched, onsets_s: Times) -> Taught:
    """Lag and threshold only: the network's own score."""
    score = seen.score.astype(np.float64)
    lag_s = lag_of(seen.captured_s, logit(score), onsets_s)
    bar = threshold_of(seen.captured_s, score, onsets_s, lag_s)
    events = seen.t_s[picked(seen.captured_s, score, bar)]
    return Taught(refined(events, onsets_s, lag_s), bar)


def fit_readout(seen: Watched, onsets_s: Times) -> Taught:
    """Lag, place, readout and threshold, all but the place chosen out of fold."""
    times = seen.captured_s
    first = lag_of(times, logit(seen.score), onsets_s)
    place = place_of(seen, onsets_s, first)
    past = history(seen, described(seen, place))
    tried = []
    for shares in CHOICES:
        design = Design.of(past, seen.embedding, shares)
        tried.append((*readout_lag(design, times, onsets_s, first), design))
    _, lag_s, design = max(tried, key=lambda one: one[0])
    target = bumps(times, onsets_s - lag_s)
    held = np.clip(out_of_fold(design.rows, target[:, None])[:, 0], 0.0, 1.0)
    bar = threshold_of(times, held, onsets_s, lag_s)
    events = times[picked(times, held, bar)]
    return Taught(
        refined(events, onsets_s, lag_s), bar, design.readout(place, *ridge(design.rows, target))
    )


def readout_lag(
    design: "Design", times_s: Times, onsets_s: Times, first_s: float
) -> tuple[float, float]:
    """How well a readout predicts what it was not shown, and at which lag: best value and lag.

    Lags near the first one are preferred, and early ones.
    """
    lags = LAGS_S[::2]
    targets = np.stack([bumps(times_s, onsets_s - lag) for lag in lags], 1)
    held = out_of_fold(design.rows, targets)
    value = np.array([correlation(a, b) for a, b in zip(held.T, targets.T, strict=True)])
    value += EARLY * lags - 0.075 * ((lags - first_s) / NEAR_LAG_S) ** 2
    return float(value.max()), float(lags[value.argmax()])


def correlation(a: Scores, b: Scores) -> float:
    """Pearson's, −1 where one of them is constant."""
    if a.std() < 1e-12 or b.std() < 1e-12:
        return -1.0
    return float(np.corrcoef(a, b)[0, 1])


def place_of(seen: Watched, onsets_s: Times, lag_s: float) -> Floats:
    """Where hits happen: what moves and sounds near onsets more than elsewhere, sums to 1."""
    from scipy.ndimage import gaussian_filter

    near = bumps(seen.captured_s, onsets_s - lag_s, 0.04).astype(np.float32)
    shares = np.stack((near / (near.sum() + 1e-6), (1 - near) / ((1 - near).sum() + 1e-6)))
    mean = np.zeros((2, seen.impact.shape[1]), np.float32)
    for part in blocks(len(near)):
        change = seen.flow[part, 3].astype(np.float32) * seen.map[part].astype(np.float32)
        mean += shares[:, part] @ (change + 0.5 * seen.impact[part])
    excess = np.maximum(mean[0] - 0.5 * mean[1], 0.0).reshape(GRID)
    place = gaussian_filter(excess, SPREAD).ravel()
    total, even = float(place.sum()), 1.0 / len(place)
    place = place / total if total > 0 else np.full_like(place, even)
    return np.asarray((1.0 - ANYWHERE) * place + ANYWHERE * even, np.float32)


def blocks(count: int) -> list[slice]:
    """Stretches of BLOCK frames."""
    return [slice(first, first + BLOCK) for first in range(0, count, BLOCK)]


def described(seen: Watched, place: Floats) -> Floats:
    """Features of all frames: float32[T, FEATURES]."""
    rows = [
        describe(seen.impact[b], seen.total[b], seen.flow[b].astype(np.float32), place)
        for b in blocks(len(seen.total))
    ]
    return np.concatenate(rows)


def history(seen: Watched, rows: Floats) -> Floats:
    """Features of the past of each frame: float32[T, AGES, FEATURES]; no past across gaps."""
    starts = [*seen.starts.tolist(), len(rows)]
    times = seen.captured_s
    return np.concatenate([aged(times[a:b], rows[a:b], times[a:b]) for a, b in pairwise(starts)])


@dataclass(frozen=True, slots=True)
class Design:
    """Rows of the regression, and what made them.

    Attributes:
        rows: float64[T, D], scaled features, each block of the size its share says.
        past: scaling of the past, embedding: of the embedding.
    """

    rows: NDArray[np.float64]
    past: Scaling
    embedding: Scaling
    shares: Shares

    @classmethod
    def of(cls, past: Floats, embedding: Floats, shares: Shares) -> "Design":
        """Scale features by what is taught."""
        first, second = scaling(past), scaling(embedding)
        rows = np.concatenate(
            (
                first.apply(past).reshape(len(past), -1) * past_sizes(shares).ravel(),
                second.apply(embedding) * embedding_size(embedding.shape[1], shares),
            ),
            1,
        )
        return cls(rows.astype(np.float64), first, second, shares)

    def readout(self, place: Floats, weight: NDArray[np.float64], mean: float) -> Readout:
        """The readout with these weights."""
        count = len(AGES_S) * FEATURES
        sizes = past_sizes(self.shares)
        rest = embedding_size(len(weight) - count, self.shares)
        return Readout(
            place=place,
            past=self.past,
            embedding=self.embedding,
            past_weight=(weight[:count].reshape(sizes.shape) * sizes).astype("f4"),
            embedding_weight=(weight[count:] * rest).astype("f4"),
            bias=mean,
        )


def past_sizes(shares: Shares) -> Floats:
    """Size of each feature of the past: float32[AGES, FEATURES]."""
    sizes = np.empty((len(AGES_S), FEATURES), np.float32)
    sizes[:, :3] = np.sqrt(shares.logits / (3 * len(AGES_S)))
    sizes[:, 3:] = np.sqrt(shares.motion / ((FEATURES - 3) * len(AGES_S)))
    return sizes


def embedding_size(length: int, shares: Shares) -> float:
    """Size of each number of the embedding."""
    return float(np.sqrt(shares.embedding / length))


def scaling(values: Floats) -> Scaling:
    """Mean and deviation over frames; features that hardly vary are not blown up."""
    deviation = values.std(0)
    least = 0.1 * float(np.median(deviation)) + 1e-6
    return Scaling(values.mean(0), np.maximum(deviation, least).astype(np.float32))


def ridge(
    rows: NDArray[np.float64], target: NDArray[np.float64]
) -> tuple[NDArray[np.float64], float]:
    """Weights float64[D, …] and the mean of the target of a ridge regression."""
    mean = target.mean(0)
    square = rows.T @ rows + PENALTY * np.eye(rows.shape[1])
    return np.linalg.solve(square, rows.T @ (target - mean)), mean


def out_of_fold(rows: NDArray[np.float64], targets: NDArray[np.float64]) -> NDArray[np.float64]:
    """Predictions float64[T, K] for frames that were held back, fold by fold."""
    edges = np.linspace(0, len(rows), FOLDS + 1).round().astype(int)
    out = np.zeros(targets.shape)
    for begin, end in pairwise(edges):
        kept = np.ones(len(rows), bool)
        kept[max(0, begin - APART) : end + APART] = False
        weight, mean = ridge(rows[kept], targets[kept])
        out[begin:end] = rows[begin:end] @ weight + mean
    return out

"""Fitting: from watched frames and heard onsets to lag, place, readout and threshold."""

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from synchresis.engines.motion.readout import Readout, Scaling, aged, describe, logit
from synchresis.engines.motion.replay import Scores, Times, picked_s
from synchresis.engines.teach.prior import PAST, Prior
from synchresis.engines.teach.timing import (
    LAGS_S,
    bumps,
    lag_of,
    refined,
    threshold_of,
)
from synchresis.engines.teach.watching import Watched

Floats = NDArray[np.float32]

Folds = list[list[slice]]
"""Stretches of frames that are held back together."""

GRID: Final = (30, 40)
"""Rows and columns of the place map."""

FOLDS: Final = 5
"""Parts that are held back in turn while a threshold is chosen."""

APART: Final = 3
"""Frames left out beside a part held back: their past reaches into it."""

NEAR_LAG_S: Final = 0.1
"""How far the readout's lag may lie from that of the untaught score before it costs much."""

EARLY: Final = 0.5
"""Correlation that deciding a second earlier is worth."""

USUAL_BAR: Final = 8.0
"""Onsets that weigh as much as the prior's threshold."""

SPREAD: Final = 1.5
"""Standard deviation by which the place map is smoothed, cells."""

ANYWHERE: Final = 0.2
"""Share of the place map that is even over the picture."""

SILENT: Final = 0.5
"""Frames of drawn silent scenes that a lesson sees besides, for each of its own."""

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

    def heard_s(self, seen: Watched, scores: Scores | None = None) -> Times:
        """When the live picker's events should sound, float64[N], rising.

        Args:
            seen: the frames.
            scores: of `scores(seen)`, if they are there already.
        """
        scores = self.scores(seen) if scores is None else scores
        return picked_s(seen.captured_s, scores, self.threshold, seen.t_s) + self.lag_s

    def agreement(self, seen: Watched, scores: Scores, onsets_s: Times) -> tuple[Scores, Scores]:
        """Scores of frames, and how near each is to an onset: float64[T] each."""
        if self.readout is None:
            return scores, bumps(seen.t_s, onsets_s - self.lag_s)
        return scores, bumps(seen.captured_s, onsets_s - self.lag_s + self.readout.wait_s)


def fit_threshold(seen: Watched, onsets_s: Times) -> Taught:
    """Lag and threshold only: the network's own score."""
    score = seen.score.astype(np.float64)
    lag_s = lag_of(seen.captured_s, logit(score), onsets_s)
    bar = threshold_of(seen.captured_s, score, onsets_s, lag_s)
    events = picked_s(seen.captured_s, score, bar, seen.t_s)
    return Taught(refined(events, onsets_s, lag_s), bar)


def fit_readout(seen: Watched, onsets_s: Times, prior: Prior) -> Taught:
    """Lag, place, readout and threshold; lag and threshold are chosen out of fold.

    Args:
        seen: the recording.
        onsets_s: heard in it.
        prior: what readouts are like before a lesson.
    """
    times = seen.captured_s
    first = lag_of(times, logit(seen.score), onsets_s)
    place = place_of(seen, onsets_s, first)
    design = Design.of(history(seen, described(seen, place)), seen.embedding)
    prior, folds = design.prior(prior), folds_of(seen)
    lag_s, held = readout_lag(design.rows, prior, Hearing(times, onsets_s, first, folds))
    bar = readout_bar(times, held, Hearing(times, onsets_s, lag_s, folds), prior.threshold)
    event_lag_s = refined(picked_s(times, held, bar, seen.t_s), onsets_s, lag_s)
    weight, mean = ridge(design.rows, bumps(times, onsets_s - lag_s), prior)
    readout = design.readout(place, weight, mean, event_lag_s - lag_s)
    return Taught(event_lag_s, bar, readout)


@dataclass(frozen=True, slots=True)
class Hearing:
    """A recording's sound against its frames.

    Attributes:
        captured_s: float64[T], frame times, seconds.
        onsets_s: float64[N].
        lag_s: between them so far.
        folds: frames that are held back together.
    """

    captured_s: Times
    onsets_s: Times
    lag_s: float
    folds: Folds


def readout_lag(rows: NDArray[np.float64], prior: Prior, hearing: Hearing) -> tuple[float, Scores]:
    """Lag at which a readout best predicts what it was not shown, and what it predicts there.

    Lags near the first one are preferred, and early ones. Scores are float64[T], 0..1.
    """
    lags, times = LAGS_S[::2], hearing.captured_s
    targets = np.stack([bumps(times, hearing.onsets_s - lag) for lag in lags], 1)
    held = out_of_fold(rows, targets, prior, hearing.folds)
    value = np.array([correlation(a, b) for a, b in zip(held.T, targets.T, strict=True)])
    value += EARLY * lags - 0.075 * ((lags - hearing.lag_s) / NEAR_LAG_S) ** 2
    best = int(value.argmax())
    return float(lags[best]), np.clip(held[:, best], 0.0, 1.0)


def readout_bar(times_s: Times, held: Scores, hearing: Hearing, usual: float | None) -> float:
    """Threshold of a readout: the lesson's own, pulled to the usual one where it heard little."""
    own = threshold_of(times_s, held, hearing.onsets_s, hearing.lag_s)
    if usual is None:
        return own
    count = len(hearing.onsets_s)
    return (count * own + USUAL_BAR * usual) / (count + USUAL_BAR)


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
        rows: float64[T, D], scaled features, the past before the embedding.
        past: scaling of the past, embedding: of the embedding.
    """

    rows: NDArray[np.float64]
    past: Scaling
    embedding: Scaling

    @classmethod
    def of(cls, past: Floats, embedding: Floats) -> "Design":
        """Scale features by what is taught."""
        first, second = scaling(past), scaling(embedding)
        parts = first.apply(past).reshape(len(past), -1), second.apply(embedding)
        return cls(np.concatenate(parts, 1).astype(np.float64), first, second)

    def prior(self, prior: Prior) -> Prior:
        """A prior whose silence is scaled as these features are."""
        if prior.silence is None:
            return prior
        past, embedding = np.split(prior.silence.astype(np.float32), [PAST], axis=1)
        shape = (len(past), *self.past.mean.shape)
        parts = self.past.apply(past.reshape(shape)), self.embedding.apply(embedding)
        flat = [part.reshape(len(past), -1) for part in parts]
        return replace(prior, silence=np.concatenate(flat, 1).astype(np.float64))

    def readout(
        self, place: Floats, weight: NDArray[np.float64], mean: float, wait_s: float
    ) -> Readout:
        """The readout with these weights."""
        return Readout(
            place=place,
            past=self.past,
            embedding=self.embedding,
            past_weight=weight[:PAST].reshape(self.past.mean.shape).astype("f4"),
            embedding_weight=weight[PAST:].astype("f4"),
            bias=mean,
            wait_s=wait_s,
        )


def scaling(values: Floats) -> Scaling:
    """Mean and deviation over frames; features that hardly vary are not blown up."""
    deviation = values.std(0)
    least = 0.1 * float(np.median(deviation)) + 1e-6
    return Scaling(values.mean(0), np.maximum(deviation, least).astype(np.float32))


def ridge(
    rows: NDArray[np.float64], target: NDArray[np.float64], prior: Prior
) -> tuple[NDArray[np.float64], Any]:
    """Weights float64[D, …] pulled to a prior, and the mean of the target float64[…].

    The prior's silence counts as SILENT times as many frames, with a target of 0.
    """
    mean = target.mean(0)
    start = prior.mean if target.ndim == 1 else prior.mean[:, None]
    square = rows.T @ rows + np.diag(prior.penalty)
    cross = rows.T @ (target - mean - rows @ start)
    if prior.silence is not None:
        silent, share = prior.silence, SILENT * len(rows) / len(prior.silence)
        square += share * silent.T @ silent
        cross -= share * silent.T @ (mean + silent @ start)
    return start + np.linalg.solve(square, cross), mean


def folds_of(seen: Watched) -> Folds:
    """FOLDS parts: of every recording a stretch, so that each fold has hits and silence."""
    parts = [
        np.linspace(one.start, one.stop, FOLDS + 1).round().astype(int) for one in seen.recordings
    ]
    return [[slice(edges[k], edges[k + 1]) for edges in parts] for k in range(FOLDS)]


def out_of_fold(
    rows: NDArray[np.float64], targets: NDArray[np.float64], prior: Prior, folds: Folds
) -> NDArray[np.float64]:
    """Predictions float64[T, K] for frames that were held back, fold by fold."""
    out = np.zeros(targets.shape)
    for fold in folds:
        kept = np.ones(len(rows), bool)
        for part in fold:
            kept[max(0, part.start - APART) : part.stop + APART] = False
        weight, mean = ridge(rows[kept], targets[kept], prior)
        for part in fold:
            out[part] = rows[part] @ weight + mean
    return out

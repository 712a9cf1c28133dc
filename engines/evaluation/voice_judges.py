"""Judges trained on real recordings: which palette is it, and is it real? NumPy only."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synchresis.engines.evaluation.voice_measures import log_mel, magnitudes

Floats = NDArray[np.float64]
Sound = NDArray[np.float32]

_AT = (0, 1, 2, 3, 5, 8, 12, 20, 32, 50, 80)
_GROUP = 2
_SHRINK = 0.2
_FOLDS = 5


def features(sound: Sound) -> Floats:
    """What a judge hears of a hit, level removed: log-mel at times after the onset."""
    bands = log_mel(sound)
    at = bands[np.minimum(_AT, len(bands) - 1)]
    coarse = at.reshape(len(_AT), -1, _GROUP).mean(axis=2)
    top = coarse.max()
    heard: Floats = np.maximum(coarse - top, -8.0).ravel().astype(np.float64)
    return heard


def texture_features(sound: Sound) -> Floats:
    """What tells made from real: features, and how spiky and how unsteady spectra are."""
    size = magnitudes(sound) + 1e-4
    loud = size[size.max(axis=1) > 0.05 * size.max()]
    logs = np.log(loud)
    spiky = np.abs(np.diff(logs, axis=1)).mean(axis=0)[:480].reshape(24, -1).mean(axis=1)
    if len(logs) > 1:
        moving = np.abs(np.diff(logs, axis=0)).mean(axis=0)[:480].reshape(24, -1).mean(axis=1)
    else:
        moving = np.zeros(24)
    return np.concatenate([features(sound), spiky, moving])


@dataclass(frozen=True)
class Discriminant:
    """Linear discriminant with a shrunk common covariance (Friedman 1989)."""

    weights: Floats
    bias: Floats
    classes: NDArray[np.int64]

    @classmethod
    def fit(cls, rows: Floats, labels: NDArray[np.int64]) -> "Discriminant":
        """Learn from rows [R, F] and labels [R]."""
        classes = np.unique(labels)
        means = np.stack([rows[labels == label].mean(axis=0) for label in classes])
        centred = rows - means[np.searchsorted(classes, labels)]
        covariance = centred.T @ centred / max(len(rows) - len(classes), 1)
        spread = np.trace(covariance) / len(covariance)
        shrunk = (1 - _SHRINK) * covariance + _SHRINK * spread * np.eye(len(covariance))
        weights = np.linalg.solve(shrunk, means.T)
        return cls(weights, -0.5 * np.einsum("cf,fc->c", means, weights), classes)

    def scores(self, rows: Floats) -> Floats:
        """Score of every class: [R, C]."""
        scores: Floats = rows @ self.weights + self.bias
        return scores

    def predict(self, rows: Floats) -> NDArray[np.int64]:
        """Likeliest class: [R]."""
        chosen: NDArray[np.int64] = self.classes[np.argmax(self.scores(rows), axis=1)]
        return chosen


def area_under_curve(positive: Floats, negative: Floats) -> float:
    """Probability that a positive scores above a negative."""
    return float((positive[:, None] > negative[None]).mean())


def real_or_made_auc(real: Floats, made: Floats) -> float:
    """How well a discriminant tells pairs apart that it was not trained on; 0.5 = not at all.

    Args:
        real: [R, F].
        made: [R, F], row by row the same hit.
    """
    rng = np.random.default_rng(0)
    fold = rng.permutation(len(real)) % _FOLDS
    scores = np.zeros((2, len(real)))
    for held in range(_FOLDS):
        train, test = fold != held, fold == held
        rows = np.concatenate([real[train], made[train]])
        labels = np.repeat([1, 0], train.sum())
        judge = Discriminant.fit(rows, labels)
        for kind, part in enumerate((real, made)):
            both = judge.scores(part[test])
            scores[kind, test] = both[:, 1] - both[:, 0]
    return area_under_curve(scores[0], scores[1])

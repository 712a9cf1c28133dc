"""Rates of false events with honest bounds, and the onset scores of the literature."""

from dataclasses import dataclass

import numpy as np

from synchresis.engines.evaluation.score_onsets import Times


@dataclass(frozen=True, slots=True)
class FalseRate:
    """False events in a stretch that should be silent.

    Attributes:
        events: how many.
        minutes: how long.
    """

    events: int
    minutes: float

    @property
    def per_minute(self) -> float:
        """Observed rate."""
        return self.events / self.minutes if self.minutes else float("nan")

    @property
    def upper(self) -> float:
        """One-sided upper 95 % Poisson bound of the rate, per minute."""
        from scipy.stats import chi2

        if not self.minutes:
            return float("nan")
        return float(chi2.ppf(0.95, 2 * (self.events + 1))) / 2 / self.minutes

    def report(self) -> dict[str, float]:
        """The rate, ready for JSON."""
        return {
            "events": self.events,
            "minutes": self.minutes,
            "per_minute": self.per_minute,
            "upper_95": self.upper,
        }

    def __add__(self, other: "FalseRate") -> "FalseRate":
        return FalseRate(self.events + other.events, self.minutes + other.minutes)


def quiet_rate(
    heard_s: Times, onsets_s: Times, duration_s: float, away_s: float = 1.0
) -> FalseRate:
    """Events more than `away_s` from any onset, in the time that far from any onset."""
    grid = np.arange(0.0, duration_s, 0.01)
    quiet = far_from(grid, onsets_s, away_s)
    return FalseRate(int(far_from(heard_s, onsets_s, away_s).sum()), float(quiet.sum()) * 0.01 / 60)


def far_from(
    times_s: Times, onsets_s: Times, away_s: float
) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
    """Which times are further than `away_s` from every onset: bool[N]."""
    if not len(onsets_s):
        return np.ones(len(times_s), bool)
    distance = np.abs(times_s[:, None] - onsets_s[None]).min(1) if len(times_s) else np.zeros(0)
    return np.asarray(distance > away_s)


def pairs(predicted: Times, truth: Times, tolerance_s: float) -> list[tuple[int, int]]:
    """One-to-one matches in time order, as indices into both."""
    i = j = 0
    out = []
    while i < len(predicted) and j < len(truth):
        distance = predicted[i] - truth[j]
        if abs(distance) <= tolerance_s:
            out.append((i, j))
            i, j = i + 1, j + 1
        elif distance < 0:
            i += 1
        else:
            j += 1
    return out


def foley_scores(
    predicted: Times, confidence: Times, truth: Times, tolerance_s: float = 0.1
) -> tuple[float, float]:
    """Onset accuracy and average precision as CondFoleyGen measures them (Du et al. 2023).

    Accuracy is the share of true onsets with an event within ±100 ms; average precision ranks
    true onsets by the confidence of their event (0 where missed) among the events without one.

    Args:
        predicted: event times.
        confidence: of each event.
        truth: onset times.
        tolerance_s: reach of a match.

    Returns:
        Accuracy and average precision, NaN without true onsets.
    """
    if not len(truth):
        return float("nan"), float("nan")
    found = pairs(predicted, truth, tolerance_s)
    hits = {j: i for i, j in found}
    used = {i for i, _ in found}
    label = [1] * len(truth) + [0] * (len(predicted) - len(used))
    score = [float(confidence[hits[j]]) if j in hits else 0.0 for j in range(len(truth))]
    score += [float(confidence[i]) for i in range(len(predicted)) if i not in used]
    return len(found) / len(truth), average_precision(np.array(label), np.array(score))


def average_precision(label: Times, score: Times) -> float:
    """Sum of precision times gained recall down the ranking; equal scores count as one step."""
    order = np.argsort(-score, kind="stable")
    label, score = label[order], score[order]
    last = np.append(np.nonzero(np.diff(score))[0], len(score) - 1)
    hits = np.cumsum(label)[last]
    precision = hits / (last + 1)
    recall = hits / max(1, int(label.sum()))
    return float((np.diff(recall, prepend=0.0) * precision).sum())


def signed_offsets(predicted: Times, truth: Times, offset_s: float) -> Times:
    """Prediction minus truth of pairs within ±100 ms once the clip's offset is taken out, seconds.

    Args:
        predicted: event times.
        truth: onset times.
        offset_s: the clip's, added to predictions for matching only.
    """
    found = pairs(predicted + offset_s, truth, 0.1)
    return np.array([predicted[i] - truth[j] for i, j in found])

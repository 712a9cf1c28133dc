"""Held-back check: does teaching help on parts of the recording it did not learn from?"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import Final

import numpy as np

from synchresis.engines.evaluation.score_onsets import evaluate
from synchresis.engines.motion.readout import logit
from synchresis.engines.teach.fitting import Taught, correlation, fit_readout, fit_threshold
from synchresis.engines.teach.prior import Prior
from synchresis.engines.teach.timing import TOLERANCE_S, Scores, Times, lag_of, picked, refined
from synchresis.engines.teach.watching import Watched

Fit = Callable[[Watched, Times], Taught]

HELD: Final = 5
"""Parts that are held back in turn."""

LEAST_ONSETS: Final = 3
"""Onsets without which a part teaches nothing."""

DOUBT: Final = 0.2
"""Agreement by which parts held back may wrong a readout, which is better more often than not."""


@dataclass(frozen=True, slots=True)
class Check:
    """How events agree with onsets of parts that were held back.

    Attributes:
        f1: at ±50 ms, timing: timing skill at ±50 ms.
        precision: of the events, recall: of the onsets.
        events: made.
        agreement: correlation of the scores of frames with nearness to an onset; it needs no
            threshold, and so tells more than the others where there are few hits.
    """

    f1: float
    timing: float
    precision: float
    recall: float
    events: int
    agreement: float = 0.0


def shipped(threshold: float) -> Fit:
    """The pack as it is, with the recording's lag."""

    def fit(seen: Watched, onsets_s: Times) -> Taught:
        score = seen.score.astype(np.float64)
        lag_s = lag_of(seen.captured_s, logit(seen.score), onsets_s)
        events = seen.t_s[picked(seen.captured_s, score, threshold, seen.t_s)]
        return Taught(refined(events, onsets_s, lag_s), threshold)

    return fit


def ways(threshold: float, prior: Prior) -> dict[str, Fit]:
    """What can be taught, least first.

    Args:
        threshold: of the pack as it ships.
        prior: of its readouts.
    """
    readout = partial(fit_readout, prior=prior)
    return {"shipped": shipped(threshold), "threshold": fit_threshold, "readout": readout}


def held_back(seen: Watched, onsets_s: Times, fits: Mapping[str, Fit]) -> dict[str, Check]:
    """Teach on all parts but one, for every part in turn, and score on it.

    Args:
        seen: the recording.
        onsets_s: heard in it.
        fits: ways to teach, by name.
    """
    edges = np.linspace(seen.captured_s[0], np.nextafter(seen.captured_s[-1], np.inf), HELD + 1)
    heard: dict[str, list[Times]] = {name: [] for name in fits}
    frames: dict[str, list[tuple[Scores, Scores]]] = {name: [] for name in fits}
    truths: list[Times] = []
    spans: list[float] = []
    for begin, end in pairwise(edges.tolist()):
        inside = (seen.captured_s >= begin) & (seen.captured_s < end)
        own = (onsets_s >= begin) & (onsets_s < end)
        if inside.all() or (~own).sum() < LEAST_ONSETS:
            continue
        truths.append(onsets_s[own] - begin)
        spans.append(end - begin)
        for name, fit in fits.items():
            taught = fit(seen.part(~inside), onsets_s[~own])
            scores = taught.scores(seen)
            times = taught.heard_s(seen, scores)
            heard[name].append(times[(times >= begin) & (times < end)] - begin)
            score, near = taught.agreement(seen, scores, onsets_s)
            frames[name].append((score[inside], near[inside]))
    return {
        name: replace(check(heard[name], truths, spans), agreement=agreeing(frames[name]))
        for name in fits
    }


def agreeing(frames: list[tuple[Scores, Scores]]) -> float:
    """Correlation of scores and nearness to an onset over all parts, 0 for none."""
    if not frames:
        return 0.0
    scores, near = (np.concatenate(parts) for parts in zip(*frames, strict=True))
    return correlation(scores, near)


def check(heard: list[Times], truths: list[Times], spans_s: list[float]) -> Check:
    """Scores of all held-back parts together."""
    if not truths:
        return Check(0.0, 0.0, 0.0, 0.0, 0)
    row = evaluate(heard, truths, spans_s, fit=False)[TOLERANCE_S]
    precision, recall, value, _, timing = (float(np.asarray(v)) for v in row[:5])
    return Check(value, timing, precision, recall, sum(map(len, heard)))


def chosen(checks: Mapping[str, Check]) -> str:
    """The readout, unless its scores agree clearly less with parts held back than the network's."""
    worse = checks["readout"].agreement < checks["threshold"].agreement - DOUBT
    return "threshold" if worse else "readout"

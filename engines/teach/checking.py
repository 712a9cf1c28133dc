"""Held-back check: does teaching help on parts of the recording it did not learn from?"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray

from synchresis.engines.evaluation.score_onsets import evaluate
from synchresis.engines.motion.readout import logit
from synchresis.engines.motion.replay import Scores, Times, picked_s
from synchresis.engines.teach.fitting import Taught, correlation, fit_readout, fit_threshold
from synchresis.engines.teach.prior import Prior
from synchresis.engines.teach.timing import TOLERANCE_S, lag_of, refined
from synchresis.engines.teach.watching import Watched

Fit = Callable[[Watched, Times], Taught]

Span = tuple[float, float]
"""Begin and end, seconds."""

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
        silent_per_minute: events in recordings of what shall not sound, None if there are none.
    """

    f1: float
    timing: float
    precision: float
    recall: float
    events: int
    agreement: float = 0.0
    silent_per_minute: float | None = None


def shipped(threshold: float) -> Fit:
    """The pack as it is, with the recording's lag."""

    def fit(seen: Watched, onsets_s: Times) -> Taught:
        score = seen.score.astype(np.float64)
        lag_s = lag_of(seen.captured_s, logit(seen.score), onsets_s)
        events = picked_s(seen.captured_s, score, threshold, seen.t_s)
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
    heard: dict[str, list[Times]] = {name: [] for name in fits}
    frames: dict[str, list[tuple[Scores, Scores]]] = {name: [] for name in fits}
    held: list[Span] = []
    for part in parts_of(seen):
        inside = within(seen.captured_s, part)
        own = within(onsets_s, part)
        if inside.all() or (~own).sum() < LEAST_ONSETS:
            continue
        held += part
        for name, fit in fits.items():
            taught = fit(seen.part(~inside), onsets_s[~own])
            scores = taught.scores(seen)
            times = taught.heard_s(seen, scores)
            heard[name] += [times[within(times, [span])] - span[0] for span in part]
            score, near = taught.agreement(seen, scores, onsets_s)
            frames[name].append((score[inside], near[inside]))
    truths = [onsets_s[within(onsets_s, [span])] - span[0] for span in held]
    silent = silences(seen, onsets_s)
    quiet = [k for k, (begin, _) in enumerate(held) if any(a <= begin < b for a, b in silent)]
    seconds = sum(seen.between(*held[k]).seconds for k in quiet)
    return {
        name: replace(
            check(heard[name], truths, [end - begin for begin, end in held]),
            agreement=agreeing(frames[name]),
            silent_per_minute=per_minute([heard[name][k] for k in quiet], seconds),
        )
        for name in fits
    }


def parts_of(seen: Watched) -> list[list[Span]]:
    """HELD parts of what was seen, of every recording a stretch."""
    edges = [np.linspace(begin, end, HELD + 1).tolist() for begin, end in recorded(seen)]
    return [[(own[k], own[k + 1]) for own in edges] for k in range(HELD)]


def recorded(seen: Watched) -> list[Span]:
    """When each recording was made; the last picture is inside."""
    times = seen.captured_s
    return [
        (float(times[one.start]), float(np.nextafter(times[one.stop - 1], np.inf)))
        for one in seen.recordings
    ]


def silences(seen: Watched, onsets_s: Times) -> list[Span]:
    """Recordings in which nothing is to be heard, beside others in which something is."""
    return [span for span in recorded(seen) if not within(onsets_s, [span]).any()]


def within(times_s: Times, spans: Sequence[Span]) -> NDArray[np.bool_]:
    """Which moments lie in one of some spans."""
    inside = [(times_s >= begin) & (times_s < end) for begin, end in spans]
    return np.logical_or.reduce(inside) if inside else np.zeros(len(times_s), bool)


def per_minute(heard: list[Times], seconds: float) -> float | None:
    """Events a minute in so many seconds of silence, None in none."""
    return 60.0 * sum(map(len, heard)) / seconds if seconds > 0 else None


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

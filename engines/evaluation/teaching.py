"""Evaluation of teaching: taught on one part of a recording, scored on the other, and swapped.

Both parts are of one performer and one place. What teaches are the onsets found in the sound of the
taught part alone; true onsets only score. The lag of the taught part is added to the times of
events; no offset is fitted. Teaching is set against the same pack with that lag and a threshold
of the recording's own only, and against a readout taught with onsets in wrong places.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from synchresis.engines.evaluation.score_onsets import (
    TOLERANCES_S,
    Times,
    circular,
    counts,
    nudge,
    scores,
)
from synchresis.engines.evaluation.teaching_material import Material
from synchresis.engines.motion.replay import Times as EventTimes
from synchresis.engines.onsets import find_onsets
from synchresis.engines.teach.checking import LEAST_ONSETS, chosen, held_back
from synchresis.engines.teach.fitting import Taught
from synchresis.engines.teach.watching import Watched
from synchresis.engines.timebase import SAMPLE_RATE

SPLIT: Final = 0.6
"""Share of a recording before the cut."""

LEAST: Final = 4
"""True onsets each part must have."""

BOOT: Final = 1000
"""Draws of recordings for intervals."""

DRAWS: Final = 12
"""Shifts of the truth for the nulls."""

TIMING: Final = 4
"""Column of timing skill."""

Draws = NDArray[np.float64]
"""Timing skill: float64[tolerances], or float64[draws, tolerances]."""

Way = Callable[[Watched, EventTimes], Taught]


@dataclass(frozen=True, slots=True)
class Trial:
    """One direction of one recording.

    Attributes:
        name: of the recording, swapped: whether the later part taught.
        truth_s: onsets of the scored part, from its begin.
        span_s: its length.
        heard_s: event times per way, from its begin.
        kept: the way the command would keep.
    """

    name: str
    swapped: bool
    truth_s: Times
    span_s: float
    heard_s: dict[str, Times]
    kept: str


def trials_of(material: Material, fits: Mapping[str, Way]) -> list[Trial]:
    """Both directions of a recording; none if a part has too few true onsets.

    Args:
        material: the recording.
        fits: ways to teach, of `synchresis.engines.teach.motion.ways_of`.
    """
    if not enough(material.truth_s, material.duration_s):
        return []
    cut = SPLIT * material.duration_s
    first, second = (0.0, cut), (cut, material.duration_s)
    return [
        trial(material, taught=first, scored=second, fits=fits),
        trial(material, taught=second, scored=first, fits=fits),
    ]


def enough(truth_s: Times, duration_s: float) -> bool:
    """Whether both parts have LEAST true onsets."""
    cut = SPLIT * duration_s
    parts = (0.0, cut), (cut, duration_s)
    return min(len(inside(truth_s, part)) for part in parts) >= LEAST


def inside(times_s: Times, part: tuple[float, float]) -> Times:
    """Times of a part, from its begin."""
    return np.asarray(times_s[(times_s >= part[0]) & (times_s < part[1])] - part[0])


def trial(
    material: Material,
    *,
    taught: tuple[float, float],
    scored: tuple[float, float],
    fits: Mapping[str, Way],
) -> Trial:
    """Teach on one part by every way, hear the other."""
    low, high = (round(edge * SAMPLE_RATE) for edge in taught)
    sound = np.ascontiguousarray(material.sound[low:high])
    onsets_s = find_onsets(sound, SAMPLE_RATE).time_s + taught[0]
    seen = material.seen.between(*taught)
    heard: dict[str, Times] = {}
    kept = "threshold"
    if len(onsets_s) >= LEAST_ONSETS:
        for name, fit in fits.items():
            heard[name] = inside(fit(seen, onsets_s).heard_s(material.seen), scored)
        wrong = shuffled(onsets_s, taught, len(material.name))
        heard["shuffled"] = inside(fits["readout"](seen, wrong).heard_s(material.seen), scored)
        pair = {name: fits[name] for name in ("threshold", "readout")}
        kept = chosen(held_back(seen, onsets_s, pair))
    else:
        heard = {name: np.zeros(0) for name in (*fits, "shuffled")}
    heard["kept"] = heard[kept]
    truth = inside(material.truth_s, scored)
    return Trial(material.name, taught[0] > 0, truth, scored[1] - scored[0], heard, kept)


def shuffled(onsets_s: Times, part: tuple[float, float], seed: int) -> Times:
    """As many onsets with the same intervals in another order: sound that is not the picture's."""
    rng = np.random.default_rng(seed)
    edges = np.concatenate(([part[0]], onsets_s, [part[1]]))
    return np.asarray(part[0] + np.cumsum(rng.permutation(np.diff(edges)))[:-1])


def report(trials: Sequence[Trial], seed: int = 1) -> dict[str, Any]:
    """Scores of every way and what teaching adds, with intervals over recordings."""
    tables = {name: tables_of(trials, name, seed) for name in trials[0].heard_s}
    names = sorted({one.name for one in trials})
    rows = [np.array([k for k, one in enumerate(trials) if one.name == name]) for name in names]
    rng = np.random.default_rng(seed)
    draws = [
        np.concatenate([rows[k] for k in rng.integers(0, len(rows), len(rows))])
        for _ in range(BOOT)
    ]
    whole = np.arange(len(trials))
    drawn = {name: np.array([timings(t, d) for d in draws]) for name, t in tables.items()}
    own = {name: timings(table, whole) for name, table in tables.items()}
    return {
        "recordings": len(names),
        "parts": len(trials),
        "onsets": sum(len(one.truth_s) for one in trials),
        "readouts_kept": sum(one.kept == "readout" for one in trials),
        "ways": {
            name: way_row(scores(*table, whole), drawn[name]) for name, table in tables.items()
        },
        "gains": {
            name: gains(own[name] - own["threshold"], drawn[name] - drawn["threshold"])
            for name in ("readout", "kept", "shuffled")
        },
    }


def way_row(values: Mapping[float, tuple[float, ...]], drawn: Draws) -> dict[float, dict[str, Any]]:
    """Scores of a way per tolerance, timing skill with its interval."""
    return {
        tolerance: {
            "precision": row[0],
            "recall": row[1],
            "f1": row[2],
            "timing": row[TIMING],
            "interval": interval(drawn[:, column]),
        }
        for column, (tolerance, row) in enumerate(values.items())
    }


def gains(gain: Draws, drawn: Draws) -> dict[float, dict[str, Any]]:
    """What a way adds to another per tolerance, with its interval over recordings."""
    return {
        tolerance: {"gain": float(gain[column]), "interval": interval(drawn[:, column])}
        for column, tolerance in enumerate(TOLERANCES_S)
    }


Table = tuple[Any, list[Any], list[Any]]
"""Counts against the truth, against truths moved round, against truths moved a little."""


def tables_of(trials: Sequence[Trial], name: str, seed: int) -> Table:
    """Counts of one way; the same shifts for every way."""
    rng = np.random.default_rng(seed)
    heard = [one.heard_s[name] for one in trials]
    truths, spans = [one.truth_s for one in trials], [one.span_s for one in trials]
    moved = [circular(truths, spans, rng) for _ in range(DRAWS)]
    nudged = [nudge(truths, rng) for _ in range(DRAWS)]
    return (
        counts(heard, truths, fit=False),
        [counts(heard, other, fit=False) for other in moved],
        [counts(heard, other, fit=False) for other in nudged],
    )


def timings(table: Table, parts: Any) -> Draws:
    """Timing skill of some parts, float64[tolerances]."""
    found = scores(*table, parts)
    return np.array([found[tolerance][TIMING] for tolerance in TOLERANCES_S])


def interval(values: Draws) -> list[float]:
    """95 % interval of bootstrap values."""
    return [float(v) for v in np.percentile(values, [2.5, 97.5])]


def lines(trials: Sequence[Trial], seed: int = 1) -> list[dict[str, Any]]:
    """One line per recording: timing skill at ±50 ms of each way, both directions together."""
    out = []
    for name in sorted({one.name for one in trials}):
        own = [one for one in trials if one.name == name]
        whole = np.arange(len(own))
        values = {
            way: float(timings(tables_of(own, way, seed), whole)[1]) for way in own[0].heard_s
        }
        onsets = sum(len(one.truth_s) for one in own)
        out.append({"name": name, "onsets": onsets, "choices": [one.kept for one in own], **values})
    return out

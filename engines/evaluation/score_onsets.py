"""The sync score: predicted event times against true onsets, clip by clip.

One constant offset per clip (|o| ≤ 0.2 s) is fitted for everybody alike: predictions, baselines
and nulls. Skill is (F1 − F0) / (1 − F0), F0 from the truth shifted circularly by a random amount;
timing skill takes F0 from the truth shifted by 0.32 to 0.55 s only, early or late. So density and
mere activity earn nothing.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

Times = NDArray[np.float64]
"""float64[N], sorted, seconds."""

TOLERANCES_S: Final = (0.02, 0.05, 0.10)
"""Distances at which a prediction counts as a hit, seconds."""

OFFSETS_S: Final = np.arange(-0.2, 0.2001, 0.005)
"""Offsets tried per clip, seconds."""

Envelope = tuple[Times, Mapping[str, NDArray[np.float64]]]
"""Frame times and baseline envelopes of one clip."""

RATES_HZ: Final = (2, 3, 4, 5, 6, 8, 10)
"""Rates tried for the metronome."""

GATED_RATES_HZ: Final = (3, 4, 6, 8)
"""Rates tried for the gated metronome."""


def matched(predicted: Times, truth: Times, tolerance_s: float) -> int:
    """Number of one-to-one matches between two sorted time lists."""
    i = j = count = 0
    while i < len(predicted) and j < len(truth):
        distance = predicted[i] - truth[j]
        if abs(distance) <= tolerance_s:
            count, i, j = count + 1, i + 1, j + 1
        elif distance < 0:
            i += 1
        else:
            j += 1
    return count


def best_offset(predicted: Times, truth: Times) -> float:
    """The constant offset of one clip, seconds: most pairs within about 20 ms."""
    if not len(predicted) or not len(truth):
        return 0.0
    distance = predicted[None, :, None] + OFFSETS_S[:, None, None] - truth[None, None, :]
    nearest = np.abs(distance).min(1)
    score = np.exp(-0.5 * (nearest / 0.02) ** 2).sum(1) - 1e-6 * np.abs(OFFSETS_S)
    return float(OFFSETS_S[score.argmax()])


def counts(
    predictions: Sequence[Times], truths: Sequence[Times], *, fit: bool = True
) -> NDArray[np.float64]:
    """Matches, predictions and truths: float64[clips, tolerances, 3]."""
    out = np.zeros((len(truths), len(TOLERANCES_S), 3))
    for clip, (predicted, truth) in enumerate(zip(predictions, truths, strict=True)):
        offset = best_offset(predicted, truth) if fit else 0.0
        for k, tolerance in enumerate(TOLERANCES_S):
            hits = matched(predicted + offset, truth, tolerance)
            out[clip, k] = hits, len(predicted), len(truth)
    return out


def f1(table: NDArray[np.float64]) -> float:
    """Pooled F1 of counts float64[clips, 3]."""
    hits, predicted, true = table.sum(0)
    return float(2 * hits / max(1.0, predicted + true))


def evaluate(
    predictions: Sequence[Times],
    truths: Sequence[Times],
    durations_s: Sequence[float],
    *,
    fit: bool = True,
    draws: int = 12,
    boot: int = 0,
    seed: int = 1,
) -> dict[float, list[float | list[float]]]:
    """Scores per tolerance.

    Args:
        predictions: event times per clip.
        truths: onset times per clip.
        durations_s: of the clips.
        fit: whether one offset per clip is fitted.
        draws: random shifts of the truth.
        boot: draws of clips for intervals, 0 for none.
        seed: of both.

    Returns:
        tolerance → precision, recall, F1, skill, timing skill and, with `boot`, the 95 %
        intervals of skill and of timing skill over clips.
    """
    rng = np.random.default_rng(seed)
    own = counts(predictions, truths, fit=fit)
    shifted = [
        counts(predictions, circular(truths, durations_s, rng), fit=fit) for _ in range(draws)
    ]
    nudged = [counts(predictions, nudge(truths, rng), fit=fit) for _ in range(draws)]
    out: dict[float, list[float | list[float]]] = {}
    whole = scores(own, shifted, nudged, np.arange(len(truths)))
    for tolerance, row in whole.items():
        out[tolerance] = list(row)
    if boot:
        samples = [
            scores(own, shifted, nudged, rng.integers(0, len(truths), len(truths)))
            for _ in range(boot)
        ]
        for tolerance in TOLERANCES_S:
            for column in (3, 4):
                values = [sample[tolerance][column] for sample in samples]
                out[tolerance].append([float(v) for v in np.percentile(values, [2.5, 97.5])])
    return out


def circular(
    truths: Sequence[Times], durations_s: Sequence[float], rng: np.random.Generator
) -> list[Times]:
    """Truths shifted inside each clip by a random amount."""
    return [
        np.sort((truth + rng.uniform(0.4, max(0.41, duration - 0.4))) % duration)
        for truth, duration in zip(truths, durations_s, strict=True)
    ]


def nudge(truths: Sequence[Times], rng: np.random.Generator) -> list[Times]:
    """Truths shifted by 0.32 to 0.55 s, early or late."""
    return [np.sort(truth + rng.choice([-1, 1]) * rng.uniform(0.32, 0.55)) for truth in truths]


def scores(
    own: NDArray[np.float64],
    shifted: Sequence[NDArray[np.float64]],
    nudged: Sequence[NDArray[np.float64]],
    clips: NDArray[np.int64],
) -> dict[float, tuple[float, float, float, float, float]]:
    """Precision, recall, F1, skill, timing skill per tolerance for these clips."""
    out = {}
    for k, tolerance in enumerate(TOLERANCES_S):
        hits, predicted, true = own[clips, k].sum(0)
        value = f1(own[clips, k])
        chance = float(np.mean([f1(table[clips, k]) for table in shifted]))
        activity = float(np.mean([f1(table[clips, k]) for table in nudged]))
        out[tolerance] = (
            float(hits / max(1.0, predicted)),
            float(hits / max(1.0, true)),
            value,
            beyond(value, chance),
            beyond(value, activity),
        )
    return out


def beyond(value: float, null: float) -> float:
    """Share of what a null leaves that a value earns; not a number where it leaves nothing."""
    return (value - null) / (1 - null) if null < 1 else float("nan")


def peaks(
    times_s: Times, envelope: NDArray[np.float64], threshold: float, gap_s: float = 0.08
) -> Times:
    """Local maxima of an envelope, relative to its own maximum, at least `gap_s` apart."""
    if len(envelope) < 3 or envelope.max() <= 0:
        return np.array([])
    level = envelope / envelope.max()
    out: list[float] = []
    for k in range(1, len(level) - 1):
        top = level[k] >= threshold and level[k] >= level[k - 1] and level[k] > level[k + 1]
        if top and (not out or times_s[k] - out[-1] >= gap_s):
            out.append(float(times_s[k]))
    return np.array(out)


def gated(times_s: Times, envelope: NDArray[np.float64], threshold: float, rate_hz: float) -> Times:
    """A metronome that runs only while an envelope is above a threshold."""
    if not len(times_s) or envelope.max() <= 0:
        return np.array([])
    beats = np.arange(0.5 / rate_hz, times_s[-1], 1 / rate_hz)
    open_ = np.interp(beats, times_s, envelope / envelope.max()) >= threshold
    return np.asarray(beats[open_])


def baselines(
    envelopes: Sequence[Envelope], durations_s: Sequence[float], truths: Sequence[Times]
) -> dict[str, list[Times]]:
    """Blind and simple detectors; rates and thresholds tuned on these very clips, in their favour.

    Args:
        envelopes: frame times and "mean flow", "flow drop", "frame difference" per clip.
        durations_s: of the clips.
        truths: onset times per clip.
    """
    thresholds = np.arange(0.05, 0.95, 0.05)
    rng = np.random.default_rng(0)

    def best(options: list[list[Times]]) -> list[Times]:
        return max(options, key=lambda option: f1(counts(option, truths)[:, 1]))

    out = {
        "random, true rate": [
            np.sort(rng.uniform(0, duration, len(truth)))
            for duration, truth in zip(durations_s, truths, strict=True)
        ],
        "metronome": best([[np.arange(0.5 / r, d, 1 / r) for d in durations_s] for r in RATES_HZ]),
        "metronome gated by flow": best(
            [
                [gated(t, e["mean flow"], h, r) for t, e in envelopes]
                for h in thresholds[::2]
                for r in GATED_RATES_HZ
            ]
        ),
    }
    for name in ("mean flow", "flow drop", "frame difference"):
        out[name] = best([[peaks(t, e[name], h) for t, e in envelopes] for h in thresholds])
    return out

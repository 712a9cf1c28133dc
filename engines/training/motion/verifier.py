"""A verifier learned from drawn worlds, put into a pack with the threshold that goes with it.

`python -m synchresis.engines.training.motion.verifier PACK` (no torch; half an hour of one core).
It belongs to the motion engine in the pack, and its times are read by the pack's table: learn it
after the graph was rewritten and after `lesson_prior`.

At the frames where a low bar would make an event, was there a hit? Boosted trees (Friedman 2001, by
scikit-learn) answer from what the engine says and sees of the moment. The threshold comes from
worlds whose families the trees that score them never saw.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save

from synchresis.engines.evaluation.score_onsets import counts, f1
from synchresis.engines.evaluation.tracks import AS_GOOD, THRESHOLDS
from synchresis.engines.motion.parser import picker_settings
from synchresis.engines.motion.picker import PickerSettings
from synchresis.engines.motion.verifier import FILE, Trees, Verifier
from synchresis.engines.packs import load_pack, update_pack
from synchresis.engines.training.motion.sightings import Array, Sighting, events, plan, sightings
from synchresis.errors import ParameterError

SOUNDING: Final = 400
"""Worlds of families that sound."""

SILENT: Final = 30
"""Worlds of each family that does not."""

LOW_BAR: Final = 0.26
"""Threshold that makes the events to learn from."""

NEAR_S: Final = 0.05
"""An event so near a hit that no other event has is one."""

WEIGHT: Final = 0.5
"""Of the trees' log odds beside those of the score: higher, they silence hits that are unlike the
drawn ones."""

FOLDS: Final = 8
"""Groups of families that are scored by trees of the others."""

LEAST: Final = 20
"""Events a leaf speaks for."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """Events at a low bar: float32[N, FEATURES], and whether each was a hit, bool[N]."""

    numbers: NDArray[np.float32]
    hit: NDArray[np.bool_]


def lesson_of(seen: Sequence[Sighting], settings: PickerSettings) -> Lesson:
    """What worlds teach."""
    numbers, hits = [], []
    for one in seen:
        at, heard_s = events(one, probability(one.log_odds), LOW_BAR, settings)
        numbers.append(one.numbers[at])
        hits.append(hit(heard_s, one.truth_s))
    return Lesson(np.concatenate(numbers), np.concatenate(hits))


def hit(heard_s: Array, truth_s: Array) -> NDArray[np.bool_]:
    """Which events are hits, each true time giving itself to the first event near it."""
    out = np.zeros(len(heard_s), bool)
    free = np.ones(len(truth_s), bool)
    for index in np.argsort(heard_s, kind="stable"):
        near = np.flatnonzero(free & (np.abs(truth_s - heard_s[index]) <= NEAR_S))
        if len(near):
            free[near[0]], out[index] = False, True
    return out


def learned(lesson: Lesson) -> Trees:
    """Boosted trees of a lesson.

    Raises:
        ParameterError: it has too few hits or too few events that are none.
    """
    if min(lesson.hit.sum(), (~lesson.hit).sum()) < LEAST:
        raise ParameterError(
            f"{len(lesson.hit)} events, {lesson.hit.sum()} of them hits, are too few to learn a "
            "verifier from; take more worlds"
        )
    from sklearn.ensemble import HistGradientBoostingClassifier

    model = HistGradientBoostingClassifier(
        max_iter=150,
        learning_rate=0.05,
        max_leaf_nodes=8,
        min_samples_leaf=LEAST,
        l2_regularization=5.0,
        early_stopping=False,
        random_state=0,
    )
    return trees_of(model.fit(lesson.numbers, lesson.hit))


def trees_of(model: Any) -> Trees:
    """The trees of a fitted classifier of two classes, all nodes in one row."""
    parts = [predictor.nodes for (predictor,) in model._predictors]
    roots = np.cumsum([0, *(len(part) for part in parts)])[:-1]
    nodes = np.concatenate(parts)
    shift = np.repeat(roots, [len(part) for part in parts])
    leaf = nodes["is_leaf"].astype(bool)

    def after(side: str) -> NDArray[np.int32]:
        return np.where(leaf, 0, nodes[side] + shift).astype(np.int32)

    return Trees(
        roots=roots.astype(np.int32),
        feature=np.where(leaf, -1, nodes["feature_idx"]).astype(np.int32),
        value=np.where(leaf, nodes["value"], nodes["num_threshold"]),
        low=after("left"),
        high=after("right"),
        bias=float(np.ravel(model._baseline_prediction)[0]),
    )


def verified(seen: Sighting, trees: Trees, weight: float = WEIGHT) -> Array:
    """Scores of frames with the trees' opinion, float64[T]."""
    odds = np.array([trees.log_odds(row) for row in seen.numbers])
    return probability((seen.log_odds + weight * odds) / (1.0 + weight))


def probability(log_odds: Array) -> Array:
    """Probabilities of log odds."""
    return np.asarray(1.0 / (1.0 + np.exp(-log_odds)))


def held_apart(seen: Sequence[Sighting], settings: PickerSettings) -> list[Array]:
    """Scores of worlds, each by trees that saw no world of its family."""
    names = sorted({one.name for one in seen})
    fold = {name: k % FOLDS for k, name in enumerate(names)}
    out: dict[int, Array] = {}
    for k in range(FOLDS):
        kept = [one for one in seen if fold[one.name] != k]
        if len(kept) == len(seen):
            continue
        trees = learned(lesson_of(kept, settings))
        out |= {i: verified(one, trees) for i, one in enumerate(seen) if fold[one.name] == k}
    return [out[index] for index in range(len(seen))]


@dataclass(frozen=True, slots=True)
class Row:
    """Worlds at one threshold: F1 ±50 ms by `heard`, silent worlds' events counted as false."""

    bar: float
    f1: float
    loud_f1: float
    false_per_minute: float


def rows_of(
    seen: Sequence[Sighting], scores: Sequence[Array], settings: PickerSettings
) -> list[Row]:
    """Worlds at every threshold, events timed as live."""
    truths = [one.truth_s for one in seen]
    loud = [index for index, truth in enumerate(truths) if len(truth)]
    minutes = sum(float(one.captured_s[-1]) for one in seen if not len(one.truth_s)) / 60
    out = []
    for bar in THRESHOLDS:
        heard = [
            np.sort(events(one, score, bar, settings)[1])
            for one, score in zip(seen, scores, strict=True)
        ]
        table = counts(heard, truths, fit=False)[:, 1]
        false = sum(len(heard[i]) for i, truth in enumerate(truths) if not len(truth))
        rate = false / minutes if minutes else float("nan")
        out.append(Row(bar, float(f1(table)), float(f1(table[loud])), rate))
    return out


def best_row(rows: Sequence[Row]) -> Row:
    """The lowest threshold of about the highest F1, as in `evaluation.tracks`."""
    highest = max(row.f1 for row in rows)
    return next(row for row in rows if row.f1 >= highest - AS_GOOD)


def main(arguments: Sequence[str] | None = None) -> None:
    """Learn a pack's verifier and threshold; the pack is written once, at the end."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("pack", type=Path)
    add("--sounding", type=int, default=SOUNDING, help="worlds of families that sound")
    add("--silent", type=int, default=SILENT, help="worlds of each family that does not")
    add("--workers", type=int, default=1, help="processes that draw and watch")
    args = parser.parse_args(arguments)
    pack = load_pack(args.pack)
    settings = picker_settings(pack)
    seen = list(sightings(pack.path, plan(args.sounding, args.silent), workers=args.workers))
    before = best_row(rows_of(seen, [probability(one.log_odds) for one in seen], settings))
    after = best_row(rows_of(seen, held_apart(seen, settings), settings))
    verifier = Verifier(learned(lesson_of(seen, settings)), WEIGHT)
    entry = msgspec.structs.replace(pack.motion, threshold=after.bar)
    tensors = verifier.tensors(pack.file_hash(pack.motion.file))
    update_pack(args.pack, {"motion": entry}, {FILE: save(tensors)})
    for name, row in (("score alone", before), ("verified", after)):
        sys.stdout.write(
            f"{name}: threshold {row.bar}, F1 {row.f1:.3f}, of worlds that sound "
            f"{row.loud_f1:.3f}, {row.false_per_minute:.1f} false events a minute in silent ones\n"
        )
    sys.stdout.write(f"{args.pack}: {FILE} of {len(seen)} worlds\n")


if __name__ == "__main__":
    main()

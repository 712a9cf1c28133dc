"""What drawn performers say of a motion engine, put into its pack.

That is the prior of taught readouts, frames of silent scenes that every lesson learns from besides,
the threshold of the untaught engine, and how the times that it tells are read.

`python -m synchresis.engines.training.motion.lesson_prior PACK` (no torch; half an hour).
All of it belongs to the motion engine in the pack: learn it last, after the graph was rewritten.

Each performer has weights of its own round common ones (a linear mixed model); mean and variance of
the weights and the noise are fitted by expectation maximisation (Laird & Ware 1982).
"""

import argparse
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save

from synchresis.engines.motion.picker import AS_TOLD, Told
from synchresis.engines.packs import load_pack, update_pack
from synchresis.engines.teach.fitting import GRID, Design, described, history, place_of
from synchresis.engines.teach.prior import FILE, Prior
from synchresis.engines.teach.timing import bumps
from synchresis.engines.teach.watching import Watcher
from synchresis.engines.training.motion.performers import (
    Performance,
    performances,
    silent_performances,
)
from synchresis.engines.training.motion.told_times import event_times, read_by, straightened
from synchresis.engines.training.motion.usual_threshold import (
    SILENCE,
    Scored,
    scored,
    usual_threshold,
)

COUNT: Final = 160
"""Performers."""

SILENT_SCENES: Final = 64
"""Scenes of silent families."""

SILENT_FRAMES: Final = 1000
"""Frames of them that a prior keeps."""

EVEN: Final = np.full(GRID[0] * GRID[1], 1.0 / (GRID[0] * GRID[1]), np.float32)
"""Where hits happen, if nothing is known."""

LATE_S: Final = 0.033
"""How much later than its onset a bump is put: about when the network is sure."""

ALIKE: Final = 2.5
"""Frames in a row that say the same: so much less do they count as evidence."""

ROUNDS: Final = 30
"""Of expectation maximisation."""

FORETOLD: Final = 1.1
"""A hit that lies later than this in its interval, read as is so, waits for the next frame."""

USUAL_BAR: Final = 0.3
"""Threshold that suits most performers' readouts, chosen on drawn ones."""

TURNS: Final = 5
"""Of threshold and table of times."""

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Moments:
    """What a performer's frames tell, D weights: sums over N frames of features and target.

    Attributes:
        square: float64[D, D], cross: float64[D], power: of the target.
        frames: N.
    """

    square: Array
    cross: Array
    power: float
    frames: int


def moments_of(performer: Performance) -> Moments:
    """Sums of a performer's frames."""
    seen, onsets_s = performer.seen, performer.onsets_s
    place = place_of(seen, onsets_s, 0.0)
    rows = Design.of(history(seen, described(seen, place)), seen.embedding).rows
    target = bumps(seen.captured_s, onsets_s + LATE_S)
    target = target - target.mean()
    return Moments(rows.T @ rows, rows.T @ target, float(target @ target), len(rows))


def learn_prior(performers: Iterable[Moments]) -> Prior:
    """Mean and variance of weights over performers."""
    told = tuple(performers)
    size = len(told[0].cross)
    pooled = sum((one.square for one in told), 100.0 * np.eye(size))
    cross = sum((one.cross for one in told), np.zeros(size))
    mean = np.asarray(np.linalg.solve(pooled, cross), np.float64)
    variance, noise = np.full(size, 1e-3), 0.02
    for _ in range(ROUNDS):
        own = [posterior(one, mean, variance, noise * ALIKE) for one in told]
        mean = np.stack([weight for weight, _ in own]).mean(0)
        spread = np.array([(weight - mean) ** 2 + np.diag(cov) for weight, cov in own])
        variance = np.maximum(spread.mean(0), 1e-9)
        rest = [unexplained(one, *found) for one, found in zip(told, own, strict=True)]
        noise = sum(rest) / sum(one.frames for one in told)
    return Prior(mean, variance, noise * ALIKE, USUAL_BAR)


def features(one: Performance) -> Array:
    """Features of every frame where no place is known, float64[T, D]."""
    past = history(one.seen, described(one.seen, EVEN))
    return np.concatenate((past.reshape(len(past), -1), one.seen.embedding), 1).astype(np.float64)


def silence_of(found: Sequence[Array]) -> Array:
    """Features of SILENT_FRAMES frames of silent scenes, drawn at random, float64[N, D]."""
    rows = np.concatenate(found)
    count = min(SILENT_FRAMES, len(rows))
    return rows[np.sort(np.random.default_rng(0).choice(len(rows), count, replace=False))]


def posterior(one: Moments, mean: Array, variance: Array, noise: float) -> tuple[Array, Array]:
    """A performer's weights, float64[D], and their covariance, float64[D, D]."""
    precision = one.square / noise + np.diag(1.0 / variance)
    covariance = np.asarray(np.linalg.inv(precision), np.float64)
    return covariance @ (one.cross / noise + mean / variance), covariance


def unexplained(one: Moments, weight: Array, covariance: Array) -> float:
    """Expected square of what the weights leave of the target."""
    explained = 2 * weight @ one.cross - weight @ one.square @ weight
    return float(one.power - explained + np.sum(one.square * covariance))


def threshold_and_times(streams: Sequence[Scored], silence: float) -> tuple[float, Told]:
    """The usual threshold by times as they will be read, and the table from the events it makes.

    Each depends on the other: they are found in turn until the threshold stays, for TURNS at most.
    """
    loud = [one for one in streams if len(one.onsets_s)]
    threshold = usual_threshold(streams, silence)
    for _ in range(TURNS):
        table = straightened(event_times(one, threshold) for one in loud)
        before = threshold
        threshold = usual_threshold([read_by(one, table) for one in streams], silence)
        if threshold == before:
            break
    return threshold, straightened(event_times(one, threshold) for one in loud)


def main(arguments: Sequence[str] | None = None) -> None:
    """Learn a pack's prior, threshold and times; the pack is written once, at the end."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pack", type=Path)
    parser.add_argument("--performers", type=int, default=COUNT)
    parser.add_argument("--silent", type=int, default=SILENT_SCENES, help="silent scenes")
    text = f"how long is moved without a sound for each time of playing (default {SILENCE:g})"
    parser.add_argument("--silence-share", type=float, default=SILENCE, help=text)
    args = parser.parse_args(arguments)
    pack = load_pack(args.pack)
    watcher = Watcher(pack, backend="onnx")
    watcher.settings = replace(watcher.settings, times=AS_TOLD)  # whatever table it holds so far
    watcher.prepare()
    moments, streams, silence = [], [], []
    for one in performances(watcher, args.performers):
        moments.append(moments_of(one))
        streams.append(scored(one))
    for one in silent_performances(watcher, args.silent):
        silence.append(features(one))
        streams.append(scored(one))
    watcher.close()
    prior = replace(learn_prior(moments), silence=silence_of(silence) if silence else None)
    threshold, table = threshold_and_times(streams, args.silence_share)
    entry = msgspec.structs.replace(
        pack.motion, threshold=threshold, told=table.told, so=table.so, foretold=FORETOLD
    )
    tensors = prior.tensors(pack.file_hash(pack.motion.file))
    update_pack(args.pack, {"motion": entry}, {FILE: save(tensors)})
    sys.stdout.write(
        f"{args.pack}: {FILE}, threshold {threshold} and times of {args.performers} performers\n"
    )


if __name__ == "__main__":
    main()

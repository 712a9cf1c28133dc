"""Leave-one-source-out refinement on real clips: what the heads could do, taught by such videos.

An upper bound for evaluation; nothing learned here is kept. For every fold of sources the upper
part of a network is refined on the other sources' clips (true onsets, less each clip's own lag) and
scored on those left out, as the live picker would but without doubt, with the threshold of highest
F1 on the others.
"""

import argparse
import copy
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import torch
from torch import Tensor

from synchresis.engines.evaluation.clips import Clip, read_clips
from synchresis.engines.evaluation.score_onsets import best_offset, evaluate
from synchresis.engines.evaluation.tracks import THRESHOLDS, Track, decided
from synchresis.engines.training.motion.batch import together
from synchresis.engines.training.motion.checkpoint import load_network
from synchresis.engines.training.motion.encoded import FEATURES, Encoded, decode, encode_batch
from synchresis.engines.training.motion.film import EVENTS
from synchresis.engines.training.motion.labels import targets_of
from synchresis.engines.training.motion.losses import terms_of, total_loss
from synchresis.engines.training.motion.network import MotionNetwork
from synchresis.engines.training.motion.validate import joined, network_inputs
from synchresis.engines.training.motion.videos import cut, read_video

FRAMES: Final = 48
"""Frames of a training sequence."""


DOUBT: Final = 0.2
"""Score at which an event helps to find a clip's lag."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A clip encoded whole: its truth, its lag and its features, B = 1."""

    clip: Clip
    lag_s: float
    features: Encoded


@torch.no_grad()
def see(clip: Clip, network: MotionNetwork, bar: float) -> Seen:
    """Encode a clip from its first frame; the lag is what suits the unrefined network best."""
    video = read_video(clip.path)
    batch = cut(video, len(video.captured_s), 0)
    flow, _ = network_inputs(batch, torch.zeros(1))
    encoded = encode_batch(network, batch, batch.pixels.float()[:, :, None] / 255, flow)
    seen = Seen(clip, 0.0, encoded)
    # best_offset is what is added to the events to meet the sound: sound minus picture
    return replace(seen, lag_s=best_offset(decided(track_of(seen, network), bar), clip.onsets_s))


@torch.no_grad()
def track_of(seen: Seen, network: MotionNetwork) -> Track:
    """Scores of a clip, frame by frame."""
    _, timing = network_inputs(seen.features, torch.zeros(1))
    score = joined(decode(network, seen.features, timing))[0].double().numpy()
    times = seen.features.captured_s[0].double().numpy()
    return Track(score, times, seen.clip.onsets_s, seen.clip.name)


def sequences(clips: Sequence[Seen], count: int, rng: np.random.Generator) -> Encoded:
    """Stretches of clips at random, longer clips more often."""
    weights = np.array([max(s.features.captured_s.shape[1] - FRAMES, 0) for s in clips], float)
    chosen = rng.choice(len(clips), count, p=weights / weights.sum())
    return together([stretch(clips[k], int(rng.integers(weights[k] + 1))) for k in chosen])


def stretch(seen: Seen, first: int) -> Encoded:
    """FRAMES frames of a clip from `first` on, with the onsets they can answer for."""
    whole = seen.features
    part = slice(first, first + FRAMES)
    begin, end = (float(whole.captured_s[0, k]) for k in (first, first + FRAMES - 1))
    moments = seen.clip.onsets_s - seen.lag_s
    moments = moments[(moments > begin) & (moments <= end)][:EVENTS] - begin
    event_s = torch.full((1, EVENTS), torch.inf)
    event_s[0, : len(moments)] = torch.from_numpy(moments).float()
    framed = ("pixels", "flow", "motion", "levels", "sound", *FEATURES)
    cuts = {name: getattr(whole, name)[:, part] for name in framed}
    captured = whole.captured_s[:, part] - begin
    return replace(whole, **cuts, captured_s=captured, event_s=event_s)


def refine(
    start: MotionNetwork, clips: Sequence[Seen], *, steps: int, rate: float
) -> MotionNetwork:
    """The network with its upper part trained on clips."""
    network = copy.deepcopy(start)
    optimizer = torch.optim.AdamW(network.only_upper(), lr=rate, weight_decay=0.02)
    rng = np.random.default_rng(0)
    zero = torch.zeros(8)
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = rate * min(1.0, step / 5, 2 * (1 - step / steps))
        batch = sequences(clips, 8, rng)
        _, timing = network_inputs(batch, zero)
        loss: Tensor = total_loss(terms_of(decode(network, batch, timing), targets_of(batch, zero)))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
    return network


def best_bar(clips: Sequence[Seen], network: MotionNetwork) -> float:
    """Threshold of highest pooled F1 at ±50 ms on clips, one offset each fitted."""
    tracks = [track_of(seen, network) for seen in clips]

    def value(bar: float) -> float:
        heard = [decided(track, bar) for track in tracks]
        return float(np.asarray(table_of(clips, heard)[0.05][2]))

    return max(THRESHOLDS, key=value)


def table_of(
    clips: Sequence[Seen], heard: Sequence[np.ndarray], boot: int = 0
) -> dict[float, list[float | list[float]]]:
    """Scores of what was heard in clips."""
    truths = [s.clip.onsets_s for s in clips]
    return evaluate(list(heard), truths, [s.clip.duration_s for s in clips], boot=boot)


def folds_of(clips: Sequence[Seen], count: int) -> list[list[Seen]]:
    """Clips in folds of about equal numbers of onsets; a source is in one fold."""
    sources: dict[str, list[Seen]] = {}
    for seen in clips:
        sources.setdefault(seen.clip.row["source_repo"], []).append(seen)
    folds: list[list[Seen]] = [[] for _ in range(count)]
    sizes = [0] * count
    for group in sorted(sources.values(), key=lambda g: -sum(len(s.clip.onsets_s) for s in g)):
        least = sizes.index(min(sizes))
        folds[least] += group
        sizes[least] += sum(len(s.clip.onsets_s) for s in group)
    return [fold for fold in folds if fold]


def main() -> None:
    """Print timing skill zero-shot and left-out-refined, core and all clips."""
    parser = argparse.ArgumentParser(description="Leave-one-source-out upper bound on real clips.")
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("clips", type=Path)
    parser.add_argument("--threshold", type=float, required=True, help="of the shipped pack")
    parser.add_argument("--folds", type=int, default=6)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--rate", type=float, default=3e-4)
    args = parser.parse_args()
    torch.manual_seed(0)
    start = load_network(args.checkpoint)
    clips = [see(clip, start, DOUBT) for clip in read_clips(args.clips)]
    heard: dict[str, dict[str, np.ndarray]] = {"shipped": {}, "own threshold": {}, "refined": {}}
    for fold in folds_of(clips, args.folds):
        others = [seen for seen in clips if all(seen is not s for s in fold)]
        network = refine(start, others, steps=args.steps, rate=args.rate)
        bars = {"shipped": args.threshold, "own threshold": best_bar(others, start)}
        bars["refined"] = best_bar(others, network)
        for seen in fold:
            for name, bar in bars.items():
                track = track_of(seen, network if name == "refined" else start)
                heard[name][seen.clip.name] = decided(track, bar)
    for group, kept in (("core", [s for s in clips if s.clip.core]), ("all", clips)):
        for name, found in heard.items():
            table = table_of(kept, [found[s.clip.name] for s in kept], boot=300)
            row = {str(tol): np.round(np.hstack(table[tol]), 3).tolist() for tol in (0.02, 0.05)}
            print(json.dumps({"clips": group, "name": name, **row}), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()

"""Scores a network gives to a batch of held-out worlds."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from synchresis.engines.evaluation.tracks import LOOKAHEADS_MS, Track
from synchresis.engines.motion.picker import WHOLE
from synchresis.engines.training.motion.batch import Batch
from synchresis.engines.training.motion.network import MotionNetwork


def save_tracks(path: Path, network: MotionNetwork, batch: Batch) -> None:
    """Score held-out sequences at every lookahead into a file for `load_tracks`."""
    found = tracks_by_lookahead(network, batch, LOOKAHEADS_MS)
    content = {f"score{ms}": np.stack([t.score for t in tracks]) for ms, tracks in found.items()}
    content["captured_s"] = batch.captured_s.double().cpu().numpy()
    content["event_s"] = batch.event_s.double().cpu().numpy()
    np.savez_compressed(path, allow_pickle=False, **content)


def load_tracks(path: Path) -> dict[int, list[Track]]:
    """Tracks by lookahead, milliseconds, of those in the file; times are t = T, when heard."""
    with np.load(path) as content:
        captured, events = content["captured_s"], content["event_s"]
        names = {ms: f"score{ms}" for ms in LOOKAHEADS_MS}
        scores = {ms: content[name] for ms, name in names.items() if name in content}
    return {
        ms: [
            Track(score, times + ms / 1e3 if ms > 0 else times, np.sort(truth[np.isfinite(truth)]))
            for score, times, truth in zip(rows, captured, events, strict=True)
        ]
        for ms, rows in scores.items()
    }


def tracks_of(network: MotionNetwork, batch: Batch, tau_s: float = 0.0) -> list[Track]:
    """Scores of every sequence of a batch at a lookahead, the network in evaluation mode."""
    ms = round(1e3 * tau_s)
    return tracks_by_lookahead(network, batch, (ms,))[ms]


@torch.no_grad()
def tracks_by_lookahead(
    network: MotionNetwork, batch: Batch, lookaheads_ms: Sequence[int], *, chunk: int = 8
) -> dict[int, list[Track]]:
    """Scores of every sequence at several lookaheads, milliseconds.

    The way down is run once, where nothing adapts by the lookahead.
    """
    out: dict[int, list[Track]] = {ms: [] for ms in lookaheads_ms}
    for start in range(0, len(batch.pixels), chunk):
        part = batch.take(torch.arange(start, min(start + chunk, len(batch.pixels))))
        flow, timing = network_inputs(part, torch.zeros_like(part.captured_s[:, 0]))
        pixels, features = part.pixels.float()[:, :, None] / 255, None
        for ms, tracks in out.items():
            timing[..., 1] = ms / 1e3
            if network.settings.adapts:
                scores = joined(network(pixels, flow, timing))
            else:
                features = features or network.encode(pixels, flow, timing)
                heads = network.decode(features, timing.flatten(0, 1))
                shape = timing.shape[:2]
                scores = joined({name: value.unflatten(0, shape) for name, value in heads.items()})
            tracks += [
                Track(score, times, np.sort(events[np.isfinite(events)]))
                for score, times, events in zip(
                    scores.double().cpu().numpy(),
                    part.captured_s.double().cpu().numpy(),
                    part.event_s.double().cpu().numpy(),
                    strict=True,
                )
            ]
    return out


def joined(heads: dict[str, Tensor], whole: float = WHOLE) -> Tensor:
    """Score of the whole picture as the live picker makes it, float32[B, T].

    Args:
        heads: logits of a network.
        whole: share of the whole-picture probability.
    """
    best = torch.sigmoid(heads["impact"].float()).flatten(2).topk(2, 2).values.mean(2)
    total = torch.sigmoid(heads["total"].float())[..., 0]
    score = best ** (1 - whole) * total**whole
    if "doubt" not in heads:
        return score
    return torch.sigmoid(torch.logit(score, 1e-9) - heads["doubt"][..., 0])


def network_inputs(batch: Batch, tau_s: Tensor) -> tuple[Tensor, Tensor]:
    """Flow and timing inputs of a batch at lookaheads float32[B]."""
    steps = torch.stack((batch.dt_s, tau_s[:, None].expand_as(batch.captured_s)), 2)
    return batch.flow.float(), torch.cat((steps, batch.motion), 2)

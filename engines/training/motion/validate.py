"""Scores a network gives to a batch of held-out worlds."""

from pathlib import Path
from typing import Final

import numpy as np
import torch
from torch import Tensor

from synchresis.engines.evaluation.tracks import Track
from synchresis.engines.training.motion.batch import Batch
from synchresis.engines.training.motion.network import MotionNetwork

WHOLE = 0.5
"""Share of the whole-picture probability in the score, as the live picker joins them."""


LOOKAHEADS_MS: Final = (-50, -25, 0, 20, 40, 60, 80, 100, 120)
"""Lookaheads scored for the choice of threshold and of the largest lookahead."""


def save_tracks(path: Path, network: MotionNetwork, batch: Batch) -> None:
    """Score held-out sequences at every lookahead into a file for `load_tracks`."""
    content = {}
    for lookahead_ms in LOOKAHEADS_MS:
        tracks = tracks_of(network, batch, lookahead_ms / 1e3)
        content[f"score{lookahead_ms}"] = np.stack([track.score for track in tracks])
    content["captured_s"] = batch.captured_s.double().cpu().numpy()
    content["event_s"] = batch.event_s.double().cpu().numpy()
    np.savez_compressed(path, allow_pickle=False, **content)


def load_tracks(path: Path) -> dict[int, list[Track]]:
    """Tracks by lookahead, milliseconds; times are those an event is heard at, t = T."""
    with np.load(path) as content:
        captured, events = content["captured_s"], content["event_s"]
        scores = {ms: content[f"score{ms}"] for ms in LOOKAHEADS_MS}
    return {
        ms: [
            Track(score, times + ms / 1e3 if ms > 0 else times, np.sort(truth[np.isfinite(truth)]))
            for score, times, truth in zip(rows, captured, events, strict=True)
        ]
        for ms, rows in scores.items()
    }


@torch.no_grad()
def tracks_of(
    network: MotionNetwork, batch: Batch, tau_s: float = 0.0, *, chunk: int = 8
) -> list[Track]:
    """Scores of every sequence of a batch at a lookahead, the network in evaluation mode."""
    out = []
    for start in range(0, len(batch.pixels), chunk):
        part = batch.take(torch.arange(start, min(start + chunk, len(batch.pixels))))
        tau = torch.full_like(part.captured_s[:, 0], tau_s)
        heads = network(part.pixels.float()[:, :, None] / 255, *network_inputs(part, tau))
        scores = joined(heads).double().cpu().numpy()
        for row, score in enumerate(scores):
            events = part.event_s[row].double().cpu().numpy()
            times = part.captured_s[row].double().cpu().numpy()
            out.append(Track(score, times, np.sort(events[np.isfinite(events)])))
    return out


def joined(heads: dict[str, Tensor]) -> Tensor:
    """Score of the whole picture as the live picker makes it, float32[B, T]."""
    best = torch.sigmoid(heads["impact"].float()).flatten(2).topk(2, 2).values.mean(2)
    total = torch.sigmoid(heads["total"].float())[..., 0]
    return best ** (1 - WHOLE) * total**WHOLE


def network_inputs(batch: Batch, tau_s: Tensor) -> tuple[Tensor, Tensor]:
    """Flow and timing inputs of a batch at lookaheads float32[B]."""
    steps = torch.stack((batch.dt_s, tau_s[:, None].expand_as(batch.captured_s)), 2)
    return batch.flow.float(), torch.cat((steps, batch.motion), 2)

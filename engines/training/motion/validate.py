"""How well a network finds the events of held-out worlds, through the live picker's rules."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from synchresis.engines.evaluation.score_onsets import Times, counts, evaluate, f1
from synchresis.engines.motion.picker import ZoneState
from synchresis.engines.training.motion.batch import Batch
from synchresis.engines.training.motion.network import MotionNetwork

THRESHOLDS = tuple(np.round(np.arange(0.1, 0.91, 0.05), 2))
"""Bars tried."""

WHOLE = 0.5
"""Share of the whole-picture probability in the score."""

REFRACTORY_NS = 60_000_000
"""Shortest time between events."""


@dataclass(frozen=True, slots=True)
class Track:
    """Scores of one sequence.

    Attributes:
        score: float64[T], of the whole picture.
        captured_s: float64[T].
        truth_s: true events, seconds from the first frame.
    """

    score: NDArray[np.float64]
    captured_s: Times
    truth_s: Times


@torch.no_grad()
def tracks_of(
    network: MotionNetwork, batch: Batch, tau_s: float = 0.0, *, chunk: int = 8
) -> list[Track]:
    """Scores of every sequence of a batch at a lookahead."""
    out = []
    for start in range(0, len(batch.pixels), chunk):
        index = torch.arange(start, min(start + chunk, len(batch.pixels)))
        part = batch.take(index.to(batch.pixels.device))
        inputs = network_inputs(part, torch.full((len(index),), tau_s, device=part.motion.device))
        heads = network(part.pixels.float()[:, :, None] / 255, *inputs)
        best = torch.sigmoid(heads["impact"].float()).flatten(2).topk(2, 2).values.mean(2)
        total = torch.sigmoid(heads["total"].float())[..., 0]
        score = (best ** (1 - WHOLE) * total**WHOLE).double().cpu().numpy()
        for row in range(len(index)):
            events = part.event_s[row].double().cpu().numpy()
            times = part.captured_s[row].double().cpu().numpy()
            out.append(Track(score[row], times, np.sort(events[np.isfinite(events)])))
    return out


def network_inputs(batch: Batch, tau_s: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Flow and timing inputs of a batch at lookaheads float32[B]."""
    steps = torch.stack((batch.dt_s, tau_s[:, None].expand_as(batch.captured_s)), 2)
    return batch.flow.float(), torch.cat((steps, batch.motion), 2)


def decided(track: Track, bar: float) -> Times:
    """Capture times of the frames at which the live picker would make an event."""
    zone = ZoneState()
    found = []
    for score, captured in zip(track.score[1:], track.captured_s[1:], strict=True):
        now = round(captured * 1e9)
        if zone.rises(float(score), bar) and zone.accept(now, now, REFRACTORY_NS):
            found.append(captured)
    return np.array(found)


def figures(tracks: Sequence[Track]) -> dict[str, float]:
    """F1 and timing skill at ±50 ms at the best bar, and false events a minute in silence."""
    loud = [track for track in tracks if len(track.truth_s)]
    silent = [track for track in tracks if not len(track.truth_s)]
    truths = [track.truth_s for track in loud]
    spans = [float(track.captured_s[-1]) for track in loud]
    best = {"f1": -1.0}
    for bar in THRESHOLDS:
        heard = [decided(track, bar) for track in loud]
        value = f1(counts(heard, truths, fit=False)[:, 1])
        if value > best["f1"]:
            best = {"f1": value, "bar": float(bar)}
    heard = [decided(track, best["bar"]) for track in loud]
    table = evaluate(heard, truths, spans, fit=False)[0.05]
    minutes = sum(float(track.captured_s[-1]) for track in silent) / 60
    false = sum(len(decided(track, best["bar"])) for track in silent)
    return best | {
        "precision": float(np.asarray(table[0])),
        "recall": float(np.asarray(table[1])),
        "timing": float(np.asarray(table[4])),
        "false_per_minute": false / minutes if minutes else float("nan"),
    }

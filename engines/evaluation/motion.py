"""Evaluation of the motion side on real clips: what the live system makes against true onsets."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np

from synchresis.engines.evaluation.clips import Clip, Heard, hear
from synchresis.engines.evaluation.rates import FalseRate, foley_scores, quiet_rate, signed_offsets
from synchresis.engines.evaluation.score_onsets import (
    TOLERANCES_S,
    Envelope,
    Times,
    baselines,
    best_offset,
    evaluate,
)
from synchresis.engines.motion.parser import MotionParser
from synchresis.errors import InputError

BOOT: Final = 300
"""Draws of clips for intervals."""

Scores = dict[float, list[float | list[float]]]
"""Tolerance → precision, recall, F1, skill, timing skill and their intervals."""

Split = Callable[["ClipResult"], str]
"""Name of the group a result belongs to."""


@dataclass(frozen=True, slots=True)
class ClipResult:
    """One clip: what was heard and what its picture alone would give the baselines.

    Attributes:
        clip: the truth.
        heard: the events.
        envelope: frame times and baseline envelopes.
    """

    clip: Clip
    heard: Heard
    envelope: Envelope

    @property
    def fps(self) -> float:
        """Frames per second, from the median time step."""
        steps = np.diff(self.heard.frames_s)
        return float(1 / np.median(steps)) if len(steps) and np.median(steps) > 0 else 0.0


def run_clips(
    clips: Sequence[Clip], parser: MotionParser, progress: Callable[[str], None] | None = None
) -> list[ClipResult]:
    """Run the live parser, and the baselines' measurements, over clips.

    Raises:
        InputError: no clips.
    """
    if not clips:
        raise InputError("no clips left to evaluate; lower --min-rating or change --only")
    out = []
    for clip in clips:
        out.append(ClipResult(clip, hear(clip.path, parser), envelope(clip.path)))
        if progress:
            progress(clip.name)
    return out


def envelope(path: Path) -> Envelope:
    """Frame times and the baselines' envelopes of a video of constant frame rate."""
    capture = cv2.VideoCapture(str(path))
    fps = capture.get(cv2.CAP_PROP_FPS) or 30
    tracker = cv2.DISOpticalFlow.create(0)
    before = None
    flow: list[float] = []
    difference: list[float] = []
    while True:
        good, picture = capture.read()
        if not good:
            break
        grey = cv2.resize(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), (160, 120))
        if before is None:
            flow.append(0.0)
            difference.append(0.0)
        else:
            field = tracker.calc(before, grey, np.empty((0,), np.float32))
            flow.append(float(np.hypot(field[..., 0], field[..., 1]).mean()))
            difference.append(float(cv2.absdiff(before, grey).mean()))
        before = grey
    capture.release()
    mean, change = np.array(flow), np.array(difference)
    drop = np.maximum(0, -np.diff(mean, prepend=mean[:1]))
    return np.arange(len(mean)) / fps, {
        "mean flow": mean,
        "flow drop": drop,
        "frame difference": change,
    }


def score(results: Sequence[ClipResult], *, of: str = "heard", fit: bool = True) -> Scores:
    """Pooled scores with intervals over clips; `of` is "heard" or "t"."""
    predicted = [r.heard.heard_s if of == "heard" else r.heard.t_s for r in results]
    truths, durations = truth_of(results)
    return evaluate(predicted, truths, durations, fit=fit, boot=BOOT)


def truth_of(results: Sequence[ClipResult]) -> tuple[list[Times], list[float]]:
    """Onsets and durations of clips."""
    return [r.clip.onsets_s for r in results], [r.clip.duration_s for r in results]


def mean_over_clips(results: Sequence[ClipResult]) -> Scores:
    """Mean of the clips' own scores, the clip with most onsets left out."""
    largest = max(results, key=lambda r: len(r.clip.onsets_s))
    kept = [r for r in results if r is not largest] or list(results)
    single = [evaluate([r.heard.heard_s], [r.clip.onsets_s], [r.clip.duration_s]) for r in kept]
    return {
        tolerance: [float(np.mean([np.asarray(s[tolerance][k]) for s in single])) for k in range(5)]
        for tolerance in TOLERANCES_S
    }


def group_report(results: Sequence[ClipResult]) -> dict[str, Any]:
    """Everything about one group of clips, ready for JSON."""
    truths, durations = truth_of(results)
    tables = {
        "heard": score(results),
        "heard, no offset": score(results, fit=False),
        "t": score(results, of="t"),
        "mean over clips, largest left out": mean_over_clips(results),
    }
    for name, predicted in baselines([r.envelope for r in results], durations, truths).items():
        tables[name] = evaluate(predicted, truths, durations, boot=BOOT)
    foley = [foley_scores(r.heard.heard_s, strengths(r.heard), r.clip.onsets_s) for r in results]
    quiet = sum_rates(
        [quiet_rate(r.heard.heard_s, r.clip.all_onsets_s, r.clip.duration_s) for r in results]
    )
    return {
        "clips": len(results),
        "onsets": sum(map(len, truths)),
        "events": sum(len(r.heard.events) for r in results),
        "scores": tables,
        "signed_offset_s": offset_summary(results),
        "condfoley": {
            "onset_acc": float(np.nanmean([acc for acc, _ in foley])),
            "onset_ap": float(np.nanmean([ap for _, ap in foley])),
        },
        "quiet": quiet.report(),
    }


def strengths(heard: Heard) -> Times:
    """Strengths of events in the order of `heard_s`."""
    order = np.argsort([max(e.t_ns, e.decided_ns) for e in heard.events], kind="stable")
    return np.array([e.strength for e in heard.events])[order]


def offset_summary(results: Sequence[ClipResult]) -> dict[str, float]:
    """Median and quartiles of heard minus truth over matched pairs, seconds."""
    offsets = np.concatenate(
        [
            signed_offsets(
                r.heard.heard_s, r.clip.onsets_s, best_offset(r.heard.heard_s, r.clip.onsets_s)
            )
            for r in results
        ]
    )
    return quartiles(offsets)


def quartiles(values: Times) -> dict[str, float]:
    """Number, median and quartiles."""
    if not len(values):
        return {"pairs": 0}
    low, middle, high = (float(v) for v in np.percentile(values, [25, 50, 75]))
    return {"pairs": len(values), "median": middle, "q25": low, "q75": high}


def sum_rates(rates: Sequence[FalseRate]) -> FalseRate:
    """All stretches as one."""
    return sum(rates, FalseRate(0, 0.0))


SPLITS: Final[dict[str, Split]] = {
    "category": lambda r: r.clip.row.get("category", ""),
    "webcam_like": lambda r: r.clip.row.get("webcam_like", ""),
    "fps": lambda r: "up to 18" if r.fps <= 18 else "up to 35" if r.fps <= 35 else "over 35",
}
"""How clips are grouped for the short rows."""


def short_rows(results: Sequence[ClipResult]) -> dict[str, dict[str, Any]]:
    """Scores at every tolerance of each group of every split."""
    out: dict[str, dict[str, Any]] = {}
    for split, key in SPLITS.items():
        for value in sorted({key(r) for r in results}):
            group = [r for r in results if key(r) == value]
            truths, durations = truth_of(group)
            table = evaluate([r.heard.heard_s for r in group], truths, durations)
            out[f"{split} = {value}"] = {
                "clips": len(group),
                "onsets": sum(map(len, truths)),
                "scores": table,
            }
    return out


def clip_rows(results: Sequence[ClipResult]) -> list[dict[str, Any]]:
    """One line per clip."""
    out = []
    for r in results:
        table = evaluate([r.heard.heard_s], [r.clip.onsets_s], [r.clip.duration_s])
        out.append(
            {
                "name": r.clip.name,
                "core": r.clip.core,
                "fps": r.fps,
                "onsets": len(r.clip.onsets_s),
                "events": len(r.heard.events),
                "offset_s": best_offset(r.heard.heard_s, r.clip.onsets_s),
                "f1": table[0.05][2],
                "timing_skill": table[0.05][4],
            }
        )
    return out


def clip_report(results: Sequence[ClipResult]) -> dict[str, Any]:
    """The whole report on clips: core and all rows, groups, clips."""
    core = [r for r in results if r.clip.core]
    groups = {"all": group_report(results)}
    if core:
        groups = {"core": group_report(core), **groups}
    return {"groups": groups, "splits": short_rows(results), "clips": clip_rows(results)}

"""The frozen evaluation scenes: the live parser against baselines that see the same pictures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np

from synchresis.bench.findings import Findings
from synchresis.bench.result import Figure, Histogram, Result, Table, thinned
from synchresis.bench.sync_scores import OURS, against, score_table, tolerance_lines
from synchresis.engines.evaluation.clips import Heard, heard_of
from synchresis.engines.evaluation.rates import FalseRate, signed_offsets
from synchresis.engines.evaluation.score_onsets import (
    TOLERANCES_S,
    Envelope,
    Times,
    baselines,
    evaluate,
)
from synchresis.engines.evaluation.suites import SIZE, chosen
from synchresis.engines.frame import Frame, Picture
from synchresis.engines.gesture import Event
from synchresis.engines.motion.parser import MotionParser
from synchresis.engines.scenes.evaluation import EvaluationScene, Group
from synchresis.engines.timebase import NS_PER_S

MINUTES: Final[Mapping[Group, float]] = {"sounding": 6.0, "silent_motion": 3.0, "still": 2.0}
"""Of each group of scenes, evenly from all families; `evaluate motion` runs them all."""

QUICK_MINUTES: Final = 0.5

BOOT: Final = 200
"""Draws of scenes for intervals."""

NOTE: Final = (
    "the same pictures and onsets for all, truth exact, no offset fitted; thresholds and rates of "
    "the baselines are tuned on these very scenes, ours is fixed in the pack; ours is heard when "
    "decided, a baseline at the frame itself"
)


@dataclass(frozen=True, slots=True)
class Watched:
    """One scene: what the parser heard, and what the baselines see.

    Attributes:
        name: of its family.
        heard: the events.
        truth_s: true onsets, seconds since the first frame.
        envelope: frame times and the baselines' envelopes.
    """

    name: str
    heard: Heard
    truth_s: Times
    envelope: Envelope

    @property
    def duration_s(self) -> float:
        """From the first frame to the last."""
        return float(self.envelope[0][-1])


class EnvelopeMeter:
    """The baselines' measurements of pictures as they come: flow by DIS, and difference."""

    def __init__(self) -> None:
        self._tracker = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
        self._before: Picture | None = None
        self._flow: list[float] = []
        self._difference: list[float] = []

    def add(self, grey: Picture) -> None:
        """Take the next picture, uint8[H, W]."""
        flow = difference = 0.0
        if self._before is not None:
            field = self._tracker.calc(self._before, grey, np.empty((0,), np.float32))
            flow = float(np.hypot(field[..., 0], field[..., 1]).mean())
            difference = float(cv2.absdiff(self._before, grey).mean())
        self._flow.append(flow)
        self._difference.append(difference)
        self._before = grey.copy()

    def envelope(self, times_s: Times) -> Envelope:
        """All so far, with the times of the pictures."""
        mean = np.array(self._flow)
        drop = np.maximum(0, -np.diff(mean, prepend=mean[:1]))
        change = np.array(self._difference)
        return times_s, {"mean flow": mean, "flow drop": drop, "frame difference": change}


def measure_scenes(parser: MotionParser, *, quick: bool) -> Findings:
    """All groups of evaluation scenes.

    Args:
        parser: prepared.
        quick: half a minute of each.
    """
    watched = {
        group: [
            watch(scene, parser) for scene in chosen(group, QUICK_MINUTES if quick else minutes)
        ]
        for group, minutes in MINUTES.items()
    }
    return scene_findings(watched)


def watch(scene: EvaluationScene, parser: MotionParser) -> Watched:
    """Run the live parser, and the baselines' measurements, over a scene from a fresh state."""
    opened = scene.open(size=SIZE)
    state = parser.initial_state()
    state.aspect = opened.stream.shot.aspect
    meter = EnvelopeMeter()
    events: list[Event] = []
    times: list[float] = []
    for index, (picture, time_s) in enumerate(opened.frames()):
        frame = Frame(picture, round(time_s * NS_PER_S), index)
        events.extend(parser.step(frame, state).events)
        meter.add(picture)
        times.append(time_s)
    frames = np.array(times)
    truth = np.sort(np.array([event.t_s for event in opened.events]))
    return Watched(scene.name, heard_of(events, frames), truth, meter.envelope(frames))


def scene_findings(watched: Mapping[Group, Sequence[Watched]]) -> Findings:
    """Scenes with hits against the baselines; scenes without by their false events."""
    results: list[Result] = []
    figures: list[Figure] = []
    for group, scenes in watched.items():
        if any(len(scene.truth_s) for scene in scenes):
            found = _sounding(group, scenes)
            results += found.results
            figures += found.figures
        else:
            results += [_false(f"sync.scenes.{group}", scenes)]
    figures.append(_family_table(watched))
    return Findings(results, figures)


def detectors(scenes: Sequence[Watched]) -> dict[str, Mapping[float, Sequence[Any]]]:
    """Score rows of the live system, of its moments (what a constant D plays), of the baselines."""
    truths = [scene.truth_s for scene in scenes]
    spans = [scene.duration_s for scene in scenes]
    said = {
        OURS: [scene.heard.heard_s for scene in scenes],
        "t": [scene.heard.t_s for scene in scenes],
        **baselines([scene.envelope for scene in scenes], spans, truths),
    }
    return {
        name: evaluate(predicted, truths, spans, fit=False, boot=BOOT)
        for name, predicted in said.items()
    }


def _sounding(group: Group, scenes: Sequence[Watched]) -> Findings:
    name = f"sync.scenes.{group}"
    rows = detectors(scenes)
    onsets = sum(len(scene.truth_s) for scene in scenes)
    results = [
        Result(f"{name}.scenes", len(scenes), "count"),
        Result(f"{name}.onsets", onsets, "count"),
        *against(name, rows, note=NOTE),
    ]
    offsets = {"heard": _offsets(scenes, "heard_s"), "t": _offsets(scenes, "t_s")}
    for what, values in offsets.items():
        if values:
            median = float(np.median(values))
            results.append(Result(f"{name}.{what}.signed_offset.p50", round(median, 2), "ms"))
    caption = f"{len(scenes)} scenes, {onsets} onsets. Equal: {NOTE}."
    title = "Evaluation scenes with hits"
    histogram = Histogram(
        "Moment minus contact, evaluation scenes",
        "ms",
        {what: thinned(values) for what, values in offsets.items()},
        "Pairs within 100 ms. Heard: the earliest it could have sounded; t: what constant D plays.",
    )
    return Findings(
        results, [score_table(title, rows, caption), tolerance_lines(title, rows), histogram]
    )


def _offsets(scenes: Sequence[Watched], which: str) -> list[float]:
    """Moment minus contact of all pairs, milliseconds."""
    pairs = [signed_offsets(getattr(s.heard, which), s.truth_s, 0.0) for s in scenes]
    return [1e3 * float(value) for value in np.concatenate(pairs)]


def _false(name: str, scenes: Sequence[Watched]) -> Result:
    events = sum(len(scene.heard.events) for scene in scenes)
    rate = FalseRate(events, sum(scene.duration_s for scene in scenes) / 60).report()
    note = f"{rate['minutes']:.1f} minutes; below {rate['upper_95']:.2f} with 95 %"
    return Result(f"{name}.false", round(rate["per_minute"], 3), "1/min", note=note)


def _family_table(watched: Mapping[Group, Sequence[Watched]]) -> Table:
    rows = [
        _family_row(group, name, [scene for scene in scenes if scene.name == name])
        for group, scenes in watched.items()
        for name in sorted({scene.name for scene in scenes})
    ]
    columns = ["family", "onsets", "F1 ±50", "timing ±50", "offset of t", "false / min"]
    return Table("Evaluation scenes by family", columns, rows, "Families never trained on.")


def _family_row(group: Group, name: str, scenes: Sequence[Watched]) -> list[str]:
    truths = [scene.truth_s for scene in scenes]
    onsets = sum(map(len, truths))
    if not onsets:
        false = _false("", scenes).value
        return [f"{group}: {name}", "0", "", "", "", f"{false:.1f}"]
    spans = [scene.duration_s for scene in scenes]
    row = evaluate([s.heard.heard_s for s in scenes], truths, spans, fit=False)[TOLERANCES_S[1]]
    offsets = _offsets(scenes, "t_s")
    offset = f"{np.median(offsets):+.0f} ms" if offsets else ""
    return [f"{group}: {name}", str(onsets), f"{row[2]:.2f}", f"{row[4]:.2f}", offset, ""]

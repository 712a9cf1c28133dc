"""What the live parser says about simulated worlds, whose truth is exact."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from synchresis.engines.evaluation.clips import Heard, heard_of
from synchresis.engines.evaluation.motion import quartiles
from synchresis.engines.evaluation.rates import FalseRate, signed_offsets
from synchresis.engines.evaluation.score_onsets import evaluate
from synchresis.engines.evaluation.tracks import Track
from synchresis.engines.frame import Frame
from synchresis.engines.gesture import Event
from synchresis.engines.motion.parser import MotionParser
from synchresis.engines.scenes.render import Film, PictureSize
from synchresis.engines.scenes.world import World
from synchresis.engines.timebase import NS_PER_S


@dataclass(frozen=True, slots=True)
class WorldResult:
    """One world: what was heard, and the scores per frame beside the truth."""

    heard: Heard
    track: Track

    @property
    def minutes(self) -> float:
        """Length from the first frame to the last."""
        return float(self.track.captured_s[-1]) / 60


def watch_world(world: World, parsers: Sequence[MotionParser]) -> list[WorldResult]:
    """Run live parsers over a world, drawn once, from fresh states; times from its first frame.

    Pictures are drawn at 320 × 240, of which the network sees half in each direction (training
    draws them that small at once); the world's aspect is told.
    """
    states = [parser.initial_state() for parser in parsers]
    events: list[list[Event]] = [[] for _ in parsers]
    scores: list[list[float]] = [[] for _ in parsers]
    times = world.times - world.times[0]
    for state in states:
        state.aspect = world.aspect
    for index, picture in enumerate(Film(PictureSize()).pictures(world)):
        frame = Frame(picture, round(float(times[index]) * NS_PER_S), index)
        for each, (parser, state) in enumerate(zip(parsers, states, strict=True)):
            events[each].extend(parser.step(frame, state).events)
            scores[each].append(state.picker.zones[0].score)
    truth = np.sort(np.array([event.t_s for event in world.events]) - world.times[0])
    return [
        WorldResult(heard_of(own, times), Track(np.array(score), times, truth, world.name))
        for own, score in zip(events, scores, strict=True)
    ]


def world_row(results: Sequence[WorldResult]) -> dict[str, Any]:
    """Scores of worlds with events and false events of those without, ready for JSON."""
    loud = [r for r in results if len(r.track.truth_s)]
    silent = [r for r in results if not len(r.track.truth_s)]
    row: dict[str, Any] = {"worlds": len(results), "minutes": sum(r.minutes for r in results)}
    if loud:
        truths = [r.track.truth_s for r in loud]
        heard = [r.heard.heard_s for r in loud]
        spans = [60 * r.minutes for r in loud]
        row["onsets"] = sum(map(len, truths))
        row["scores"] = evaluate(heard, truths, spans, fit=False, boot=200)
        offsets = [signed_offsets(h, t, 0.0) for h, t in zip(heard, truths, strict=True)]
        row["signed_offset_s"] = quartiles(np.concatenate(offsets))
    if silent:
        rate = FalseRate(sum(len(r.heard.events) for r in silent), sum(r.minutes for r in silent))
        row["false"] = rate.report()
    return row

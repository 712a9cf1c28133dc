"""The frozen evaluation scenes through the live parser."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final, Literal

import numpy as np

from synchresis.engines.evaluation.clips import heard_of
from synchresis.engines.evaluation.tracks import Track
from synchresis.engines.evaluation.worlds import WorldResult, world_row
from synchresis.engines.frame import Frame
from synchresis.engines.gesture import Event
from synchresis.engines.motion.parser import MotionParser
from synchresis.engines.scenes.evaluation import EvaluationScene, Group, evaluation_scenes
from synchresis.engines.scenes.evaluation_later import later_scenes
from synchresis.engines.timebase import NS_PER_S

SIZE: Final = (160, 120)
"""Width and height scenes are drawn at: the network's own pixels, a quarter of the work."""

Suite = Group | Literal["silent_later"]
"""A group of evaluation scenes, or the second set of silent ones."""


def suite_rows(
    parser: MotionParser, group: Suite, *, minutes: float | None = None
) -> dict[str, dict[str, Any]]:
    """Rows of one group of evaluation scenes: all of them, then per family.

    Args:
        parser: prepared.
        group: "sounding", "silent_motion", "silent_later" or "still".
        minutes: length of those that `chosen` takes; all frozen ones if None.
    """
    results = [watch_scene(scene, parser) for scene in chosen(group, minutes)]
    rows: dict[str, dict[str, Any]] = {group: world_row(results)}
    names = sorted({r.track.name for r in results})
    if len(names) > 1:
        for name in names:
            rows[f"{group}: {name}"] = world_row([r for r in results if r.track.name == name])
    return rows


def chosen(group: Suite, minutes: float | None) -> Sequence[EvaluationScene]:
    """Scenes of a group, thinned evenly to a length in minutes; all frozen ones if None.

    Of still scenes there may be more than were frozen: the same code with the seeds that follow.
    """
    scenes = later_scenes() if group == "silent_later" else evaluation_scenes(group)
    if minutes is None:
        return scenes
    count = max(1, round(60 * minutes / scenes[0].duration_s))
    if group == "still":
        last = scenes[-1].seed
        more = (replace(scenes[0], seed=last + k) for k in range(1, count - len(scenes) + 1))
        scenes = (*scenes, *more)
    step = max(1.0, len(scenes) / count)
    return [scenes[int(k * step)] for k in range(min(len(scenes), count))]


def watch_scene(scene: EvaluationScene, parser: MotionParser) -> WorldResult:
    """Run the live parser over an evaluation scene from a fresh state."""
    opened = scene.open(size=SIZE)
    state = parser.initial_state()
    state.aspect = opened.stream.shot.aspect
    events: list[Event] = []
    scores: list[float] = []
    times: list[float] = []
    for index, (picture, time_s) in enumerate(opened.frames()):
        frame = Frame(picture, round(time_s * NS_PER_S), index)
        events.extend(parser.step(frame, state).events)
        scores.append(state.picker.zones[0].score)
        times.append(time_s)
    truth = np.array([event.t_s for event in opened.events])
    track = Track(np.array(scores), np.array(times), np.sort(truth), scene.name)
    return WorldResult(heard_of(events, np.array(times)), track)

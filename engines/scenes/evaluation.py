"""Evaluation scenes: families, textures and ways of filming that no training ever sees, frozen.

`frozen.json` holds the hash of every source file these scenes depend on and numbers that tell
whether a scene still comes out the same. It was committed before any training; a test compares.
"""

import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

import numpy as np

from synchresis.engines.scenes import atlas
from synchresis.engines.scenes.play import Wardrobe
from synchresis.engines.scenes.scene import Scene
from synchresis.engines.scenes.shot import Conditions
from synchresis.engines.scenes.world import SimSettings

Group = Literal["sounding", "silent_motion", "still", "performer"]

WEAR: Final = Wardrobe(
    clutter=(atlas.HELD_BACK[0],),
    cloud=(atlas.HELD_BACK[1],),
    wood=(atlas.HELD_BACK[1], atlas.HELD_BACK[3]),
    cloth=(atlas.HELD_BACK[2],),
    grain=(atlas.HELD_BACK[3],),
)

CONDITIONS: Final = Conditions(
    fps=(14.0, 18.0, 22.0, 28.0, 40.0, 55.0),
    fps_weights=(1, 2, 2, 5, 2, 2),
    aspects=(0.62, 0.72, 1.5),
    handheld=0.3,
    shake=(0.0015, 0.009),
    noise=(0.003, 0.025),
    step=(0.005, 0.06),
    blur=(-0.05, 0.25),
    exposure=(0.3, 0.9),
    readout_s=(0.005, 0.025),
    drop=0.06,
    repeat=0.06,
    jitter_s=0.003,
    drift=(0.01, 0.08),
    zoom=0.12,
    flicker=0.05,
)

SOURCES: Final = (
    "primitives.py", "path.py", "atlas.py", "play.py", "strokes.py", "backdrop.py", "body.py",
    "actors.py", "shot.py", "sensor.py", "raster.py", "render.py", "world.py", "scene.py",
    "evaluation.py", "springs.py", "families/held_back.py", "families/held_back_silent.py",
)  # fmt: skip
"""Files the evaluation scenes depend on."""

_SOUNDING: Final = ("mallets", "chop", "cups", "pot", "dribble", "sweep")


@dataclass(frozen=True, slots=True)
class EvaluationScene:
    """One frozen scene: family, seed and length."""

    group: Group
    name: str
    seed: int
    duration_s: float

    def open(self, *, size: tuple[int, int] = (320, 240), colour: bool = False) -> Scene:
        """The scene, filmed as evaluation scenes are."""
        return Scene(
            self.name,
            self.seed,
            self.duration_s,
            None,
            size=size,
            colour=colour,
            settings=evaluation_settings(self.group),
        )


def evaluation_settings(group: Group = "sounding") -> SimSettings:
    """Textures and filming of a group of evaluation scenes; still ones stand on a tripod."""
    conditions = replace(CONDITIONS, handheld=0.0) if group == "still" else CONDITIONS
    return SimSettings(conditions=conditions, wear=WEAR)


def evaluation_scenes(group: Group) -> tuple[EvaluationScene, ...]:
    """The frozen scenes of a group.

    `sounding`: 60 scenes of 10 s; `silent_motion`: 40 of 30 s (20 minutes); `still`: 62 of 60 s
    with webcam noise and light changes; `performer`: 6 of 60 s with a second person, for teaching.
    """
    if group == "sounding":
        return tuple(
            EvaluationScene(group, n, 70_000 + k, 10.0) for n in _SOUNDING for k in range(10)
        )
    if group == "silent_motion":
        names = ("conductor", "curtain")
        return tuple(EvaluationScene(group, n, 71_000 + k, 30.0) for n in names for k in range(20))
    if group == "still":
        return tuple(EvaluationScene(group, "still_room", 72_000 + k, 60.0) for k in range(62))
    return tuple(EvaluationScene(group, "pot", 73_000 + k, 60.0) for k in range(6))


def sources_hash() -> str:
    """SHA-256 over the source files the evaluation scenes depend on."""
    digest = hashlib.sha256()
    for name in SOURCES:
        digest.update(name.encode())
        digest.update((Path(__file__).parent / name).read_bytes())
    return digest.hexdigest()


def fingerprint(scene: EvaluationScene) -> list[float]:
    """Numbers that tell a scene: events, sums of times and strengths, means of its arrays."""
    world = scene.open().stream.part(0)
    events = world.events
    return [
        float(len(events)),
        sum(event.t_s for event in events),
        sum(event.strength for event in events),
        *(
            float(np.mean(part, dtype=np.float64))
            for part in (world.times, world.pose, world.look, world.camera, world.sensor)
        ),
    ]


def frozen_path() -> Path:
    """Where the frozen hash and fingerprints lie."""
    return Path(__file__).with_name("frozen.json")


def freeze() -> None:
    """Write `frozen.json` anew: only before a training, never after."""
    groups: tuple[Group, ...] = ("sounding", "silent_motion", "still", "performer")
    scenes = [scene for group in groups for scene in evaluation_scenes(group)]
    rows = {f"{s.name}:{s.seed}": [round(v, 6) for v in fingerprint(s)] for s in scenes}
    text = json.dumps({"sources": sources_hash(), "scenes": rows}, indent=0)
    frozen_path().write_text(text + "\n", encoding="utf-8")

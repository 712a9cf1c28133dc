"""The evaluation scenes are what they were when they were frozen, before any training."""

import json

import numpy as np
import pytest

from synchresis.engines.scenes import (
    evaluation,
    evaluation_families,
    evaluation_later,
    train_families,
)
from synchresis.engines.scenes.atlas import HELD_BACK
from synchresis.engines.scenes.shot import Conditions
from synchresis.engines.scenes.world import TRAINING_WEAR

FROZEN = json.loads(evaluation.frozen_path().read_text(encoding="utf-8"))


def test_sources_are_unchanged_since_the_freeze():
    assert evaluation.sources_hash() == FROZEN["sources"]


@pytest.mark.parametrize("group", ["sounding", "silent_motion", "still", "performer"])
def test_frozen_scenes_come_out_the_same(group):
    scenes = evaluation.evaluation_scenes(group)
    assert all(f"{s.name}:{s.seed}" in FROZEN["scenes"] for s in scenes)
    for scene in scenes[:: max(1, len(scenes) // 8)]:
        frozen = FROZEN["scenes"][f"{scene.name}:{scene.seed}"]
        np.testing.assert_allclose(evaluation.fingerprint(scene), frozen, rtol=1e-4, atol=1e-4)


def test_groups_last_as_long_as_they_must():
    minutes = {
        group: sum(s.duration_s for s in evaluation.evaluation_scenes(group)) / 60.0
        for group in ("sounding", "silent_motion", "still", "performer")
    }
    assert minutes["still"] >= 60.0
    assert minutes["silent_motion"] >= 10.0
    assert minutes["sounding"] >= 10.0


def test_training_never_sees_evaluation_families_textures_or_frame_rates():
    assert not set(train_families()) & set(evaluation_families())
    worn = {
        layer
        for group in ("clutter", "cloud", "wood", "cloth", "grain")
        for layer in getattr(TRAINING_WEAR, group)
    }
    assert not worn & set(HELD_BACK)
    assert not set(Conditions().fps) & set(evaluation.CONDITIONS.fps)


def test_the_second_silent_set_comes_out_as_it_was_frozen():
    frozen = json.loads(evaluation_later.later_path().read_text(encoding="utf-8"))
    scenes = evaluation_later.later_scenes()
    assert evaluation_later.later_hash() == frozen["sources"]
    assert set(frozen["scenes"]) == {f"{scene.name}:{scene.seed}" for scene in scenes}
    assert sum(scene.duration_s for scene in scenes) >= 600.0
    for scene in scenes[::8]:
        numbers = evaluation.fingerprint(scene)
        assert numbers[0] == 0.0
        kept = frozen["scenes"][f"{scene.name}:{scene.seed}"]
        np.testing.assert_allclose(numbers, kept, rtol=1e-4, atol=1e-4)

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs the extra [train]")
pytest.importorskip("onnxscript", reason="export needs the extra [train]")

from synchresis.engines.evaluation.suites import chosen, suite_rows, watch_scene  # noqa: E402
from synchresis.engines.evaluation.tracks import Track  # noqa: E402
from synchresis.engines.motion.parser import MotionParser  # noqa: E402
from synchresis.engines.motion.picker import WHOLE  # noqa: E402
from synchresis.engines.packs import update_pack  # noqa: E402
from synchresis.engines.scenes.evaluation import evaluation_scenes  # noqa: E402
from synchresis.engines.scenes.evaluation_later import LATER  # noqa: E402
from synchresis.engines.training.motion import examine  # noqa: E402
from synchresis.engines.training.motion.export import FILE, entry_of, export  # noqa: E402
from synchresis.engines.training.motion.network import (  # noqa: E402
    MotionNetwork,
    NetworkSettings,
)
from synchresis.engines.training.motion.publish import calibrate  # noqa: E402


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    made = MotionNetwork(NetworkSettings(pixel=4, fine=8, middle=8, deep=12, embedding=6))
    for value in made.parameters():
        value.data += 0.1 * torch.randn_like(value)
    made.heads.weight.data[0] *= 40.0
    made.heads.bias.data[0] = -2.0
    made.whole_out.weight.data *= 40.0
    return made.eval()


@pytest.fixture(scope="module")
def parser(network, tmp_path_factory):
    folder = tmp_path_factory.mktemp("packs") / "small"
    entry = entry_of(network, meta={"whole": WHOLE}, threshold=0.4)
    made = MotionParser(update_pack(folder, {"motion": entry}, {FILE: export(network)}))
    made.prepare()
    yield made
    made.close()


def test_scores_on_the_training_device_are_the_live_parsers(network, parser, monkeypatch):
    monkeypatch.setattr(examine, "PART", 0)
    monkeypatch.setattr("synchresis.engines.scenes.scene.PART_S", 1.2)
    scene = replace(evaluation_scenes("sounding")[0], duration_s=1.2)
    live = watch_scene(scene, parser)
    shot = examine.footage_of(scene, torch.device("cpu"))
    (scores,) = examine.scores_of(network, [shot], 0.0)
    assert len(scores) == len(live.track.score)
    np.testing.assert_allclose(shot.captured_s, live.track.captured_s, atol=1e-6)
    np.testing.assert_allclose(shot.truth_s, live.track.truth_s)
    spread = np.ptp(scores[1:])
    assert spread > 0.01
    np.testing.assert_allclose(scores[1:], live.track.score[1:], atol=0.2 * spread)


def test_scenes_are_thinned_evenly_over_families():
    few = chosen("sounding", 2.0)
    assert len(few) == 12 and len({scene.name for scene in few}) == 6
    assert chosen("silent_motion", None) == evaluation_scenes("silent_motion")
    assert [scene.name for scene in chosen("silent_later", 2.5)] == list(LATER)


def test_more_still_minutes_than_were_frozen_take_the_seeds_that_follow():
    frozen = evaluation_scenes("still")
    more = chosen("still", len(frozen) + 2.0)
    assert more[: len(frozen)] == list(frozen)
    assert [scene.seed - frozen[-1].seed for scene in more[len(frozen) :]] == [1, 2]
    assert len(chosen("sounding", 1000.0)) == len(evaluation_scenes("sounding"))


def test_rows_tell_events_from_silence(parser, monkeypatch):
    scenes = [replace(scene, duration_s=0.5) for scene in evaluation_scenes("still")[:1]]
    monkeypatch.setattr("synchresis.engines.evaluation.suites.chosen", lambda *_: scenes)
    monkeypatch.setattr("synchresis.engines.scenes.scene.PART_S", 0.5)
    rows = suite_rows(parser, "still")
    assert set(rows) == {"still"} and rows["still"]["worlds"] == 1
    assert "scores" not in rows["still"]
    assert rows["still"]["false"]["upper_95"] >= rows["still"]["false"]["per_minute"]


def test_calibration_keeps_the_lookaheads_that_still_work():
    times = np.arange(120) / 30
    truth = times[[20, 50, 80]]

    def track(frames):
        score = np.full(120, 0.05)
        score[frames] = 0.7
        return Track(score, times, truth)

    found = calibrate(
        {0: [track([20, 50, 80])], 40: [track([20, 50, 80])], 120: [track([5, 35, 99])]}
    )
    assert 0.05 < found.threshold <= 0.7
    assert found.lookahead_max_ms == 40.0 and found.figures["f1"] == 1.0

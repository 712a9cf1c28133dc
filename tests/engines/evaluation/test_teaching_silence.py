"""Evaluation of shown silence, with hand-made performers and silences."""

from dataclasses import replace

import numpy as np
import pytest

from synchresis.engines.evaluation import teaching_silence
from synchresis.engines.evaluation.teaching_material import Cache, Material, silences
from synchresis.engines.evaluation.teaching_silence import WAYS, halves, report, shown_silences
from synchresis.engines.scenes.evaluation import EvaluationScene
from synchresis.engines.teach.motion import Recording, silent_recording, watch_all, ways_of
from synchresis.engines.teach.watching import Watcher


@pytest.fixture(scope="module")
def material(tiny_pack, perform):
    made = perform(30.0, seed=9)
    seen, _ = watch_all([Recording("bars", made.frames, made.sound)], tiny_pack)
    first = made.frames[1].captured_ns / 1e9
    sound = made.sound[round(first * 48_000) :]
    return Material("bars", seen, sound, made.hits_s + 0.08 - first, 29.9)


@pytest.fixture(scope="module")
def below(tiny_pack, perform):
    """Two scenes in which bars move below, where no hits are."""
    found = []
    for seed in (8, 11):
        made = perform(24.0, seed=seed)
        frames = [replace(frame, picture=frame.picture[::-1].copy()) for frame in made.frames]
        found.append(watch_all([silent_recording("below", frames)], tiny_pack)[0])
    return found


def test_silence_shown_beside_hits_quietens_what_was_not_shown(material, below, tiny_pack):
    found = list(shown_silences([material], {"below": below}, ways_of(tiny_pack)))
    assert len(found) == 2
    table = report(found)
    assert table["scenes"] == 2 and list(table["ways"]) == list(WAYS)
    rates = {way: row["later"]["below"]["per_minute"] for way, row in table["ways"].items()}
    assert rates["nothing"] > 30 and rates["hits and silence"] < 0.3 * rates["hits"]
    assert rates["silence"] < 0.3 * rates["nothing"]
    kept = table["ways"]["hits and silence"]
    assert kept["timing"] > table["ways"]["nothing"]["timing"] and kept["f1"] > 0.7
    minutes = table["ways"]["nothing"]["later"]["below"]["minutes"]
    assert minutes == pytest.approx(2 * 12 / 60, rel=0.05)
    assert table["ways"]["nothing"]["elsewhere"]["below"]["minutes"] == pytest.approx(0.8, rel=0.05)


def test_what_is_counted_was_not_taught(material, below, tiny_pack, monkeypatch):
    first, second = halves(below[0])
    assert first.captured_s[-1] < second.captured_s[0]
    assert len(first.captured_s) + len(second.captured_s) == len(below[0].captured_s)
    told, plain = [], ways_of(tiny_pack)

    def spy(seen, onsets):
        told.append((seen.captured_s.copy(), onsets))
        return plain["shipped"](seen, onsets)

    raised = []

    def bar_spy(seen, threshold):
        raised.append(seen.captured_s)
        return threshold

    monkeypatch.setattr(teaching_silence, "quiet_bar", bar_spy)
    list(shown_silences([material], {"below": below[:1]}, {**plain, "readout": spy}))
    cut = 0.6 * material.duration_s
    lesson = material.seen.between(0, cut).captured_s
    (alone, heard), (both, same) = told
    np.testing.assert_array_equal(alone, lesson)
    np.testing.assert_allclose(both[: len(lesson)] - both[0], lesson - lesson[0])
    assert len(both) == len(lesson) + len(first.captured_s)
    assert heard.max() < cut and len(same) == len(heard)
    np.testing.assert_array_equal(raised[0], first.captured_s)


def test_silent_scenes_are_seen_by_family(tiny_pack, monkeypatch, tmp_path):
    scenes = [
        EvaluationScene("silent_motion", name, 71_000 + k, 1.0)
        for name in ("conductor", "curtain")
        for k in range(2)
    ]
    monkeypatch.setattr(
        "synchresis.engines.evaluation.teaching_material.evaluation_scenes", lambda group: scenes
    )
    watcher = Watcher(tiny_pack, backend="onnx")
    watcher.prepare()
    found = silences(watcher, Cache(tmp_path, tiny_pack))
    assert {name: len(seen) for name, seen in found.items()} == {"conductor": 2, "curtain": 2}
    again = silences(watcher, Cache(tmp_path, tiny_pack))
    np.testing.assert_array_equal(found["curtain"][1].score, again["curtain"][1].score)
    assert len(list(tmp_path.glob("*.npz"))) == 4
    watcher.close()

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from synchresis.bench import sync
from synchresis.bench.options import Options
from synchresis.bench.report import render_page
from synchresis.bench.result import Report, Table
from synchresis.bench.sync import clip_findings, offset_histogram
from synchresis.bench.sync_scenes import EnvelopeMeter, Watched, scene_findings, watch
from synchresis.bench.sync_scores import BASELINES
from synchresis.engines.evaluation.clips import Clip, Heard
from synchresis.engines.evaluation.motion import ClipResult, clip_report
from synchresis.engines.gesture import Event
from synchresis.engines.motion.parser import MotionParser
from synchresis.engines.scenes.evaluation import evaluation_scenes
from synchresis.errors import InputError


def clip_result(rng, name, *, lag_s=0.05, good=True):
    """A clip of 10 s with 8 onsets, heard `lag_s` late, or at random."""
    onsets = np.sort(rng.choice(np.arange(0.5, 9.5, 0.35), 8, replace=False))
    heard = onsets + lag_s if good else np.sort(rng.uniform(0, 10, 8))
    events = tuple(Event(round(t * 1e9), round(t * 1e9), 0.5, 0.5, 0.5) for t in heard)
    frames = np.arange(0, 10, 1 / 30)
    row = {"category": "x", "webcam_like": "no", "core": "yes", "onset_reliability": "high"}
    truth = Clip(name, Path(name), 10.0, onsets, onsets, row)
    measures = ("mean flow", "flow drop", "frame difference")
    envelope = (frames, {measure: rng.random(len(frames)) for measure in measures})
    return ClipResult(truth, Heard(events, heard, heard, frames), envelope)


@pytest.fixture(scope="module")
def results():
    rng = np.random.default_rng(5)
    return [clip_result(rng, "a"), clip_result(rng, "b"), clip_result(rng, "c", good=False)]


@pytest.fixture(scope="module")
def found(results):
    return clip_findings(clip_report(results))


def test_scores_stand_against_the_best_baseline(found):
    values = {result.metric: result for result in found.results}
    ours = values["sync.clips.all.timing_skill_50ms"]
    assert 0.3 < ours.value < 1
    assert any(ours.peer.startswith(name) for name in BASELINES)
    assert "tuned on these very clips" in ours.note
    assert values["sync.clips.all.onsets"].value == 24
    assert values["sync.clips.all.clips"].value == 3


def test_tables_name_all_detectors_and_all_clips(found):
    tables = {figure.title: figure for figure in found.figures}
    detectors = [row[0] for row in tables["Real clips, all"].rows]
    assert set(BASELINES) <= set(detectors)
    clips = tables["Clip by clip"].rows
    assert sorted(row[0] for row in clips) == ["a", "b", "c"]
    assert clips[-1][0] == "c", "best first"
    assert float(clips[-1][-1]) < 0.4 < 0.9 < float(clips[0][-1])
    page = render_page([Report("sync", {"cores": 2}, found.results, found.figures)])
    assert "metronome gated by flow" in page


def test_offsets_are_those_of_the_events(results):
    offsets = offset_histogram(results[:2]).series["all clips"]
    assert np.median(offsets) == pytest.approx(50, abs=1)


def scene(rng, name="pot", *, hits=True, early_s=0.0):
    """Ten seconds: every hit is heard `early_s` early; without hits two false events."""
    truth = (
        np.sort(rng.choice(np.arange(0.5, 9.5, 0.35), 8, replace=False)) if hits else np.zeros(0)
    )
    said = truth - early_s if hits else np.array([2.0, 7.0])
    frames = np.arange(0, 10.01, 1 / 30)
    events = tuple(Event(round(t * 1e9), round(t * 1e9), 0.5, 0.5, 0.5) for t in said)
    measures = ("mean flow", "flow drop", "frame difference")
    envelope = (frames, {measure: rng.random(len(frames)) for measure in measures})
    return Watched(name, Heard(events, said, said, frames), truth, envelope)


def test_scenes_stand_against_baselines_without_a_fitted_offset():
    rng = np.random.default_rng(8)
    watched = {
        "sounding": [scene(rng, "pot", early_s=0.03), scene(rng, "chop", early_s=0.03)],
        "still": [scene(rng, "still_room", hits=False)],
    }
    found = scene_findings(watched)
    values = {result.metric: result for result in found.results}
    assert values["sync.scenes.sounding.f1_50ms"].value == 1
    assert values["sync.scenes.sounding.f1_20ms"].value < 0.5, "30 ms are not fitted away"
    assert any(values["sync.scenes.sounding.f1_50ms"].peer.startswith(name) for name in BASELINES)
    assert "tuned on these very scenes" in values["sync.scenes.sounding.f1_50ms"].note
    assert values["sync.scenes.sounding.t.signed_offset.p50"].value == pytest.approx(-30, abs=0.1)
    assert values["sync.scenes.still.false"].value == pytest.approx(12, rel=0.01)
    table, curves, offsets, families = found.figures
    assert set(BASELINES) <= {row[0] for row in table.rows}
    assert set(BASELINES) <= set(curves.series)
    assert np.median(offsets.series["t"]) == pytest.approx(-30, abs=0.1)
    assert [row[0] for row in families.rows] == [
        "sounding: chop",
        "sounding: pot",
        "still: still_room",
    ]
    assert isinstance(families, Table)


def test_baselines_see_what_moves(rng):
    meter = EnvelopeMeter()
    still = rng.integers(0, 255, (120, 160), np.uint8)
    for picture in (still, still, np.roll(still, 3, axis=1), np.roll(still, 3, axis=1)):
        meter.add(picture)
    times, envelope = meter.envelope(np.arange(4) / 30)
    assert len(times) == 4
    assert envelope["frame difference"][1] == envelope["frame difference"][3] == 0
    assert np.argmax(envelope["mean flow"]) == np.argmax(envelope["frame difference"]) == 2
    assert np.argmax(envelope["flow drop"]) == 3, "the motion that ends"


def test_a_frozen_scene_is_watched_by_parser_and_baselines(tiny_pack):
    frozen = replace(evaluation_scenes("sounding")[0], duration_s=1.0)
    parser = MotionParser(tiny_pack)
    parser.prepare()
    watched = watch(frozen, parser)
    times, envelope = watched.envelope
    assert 10 <= len(times) == len(watched.heard.frames_s) == len(envelope["mean flow"])
    assert watched.duration_s == pytest.approx(1.0, abs=0.15)
    assert envelope["frame difference"].max() > 0


def test_clips_that_are_not_there_are_told_of_before_anything_is_measured(tmp_path, monkeypatch):
    monkeypatch.setattr(sync, "load_pack", lambda name: 1 / 0)
    with pytest.raises(InputError, match=r"manifest\.csv is not there; give a folder of clips"):
        sync.run(Options(clips=str(tmp_path / "none")))
    monkeypatch.setattr(sync, "read_clips", lambda folder: ())
    with pytest.raises(InputError, match="holds no clip with genuine sound rated 4"):
        sync.run(Options(clips=str(tmp_path)))

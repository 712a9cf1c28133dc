from pathlib import Path

import numpy as np
import pytest

from synchresis.bench.report import render_page
from synchresis.bench.result import Report, Table
from synchresis.bench.sync import BASELINES, clip_findings, offset_histogram, world_findings
from synchresis.engines.evaluation.clips import Clip, Heard
from synchresis.engines.evaluation.motion import ClipResult, clip_report
from synchresis.engines.gesture import Event


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


def test_scene_rows_become_results():
    scores = {0.02: [0.5, 0.5, 0.5, 0.4, 0.4], 0.05: [1, 1, 0.8, 0.7, 0.6], 0.1: [1, 1, 1, 1, 1]}
    rows = {
        "sounding: drum": {
            "onsets": 9,
            "scores": scores,
            "signed_offset_s": {"pairs": 5, "median": 0.011},
        },
        "still": {"false": {"events": 1, "minutes": 2, "per_minute": 0.5, "upper_95": 2.4}},
    }
    found = world_findings(rows)
    values = {result.metric: result.value for result in found.results}
    assert values["sync.scenes.sounding.drum.f1_50ms"] == 0.8
    assert values["sync.scenes.sounding.drum.signed_offset.p50"] == 11
    assert values["sync.scenes.still.false"] == 0.5
    (table,) = found.figures
    assert isinstance(table, Table)
    assert table.rows[1] == ["still", "0", "", "", "", "0.5"]

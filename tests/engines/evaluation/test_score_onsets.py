import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

from synchresis.engines.evaluation import rates, score_onsets
from synchresis.engines.evaluation.tracks import Track, best_threshold, decided, figures


def material(rng):
    truths = [np.sort(rng.uniform(0, 8, rng.integers(1, 20))) for _ in range(9)]
    heard = [np.sort(t + rng.normal(0.06, 0.03, len(t))) for t in truths]
    heard[0] = np.array([])
    return heard, truths, [8.0] * 9


def test_equals_the_definition(clips_dir: Path, rng):
    path = clips_dir.parent / "tools" / "score_onsets.py"
    if not path.is_file():
        pytest.skip(f"{path}: the definition of the score is not there")
    spec = importlib.util.spec_from_file_location("definition", path)
    definition = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(definition)
    heard, truths, spans = material(rng)
    for fit in (True, False):
        theirs = definition.evaluate(heard, truths, spans, fit, boot=20)
        ours = score_onsets.evaluate(heard, truths, spans, fit=fit, boot=20)
        assert json.dumps(theirs, default=float) == json.dumps(ours, default=float)
    times = np.arange(240) / 30
    envelopes = [
        (times, {n: rng.random(240) for n in ("mean flow", "flow drop", "frame difference")})
        for _ in truths
    ]
    theirs, ours = (
        module.baselines(envelopes, spans, truths) for module in (definition, score_onsets)
    )
    assert theirs.keys() == ours.keys()
    for name, rows in ours.items():
        for mine, other in zip(rows, theirs[name], strict=True):
            np.testing.assert_array_equal(mine, other)


def test_truth_scores_one_and_density_earns_nothing(rng):
    _, truths, spans = material(rng)
    perfect = score_onsets.evaluate(truths, truths, spans)[0.05]
    assert perfect[2] == 1.0 and perfect[4] == 1.0
    dense = [np.arange(0, 8, 0.1) for _ in truths]
    assert abs(score_onsets.evaluate(dense, truths, spans)[0.05][4]) < 0.15


def test_a_null_that_leaves_nothing_gives_no_skill():
    assert np.isnan(score_onsets.beyond(0.5, 1.0))
    assert score_onsets.beyond(0.75, 0.5) == 0.5


def test_a_constant_lag_is_fitted(rng):
    _, truths, _ = material(rng)
    assert score_onsets.best_offset(truths[1] + 0.11, truths[1]) == pytest.approx(-0.11)
    late = [t + 0.11 for t in truths]
    assert score_onsets.f1(score_onsets.counts(late, truths)[:, 0]) == 1.0
    assert score_onsets.f1(score_onsets.counts(late, truths, fit=False)[:, 0]) < 0.5


def test_poisson_bound_and_quiet_stretches():
    assert rates.FalseRate(0, 1.0).upper == pytest.approx(3.0, abs=0.01)
    assert rates.FalseRate(3, 10.0).upper == pytest.approx(0.775, abs=0.01)
    quiet = rates.quiet_rate(np.array([1.0, 5.0]), np.array([1.5]), 8.0)
    assert quiet.events == 1 and quiet.minutes * 60 == pytest.approx(8 - 2, abs=0.05)


def test_condfoley_scores():
    truth = np.array([1.0, 2.0, 3.0])
    acc, ap = rates.foley_scores(truth + 0.05, np.array([0.9, 0.8, 0.7]), truth)
    assert acc == 1 and ap == pytest.approx(1)
    acc, ap = rates.foley_scores(np.array([1.0, 5.0]), np.array([0.2, 0.9]), truth)
    assert acc == pytest.approx(1 / 3) and ap == pytest.approx(1 / 3 * 1 / 2 + 2 / 3 * 3 / 4)


def test_threshold_is_where_events_are_found_and_silence_is_kept():
    times = np.arange(90) / 30
    loud, silent = np.full(90, 0.05), np.full(90, 0.05)
    loud[[20, 50]] = 0.8
    silent[[30, 60]] = 0.4
    tracks = [Track(loud, times, times[[20, 50]]), Track(silent, times, np.array([]))]
    bar = best_threshold(tracks)
    assert 0.4 < bar <= 0.8
    found = figures(tracks, bar)
    assert found["f1"] == 1 and found["false_per_minute"] == 0
    assert len(decided(tracks[1], 0.2)) == 2

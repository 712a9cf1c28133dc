import shutil

import numpy as np
import pytest

from synchresis.engines.motion.picker import Told
from synchresis.engines.packs import load_pack
from synchresis.engines.scenes.families import evaluation_families, silent_families
from synchresis.engines.teach.prior import prior_of
from synchresis.engines.teach.watching import Watcher
from synchresis.engines.training.motion import lesson_prior
from synchresis.engines.training.motion.lesson_prior import (
    ALIKE,
    COUNT,
    USUAL_BAR,
    Moments,
    features,
    learn_prior,
    moments_of,
    silence_of,
)
from synchresis.engines.training.motion.performers import (
    LEAST,
    RESTING,
    performances,
    silent_performances,
    strange,
)


def drawn(rng, mean, spread, noise):
    """Moments of a performer whose weights lie round `mean`."""
    weight = mean + spread * rng.normal(size=len(mean))
    rows = rng.normal(size=(400, len(mean)))
    target = rows @ weight + noise * rng.normal(size=400)
    return Moments(rows.T @ rows, rows.T @ target, float(target @ target), 400)


def test_mean_spread_and_noise_of_known_performers_are_found(rng):
    mean, spread = np.array([0.5, -0.2, 0.0]), np.array([0.02, 0.3, 0.1])
    prior = learn_prior(drawn(rng, mean, spread, 0.5) for _ in range(COUNT))
    np.testing.assert_allclose(prior.mean, mean, atol=0.06)
    np.testing.assert_allclose(np.sqrt(prior.variance[1:]), spread[1:], rtol=0.2)
    assert prior.variance[0] < 0.06**2
    assert prior.noise == pytest.approx(0.25 * ALIKE, rel=0.05)
    assert prior.threshold == USUAL_BAR


def test_performers_are_the_same_every_time_and_teach_their_hits(tiny_pack):
    watcher = Watcher(tiny_pack, backend="onnx")
    watcher.prepare()
    (one,), (again,) = (list(performances(watcher, 1)) for _ in range(2))
    watcher.close()
    np.testing.assert_array_equal(one.seen.score, again.seen.score)
    assert len(one.onsets_s) >= LEAST and (np.diff(one.onsets_s) >= 0).all()
    told = moments_of(one)
    assert told.frames == len(one.seen.score) and np.isfinite(told.square).all()
    np.testing.assert_allclose(told.square, told.square.T)


def test_a_pack_gets_both_and_is_as_before_where_that_is_cut_short(
    tiny_pack, tmp_path, monkeypatch
):
    folder = tmp_path / "copy"
    shutil.copytree(tiny_pack.path, folder)
    before = load_pack(folder).hash
    monkeypatch.setattr(lesson_prior, "straightened", lambda times: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        lesson_prior.main([str(folder), "--performers", "1", "--silent", "1"])
    assert load_pack(folder).hash == before
    monkeypatch.setattr(lesson_prior, "straightened", lambda times: Told((0.0, 2.0), (0.1, 2.0)))
    monkeypatch.setattr(lesson_prior, "SILENT_FRAMES", 50)
    streams, shares = [], []

    def usual(found, share):
        streams.extend(found)
        shares.append(share)
        return 0.44

    monkeypatch.setattr(lesson_prior, "usual_threshold", usual)
    few = ["--performers", "1", "--silent", "1"]
    lesson_prior.main([str(folder), *few, "--silence-share", "0.5"])
    assert shares == [0.5, 0.5]  # by times as told, then as they will be read
    pack = load_pack(folder)
    assert (pack.motion.told, pack.motion.so) == ((0.0, 2.0), (0.1, 2.0))
    assert pack.motion.foretold == lesson_prior.FORETOLD
    assert pack.motion.threshold == 0.44
    learned = prior_of(pack)
    assert [len(one.onsets_s) > 0 for one in streams] == [True, False] * 2
    for told, read in zip(streams[:2], streams[2:], strict=True):
        assert read is not told and len(read.t_s) == len(told.t_s)
        assert not np.array_equal(read.t_s, told.t_s)
    assert learned.threshold == pytest.approx(USUAL_BAR)
    assert learned.silence.shape == (50, len(learned.mean))


def test_silent_scenes_move_and_are_of_families_that_never_sound(tiny_pack):
    watcher = Watcher(tiny_pack, backend="onnx")
    watcher.prepare()
    found = list(silent_performances(watcher, 2))
    assert [one.name for one in found] == [n for n in silent_families() if n not in RESTING][:2]
    assert not set(evaluation_families()) & set(silent_families())
    for one in found:
        assert len(one.onsets_s) == 0 and one.seen.flow[:, 3].max() > 0.01
    all_rows = [features(one) for one in found]
    rows = silence_of(all_rows)
    watcher.close()
    assert len(rows) == min(lesson_prior.SILENT_FRAMES, sum(len(o.seen.score) for o in found))
    np.testing.assert_array_equal(rows, silence_of(all_rows))


def test_a_change_is_one_for_the_whole_performance_and_most_performances_have_one():
    picture = np.random.default_rng(0).integers(60, 200, (120, 160)).astype("u1")
    changed = 0
    for seed in range(30):
        change = strange(np.random.default_rng(seed))
        first, second = change(picture), change(picture)
        assert first.shape == picture.shape and first.dtype == np.uint8
        difference = np.abs(first.astype(int) - second).mean()
        assert difference < 8  # noise only
        changed += not np.array_equal(first, picture)
    assert 15 <= changed <= 27

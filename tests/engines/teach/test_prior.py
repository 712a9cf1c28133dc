from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import save

from synchresis.engines.motion.readout import AGES_S, FAR, FEATURES
from synchresis.engines.packs import load_pack, update_pack
from synchresis.engines.teach.fitting import Design, Hearing, readout_bar, ridge
from synchresis.engines.teach.prior import FILE, PAST, Prior, prior_of
from synchresis.errors import PackError

LENGTH = 64


def some_prior(rng, size=PAST + LENGTH):
    return Prior(rng.normal(size=size), rng.uniform(0.5, 1.5, size), 0.4, 0.3)


@pytest.fixture
def pack_with(tiny_pack, tmp_path):
    """A copy of the tiny pack with tensors for a prior, or none."""

    def make(tensors):
        files = {name: tiny_pack.read(name) for name in tiny_pack.manifest.files}
        changes = {
            name: getattr(tiny_pack.manifest, name) for name in ("motion", "voice", "palettes")
        }
        extra = {} if tensors is None else {FILE: save(tensors)}
        return update_pack(tmp_path / "packed", changes, {**files, **extra})

    return make


def test_a_prior_is_read_back(pack_with, tiny_pack, rng):
    prior = some_prior(rng)
    again = prior_of(pack_with(prior.tensors(tiny_pack.file_hash(tiny_pack.motion.file))))
    np.testing.assert_allclose(again.mean, prior.mean, rtol=1e-6)
    np.testing.assert_allclose(again.variance, prior.variance, rtol=1e-6)
    assert (again.noise, again.threshold) == pytest.approx((0.4, 0.3))


def test_frames_of_silence_are_read_back_and_are_as_wide_as_the_weights(pack_with, tiny_pack, rng):
    silence = rng.normal(size=(30, PAST + LENGTH))
    engine = tiny_pack.file_hash(tiny_pack.motion.file)
    tensors = replace(some_prior(rng), silence=silence).tensors(engine)
    again = prior_of(pack_with(tensors))
    np.testing.assert_allclose(again.silence, silence, atol=2e-3)
    assert prior_of(pack_with(some_prior(rng).tensors(engine))).silence is None
    with pytest.raises(PackError, match=FILE):
        prior_of(pack_with({**tensors, "silence": tensors["silence"][:, 1:]}))
    with pytest.raises(PackError, match=FILE):
        prior_of(pack_with({**tensors, "silence": tensors["silence"][:0]}))


def test_a_lesson_scales_silence_as_its_own_features_and_clips_it_alike(rng):
    past = rng.normal(3.0, 2.0, (200, len(AGES_S), FEATURES)).astype("f4")
    embedding = rng.normal(-1.0, 0.5, (200, LENGTH)).astype("f4")
    design = Design.of(past, embedding)
    raw = np.concatenate((past.reshape(200, -1), embedding), 1).astype("f8")
    scaled = design.prior(replace(some_prior(rng), silence=raw)).silence
    np.testing.assert_allclose(scaled, design.rows, atol=1e-5)
    far = design.prior(replace(some_prior(rng), silence=raw + 1e4)).silence
    assert (far == FAR).all()
    assert design.prior(some_prior(rng)).silence is None


def test_what_silence_looks_like_is_unlearned_and_what_it_does_not_stays(rng):
    """Two features say the same of hits; one of them is as large in silence."""
    prior = replace(some_prior(rng, 3), mean=np.zeros(3), variance=np.ones(3))
    hit = (rng.random(400) < 0.1).astype(float)
    rows = np.stack((hit, hit, np.zeros(400)), 1) + 0.01 * rng.normal(size=(400, 3))
    rows -= rows.mean(0)
    silent = np.stack((rng.normal(size=100), np.zeros(100), np.zeros(100)), 1)
    (plain, mean), (taught, same) = (
        ridge(rows, hit, one) for one in (prior, replace(prior, silence=silent))
    )
    assert mean == same == pytest.approx(hit.mean())
    assert plain[0] == pytest.approx(plain[1], abs=0.1) and taught[1] > 0.8
    assert abs(taught[0]) < 0.2 * taught[1]
    assert (silent @ taught).std() < 0.3 * (silent @ plain).std()
    both, _ = ridge(rows, np.stack((hit, 0 * hit), 1), replace(prior, silence=silent))
    np.testing.assert_allclose(both[:, 0], taught, atol=1e-12)


def test_without_a_prior_or_with_that_of_another_engine_it_is_flat(pack_with, tiny_pack, rng):
    for tensors in (None, some_prior(rng).tensors("00" * 32)):
        found = prior_of(pack_with(tensors))
        assert (found.mean == 0).all() and found.threshold is None
        assert found.variance.shape == (PAST + LENGTH,)


@pytest.mark.parametrize("fault", ["short", "negative", "missing"])
def test_a_damaged_prior_is_refused_by_name(pack_with, tiny_pack, rng, fault):
    tensors = some_prior(rng).tensors(tiny_pack.file_hash(tiny_pack.motion.file))
    if fault == "short":
        tensors["mean"] = tensors["mean"][:-1]
    elif fault == "negative":
        tensors["variance"] = -tensors["variance"]
    else:
        del tensors["mean"]
    pack = pack_with(tensors)
    with pytest.raises(PackError, match=FILE):
        prior_of(load_pack(pack.path))


def test_a_lesson_pulls_weights_from_the_prior_as_far_as_it_has_reasons_to(rng):
    prior = some_prior(rng, 12)
    truth = prior.mean + np.sqrt(prior.variance) * rng.normal(size=12)
    distances = []
    for count in (1, 30, 3000):
        rows = rng.normal(size=(count, 12))
        weight, mean = ridge(rows, rows @ truth + 7.0, prior)
        distances.append(float(np.abs(weight - truth).max()))
        assert mean == pytest.approx((rows @ truth + 7.0).mean())
    assert distances[0] > distances[1] > distances[2]
    assert distances[2] < 0.02
    nothing, _ = ridge(np.zeros((5, 12)), np.ones(5), prior)
    np.testing.assert_allclose(nothing, prior.mean)


def test_a_threshold_is_pulled_to_the_usual_one_by_short_lessons_most():
    times = np.arange(0, 60, 0.03)
    found = []
    for count in (4, 60):
        onsets = np.linspace(0.5, 59, count)
        score = 0.9 * np.exp(-0.5 * ((times[:, None] - onsets) / 0.025) ** 2).max(1)
        hearing = Hearing(times, onsets, 0.0, [])
        own = readout_bar(times, score, hearing, None)
        pulled = readout_bar(times, score, hearing, 0.1)
        assert 0.1 < pulled < own
        found.append((pulled - 0.1) / (own - 0.1))
    assert found[0] == pytest.approx(4 / 12) and found[1] == pytest.approx(60 / 68)

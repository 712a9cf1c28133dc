import numpy as np
import pytest
from safetensors.numpy import save

from synchresis.engines.packs import load_pack, update_pack
from synchresis.engines.teach.fitting import Hearing, readout_bar, ridge
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
        hearing = Hearing(times, onsets, 0.0)
        own = readout_bar(times, score, hearing, None)
        pulled = readout_bar(times, score, hearing, 0.1)
        assert 0.1 < pulled < own
        found.append((pulled - 0.1) / (own - 0.1))
    assert found[0] == pytest.approx(4 / 12) and found[1] == pytest.approx(60 / 68)

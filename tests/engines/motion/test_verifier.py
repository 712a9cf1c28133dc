from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import save
from scipy.ndimage import uniform_filter

from synchresis.engines.frame import Frame
from synchresis.engines.motion.parser import MotionParser
from synchresis.engines.motion.picker import FrameMaps, doubted, joined_score, told_when
from synchresis.engines.motion.readout import FILE as READOUT
from synchresis.engines.motion.readout import Readout, Scaling
from synchresis.engines.motion.verifier import (
    FEATURES,
    FILE,
    NAMES,
    SCORE,
    TRUSTED_S,
    Sight,
    Trees,
    Verifier,
    VerifierStage,
    read_verifier,
)
from synchresis.engines.packs import BaseEntry, Manifest, update_pack, write_pack
from synchresis.errors import PackError

GRID = (30, 40)


def trees_by(name, bar, low, high, bias=0.0):
    """One tree that asks one question, and one that is a leaf."""
    return Trees(
        roots=np.array([0, 3], np.int32),
        feature=np.array([NAMES.index(name), -1, -1, -1], np.int32),
        value=np.array([bar, low, high, 0.25]),
        low=np.array([1, 0, 0, 0], np.int32),
        high=np.array([2, 0, 0, 0], np.int32),
        bias=bias,
    )


def made_sight(rng, *, lookahead_s=0.0):
    impact, sounding, strength, when = rng.random((4, *GRID)).astype("f4") ** 3
    flow = rng.normal(0, 0.1, (4, *GRID)).astype("f4")
    flow[2:] = np.abs(flow[2:])
    maps = FrameMaps(impact, strength, when, float(rng.random()), 0, 1, 1, doubt=rng.random())
    return Sight(maps, sounding, flow, float(rng.uniform(0.01, 0.06)), lookahead_s)


def numbers_of(sight, before):
    """The features of a frame, written down once more, in plain NumPy."""
    maps, flow = sight.maps, sight.flow.astype(float)

    def logit(p):
        p = np.clip(p, 1e-4, 1 - 1e-4)
        return np.log(p / (1 - p))

    cells = np.sort(maps.impact.ravel().astype(float))
    strongest = np.unravel_index(maps.impact.argmax(), GRID)
    speed = np.hypot(flow[0], flow[1])
    near = uniform_filter(speed, 3, mode="constant") / uniform_filter(
        np.ones(GRID), 3, mode="constant"
    )
    now = flow[:2] / (0.25 + np.abs(flow[:2]))
    dot, energy = (now * before).sum(0), (now**2).sum(0)
    both = 0.5 * (energy + (before**2).sum(0))
    around = tuple(slice(max(k - 1, 0), k + 2) for k in strongest)
    score = joined_score(maps.impact, maps.total, 0.5)
    strong = told_when(maps.impact, replace(maps, when=maps.strength))
    return now, np.array([
        sight.dt_s, logit(score) - maps.doubt, logit(cells[-2:].mean()), logit(maps.total),
        maps.doubt, (cells > 0.5 * cells[-1]).sum(), cells.sum() / cells[-1], sight.sounding.sum(),
        logit(sight.sounding.max()), near.mean(), (near > 0.05).mean(), (near > 0.2).mean(),
        dot.sum() / (both.sum() + 3e-6 * dot.size), dot[around].mean(), energy[around].mean(),
        flow[3].mean(), flow[2].mean(), strong, told_when(maps.impact, maps),
    ])  # fmt: skip


def test_features_are_those_described_frame_after_frame(rng):
    stage = VerifierStage(Verifier(trees_by("score", 0.0, 0.0, 0.0), 0.5), 0.5, GRID)
    state, before = stage.initial_state(), np.zeros((2, *GRID))
    for _ in range(5):
        sight = made_sight(rng)
        stage.step(sight, state)
        before, expected = numbers_of(sight, before)
        np.testing.assert_allclose(state.numbers, expected, rtol=1e-4, atol=1e-5)
    assert len(expected) == FEATURES == len(NAMES)


def test_strongest_cell_in_a_corner_and_empty_maps_are_no_trouble():
    stage = VerifierStage(Verifier(trees_by("score", 0.0, 0.0, 0.0), 0.5), 0.5, GRID)
    state = stage.initial_state()
    nothing = np.zeros(GRID, "f4")
    corner = nothing.copy()
    corner[-1, -1] = 0.9
    for impact in (nothing, corner):
        maps = FrameMaps(impact, impact, impact, 0.0, 0, 1, 1)
        out = stage.step(Sight(maps, nothing, np.zeros((4, *GRID), "f4"), 1 / 30), state)
        assert np.isfinite(state.numbers).all() and np.isfinite(out.doubt)
    assert state.numbers[NAMES.index("peaked")] == 1


def test_trees_add_their_leaves(rng):
    trees = trees_by("doubt", 0.5, -2.0, 3.0, bias=0.5)
    numbers = np.zeros(FEATURES, "f4")
    for value, leaf in ((0.4, -2.0), (0.5, -2.0), (0.6, 3.0)):
        numbers[NAMES.index("doubt")] = value
        assert trees.log_odds(numbers) == 0.5 + leaf + 0.25


@pytest.mark.parametrize(
    ("lookahead_s", "trust"), [(-0.05, 1), (0, 1), (TRUSTED_S / 2, 0.5), (1, 0)]
)
def test_log_odds_are_joined_by_weight_less_the_longer_the_lookahead(rng, lookahead_s, trust):
    stage = VerifierStage(Verifier(trees_by("score", 99.0, -4.0, 0.0), 0.5), 0.5, GRID)
    state = stage.initial_state()
    sight = made_sight(rng, lookahead_s=lookahead_s)
    out = stage.step(sight, state)
    own, odds = float(state.numbers[SCORE]), -3.75
    score = doubted(joined_score(sight.maps.impact, sight.maps.total, 0.5), out.doubt)
    joined = (own + 0.5 * trust * odds + 0.5 * (1 - trust) * own) / 1.5
    assert np.log(score / (1 - score)) == pytest.approx(joined, abs=1e-4)
    assert replace(out, doubt=sight.maps.doubt) == sight.maps


def test_reset_equals_fresh(rng):
    stage = VerifierStage(Verifier(trees_by("agreement", 0.0, -1.0, 1.0), 0.5), 0.5, GRID)
    given = [made_sight(rng) for _ in range(4)]
    state = stage.initial_state()
    first = [stage.step(sight, state).doubt for sight in given]
    stage.reset_state(state)
    assert [stage.step(sight, state).doubt for sight in given] == first


def with_verifier(make_tiny_pack, verifier, name="seen"):
    pack = make_tiny_pack(name)
    tensors = verifier.tensors(pack.file_hash(pack.motion.file))
    return update_pack(pack.path, {}, {FILE: save(tensors)})


def flashes(rng, count=30):
    base = rng.integers(60, 120, (120, 160)).astype("u1")
    for index in range(count):
        picture = base.copy()
        if index % 7 == 6:
            picture[:30, :40] = 255
        yield Frame(picture, index * 40_000_000, index)


def played(pack, rng, **settings):
    parser = MotionParser(pack, backend="onnx", **settings)
    parser.prepare()
    state = parser.initial_state()
    events = [event for frame in flashes(rng) for event in parser.step(frame, state).events]
    parser.close()
    return events


def test_a_verifier_is_read_back_and_heard(make_tiny_pack, tiny_pack):
    verifier = Verifier(trees_by("score", 99.0, -10.0, 0.0), 0.5)
    pack = with_verifier(make_tiny_pack, verifier)
    again = read_verifier(pack)
    assert again is not None and read_verifier(tiny_pack) is None
    for name, array in verifier.tensors("ab" * 32).items():
        if name != "engine":
            np.testing.assert_array_equal(again.tensors("ab" * 32)[name], array)
    seed = np.random.default_rng
    assert len(played(tiny_pack, seed(1))) > 2
    assert not played(pack, seed(1))
    assert played(pack, seed(1), lookahead_ns=60_000_000)  # not asked there
    assert played(pack, seed(1), sensitivity=100.0)  # for who prefers to hear too much


def test_one_of_another_engine_is_not_asked(make_tiny_pack):
    pack = make_tiny_pack("other")
    tensors = Verifier(trees_by("score", 99.0, -20.0, 0.0), 0.5).tensors("ab" * 32)
    assert read_verifier(update_pack(pack.path, {}, {FILE: save(tensors)})) is None


FAULTS = {
    "missing": lambda t: t.pop("low"),
    "feature": lambda t: t["feature"].__setitem__(0, FEATURES),
    "circle": lambda t: t["high"].__setitem__(0, 0),
    "outside": lambda t: t["high"].__setitem__(0, 4),
    "root": lambda t: t["roots"].__setitem__(0, -1),
    "nan": lambda t: t["value"].__setitem__(0, np.nan),
    "weight": lambda t: t["bias_weight"].__setitem__(1, -1),
    "kind": lambda t: t.update(value=t["value"].astype("f4")),
    "short": lambda t: t.update(low=t["low"][:-1]),
    "empty": lambda t: t.update({n: t[n][:0] for n in ("feature", "value", "low", "high")}),
    "bias": lambda t: t.update(bias_weight=t["bias_weight"][:1]),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_damaged_verifier_is_refused_by_name(make_tiny_pack, fault):
    pack = make_tiny_pack("damaged")
    verifier = Verifier(trees_by("score", 0.0, 0.0, 0.0), 0.5)
    tensors = {n: a.copy() for n, a in verifier.tensors(pack.file_hash("motion.onnx")).items()}
    FAULTS[fault](tensors)
    pack = update_pack(pack.path, {}, {FILE: save(tensors)})
    with pytest.raises(PackError, match=f"{FILE}.*make it again"):
        MotionParser(pack, backend="onnx")


def test_a_file_that_holds_no_tensors_is_refused_by_name(make_tiny_pack):
    pack = update_pack(make_tiny_pack("noise").path, {}, {FILE: b"not tensors"})
    with pytest.raises(PackError, match=f"{FILE} cannot be read.*make it again"):
        read_verifier(pack)


def test_taught_thresholds_keep_it_and_taught_readouts_do_not(make_tiny_pack):
    verifier = Verifier(trees_by("score", 99.0, -20.0, 0.0), 0.5)
    base = with_verifier(make_tiny_pack, verifier)
    told = Manifest(name="mine", base=BaseEntry(base.name, base.hash), overlay={"threshold": 0.4})
    overlay = write_pack(base.path.parent / "mine", told, {})
    assert MotionParser(overlay, backend="onnx").verifier is not None
    shape = (8, 13)
    readout = Readout(
        place=np.full(1200, 1 / 1200, "f4"),
        past=Scaling(np.zeros(shape, "f4"), np.ones(shape, "f4")),
        embedding=Scaling(np.zeros(64, "f4"), np.ones(64, "f4")),
        past_weight=np.zeros(shape, "f4"),
        embedding_weight=np.zeros(64, "f4"),
        bias=0.5,
    )
    files = {READOUT: save(readout.tensors())}
    taught = write_pack(base.path.parent / "mine", told, files)
    assert MotionParser(taught, backend="onnx").verifier is None

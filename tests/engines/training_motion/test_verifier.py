from dataclasses import replace

import numpy as np
import pytest

from synchresis.engines.evaluation.clips import heard_of
from synchresis.engines.evaluation.suites import SIZE
from synchresis.engines.frame import Frame
from synchresis.engines.motion.parser import MotionParser, picker_settings
from synchresis.engines.motion.picker import PickerSettings
from synchresis.engines.motion.verifier import FEATURES, FILE, NAMES, SCORE, Trees, read_verifier
from synchresis.engines.packs import load_pack
from synchresis.engines.scenes.families import evaluation_families, silent_families
from synchresis.engines.scenes.render import Film, PictureSize
from synchresis.engines.training.motion import verifier as training
from synchresis.engines.training.motion.sightings import (
    UNASKED,
    Sighting,
    drawn,
    events,
    opened,
    plan,
    see,
    sightings,
)
from synchresis.engines.training.motion.verifier import (
    best_row,
    held_apart,
    hit,
    learned,
    lesson_of,
    probability,
    rows_of,
    trees_of,
    verified,
)
from synchresis.errors import ParameterError


def made(rng, name, *, onsets=(), tells="energy", frames=90):
    """A world in which the score rises for hits and as often for none; one number tells them."""
    begin = np.arange(frames) / 30
    numbers = rng.normal(0, 0.1, (frames, FEATURES)).astype("f4")
    numbers[:, SCORE] = -4.0
    numbers[:, NAMES.index("when")] = 1.0
    for at in range(5, frames - 5, 8):
        numbers[at, SCORE] = 0.5 + rng.normal(0, 0.3)
        numbers[at, NAMES.index(tells)] = float(at in onsets)
    truth = np.array([begin[at] + 1 / 30 for at in onsets])
    return Sighting(name, begin, begin + 1 / 30, numbers, truth)


@pytest.fixture
def worlds(rng):
    found = []
    for k in range(12):
        loud = tuple(range(5, 85, 16)) if k % 2 else ()
        found.append(made(rng, "knock" if k % 2 else "wave", onsets=loud))
        found.append(made(rng, "tap" if k % 2 else "nod", onsets=loud))
    return found


def test_worlds_are_planned_of_training_families_with_seeds_of_their_own():
    plans = plan(5, 2)
    assert len({seed for seed, _ in plans}) == len(plans) == 5 + 2 * len(silent_families())
    assert not {name for _, names in plans for name in names} & set(evaluation_families())
    assert not set(plans[0][1]) & set(silent_families())
    assert [names for _, names in plans[5:7]] == [(silent_families()[0],)] * 2


def test_a_sighting_is_what_the_live_parser_sees_and_its_events_are_the_live_ones(tiny_pack):
    world = drawn(800_003, ("stick",))
    parser = opened(tiny_pack)
    seen = see(world, parser)
    np.testing.assert_array_equal(seen.numbers, see(world, parser).numbers)
    parser.close()
    live = MotionParser(tiny_pack, sensitivity=20.0, backend="onnx")
    live.prepare()
    state = live.initial_state()
    state.aspect = world.aspect
    scores, found = [], []
    for k, picture in enumerate(Film(PictureSize(*SIZE)).pictures(world)):
        gesture = live.step(
            Frame(picture, round((world.times - world.times[0])[k] * 1e9), k), state
        )
        scores.append(state.picker.zones[0].score)
        found += gesture.events
    live.close()
    np.testing.assert_allclose(probability(seen.log_odds), scores[1:], atol=2e-4)
    settings = picker_settings(tiny_pack, 20.0)
    _, heard = events(seen, probability(seen.log_odds), settings.bar, settings)
    expected = heard_of(found, world.times).heard_s
    assert len(expected) > 2 and list(heard) == pytest.approx(list(expected), abs=1e-6)


def test_sightings_come_in_their_order_from_processes(tiny_pack):
    plans = [(800_001, ("still",)), (800_002, ("mime",))]
    assert [one.name for one in sightings(tiny_pack.path, plans, workers=2)] == ["still", "mime"]


def test_a_hit_seen_coming_is_heard_when_the_next_frame_says():
    when = np.array([0.5, 1.8, 0.4, 0.5])
    numbers = np.zeros((4, FEATURES), "f4")
    numbers[:, NAMES.index("when")] = when
    begin = np.arange(4) * 0.1
    seen = Sighting("one", begin, begin + 0.1, numbers, np.zeros(0))
    score = np.array([0.1, 0.9, 0.5, 0.0])
    at, heard = events(seen, score, 0.6, PickerSettings(foretold=1.1))
    assert list(at) == [1] and heard == pytest.approx([0.3])  # begin .2 + .04, known at .3


def test_each_true_time_makes_one_event_a_hit():
    truth = np.array([1.0, 1.04, 3.0])
    heard = np.array([1.02, 1.01, 2.0, 3.049, 3.06])
    assert list(hit(heard, truth)) == [True, True, False, True, False]
    assert not hit(heard, np.zeros(0)).any()


def test_trees_say_what_the_library_says(rng):
    from sklearn.ensemble import HistGradientBoostingClassifier

    x = rng.normal(size=(600, FEATURES)).astype("f4")
    y = x[:, 1] * x[:, 2] + 0.3 * rng.normal(size=600) > 0
    model = HistGradientBoostingClassifier(max_iter=30, max_leaf_nodes=8).fit(x, y)
    trees = trees_of(model)
    fresh = rng.normal(size=(200, FEATURES)).astype("f4")
    for rows in (x, fresh):
        said = [trees.log_odds(row) for row in rows]
        np.testing.assert_allclose(said, model.decision_function(rows), atol=1e-9)


def test_what_tells_hits_from_others_is_learned_for_families_never_seen(worlds):
    settings = PickerSettings()
    alone = rows_of(worlds, [probability(one.log_odds) for one in worlds], settings)
    apart = rows_of(worlds, held_apart(worlds, settings), settings)
    assert best_row(apart).f1 > best_row(alone).f1 + 0.2
    assert best_row(apart).false_per_minute < 0.2 * best_row(alone).false_per_minute


def test_no_world_is_scored_by_trees_that_saw_its_family(worlds, monkeypatch):
    lessons = []

    def lesson(seen, settings):
        lessons.append({one.name for one in seen})
        return lesson_of(seen, settings)

    leaf = UNASKED.trees
    monkeypatch.setattr(training, "lesson_of", lesson)
    monkeypatch.setattr(training, "learned", lambda _: replace(leaf, bias=float(len(lessons))))
    scores = held_apart(worlds, PickerSettings())
    for one, score in zip(worlds, scores, strict=True):
        trees = [k for k in range(len(lessons)) if one.name not in lessons[k]]
        rows = [verified(one, replace(leaf, bias=float(k + 1))) for k in trees]
        assert any((row == score).all() for row in rows)


def test_too_few_events_are_refused(worlds):
    with pytest.raises(ParameterError, match="too few to learn a verifier from; take more worlds"):
        learned(lesson_of(worlds[:2], PickerSettings()))


def test_a_pack_gets_verifier_and_threshold_or_stays_as_it_was(
    make_tiny_pack, worlds, monkeypatch, capsys
):
    pack = make_tiny_pack("small")
    monkeypatch.setattr(training, "sightings", lambda *_, workers: iter(worlds[:2]))
    with pytest.raises(ParameterError):
        training.main([str(pack.path)])
    assert load_pack(pack.path).hash == pack.hash
    monkeypatch.setattr(training, "sightings", lambda *_, workers: iter(worlds))
    training.main([str(pack.path)])
    again = load_pack(pack.path)
    assert FILE in again.manifest.files
    found = read_verifier(again)
    assert found is not None and isinstance(found.trees, Trees)
    assert f"threshold {again.motion.threshold}" in capsys.readouterr().out

import shutil

import msgspec
import numpy as np
import pytest

from synchresis.engines.evaluation import teaching, teaching_material
from synchresis.engines.evaluation.teaching import (
    Trial,
    enough,
    inside,
    lines,
    report,
    shuffled,
    trials_of,
)
from synchresis.engines.evaluation.teaching_material import Cache, Material, in_a_room, moved
from synchresis.engines.packs import update_pack
from synchresis.engines.teach.motion import Recording, watch_all, ways_of


@pytest.fixture(autouse=True)
def few_draws(monkeypatch):
    monkeypatch.setattr(teaching, "BOOT", 60)


def made_trial(name, rng, *, late, swapped=False):
    truth = np.sort(rng.uniform(0, 10, 12))
    good, bad = truth + 0.01, np.sort(rng.uniform(0, 10, 12))
    heard = {"shipped": bad, "threshold": bad, "readout": truth + late, "shuffled": bad}
    return Trial(name, swapped, truth, 10.0, {**heard, "kept": good}, "readout")


def test_gains_are_over_threshold_only_and_their_interval_is_over_recordings(rng):
    trials = [made_trial(f"r{k // 2}", rng, late=0.01, swapped=k % 2 == 1) for k in range(12)]
    found = report(trials)
    assert found["recordings"] == 6 and found["parts"] == 12
    gain = found["gains"]["readout"][0.05]
    ways = {name: rows[0.05] for name, rows in found["ways"].items()}
    assert gain["gain"] == pytest.approx(ways["readout"]["timing"] - ways["threshold"]["timing"])
    assert gain["gain"] > 0.5 and 0 < gain["interval"][0] < gain["gain"] < gain["interval"][1]
    assert found["gains"]["shuffled"][0.05]["gain"] == 0
    assert len(lines(trials)) == 6 and lines(trials)[0]["choices"] == ["readout"] * 2


def test_no_offset_is_fitted(rng):
    trials = [made_trial(f"r{k}", rng, late=0.09) for k in range(6)]
    found = report(trials)
    assert found["ways"]["readout"][0.05]["timing"] < 0.3
    assert found["ways"]["kept"][0.05]["timing"] > 0.9


def test_wrong_sound_keeps_number_and_intervals_in_another_order(rng):
    onsets = np.sort(rng.uniform(3, 9, 9))
    wrong = shuffled(onsets, (3.0, 9.0), 1)
    edges = [np.sort(np.diff(np.r_[3, x, 9])) for x in (onsets, wrong)]
    np.testing.assert_allclose(*edges)
    assert np.abs(wrong - onsets).max() > 0.1


@pytest.fixture(scope="module")
def material(tiny_pack, perform):
    made = perform(seed=9)
    seen, _ = watch_all([Recording("bars", made.frames, made.sound)], tiny_pack)
    first = made.frames[1].captured_ns / 1e9
    return Material(
        "bars", seen, made.sound[int(first * 48_000) :], made.hits_s + 0.08 - first, 23.9
    )


def test_both_parts_teach_and_only_the_other_one_is_scored(material, tiny_pack):
    told, plain = [], ways_of(tiny_pack)

    def spy(seen, onsets):
        told.append((seen.captured_s[0], seen.captured_s[-1], onsets.min(), onsets.max()))
        return plain["threshold"](seen, onsets)

    found = trials_of(material, {**plain, "shipped": spy})
    assert [one.swapped for one in found] == [False, True]
    cut = 0.6 * material.duration_s
    (low, high, first, last), (later, _, onset, _) = told
    assert low >= 0 and high < cut and first > 0 and last < cut
    assert later >= cut and onset > cut - 0.05
    assert found[0].span_s == pytest.approx(material.duration_s - cut)
    assert len(found[0].truth_s) + len(found[1].truth_s) == len(material.truth_s)
    skill = report(found)["ways"]
    assert skill["readout"][0.05]["timing"] > skill["shuffled"][0.05]["timing"] + 0.3


def test_parts_need_four_onsets_each():
    assert enough(np.array([1.0, 2, 3, 4, 7, 8, 9, 9.5]), 10.0)
    assert not enough(np.array([1.0, 2, 3, 4, 5, 7, 8, 9]), 10.0)
    np.testing.assert_allclose(inside(np.array([1.0, 6, 7]), (6.0, 7.0)), [0])


def test_a_performers_sound_is_moved_and_made_noisy(rng):
    sound = np.zeros(48_000, "f4")
    sound[10_000] = 1
    assert moved(sound, 0.1).argmax() == 14_800 and moved(sound, -0.1).argmax() == 5_200
    assert len(moved(sound, 0.1)) == len(moved(sound, -0.1)) == 48_000
    noisy = in_a_room(sound, rng)
    assert noisy.argmax() == 10_000
    assert 10 ** (-45 / 20) < (noisy - sound).std() < 10 ** (-28 / 20)


def test_what_was_seen_is_kept_for_the_same_network_only(material, tiny_pack, tmp_path):
    cache, looked = Cache(tmp_path, tiny_pack), []

    def look():
        looked.append(1)
        return material.seen

    for _ in range(2):
        seen = cache.watched("bars", look)
        np.testing.assert_array_equal(seen.flow, material.seen.flow)
    assert looked == [1]
    assert teaching_material.Cache(None, tiny_pack).watched("bars", look) is material.seen
    shutil.copytree(tiny_pack.path, tmp_path / "read")
    read = msgspec.structs.replace(tiny_pack.motion, meta={"whole": 0.25})
    Cache(tmp_path, update_pack(tmp_path / "read", {"motion": read})).watched("bars", look)
    assert looked == [1, 1, 1]  # the same network, read otherwise

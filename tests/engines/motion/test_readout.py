import json
import threading

import numpy as np
import pytest
from safetensors.numpy import save

from synchresis.engines.frame import Frame
from synchresis.engines.motion import parser as parser_module
from synchresis.engines.motion.parser import MotionParser
from synchresis.engines.motion.picker import (
    EventPicker,
    FrameMaps,
    PickerSettings,
    best_cells,
    joined_score,
)
from synchresis.engines.motion.readout import (
    AGES_S,
    FEATURES,
    FILE,
    Readout,
    ReadoutStage,
    Scaling,
    Seen,
    aged,
    describe,
    read_readout,
)
from synchresis.engines.packs import BaseEntry, Manifest, load_pack, write_pack
from synchresis.engines.zone import Zone
from synchresis.errors import PackError, ParameterError

GRID = (30, 40)
PAST = (len(AGES_S), FEATURES)


def made_readout(rng):
    place = rng.random(1200).astype("f4")
    return Readout(
        place=place / place.sum(),
        past=Scaling(rng.normal(size=PAST).astype("f4"), np.full(PAST, 2, "f4")),
        embedding=Scaling(np.zeros(64, "f4"), np.ones(64, "f4")),
        past_weight=(0.02 * rng.normal(size=PAST)).astype("f4"),
        embedding_weight=(0.02 * rng.normal(size=64)).astype("f4"),
        bias=0.4,
        wait_s=0.02,
    )


def made_frames(rng, count):
    times = np.cumsum(rng.uniform(0.01, 0.06, count))
    impact = rng.random((count, 1200)).astype("f4") ** 4
    total = rng.random(count).astype("f4")
    flow = rng.normal(0, 0.1, (count, 4, 1200)).astype("f4")
    flow[:, 2:] = np.abs(flow[:, 2:])
    return times, impact, total, flow, rng.normal(size=(count, 64)).astype("f4")


def stepped(stage, given, state):
    for time, impact, total, flow, embedding in zip(*given, strict=True):
        plane = impact.reshape(GRID)
        maps = FrameMaps(plane, plane, plane, float(total), 0, 1, round(time * 1e9))
        yield stage.step(Seen(maps, flow.reshape(1, 4, *GRID), embedding), state)


def test_frame_by_frame_equals_the_whole_recording_and_reset_equals_fresh(rng):
    readout, given = made_readout(rng), made_frames(rng, 90)
    times, impact, total, flow, embedding = given
    rows = describe(impact, total, flow, readout.place)
    whole = readout.scores(aged(times, rows, times), embedding)
    stage = ReadoutStage(readout)
    state = stage.initial_state()
    live = [maps.total for maps in stepped(stage, given, state)]
    np.testing.assert_allclose(live, whole, atol=2e-5)
    assert np.std(whole) > 0.05 and min(live) >= 0 and max(live) <= 1
    stage.reset_state(state)
    assert [maps.total for maps in stepped(stage, given, state)] == live


def test_the_past_is_looked_at_by_age_not_by_frame():
    slow, fast = np.arange(0, 2, 1 / 15), np.arange(0, 2, 1 / 60)
    ramp = [np.repeat(t[:, None], FEATURES, 1).astype("f4") for t in (slow, fast)]
    now = np.array([1.8])
    seen = [aged(t, r, now)[0, :, 0] for t, r in zip((slow, fast), ramp, strict=True)]
    np.testing.assert_allclose(seen[0], 1.8 - AGES_S, atol=1e-5)
    np.testing.assert_allclose(seen[1], 1.8 - AGES_S, atol=1e-5)
    first = aged(slow[:1], ramp[0][:1], slow[:1])
    assert first.shape == (1, *PAST) and (first == 0).all()


def test_the_whole_picture_scores_what_the_readout_says_a_zone_its_share(rng):
    readout, given = made_readout(rng), made_frames(rng, 12)
    stage = ReadoutStage(readout)
    for maps in stepped(stage, given, stage.initial_state()):
        best = best_cells(maps.impact)
        assert best == pytest.approx(maps.total, rel=1e-4)
        assert joined_score(best, maps.total, 0.5) == pytest.approx(maps.total, rel=1e-4)
        picker = EventPicker((Zone(), Zone(0, 0, 0.5, 1), Zone(0.5, 0, 1, 1)), PickerSettings())
        state = picker.initial_state()
        picker.step(maps, state)
        whole, *halves = (zone.score for zone in state.zones)
        assert whole == pytest.approx(maps.total) and max(halves) <= whole
        shares = [best_cells(maps.impact[:, side]) / best for side in (np.s_[:20], np.s_[20:])]
        assert halves == pytest.approx([whole * share**0.5 for share in shares], rel=1e-5)
        assert np.ptp(maps.when) == 0 and 0 < maps.when[0, 0] < 1


def test_hits_are_placed_where_they_were_taught(rng):
    place = np.full(GRID, 1e-6, "f4")
    place[5:8, 5:8] = 1.0
    readout = made_readout(rng)
    taught = Readout(
        (place / place.sum()).ravel(), readout.past, readout.embedding, readout.past_weight,
        readout.embedding_weight, 0.5,
    )  # fmt: skip
    impact = np.zeros(GRID, "f4")
    impact[6, 6], impact[20, 30] = 0.3, 0.6
    maps = FrameMaps(impact, impact, impact, 0.5, 0, 1, 10**9, doubt=2.0)
    stage = ReadoutStage(taught)
    flow = np.zeros((1, 4, *GRID), "f4")
    out = stage.step(Seen(maps, flow, np.zeros(64, "f4")), stage.initial_state())
    assert np.unravel_index(out.impact.argmax(), GRID) == (6, 6)
    assert out.doubt == 0.0  # a lesson has seen when its performer is still


def taught_pack(tiny_pack, folder, readout, **numbers):
    base = BaseEntry(tiny_pack.name, tiny_pack.hash)
    overlay = {"threshold": 0.3, "lookahead_max_ms": 0.0, **numbers}
    link = folder / tiny_pack.name
    if not link.exists():
        link.symlink_to(tiny_pack.path)
    manifest = Manifest(name="mine", base=base, overlay=overlay)
    return write_pack(folder / "mine", manifest, {FILE: save(readout.tensors())})


def test_a_taught_pack_is_read_back_and_played_causally(tiny_pack, tmp_path, rng):
    readout = made_readout(rng)
    pack = taught_pack(tiny_pack, tmp_path, readout)
    again = read_readout(pack)
    assert again is not None and read_readout(tiny_pack) is None
    for name, array in readout.tensors().items():
        np.testing.assert_array_equal(again.tensors()[name], array)
    assert pack.motion.threshold == 0.3 and tiny_pack.motion.threshold == 0.5
    parser = MotionParser(pack, (Zone(), Zone(0.5, 0, 1, 1)), backend="onnx")
    parser.prepare()
    pictures = rng.integers(0, 255, (30, 120, 160)).astype("u1")
    frames = [Frame(p, k * 40_000_000, k) for k, p in enumerate(pictures)]
    state = parser.initial_state()
    whole = [parser.step(frame, state) for frame in frames]
    parser.reset_state(state)
    assert [parser.step(frame, state) for frame in frames] == whole
    other = frames[:17] + [Frame(255 - f.picture, f.captured_ns, 0) for f in frames[17:]]
    fresh = parser.initial_state()
    assert [parser.step(frame, fresh) for frame in other][:17] == whole[:17]
    events = [event for gesture in whole for event in gesture.events]
    assert events and all(abs(e.t_ns - e.decided_ns) <= 40_000_000 for e in events)
    parser.close()


@pytest.mark.parametrize("held_up", ["replace", "EventPicker"])
@pytest.mark.parametrize("first", ["teach", "set_sensitivity"])
def test_what_is_taught_and_how_sensitive_it_is_never_undo_each_other(
    tiny_pack, tmp_path, rng, monkeypatch, held_up, first
):
    """One thread is held up in the middle of its change while another makes the other change."""
    taught = taught_pack(tiny_pack, tmp_path, made_readout(rng))
    player = MotionParser(taught, backend="onnx")
    stage = ReadoutStage(made_readout(rng))
    changes = {
        "teach": lambda: player.teach(stage, 0.2),
        "set_sensitivity": lambda: player.set_sensitivity(2.0),
    }
    change = changes.pop(first)
    (other,) = (threading.Thread(target=each) for each in changes.values())
    whole = getattr(parser_module, held_up)

    def slowly(*args, **settings):
        made = whole(*args, **settings)
        if threading.current_thread() is not other and not other.ident:
            other.start()
            other.join(0.2)  # one that waits its turn goes on afterwards
        return made

    monkeypatch.setattr(parser_module, held_up, slowly)
    change()
    other.join()
    assert (player.settings.threshold, player.settings.sensitivity) == (0.2, 2.0)
    assert player._picker.settings == player.settings
    assert player.taught is stage
    player.close()


class Taken:
    """A lock that another thread holds."""

    def __enter__(self):
        raise AssertionError("somebody waits")

    def __exit__(self, *error):
        """Never entered."""


def test_a_frame_never_waits_for_a_lesson(tiny_pack, tmp_path, rng):
    player = MotionParser(taught_pack(tiny_pack, tmp_path, made_readout(rng)), backend="onnx")
    player.prepare()
    state = player.initial_state()
    player._tuning = Taken()
    for k, picture in enumerate(rng.integers(0, 255, (3, 120, 160)).astype("u1")):
        assert player.step(Frame(picture, k * 40_000_000, k), state).sequence == k
    with pytest.raises(AssertionError, match="somebody waits"):
        player.set_sensitivity(2.0)
    player.close()


def test_nothing_of_the_past_is_left_after_a_gap(tiny_pack, tmp_path, rng):
    pack = taught_pack(tiny_pack, tmp_path, made_readout(rng))
    parser = MotionParser(pack, backend="onnx")
    parser.prepare()
    pictures = rng.integers(0, 255, (24, 120, 160)).astype("u1")
    late = [Frame(p, 10**10 + k * 40_000_000, k) for k, p in enumerate(pictures[12:])]
    used, fresh = parser.initial_state(), parser.initial_state()
    for index, picture in enumerate(pictures[:12]):
        parser.step(Frame(picture, index * 40_000_000, index), used)
    for frame in late:
        parser.step(frame, used), parser.step(frame, fresh)
        assert used.picker.zones[0].score == fresh.picker.zones[0].score
    parser.close()


def test_a_taught_pack_refuses_another_lookahead(tiny_pack, tmp_path, rng):
    pack = taught_pack(tiny_pack, tmp_path, made_readout(rng))
    with pytest.raises(ParameterError, match="lookahead 20 ms must be 0"):
        MotionParser(pack, lookahead_ns=20_000_000, backend="onnx")


@pytest.mark.parametrize("fault", ["shape", "nan", "zero", "missing", "bytes"])
def test_a_readout_that_does_not_fit_is_refused(tiny_pack, tmp_path, rng, fault):
    tensors = made_readout(rng).tensors()
    if fault == "shape":
        tensors["place"] = tensors["place"][:-1]
    elif fault == "nan":
        tensors["past_weight"][0, 0] = np.nan
    elif fault == "zero":
        tensors["past_deviation"][0, 0] = 0.0
    elif fault == "missing":
        del tensors["bias"]
    content = b"no tensors" if fault == "bytes" else save(tensors)
    folder = tmp_path / "packs"
    folder.mkdir()
    (folder / tiny_pack.name).symlink_to(tiny_pack.path)
    base = BaseEntry(tiny_pack.name, tiny_pack.hash)
    pack = write_pack(folder / "mine", Manifest(name="mine", base=base), {FILE: content})
    with pytest.raises(PackError, match="teach it again"):
        read_readout(pack)


def test_numbers_of_an_overlay_that_are_none_are_left_alone(tiny_pack, tmp_path, rng):
    pack = taught_pack(tiny_pack, tmp_path, made_readout(rng), threshold="low")
    assert load_pack(pack.path).motion.threshold == 0.5
    assert json.loads((pack.path / "manifest.json").read_text())["overlay"]["threshold"] == "low"

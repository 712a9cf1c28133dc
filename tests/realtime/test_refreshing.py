import threading

import numpy as np
import pytest

from synchresis.engines.motion.parser import MotionParser
from synchresis.engines.motion.readout import AGES_S, FEATURES, Readout, Scaling
from synchresis.engines.packs import BaseEntry, Manifest, load_pack, write_pack
from synchresis.engines.sample_clock import SampleClock
from synchresis.engines.teach.fitting import Taught
from synchresis.engines.teach.motion import FILE, save
from synchresis.engines.teach.refreshing import Refresher, Stretch
from synchresis.errors import DeviceError, ParameterError
from synchresis.realtime.cli.main import main
from synchresis.realtime.recorder import Recording
from synchresis.realtime.refreshing import Refreshing

PAST = (len(AGES_S), FEATURES)
START_S = 50.0


def blind():
    """A readout that says the same of everything."""
    return Readout(
        np.full(1200, 1 / 1200, "f4"),
        Scaling(np.zeros(PAST, "f4"), np.ones(PAST, "f4")),
        Scaling(np.zeros(64, "f4"), np.ones(64, "f4")),
        np.zeros(PAST, "f4"), np.zeros(64, "f4"), 0.1,
    )  # fmt: skip


def stretch(rng, begin_s, *, seconds=10.0, told=True):
    """Frames whose first feature rises at each onset."""
    times = begin_s + np.arange(0, seconds, 1 / 30)
    onsets = np.arange(begin_s + 0.5, begin_s + seconds - 0.3, rng.uniform(0.5, 0.7))
    past = rng.normal(0, 0.3, (len(times), *PAST)).astype("f4")
    near = np.abs(times[:, None] - onsets).min(1) < 0.02
    past[near, 0, 0] += 3
    embedding = rng.normal(0, 0.1, (len(times), 64)).astype("f4")
    return Stretch(times, past, embedding, onsets if told else np.zeros(0))


def test_what_is_heard_is_learned_and_scored_before_it_is(rng):
    readout = blind()
    refresher = Refresher(Taught(0.0, 0.3, readout), readout)
    assert refresher.taught.readout is readout
    for k in range(6):
        assert refresher.learn(stretch(rng, START_S + 10 * k))
    taught = refresher.taught
    assert refresher.better and taught.readout is not readout
    new = stretch(rng, START_S + 100)
    score = taught.readout.scores(new.past, new.embedding)
    near = np.abs(new.captured_s[:, None] - new.onsets_s).min(1) < 0.02
    assert np.median(score[near]) > taught.threshold > np.quantile(score[~near], 0.95)


def test_a_stretch_without_hits_teaches_nothing(rng):
    readout = blind()
    refresher = Refresher(Taught(0.0, 0.3, readout), readout)
    assert not refresher.learn(stretch(rng, START_S, told=False))
    assert refresher.taught.readout is readout


def test_wrong_sound_does_not_take_the_place_of_what_was_taught(rng):
    readout = blind()
    right = Refresher(Taught(0.0, 0.3, readout), readout)
    for k in range(4):
        right.learn(stretch(rng, START_S + 10 * k))
    taught = right.taught
    assert taught.readout is not None
    wrong = Refresher(taught, taught.readout)
    for k in range(4):
        one = stretch(rng, START_S + 10 * k)
        moved = np.sort(rng.uniform(one.captured_s[0], one.captured_s[-1], len(one.onsets_s)))
        wrong.learn(Stretch(one.captured_s, one.past, one.embedding, moved))
    new = stretch(rng, START_S + 100)
    score = wrong.taught.readout.scores(new.past, new.embedding)
    near = np.abs(new.captured_s[:, None] - new.onsets_s).min(1) < 0.02
    assert score[near].mean() > 2 * score[~near].mean()


@pytest.fixture
def taught(tiny_pack, tmp_path):
    (tmp_path / tiny_pack.name).symlink_to(tiny_pack.path)
    base = BaseEntry(tiny_pack.name, tiny_pack.hash)
    overlay = {"lag_s": 0.0, "threshold": 0.3, "lookahead_max_ms": 0.0}
    manifest = Manifest(name="mine", base=base, overlay=overlay)
    return write_pack(tmp_path / "mine", manifest, {FILE: save(blind().tensors())})


def clicks(onsets_s, begin_s, seconds, rng):
    sound = 1e-3 * rng.standard_normal(int(seconds * 48_000))
    for onset in onsets_s - begin_s:
        first = int(onset * 48_000)
        ring = rng.standard_normal(4000) * np.exp(-np.arange(4000) / 500)
        sound[first : first + 4000] += 0.4 * ring[: len(sound) - first]
    clock = SampleClock(origin_ns=round(begin_s * 1e9))
    return Recording(sound.astype("f4"), clock)


def test_a_playing_parser_follows_and_the_pack_can_be_kept(taught, rng):
    parser = MotionParser(taught, backend="onnx")
    turn = threading.Event()
    heard = []

    def listen(stopping):
        turn.wait(10)
        turn.clear()
        if stopping.is_set() or not heard:
            stopping.wait(10)
        return heard.pop() if heard else clicks(np.zeros(0), 0.0, 0.1, rng)

    with Refreshing(parser, taught, listen) as refreshing:
        before = parser.taught
        for k in range(4):
            one = stretch(rng, START_S + 10 * k)
            for row in zip(one.captured_s, one.past, one.embedding, strict=True):
                parser.taught.tell(*row)
            assert refreshing.hear(clicks(one.onsets_s, START_S + 10 * k, 10.0, rng))
            assert not refreshing.hear(clicks(one.onsets_s, START_S + 10 * k, 10.0, rng))
        assert parser.taught is not before
        refreshing._stopping.set()
        turn.set()
    kept = refreshing.keep()
    assert kept is not None and kept.manifest.overlay["refreshed"] == 4
    assert load_pack(kept.path).motion.threshold == parser.settings.threshold or np.isclose(
        load_pack(kept.path).motion.threshold, parser.settings.threshold, atol=1e-3
    )
    parser.close()


def test_frames_from_outside_the_recording_are_not_learned_from(taught, rng, monkeypatch):
    parser = MotionParser(taught, backend="onnx")
    refreshing = Refreshing(parser, taught, lambda stopping: None)
    told = []
    monkeypatch.setattr(refreshing.refresher, "learn", lambda one: told.append(one.captured_s))
    refreshing._use(refreshing.refresher._taught)
    one = stretch(rng, START_S, seconds=30.0)
    for row in zip(one.captured_s, one.past, one.embedding, strict=True):
        parser.taught.tell(*row)
    for begin_s in (START_S + 10, START_S + 20):
        refreshing.hear(clicks(np.array([begin_s + 3.0]), begin_s, 8.0, rng))
    spans = [(times[0] - START_S, times[-1] - START_S) for times in told]
    assert np.allclose(spans, [(10, 18), (20, 28)], atol=0.04)
    parser.close()


def test_a_microphone_that_fails_ends_the_lesson_not_the_performance(taught):
    def broken(stopping):
        raise DeviceError("no microphone; plug one in")

    parser = MotionParser(taught, backend="onnx")
    with Refreshing(parser, taught, broken) as refreshing:
        refreshing._thread.join(5)
    assert isinstance(refreshing.error, DeviceError) and refreshing.keep() is None
    parser.close()


def test_whatever_ends_the_lesson_is_kept_and_said(taught, caplog):
    def broken(stopping):
        raise ZeroDivisionError("a mistake of ours")

    parser = MotionParser(taught, backend="onnx")
    with Refreshing(parser, taught, broken) as refreshing:
        refreshing._thread.join(5)
    assert isinstance(refreshing.error, ZeroDivisionError)
    assert "refreshing ended: ZeroDivisionError('a mistake of ours')" in caplog.text
    parser.close()


def test_a_lesson_that_cannot_be_learned_from_is_told_of(taught, caplog, monkeypatch, rng):
    def fail(recording):
        raise ValueError("a mistake of ours")

    parser = MotionParser(taught, backend="onnx")
    refreshing = Refreshing(parser, taught, lambda stopping: clicks(np.zeros(0), 0.0, 0.1, rng))
    monkeypatch.setattr(refreshing, "hear", fail)
    with refreshing:
        refreshing._thread.join(5)
    assert isinstance(refreshing.error, ValueError) and "refreshing ended" in caplog.text
    parser.close()


def test_only_a_taught_pack_can_be_refreshed(tiny_pack):
    parser = MotionParser(tiny_pack, backend="onnx")
    with pytest.raises(ParameterError, match="teach motion"):
        Refreshing(parser, tiny_pack, lambda stopping: None)
    parser.close()


def test_without_a_microphone_it_is_refused_before_anything_plays(taught, tmp_path, capfd):
    out = tmp_path / "out.wav"
    argv = ["live", "--pack", str(taught.path), "--camera", "scene:ball", "--out", str(out)]
    assert main([*argv, "--seconds", "1", "--refresh", "--microphone", "no such mic"]) == 2
    assert "cannot record from device no such mic" in capfd.readouterr().err
    assert not out.exists()

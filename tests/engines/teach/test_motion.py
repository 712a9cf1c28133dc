from dataclasses import replace
from fractions import Fraction

import av
import numpy as np
import pytest
import soundfile

from synchresis.engines.evaluation.clips import pictures
from synchresis.engines.motion.parser import MotionParser
from synchresis.engines.motion.readout import MIRRORED
from synchresis.engines.motion.replay import picked
from synchresis.engines.onsets import find_onsets
from synchresis.engines.teach.checking import held_back
from synchresis.engines.teach.fitting import fit_threshold, place_of
from synchresis.engines.teach.motion import Recording, learn, teach_motion, watch_all, ways_of
from synchresis.engines.teach.soundtracks import read_soundtrack
from synchresis.engines.teach.timing import bumps, f1, lag_of, refined, threshold_of
from synchresis.engines.teach.watching import film_frames, joined
from synchresis.errors import InputError, ParameterError
from synchresis.realtime.sources.file import FileSource


@pytest.fixture(scope="module")
def lesson(tiny_pack, perform):
    """What the tiny pack sees of a performance, and the hits heard in it."""
    made = perform()
    seen, onsets = watch_all([Recording("bars", made.frames, made.sound)], tiny_pack)
    return made, seen, onsets


def test_bumps_lag_and_threshold_of_a_known_score():
    times = np.arange(0, 20, 0.03)
    onsets = np.sort(np.random.default_rng(0).uniform(0.5, 19.5, 18))
    assert bumps(times, onsets).max() > 0.9 and bumps(times, np.zeros(0)).max() == 0
    score = bumps(times, onsets - 0.09)
    lag = lag_of(times, score, onsets)
    assert lag == pytest.approx(0.09, abs=0.011)
    bar = threshold_of(times, 0.8 * score, onsets, lag)
    events = times[picked(times, 0.8 * score, bar)]
    assert f1(events + lag, onsets) > 0.9
    assert refined(events, onsets, lag) == pytest.approx(
        lag + np.median([onsets[np.abs(onsets - e - lag).argmin()] - e - lag for e in events]),
        abs=0.01,
    )
    assert refined(events[:2], onsets, lag) == lag


def test_the_readout_learns_which_of_two_bars_sounds(lesson, tiny_pack):
    made, seen, onsets = lesson
    assert len(onsets) == pytest.approx(len(made.hits_s), abs=1)
    middle = seen.captured_s[len(seen.captured_s) // 2]
    taught, plain = (
        ways_of(tiny_pack)[way](seen.between(0, middle), onsets[onsets < middle])
        for way in ("readout", "threshold")
    )
    truth = onsets[onsets >= middle]
    values = []
    for one in (taught, plain):
        heard = one.heard_s(seen)
        values.append(f1(heard[heard >= middle], truth))
    assert values[0] > 0.8 > values[1] + 0.1
    place = taught.readout.place.reshape(30, 40)
    assert place.sum() == pytest.approx(1, abs=1e-4)
    assert place[:, :20].sum() > 2 * place[:, 20:].sum()


def test_wrong_sound_teaches_nothing_that_is_kept(lesson, tiny_pack):
    _, seen, onsets = lesson
    steps = np.random.default_rng(1).permutation(np.diff(onsets))
    wrong = np.cumsum(np.concatenate(([0.8], steps)))
    with pytest.raises(InputError, match=r"do not go together|not kept"):
        learn(seen, wrong, ways_of(tiny_pack))


def test_held_back_parts_are_not_learned_from(lesson):
    _, seen, onsets = lesson
    told = []

    def spy(part, heard):
        told.append((part.captured_s, heard))
        return fit_threshold(part, heard)

    checks = held_back(seen, onsets, {"spy": spy})
    assert checks["spy"].events > 0 and len(told) == 5
    for times, heard in told:
        assert len(times) < len(seen.captured_s)
        assert np.abs(heard[:, None] - times).min(1).max() < 0.05
    assert sum(len(heard) for _, heard in told) == 4 * len(onsets)


def test_a_taught_pack_plays_what_was_scored(lesson, tiny_pack, perform, tmp_path):
    made, seen, _ = lesson
    (tmp_path / tiny_pack.name).symlink_to(tiny_pack.path)
    recording = Recording("bars", made.frames, made.sound)
    pack, learned = teach_motion([recording], base=tiny_pack, folder=tmp_path / "mine")
    assert learned.way == "readout" and pack.manifest.overlay["way"] == "readout"
    assert learned.checks["readout"].timing > learned.checks["shipped"].timing
    assert pack.motion.threshold == pytest.approx(learned.taught.threshold, abs=1e-4)
    parser = MotionParser(pack, backend="onnx")
    parser.prepare()
    state = parser.initial_state()
    live = [e.t_ns / 1e9 for f in made.frames for e in parser.step(f, state).events]
    parser.close()
    scored = learned.taught.heard_s(seen) - learned.taught.lag_s
    assert len(live) == pytest.approx(len(scored), abs=1)
    assert f1(np.array(live), scored) > 0.95


def test_sound_of_another_clock_is_brought_over(lesson, tiny_pack, perform):
    made, _, onsets = lesson
    late = [replace(frame, captured_ns=frame.captured_ns + 7 * 10**9) for frame in made.frames]
    seen, moved = watch_all([Recording("late", late, made.sound, 7.0)], tiny_pack)
    assert moved - seen.captured_s[0] == pytest.approx(onsets)


def test_two_recordings_are_one_lesson_and_their_pasts_do_not_mix(tiny_pack, perform):
    one, two = perform(12.0, seed=4), perform(12.0, seed=5)
    seen, onsets = watch_all([Recording("a", one.frames, one.sound),
                              Recording("b", two.frames, two.sound)], tiny_pack)  # fmt: skip
    assert len(seen.starts) == 2 and (np.diff(seen.captured_s) > 0).all()
    alone = find_onsets(one.sound, 48_000).time_s
    assert len(onsets) == len(alone) + len(find_onsets(two.sound, 48_000).time_s)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("silent", "is silent"),
        ("still", "nothing moves"),
        ("few", "at least 8 are needed"),
    ],
)
def test_what_cannot_teach_is_refused_and_nothing_is_written(
    tiny_pack, perform, tmp_path, change, message
):
    made = perform(6.0)
    frames, sound = made.frames, made.sound
    if change == "silent":
        sound = np.zeros_like(sound)
    if change == "still":
        frames = [replace(frame, picture=made.frames[0].picture) for frame in frames]
    with pytest.raises(InputError, match=message):
        teach_motion(
            [Recording("bars", frames, sound)], base=tiny_pack, folder=tmp_path / "out" / "mine"
        )
    assert not (tmp_path / "out").exists()


def test_an_overlay_is_no_base(tiny_pack, tmp_path):
    overlay = replace(tiny_pack, base=tiny_pack)
    with pytest.raises(ParameterError, match="full pack"):
        watch_all([], overlay)


def test_the_place_is_even_where_nothing_tells(lesson):
    _, seen, _ = lesson
    still = replace(seen, flow=0 * seen.flow, impact=0 * seen.impact)
    place = place_of(still, np.array([3.0, 5.0]), 0.0)
    assert place == pytest.approx(np.full(1200, 1 / 1200), rel=1e-4)


def test_ways_are_those_of_the_report(lesson, tiny_pack):
    _, seen, onsets = lesson
    report = learn(seen, onsets, ways_of(tiny_pack)).report()
    assert set(report["held_back"]) == set(ways_of(tiny_pack))
    assert report["way"] == "readout"
    assert -60 < report["lag_ms"] - 80 < 60 + 40  # an event may be told a frame before it is seen


def test_sound_alone_has_nothing_to_look_at(tmp_path):
    soundfile.write(tmp_path / "sound.flac", np.zeros(4800), 48_000)
    with pytest.raises(InputError, match=r"sound\.flac: has no pictures"):
        list(film_frames(tmp_path / "sound.flac", 10.0))


def test_a_hole_in_a_soundtrack_is_silence(tmp_path, rng):
    """Recorders that save silence send nothing for a while, and go on with the right time."""
    path = tmp_path / "hole.mkv"
    sound = (1e-4 * rng.standard_normal(8 * 48_000)).astype("f4")
    hits = [1.0, 2.0, 6.0, 7.0]
    for time_s in hits:
        first = round(48_000 * time_s)
        sound[first : first + 4000] += (
            0.5 * np.exp(-np.arange(4000) / 600) * rng.standard_normal(4000).astype("f4")
        )
    with av.open(str(path), "w") as out:
        stream = out.add_stream("pcm_s16le", rate=48_000, layout="mono")
        for first in range(0, len(sound), 960):
            if 3 * 48_000 <= first < 5 * 48_000:
                continue
            samples = (32_767 * sound[None, first : first + 960]).astype(np.int16)
            frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
            frame.rate, frame.pts, frame.time_base = 48_000, first, Fraction(1, 48_000)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    read, begin_s = read_soundtrack(path, 60.0)
    assert len(read) / 48_000 == pytest.approx(8.0, abs=0.01)
    assert find_onsets(read, 48_000).time_s + begin_s == pytest.approx(hits, abs=0.01)


def test_a_turned_film_is_seen_upright(tmp_path):
    path = tmp_path / "turned.mp4"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.set_display_rotation(90)
        for _ in range(5):
            picture = np.zeros((48, 64, 3), np.uint8)
            picture[:, :32] = 200
            out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        out.mux(stream.encode(None))
    (live, *_) = FileSource(path)
    assert live.picture.shape == (64, 48, 3)
    for shown in (next(film_frames(path, 10.0)).picture, next(pictures(path))[1]):
        np.testing.assert_array_equal(shown, live.picture)


def test_onsets_that_nobody_saw_are_no_lesson(lesson):
    _, seen, onsets = lesson
    late = seen.captured_s[-1] + np.array([2.0, 15.0])
    whole, heard = joined([seen, seen], [np.append(onsets, late), onsets])
    assert len(heard) == 2 * len(onsets) and (np.diff(heard) > 0).all()
    assert len(whole.captured_s) == 2 * len(seen.captured_s)


def test_a_taught_pack_knows_whether_its_camera_was_mirrored(lesson, tiny_pack, tmp_path):
    made, _, _ = lesson
    (tmp_path / tiny_pack.name).symlink_to(tiny_pack.path)
    for mirrored in (False, True):
        recording = Recording("bars", made.frames, made.sound, mirrored=mirrored)
        folder = tmp_path / str(mirrored)
        pack, _ = teach_motion([recording], base=tiny_pack, folder=folder)
        assert pack.manifest.overlay[MIRRORED] is mirrored

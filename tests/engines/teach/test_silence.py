"""Recordings of what shall not sound: beside hits and alone."""

from dataclasses import replace

import numpy as np
import pytest

from synchresis.engines.motion.picker import ZoneState
from synchresis.engines.motion.score_log import ScoreLog
from synchresis.engines.teach import silence
from synchresis.engines.teach.checking import held_back, parts_of, within
from synchresis.engines.teach.fitting import folds_of
from synchresis.engines.teach.motion import (
    Recording,
    learn,
    silent_recording,
    teach_motion,
    watch_all,
    ways_of,
)
from synchresis.engines.teach.silence import (
    HIGHEST,
    QUIET,
    events_s,
    hushed,
    learn_silence,
    most_events,
    quiet_bar,
)
from synchresis.engines.teach.watching import joined
from synchresis.errors import InputError, ParameterError


def upside_down(frames, *, dimmed=1.0):
    """What moved above now moves below, and nobody said that it sounds."""
    return [replace(f, picture=(dimmed * f.picture[::-1]).astype(np.uint8)) for f in frames]


@pytest.fixture(scope="module")
def both(tiny_pack, perform):
    """A performance, a longer silence after it, and the hits heard."""
    hits, below = perform(24.0, seed=3), perform(36.0, seed=8)
    recordings = [
        Recording("bars", hits.frames, hits.sound),
        silent_recording("below", upside_down(below.frames)),
    ]
    return recordings, *watch_all(recordings, tiny_pack)


def test_every_fold_has_hits_and_silence(both):
    _, seen, onsets = both
    assert len(seen.recordings) == 2
    (first, last) = (seen.captured_s[one] for one in seen.recordings)
    assert first[-1] < last[0] - 999 and onsets.max() < last[0] and len(onsets) > 8
    folds, parts = folds_of(seen), parts_of(seen)
    assert len(folds) == len(parts) == 5
    for fold, part in zip(folds, parts, strict=True):
        for one, (begin, end), times in zip(fold, part, (first, last), strict=True):
            assert 0.15 * len(times) < len(seen.captured_s[one]) < 0.25 * len(times)
            assert times[0] <= begin < end < times[-1] + 1e-6
    rows = np.concatenate([np.arange(len(seen.captured_s))[one] for fold in folds for one in fold])
    assert sorted(rows) == list(range(len(seen.captured_s)))
    counted = sum(within(seen.captured_s, part).astype(int) for part in parts)
    assert (counted == 1).all()


def test_a_readout_learns_what_shall_not_sound(both, tiny_pack):
    _, seen, onsets = both
    fits = ways_of(tiny_pack)
    cut = float(seen.captured_s[seen.recordings[1].start])
    alone, below = seen.between(0, cut), seen.between(cut, np.inf)
    plain, taught = fits["readout"](alone, onsets), fits["readout"](seen, onsets)
    before, after = (len(one.heard_s(below)) for one in (plain, taught))
    assert before >= 5 and after <= 1
    assert len(taught.heard_s(alone)) == pytest.approx(len(onsets), abs=3)
    checks = held_back(seen, onsets, fits)
    rates = {name: check.silent_per_minute for name, check in checks.items()}
    assert rates["readout"] < 0.3 * rates["shipped"]
    assert held_back(alone, onsets, fits)["readout"].silent_per_minute is None


def test_a_lesson_says_how_silent_it_made_silence(both, tiny_pack, tmp_path):
    recordings, seen, onsets = both
    lesson = learn(seen, onsets, ways_of(tiny_pack))
    assert lesson.way == "readout" and lesson.seconds == pytest.approx(60.0, abs=0.5)
    (tmp_path / tiny_pack.name).symlink_to(tiny_pack.path)
    pack, again = teach_motion(recordings, base=tiny_pack, folder=tmp_path / "mine")
    told = again.report()["held_back"]
    assert pack.manifest.overlay["silent_after"] < pack.manifest.overlay["silent_before"]
    assert told["readout"]["silent_per_minute"] == pytest.approx(
        pack.manifest.overlay["silent_after"], abs=0.01
    )
    alone = silent_recording("below", upside_down(recordings[0].frames))
    with pytest.raises(ParameterError, match="holds hits that silence alone would replace"):
        teach_motion([alone], base=tiny_pack, folder=tmp_path / "mine")


@pytest.fixture(scope="module")
def quiet(tiny_pack, perform):
    """A silence in which dim bars move, seen as middling scores."""
    frames = upside_down(perform(24.0, seed=8).frames, dimmed=0.6)
    return watch_all([silent_recording("below", frames)], tiny_pack)[0]


def test_silence_alone_raises_the_threshold_just_enough(quiet, tiny_pack, tmp_path, perform):
    low = 0.1
    bar = quiet_bar(quiet, low)
    most = QUIET * 24 / 60
    assert low < bar < HIGHEST and len(events_s(quiet, bar)) <= most
    assert len(events_s(quiet, bar - 0.021)) > most
    lesson = learn_silence(quiet, low)
    assert lesson.way == "silence" and lesson.taught.threshold == bar and lesson.hits == 0
    before, after = (check.silent_per_minute for check in lesson.checks.values())
    assert before == pytest.approx(len(events_s(quiet, low)) / quiet.captured_s[-1] * 60, rel=0.1)
    assert after <= 0.2 * before
    (tmp_path / tiny_pack.name).symlink_to(tiny_pack.path)
    entry = replace_threshold(tiny_pack, low)
    frames = upside_down(perform(24.0, seed=8).frames, dimmed=0.6)
    pack, _ = teach_motion(
        [silent_recording("below", frames)], base=entry, folder=tmp_path / "still"
    )
    assert pack.motion.threshold == pytest.approx(bar)
    overlay = pack.manifest.overlay
    assert overlay["way"] == "silence" and overlay["hits"] == 0
    assert not {"before", "after"} & set(overlay) and overlay["mirrored"] is False
    hits = perform(24.0, seed=3)
    with pytest.raises(ParameterError, match="holds silence that hits alone would replace"):
        teach_motion(
            [Recording("bars", hits.frames, hits.sound)], base=entry, folder=tmp_path / "still"
        )


def replace_threshold(pack, threshold):
    """The same pack, shipped with another threshold."""
    import msgspec

    motion = msgspec.structs.replace(pack.motion, threshold=threshold)
    return replace(pack, manifest=msgspec.structs.replace(pack.manifest, motion=motion))


def test_a_gap_is_no_silence_and_makes_no_other_recording(quiet):
    """Else a part held back would let more events pass where it was cut out."""
    hole = (quiet.captured_s > 5.0) & (quiet.captured_s < 17.0)
    parts = quiet.part(~hole)
    assert parts.seconds == pytest.approx(12.0, abs=0.1) and len(parts.recordings) == 1
    assert most_events(parts) == pytest.approx(QUIET * 12 / 60, rel=0.02)
    rate = silence.held_back(parts, 0.1)[0].silent_per_minute
    assert rate == pytest.approx(60 * len(events_s(parts, 0.1)) / 12, rel=0.1)


def test_a_still_camera_before_hits_is_told_whatever_moves_in_silence(both, tiny_pack):
    _, seen, onsets = both
    covered = np.zeros(len(seen.captured_s), bool)
    covered[seen.recordings[0]] = True
    flow = np.where(covered[:, None, None], 0, seen.flow).astype(np.float16)
    with pytest.raises(InputError, match="nothing moves"):
        learn(replace(seen, flow=flow), onsets, ways_of(tiny_pack))
    resting = np.where(covered[:, None, None], seen.flow, 0).astype(np.float16)
    assert learn(replace(seen, flow=resting), onsets, ways_of(tiny_pack)).hits == len(onsets)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("short", "8 s of what shall not sound, at least 10 s are needed"),
        ("still", "nothing moves"),
        ("quiet", "the pack as it is makes 0 false events in 24 s"),
        ("loud", "no threshold up to 0.96 leaves it silent"),
    ],
)
def test_silences_that_teach_nothing_are_refused(quiet, change, message):
    seen = {
        "short": quiet.between(0.0, 8.0),
        "still": replace(quiet, flow=0 * quiet.flow, score=0 * quiet.score),
        "quiet": replace(quiet, score=0 * quiet.score),
        "loud": replace(quiet, score=np.where(quiet.score > 0.1, 0.99, 0.0)),
    }[change]
    with pytest.raises(InputError, match=message):
        learn_silence(seen, 0.1)


def test_a_glimpse_of_silence_is_too_short(tiny_pack, perform):
    glimpse = silent_recording("below", perform(24.0, seed=8).frames[:30])
    with pytest.raises(InputError, match=r"below: 1\.\d s of what shall not sound are too short"):
        watch_all([glimpse], tiny_pack)


def test_recordings_of_silence_need_no_onsets(quiet):
    whole, onsets = joined([quiet, quiet], [np.zeros(0), np.zeros(0)])
    assert len(onsets) == 0 and len(whole.recordings) == 2


def logged(*columns: list[float]) -> ScoreLog:
    """A stream of 25 frames a second with the scores of its zones."""
    log = ScoreLog(len(columns))
    for n, scores in enumerate(zip(*columns, strict=True)):
        log.add(40_000_000 * n, [ZoneState(score=score) for score in scores])
    return log


def beats(*heights: float) -> list[float]:
    """A beat of each height, half a second apart, and as long again nothing."""
    return [x for height in heights for x in [0.0] * 11 + [height, 0.1]] + [0.0] * 13 * len(heights)


def test_a_stream_is_hushed_by_the_lowest_bar_that_leaves_it_quiet() -> None:
    low, high = beats(0.55, 0.66, 0.6, 0.5), beats(0.3, 0.3, 0.73, 0.58)
    hush = hushed(logged(low, high), 0.56)
    assert hush.before == 4  # .66 and .6 of one zone, .73 and .58 of the other
    assert (hush.bar, hush.after) == (pytest.approx(0.74), 0)
    assert hushed(logged(low), 0.56).bar == pytest.approx(0.68)
    assert hush.seconds == pytest.approx(0.04 * (len(low) - 1))
    assert hush.most < 1


def test_a_quiet_stream_keeps_its_bar_and_one_like_hits_gets_the_highest() -> None:
    quiet, loud = hushed(logged(beats(0.3, 0.4)), 0.56), hushed(logged(beats(0.3, 0.99)), 0.56)
    assert (quiet.before, quiet.bar, quiet.after) == (0, 0.56, 0)
    assert (loud.before, loud.bar, loud.after) == (1, HIGHEST, 1)
    assert hushed(logged(beats(0.3, 0.99)), 0.98).bar == 0.98

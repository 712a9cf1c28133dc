import itertools
from dataclasses import replace

import numpy as np
import pytest

from synchresis.engines.scenes import Scene, SceneStream, SimSettings, scene_source, simulate
from synchresis.engines.scenes.audio import gain_of
from synchresis.engines.scenes.play import SceneEvent, strength_of
from synchresis.engines.scenes.render import Film, PictureSize, render
from synchresis.engines.scenes.scene import PLAIN
from synchresis.engines.scenes.shot import Conditions
from synchresis.engines.scenes.world import World
from synchresis.engines.timebase import SAMPLE_RATE
from synchresis.errors import ParameterError

SMALL = (64, 48)


def frames_of(stream, count):
    return list(itertools.islice(stream, count))


def test_same_seed_same_frames_other_seed_other_frames():
    first, second, other = (
        np.stack([f.picture for f in frames_of(SceneStream("stick", seed=seed, size=SMALL), 8)])
        for seed in (4, 4, 5)
    )
    np.testing.assert_array_equal(first, second)
    assert np.abs(first.astype(int) - other).mean() > 2


def test_a_scene_is_the_beginning_of_its_stream():
    scene = Scene("ball", 3, 0.5, size=SMALL)
    pictures = list(scene.frames())
    assert len(pictures) == 15
    for (picture, time), frame in zip(
        pictures, SceneStream("ball", seed=3, size=SMALL), strict=False
    ):
        np.testing.assert_array_equal(picture, frame.picture)
        assert round(time * 1e9) == frame.captured_ns


def test_live_frames_have_true_times_numbers_and_colour():
    frames = frames_of(scene_source("hand", seed=1, fps=25.0, size=SMALL), 5)
    assert [f.sequence for f in frames] == [0, 1, 2, 3, 4]
    np.testing.assert_allclose(
        [f.captured_ns / 1e9 for f in frames], np.arange(5) / 25.0, atol=1e-6
    )
    assert frames[0].picture.shape == (48, 64, 3)
    assert frames[0].clock_id == "virtual"
    assert frames[0].camera == "scene:hand"


def test_a_stream_goes_on_into_its_next_action_without_a_jump():
    stream = SceneStream("hand", seed=2, fps=5.0, size=SMALL)
    pictures = [f.picture.astype(int) for f in frames_of(stream, 75)]
    steps = [np.abs(b - a).mean() for a, b in itertools.pairwise(pictures)]
    assert stream.events(12.0, 24.0)
    assert steps[59] <= np.median(steps) + 2.0
    assert max(steps) > 0


def test_events_and_sound_of_a_stream_agree_however_they_are_asked_for():
    stream = SceneStream("ball", seed=6)
    whole = stream.events(-1.0, 30.0)
    assert len(whole) > 5
    parts = [e for k in range(30) for e in stream.events(float(k) if k else -1.0, k + 1.0)]
    assert tuple(parts) == whole
    sound = stream.audio(0, 3 * SAMPLE_RATE)
    pieces = [stream.audio(k * 4800, 4800) for k in range(30)]
    np.testing.assert_array_equal(np.concatenate(pieces), sound)


def test_sound_begins_at_the_event_and_its_level_follows_strength():
    scene = Scene("stick", 1, 10.0)
    sound = scene.audio
    assert len(sound) == 10 * SAMPLE_RATE
    assert np.abs(sound).max() <= 1.0
    apart = [
        e for k, e in enumerate(scene.events) if k == 0 or e.t_s - scene.events[k - 1].t_s > 0.35
    ]
    assert len(apart) >= 2
    for event in apart:
        start = round(event.t_s * SAMPLE_RATE)
        before = np.abs(sound[max(start - 240, 0) : start]).max()
        after = np.abs(sound[start : start + 240]).max()
        assert after > 4 * before
        assert after > 0.1 * gain_of(event.strength)
    assert gain_of(1.0) == pytest.approx(1.0)
    assert 20 * np.log10(gain_of(0.5)) == pytest.approx(-20.0)


def test_strength_is_level():
    assert strength_of(6.0, 6.0) == 1.0
    assert strength_of(0.6, 6.0) == pytest.approx(0.5)


def test_rubbing_is_heard_where_the_level_is():
    scene = Scene("scrape", 2, 8.0)
    times, friction, _ = scene.levels
    sound = scene.audio
    loud, quiet = [], []
    for t, level in zip(times[:-2], friction[:-2], strict=True):
        piece = sound[round(t * SAMPLE_RATE) : round((t + 1 / 30) * SAMPLE_RATE)]
        (loud if level > 0.5 else quiet if level == 0 else []).append(
            float(np.sqrt(np.mean(piece**2)))
        )
    assert loud
    assert quiet
    assert np.median(loud) > 10 * max(np.median(quiet), 1e-6)


def test_silent_scenes_sound_of_nothing():
    assert not Scene("gesturing", 1, 5.0).audio.any()


def still_world(noise: float) -> World:
    conditions = Conditions(
        handheld=0.0, noise=(noise, noise * 1.0001), step=(0.0, 0.0), drift=(0.0, 0.0), flicker=0.0,
        repeat=0.0, drop=0.0, blur=(0.0, 0.0),
    )  # fmt: skip
    return simulate(11, SimSettings(frames=10, families=("still",), conditions=conditions))


def test_stillness_has_no_motion_beyond_noise():
    world = still_world(0.01)
    assert (world.pose == world.pose[:1, :1]).all()
    assert (world.camera == world.camera[0, 0]).all()
    world.sensor[:, 2] = 0.0
    pictures = render(world, PictureSize(128, 96)).astype(float) / 255.0
    step = pictures[1:] - pictures[:-1]
    assert step.std() == pytest.approx(0.01 * np.sqrt(2), rel=0.1)
    blocks = step.reshape(9, 12, 8, 16, 8).mean((2, 4))
    assert np.abs(blocks).max() < 5 * 0.01 * np.sqrt(2) / 8
    world.sensor[:, 3] = 0.0
    calm = render(world, PictureSize(128, 96))
    assert (calm == calm[0]).all()


def test_repeated_frames_show_the_old_picture_at_a_new_time():
    conditions = Conditions(repeat=0.9, drop=0.0)
    for seed in range(60):
        world = simulate(seed, SimSettings(frames=12, families=("ball",), conditions=conditions))
        again = np.flatnonzero(world.shown != np.arange(12))
        if len(again):
            break
    pictures = render(world, PictureSize(64, 48))
    for index in again:
        np.testing.assert_array_equal(pictures[index], pictures[world.shown[index]])
    assert (np.diff(world.times) > 0).all()


def test_every_frame_is_drawn_as_if_it_were_alone():
    world = simulate(4, SimSettings(frames=5, subs=1, families=("gesturing",), conditions=PLAIN))
    world.sensor[:, 2:4] = 0.0
    world.sensor[:, 6] = 0.0
    assert (world.camera == world.camera[0]).all()
    film = render(world, PictureSize(64, 48))
    assert (film[0] != film[-1]).any()
    for k, picture in enumerate(film):
        alone = replace(
            world, times=world.times[k : k + 1], shown=np.zeros(1, np.int64),
            pose=world.pose[k : k + 1], camera=world.camera[k : k + 1],
            sensor=world.sensor[k : k + 1], noise_keys=world.noise_keys[k : k + 1],
        )  # fmt: skip
        np.testing.assert_array_equal(render(alone, PictureSize(64, 48))[0], picture)


def test_a_stream_does_something_else_in_each_action():
    stream = SceneStream("stick", seed=3)
    first = [e.t_s for e in stream.events(-1.0, 12.0)]
    second = [e.t_s - 12.0 for e in stream.events(12.0, 24.0)]
    assert first
    assert second
    assert len(first) != len(second) or np.abs(np.subtract(first, second)).max() > 0.01


def test_colour_and_grey_agree():
    world = simulate(2, SimSettings(frames=2, conditions=PLAIN))
    world.sensor[:, 2:4] = 0.0
    world.sensor[:, 6] = 0.0
    colour = render(world, PictureSize(64, 48, colour=True)).astype(float)
    grey = render(world, PictureSize(64, 48))
    inside = (colour.max(-1) < 250) & (colour.min(-1) > 5)
    mixed = colour @ np.array([0.114, 0.587, 0.299])
    assert np.abs(mixed - grey)[inside].max() < 1.6


def test_a_film_remembers_only_what_consecutive_stretches_need():
    world = simulate(3, SimSettings(frames=4))
    film = Film(PictureSize(64, 48))
    np.testing.assert_array_equal(
        np.stack(list(film.pictures(world))), render(world, PictureSize(64, 48))
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "nonsense"}, "scene='nonsense' is unknown"),
        ({"name": "ball", "fps": 0.0}, "fps=0.0 must lie in 1..240"),
        ({"name": "ball", "size": (63, 48)}, "width=63 must be a multiple of 4"),
    ],
)
def test_nonsense_is_refused(arguments, message):
    with pytest.raises(ParameterError, match=message):
        SceneStream(**arguments)


def test_a_scene_lasts_longer_than_nothing():
    with pytest.raises(ParameterError, match="duration_s=0"):
        Scene("ball", duration_s=0.0)


def test_later_events_do_not_change_earlier_ones():
    short, long = Scene("drums", 5, 6.0), Scene("drums", 5, 20.0)
    assert short.events == tuple(e for e in long.events if e.t_s <= 6.0)
    assert isinstance(short.events[0], SceneEvent)

"""Every family: it plays, its events are where and when something visibly arrives."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from synchresis.engines.scenes import (
    Conditions,
    SimSettings,
    evaluation_families,
    scene_names,
    simulate,
    train_families,
)
from synchresis.engines.scenes import primitives as at
from synchresis.engines.scenes.evaluation_later import LATER
from synchresis.engines.scenes.families import silent_families, train_odds
from synchresis.engines.scenes.families.air import REST_S
from synchresis.engines.scenes.families.restless import postures
from synchresis.engines.scenes.render import PictureSize, render
from synchresis.engines.scenes.world import World
from synchresis.errors import ParameterError

ALL = scene_names()
TRIPOD = Conditions(
    fps=(60.0,), fps_weights=(1.0,), aspects=(0.75,), handheld=0.0, noise=(1e-6, 2e-6),
    step=(0.0, 0.0), blur=(0.0, 0.0), exposure=(0.02, 0.05), readout_s=(0.0, 0.0), drop=0.0,
    repeat=0.0, jitter_s=0.0, drift=(0.0, 0.0), zoom=0.0, flicker=0.0,
)  # fmt: skip
SILENT = {*silent_families(), "conductor", "curtain", "still_room", *LATER}
RUBBED = {"scrape", "saw", "roll", "sweep"}
CONTACT = sorted(
    set(train_families()) - SILENT - RUBBED - {"tear", "firework", "gun", "shaker", "pluck"}
)


def world_of(name: str, seed: int, frames: int = 150, **changes: float) -> World:
    conditions = replace(TRIPOD, **changes)
    return simulate(
        seed, SimSettings(frames=frames, families=(name,), subs=1, conditions=conditions)
    )


@pytest.mark.parametrize("name", ALL)
def test_every_family_plays_and_can_be_seen(name):
    world = simulate(5, SimSettings(frames=6, families=(name,), subs=2))
    pictures = render(world, PictureSize(64, 48))
    assert pictures.shape == (6, 48, 64)
    assert pictures.std() > 4.0
    assert (np.diff(world.times) > 0).all()
    for values in (world.pose, world.look, world.camera, world.sensor):
        assert np.isfinite(values).all()
    assert ((world.friction >= 0) & (world.friction <= 1)).all()
    assert ((world.burst >= 0) & (world.burst <= 1)).all()


@pytest.mark.parametrize("name", ALL)
def test_events_are_in_order_inside_time_and_picture(name):
    count = 0
    for seed in range(4):
        world = world_of(name, seed)
        times = [event.t_s for event in world.events]
        assert times == sorted(times)
        for event in world.events:
            assert world.begin_s < event.t_s <= world.times[-1]
            assert 0.0 <= event.x <= 1.0
            assert 0.0 <= event.y <= 1.0
            assert 0.0 < event.strength <= 1.0
            assert event.kind == "impact"
        count += len(times)
    assert (count == 0) == (name in SILENT | RUBBED | {"tear"})


@pytest.mark.parametrize("name", sorted(SILENT))
def test_silent_families_are_silent(name):
    for seed in range(6):
        world = world_of(name, seed)
        assert world.silent
        assert not world.events


@pytest.mark.parametrize("name", sorted(RUBBED))
def test_rubbing_sounds_while_something_moves(name):
    loudest = 0.0
    for seed in range(6):
        world = world_of(name, seed)
        fastest = np.abs(np.diff(world.pose[:, 0, :, :2], axis=0)).max((1, 2)) * 60.0
        loud = world.friction[1:] > 0.3
        loudest = max(loudest, float(world.friction.max()))
        assert not loud.any() or fastest[loud].min() > 0.05
    assert loudest > 0.3


def test_rubbing_is_silent_while_the_hand_is_lifted():
    """To-and-fro above the surface makes no sound."""
    lifted = moving = 0
    for seed in range(12):
        world = world_of("saw", seed)
        blade = world.pose[:, 0, :, :2]
        speed = np.abs(np.diff(blade, axis=0)).max((1, 2)) * 60.0
        moving += int((speed > 0.4).sum())
        lifted += int(((speed > 0.4) & (world.friction[1:] == 0)).sum())
    assert lifted > 0.08 * moving


def nearest_mover(world: World, place: tuple[float, float], frame: int) -> float:
    """Distance from a place to the nearest edge point of anything that moves, picture widths."""
    pose = world.pose[:, 0]
    moves = (pose[:, :, :8].max(0) - pose[:, :, :8].min(0)).max(-1) > 1e-4
    best = np.inf
    for p in pose[frame][moves]:
        if p[at.ALPHA] < 0.05:
            continue
        dx, dy = place[0] - p[at.CX], place[1] - p[at.CY]
        u, v = dx * p[at.COS] + dy * p[at.SIN], dy * p[at.COS] - dx * p[at.SIN]
        outside = (
            max(abs(u) - p[at.HALF_LENGTH], 0),
            max(abs(v) - max(p[at.HALF_W0], p[at.HALF_W1]), 0),
        )
        best = min(best, float(np.hypot(*outside)))
    return best


@pytest.mark.parametrize("name", CONTACT)
def test_something_that_moves_is_at_the_event_when_it_happens(name):
    """At the time of an event something moving touches its place (not so far from it elsewhere)."""
    gaps = []
    for seed in range(5):
        world = world_of(name, seed)
        for event in world.events:
            frame = int(np.argmin(np.abs(world.times - event.t_s)))
            place = (event.x - 0.5, (event.y - 0.5) * 0.75)
            if 0.02 < event.x < 0.98 and 0.02 < event.y < 0.98:
                gaps.append(nearest_mover(world, place, frame))
    assert len(gaps) >= 2
    assert np.median(gaps) < 0.02
    assert np.mean(np.array(gaps) < 0.06) > 0.85


@pytest.mark.parametrize("name", ["ball", "dribble", "paddle", "drop"])
def test_what_falls_turns_round_at_its_events(name):
    """Around an event something's vertical speed jumps upwards; far from events it does not."""
    jumps = []
    for seed in range(4):
        world = world_of(name, seed)
        height = world.pose[:, 0, :, at.CY]
        speed = np.diff(height, axis=0) * 60.0
        change = (speed[:-1] - speed[1:]).max(1)
        for event in world.events:
            frame = int(np.searchsorted(world.times, event.t_s))
            if event.strength > 0.5 and 2 < frame < len(world.times) - 2:
                jumps.append(change[max(frame - 3, 0) : frame + 2].max())
    assert len(jumps) > 3
    assert np.median(jumps) > 0.4


def test_training_has_odds_for_every_family_and_unknown_names_are_refused():
    assert len(train_odds()) == len(train_families())
    assert min(train_odds()) > 0
    assert set(ALL) == set(train_families()) | set(evaluation_families())
    with pytest.raises(ParameterError, match="scene='nonsense' is unknown"):
        simulate(0, SimSettings(families=("nonsense",)))


@pytest.mark.parametrize("name", ["flag", "reeds", "water", "washing"])
def test_wind_goes_on_evenly_whatever_moments_are_drawn(name):
    few, many = (
        simulate(3, SimSettings(frames=20, families=(name,), subs=subs, conditions=TRIPOD))
        for subs in (1, 3)
    )
    np.testing.assert_allclose(few.pose[:, 0], many.pose[:, 1], atol=1e-4)


def test_postures_end_at_rest():
    for seed in range(200):
        play = SimpleNamespace(act=np.random.default_rng(seed), duration_s=4.0)
        path = postures(play, (0.02, 1.2), 0.4)
        assert path.last == (0.0, 0.5)
        assert path.end_s <= 4.0 - REST_S

"""Worlds filmed askew: picture and truth go together."""

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs the extra [train]")

from synchresis.engines.scenes import Conditions  # noqa: E402
from synchresis.engines.scenes import primitives as at  # noqa: E402
from synchresis.engines.scenes.play import SceneEvent  # noqa: E402
from synchresis.engines.scenes.render import PictureSize, render  # noqa: E402
from synchresis.engines.scenes.world import SimSettings, World, simulate  # noqa: E402
from synchresis.engines.training.motion.askew import askew  # noqa: E402

ROWS, COLS = 120, 160
CLEAN = Conditions(
    fps=(30.0,), fps_weights=(1.0,), aspects=(0.75,), noise=(1e-6, 2e-6), step=(0.0, 0.0),
    blur=(0.0, 0.0), readout_s=(0.0, 0.0), drop=0.0, repeat=0.0, jitter_s=0.0, drift=(0.0, 0.0),
    zoom=0.0, flicker=0.0,
)  # fmt: skip


def spotted(seed: int, *, handheld: bool) -> World:
    """A dark world with one bright spot, at which its event is."""
    conditions = replace(CLEAN, handheld=float(handheld), shake=(0.02, 0.03))
    world = simulate(
        seed, SimSettings(frames=2, families=("still",), subs=1, conditions=conditions)
    )
    pose, look = world.pose[:, :, :2].copy(), world.look[:2].copy()
    pose[..., 1, at.CX], pose[..., 1, at.CY] = 0.1, -0.05
    pose[..., 1, at.HALF_LENGTH] = pose[..., 1, at.HALF_W0] = pose[..., 1, at.HALF_W1] = 0.02
    pose[..., 1, at.ALPHA] = pose[..., 1, at.GAIN] = 1.0
    pose[..., 1, at.BEND] = 0.0
    look[:, at.TEX_AMP] = look[:, at.SHADE] = 0.0
    look[0, at.BLUE : at.RED + 1], look[1, at.BLUE : at.RED + 1] = 0.0, 1.0
    px, py, c, s = world.camera[1, 0]
    seen = complex(0.1 - px, -0.05 - py) / complex(c, s)
    event = SceneEvent(float(world.times[1]), 0.5, seen.real + 0.5, seen.imag / 0.75 + 0.5)
    return replace(world, pose=pose, look=look, events=(event,))


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("handheld", [False, True])
def test_truth_moves_as_the_picture_does(seed: int, handheld: bool) -> None:
    world = spotted(seed, handheld=handheld)
    for one in (world, askew(world, 1.0)):
        picture = render(one, PictureSize(COLS, ROWS))[1].astype(float)
        weight = np.where(picture > 0.5 * picture.max(), picture, 0.0)
        x = (weight.sum(0) * (np.arange(COLS) + 0.5)).sum() / weight.sum() / COLS
        y = (weight.sum(1) * (np.arange(ROWS) + 0.5)).sum() / weight.sum() / ROWS
        assert (x, y) == pytest.approx((one.events[0].x, one.events[0].y), abs=0.012)


def test_a_share_of_worlds_is_askew_and_events_stay_in_the_picture() -> None:
    worlds = [simulate(seed, SimSettings(frames=24, families=("drums",))) for seed in range(40)]
    assert all(askew(world, 0.0) is world for world in worlds)
    half = [askew(world, 0.5) for world in worlds]
    changed = sum(one is not world for one, world in zip(half, worlds, strict=True))
    assert 8 <= changed <= 32
    events = 0
    for world in worlds:
        one, again = askew(world, 1.0), askew(world, 1.0)
        assert np.array_equal(one.camera, again.camera)
        assert [e.t_s for e in one.events] == [e.t_s for e in world.events]
        assert all(0.0 <= event.x <= 1.0 and 0.0 <= event.y <= 1.0 for event in one.events)
        events += len(one.events)
    assert events > 40

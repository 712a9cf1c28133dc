"""The renderer for training draws what the renderer for the live system draws."""

import numpy as np
import pytest

from synchresis.engines.scenes import SimSettings, evaluation_families, simulate, train_families
from synchresis.engines.scenes.batch import stack
from synchresis.engines.scenes.render import PictureSize, render
from synchresis.errors import ParameterError

torch = pytest.importorskip("torch", reason="torch (extra: train) is not installed")

SIZE = (64, 48)


def worlds_of(names, seed, *, codec, frames=3):
    worlds = []
    for k, name in enumerate(names):
        world = simulate(seed + k, SimSettings(frames=frames, subs=2, families=(name,)))
        if not codec:
            world.sensor[:, 6] = 0.0
        worlds.append(world)
    return worlds


def both(worlds, device="cpu", size=SIZE):
    from synchresis.engines.scenes.raster_torch import render_torch

    batched = render_torch(worlds, device, size=size).cpu().numpy().astype(int)
    single = np.stack([render(world, PictureSize(*size)) for world in worlds]).astype(int)
    return batched, single


def test_batched_pictures_equal_single_ones():
    names = train_families() + evaluation_families()
    batched, single = both(worlds_of(names, 40, codec=False, frames=2))
    difference = np.abs(batched - single)
    assert single.std() > 10
    assert difference.max() <= 4
    assert np.mean(difference > 1) < 2e-4


def test_batched_pictures_equal_single_ones_through_the_codec():
    batched, single = both(worlds_of(("hand", "drums", "ball", "walk"), 7, codec=True, frames=6))
    difference = np.abs(batched - single)
    assert difference.mean() < 0.15
    assert np.mean(difference > 2) < 0.02


def test_a_batch_holds_what_its_worlds_hold():
    worlds = worlds_of(("ball", "still", "drums"), 3, codec=False, frames=40)
    batch = stack(worlds)
    assert batch.pose.shape[:3] == (3, 40, 2)
    for k, world in enumerate(worlds):
        used = np.isfinite(batch.events[k, :, 0])
        assert used.sum() == len(world.events)
        np.testing.assert_allclose(batch.events[k, used, 0], [e.t_s for e in world.events])
        assert batch.silent[k] == world.silent
        count = world.pose.shape[2]
        assert not batch.pose[k, :, :, count:, 8].any()
        np.testing.assert_array_equal(batch.times[k], world.times)
    assert batch.names == ("ball", "still", "drums")


def test_worlds_of_different_length_do_not_fit_one_batch():
    worlds = worlds_of(("ball",), 0, codec=False) + worlds_of(("ball",), 0, codec=False, frames=5)
    with pytest.raises(ParameterError, match="equally many frames"):
        stack(worlds)


@pytest.mark.gpu
def test_the_gpu_draws_the_same_pictures():
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    batched, single = both(worlds_of(train_families(), 80, codec=False), "cuda", (160, 120))
    difference = np.abs(batched - single)
    assert difference.max() <= 8
    assert np.mean(difference > 1) < 1e-3

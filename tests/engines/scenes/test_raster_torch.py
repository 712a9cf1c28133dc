"""The renderer for training draws what the renderer for the live system draws."""

import numpy as np
import pytest

from synchresis.engines.scenes import (
    SimSettings,
    evaluation_families,
    sensor,
    simulate,
    train_families,
)
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


def test_the_batched_codec_equals_the_single_one_at_key_and_skipped_frames(rng):
    from synchresis.engines.scenes import sensor_torch

    film = (0.5 + 0.01 * rng.standard_normal((6, 24, 32))).astype(np.float32)
    film[3:] += 0.1
    rows = np.zeros((6, sensor.SENSOR_SIZE), np.float32)
    rows[:, sensor.STEP], rows[:, sensor.SKIP] = 0.004, 0.02
    rows[[0, 2], sensor.KEY] = 1.0
    coded, single = np.zeros((24, 32, 1), np.float32), []
    for picture, row in zip(film, rows, strict=True):
        sensor.encode(picture[:, :, None], row, sensor.dct_matrix(), coded)
        single.append((coded[:, :, 0] * 255 + 0.5).clip(0, 255).astype(np.uint8))
    shown = torch.arange(6)[None]
    batched = sensor_torch.encode(torch.from_numpy(film)[None], torch.from_numpy(rows)[None], shown)
    difference = np.abs(batched[0].numpy().astype(int) - np.stack(single))
    assert np.mean(difference > 0) < 0.01
    assert (single[1] == single[0]).all()
    assert (single[2] != single[1]).any()


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

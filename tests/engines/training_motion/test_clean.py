"""Worlds filmed by quiet cameras."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs the extra [train]")

from synchresis.engines.scenes import sensor as sense  # noqa: E402
from synchresis.engines.scenes.render import PictureSize, render  # noqa: E402
from synchresis.engines.scenes.world import SimSettings, simulate  # noqa: E402
from synchresis.engines.training.motion.clean import COLUMNS, QUIETER, clean  # noqa: E402

WORLDS = [simulate(seed, SimSettings(frames=6, families=("still",))) for seed in range(12)]


def flicker(world):
    """Mean change from frame to frame, grey."""
    grey = np.stack([np.array(picture, float) for picture in render(world, PictureSize(160, 120))])
    return np.abs(np.diff(grey, axis=0)).mean()


def test_noise_and_codec_are_smaller_and_all_else_is_as_it_was():
    low, high = QUIETER
    others = np.setdiff1d(np.arange(sense.SENSOR_SIZE), COLUMNS)
    for world in WORLDS:
        before, seen = world.sensor.copy(), clean(world, 1.0)
        np.testing.assert_array_equal(world.sensor, before)
        np.testing.assert_array_equal(seen.sensor[:, others], before[:, others])
        ratio = seen.sensor[:, sense.READ] / before[:, sense.READ]
        assert np.ptp(ratio) < 1e-6 and low <= ratio[0] <= high
        np.testing.assert_allclose(seen.sensor[:, sense.STEP], before[:, sense.STEP] * ratio[0])
    assert sum(flicker(clean(world, 1.0)) < flicker(world) for world in WORLDS) > 8


def test_a_share_of_seeds_is_clean_the_same_every_time():
    assert all(clean(world, 0.0) is world for world in WORLDS)
    found = [clean(world, 0.5) is not world for world in WORLDS]
    assert 0 < sum(found) < len(WORLDS)
    assert found == [clean(world, 0.5) is not world for world in WORLDS]

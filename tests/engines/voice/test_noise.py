import numpy as np

from synchresis.engines.voice.noise import fill_normal


def noise(seed: int, zone: int, sample: int, width: int = 4000) -> np.ndarray:
    out = np.empty((1, width), np.float32)
    fill_normal(np.uint64(seed), np.array([zone], np.uint64), np.array([sample], np.uint64), out)
    return out[0]


def test_is_standard_normal() -> None:
    many = np.concatenate([noise(1, 0, 256 * hop) for hop in range(50)])
    assert abs(many.mean()) < 0.01
    assert abs(many.std() - 1) < 0.01
    assert abs((many**4).mean() - 3) < 0.1
    assert np.abs(np.corrcoef(many[:-1], many[1:])[0, 1]) < 0.01


def test_depends_on_seed_zone_and_sample_only() -> None:
    first = noise(1, 2, 512)
    noise(5, 5, 5)
    np.testing.assert_array_equal(first, noise(1, 2, 512))
    for other in (noise(2, 2, 512), noise(1, 3, 512), noise(1, 2, 768)):
        assert abs(np.corrcoef(first, other)[0, 1]) < 0.06


def test_rows_of_a_batch_are_those_of_single_zones() -> None:
    both = np.empty((2, 33), np.float32)
    numbers = np.array([7, 3], np.uint64)
    fill_normal(np.uint64(9), numbers, np.array([256, 512], np.uint64), both)
    np.testing.assert_array_equal(both[0], noise(9, 7, 256, 33))
    np.testing.assert_array_equal(both[1], noise(9, 3, 512, 33))


def test_samples_far_into_a_long_run_still_differ() -> None:
    far = 2**53
    assert abs(np.corrcoef(noise(1, 0, far), noise(1, 0, far + 256))[0, 1]) < 0.06

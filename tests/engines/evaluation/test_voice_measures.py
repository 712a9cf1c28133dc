import numpy as np
import pytest

from synchresis.engines.evaluation import voice_judges as judges
from synchresis.engines.evaluation import voice_measures as measures
from synchresis.engines.timebase import SAMPLE_RATE


def burst(rng: np.random.Generator, *, delay: int = 0, decay: float = 80.0) -> np.ndarray:
    time = np.arange(12_000) / SAMPLE_RATE
    sound = rng.standard_normal(12_000) * np.exp(-time * decay)
    return np.pad(sound, (delay, 0))[:12_000].astype(np.float32)


def test_distances_are_zero_for_the_same_and_grow(rng: np.random.Generator) -> None:
    sound = burst(rng)
    assert measures.mel_distance(sound, sound) == 0
    assert measures.stft_distance(sound, sound) == 0
    near, far = measures.mel_distance(1.1 * sound, sound), measures.mel_distance(3 * sound, sound)
    assert 0 < near < far < 1.2


def test_log_mel_of_a_full_scale_sine_is_near_zero_at_its_band() -> None:
    time = np.arange(9600) / SAMPLE_RATE
    sine = np.sin(2 * np.pi * 3000 * time).astype(np.float32)
    assert -2.0 < measures.log_mel(sine)[10].max() < 0.1


def test_loudness_of_known_levels() -> None:
    assert measures.loudness_db(np.full(4800, 0.1, np.float32)) == pytest.approx(-20, abs=0.01)


def test_clicks_at_borders_are_seen(rng: np.random.Generator) -> None:
    smooth = np.sin(np.arange(25_600) * 0.05).astype(np.float32)
    smooth += 1e-3 * rng.standard_normal(len(smooth)).astype(np.float32)
    assert abs(measures.border_click_db(smooth, 256)) < 3
    clicking = smooth.copy()
    clicking[::256] += 0.05
    assert measures.border_click_db(clicking, 256) > 10


def test_judges_tell_bright_from_dull_and_not_same_from_same(rng: np.random.Generator) -> None:
    bright = [burst(rng) for _ in range(24)]
    dull = [
        np.convolve(burst(rng), np.ones(16) / 16)[:12_000].astype(np.float32) for _ in range(24)
    ]
    rows = np.stack([judges.features(sound) for sound in bright + dull])
    labels = np.repeat([3, 7], 24)
    judge = judges.Discriminant.fit(rows[::2], labels[::2])
    assert (judge.predict(rows[1::2]) == labels[1::2]).mean() > 0.9
    heard = [np.stack([judges.texture_features(s) for s in part]) for part in (bright, dull)]
    again = np.stack([judges.texture_features(burst(rng)) for _ in range(24)])
    assert judges.real_or_made_auc(heard[0], heard[1]) > 0.95
    assert 0.2 < judges.real_or_made_auc(heard[0], again) < 0.8

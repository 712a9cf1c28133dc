import csv

import numpy as np
import pytest

from synchresis.engines.evaluation.rates import pairs
from synchresis.engines.onsets import find_onsets
from synchresis.errors import ParameterError

RATE = 48_000


def struck(times, gains, rng, *, length_s=4.0, noise=1e-4):
    sound = noise * rng.standard_normal(round(length_s * RATE))
    age = np.arange(round(0.3 * RATE)) / RATE
    for time, gain in zip(times, gains, strict=True):
        ring = np.exp(-age / 0.05) * (
            np.sin(2 * np.pi * 700 * age) + 0.5 * rng.standard_normal(len(age))
        )
        first = round(time * RATE)
        sound[first : first + len(age)] += gain * ring[: len(sound) - first]
    return sound.astype(np.float32)


@pytest.mark.parametrize("rate", [48_000, 16_000])
def test_hits_are_found_within_five_milliseconds_with_their_strength(rng, rate):
    times = np.array([0.5, 0.9, 1.4, 2.2, 3.1])
    gains = np.array([1.0, 0.5, 0.7, 0.25, 1.0])
    sound = struck(times, gains, rng)[:: RATE // rate]
    found = find_onsets(sound, rate)
    assert len(found.time_s) == 5
    assert np.abs(found.time_s - times).max() < 0.005
    assert np.abs(found.level_db - 20 * np.log10(gains)).max() < 3
    assert np.all(np.diff(found.strength[[0, 2, 1, 3]]) < 0)


def test_silence_noise_and_a_swelling_tone_have_no_onsets(rng):
    silence = np.zeros(RATE, np.float32)
    age = np.arange(4 * RATE) / RATE
    swell = (0.3 * np.sin(2 * np.pi * 440 * age) * np.sin(np.pi * age / 4)).astype(np.float32)
    for sound in (silence, swell):
        assert len(find_onsets(sound, RATE).time_s) == 0
    noise = 0.1 * rng.standard_normal(4 * RATE).astype(np.float32)
    assert len(find_onsets(noise, RATE).time_s) <= 1


def test_level_of_the_recording_does_not_matter(rng):
    sound = struck([0.5, 1.5, 2.5], [1, 1, 0.5], rng)
    one, two = find_onsets(sound, RATE), find_onsets(0.01 * sound, RATE)
    np.testing.assert_allclose(one.time_s, two.time_s, atol=1e-3)


def test_refusals():
    with pytest.raises(ParameterError, match="mono"):
        find_onsets(np.zeros((2, 100), np.float32), RATE)


def test_finds_the_onsets_of_the_core_clips(clips_dir):
    import soundfile

    hits = found = true = 0
    for row in csv.DictReader((clips_dir / "manifest.csv").open()):
        if row["core"] != "yes":
            continue
        sound, rate = soundfile.read(clips_dir / row["flac"], dtype="float32")
        onsets = csv.DictReader((clips_dir / row["onsets"]).open())
        truth = np.array([float(o["time_s"]) for o in onsets if o["salient"] == "1"])
        times = find_onsets(sound, rate).time_s
        hits, found, true = (
            hits + len(pairs(times, truth, 0.02)),
            found + len(times),
            true + len(truth),
        )
    assert 2 * hits / (found + true) > 0.88


@pytest.mark.parametrize("length_s", [4.001, 8.003, 64.04])
def test_any_length_can_be_read(rng, length_s):
    """Where steps of a millisecond add up to a little less than the length, there is one more."""
    sound = struck(np.array([1.0, 2.0, 3.0]), np.ones(3), rng, length_s=length_s)
    assert find_onsets(sound, RATE).time_s == pytest.approx([1.0, 2.0, 3.0], abs=0.005)

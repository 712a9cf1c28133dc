import numpy as np
import pytest

from synchresis.realtime.hearing import hear_onsets

RATE = 48_000


def ring(rng, length=24_000, decay_s=0.1, tone=None):
    time = np.arange(length) / RATE
    carrier = rng.standard_normal(length) if tone is None else np.cos(2 * np.pi * tone * time)
    return (carrier * np.exp(-time / decay_s)).astype(np.float32)


def laid(rng, places, gains, **kind):
    sound = np.zeros(max(places) + 30_000, np.float32)
    for place, gain in zip(places, gains, strict=True):
        hit = ring(rng, **kind)
        sound[place : place + len(hit)] += gain * hit
    return sound


@pytest.mark.parametrize("kind", [{}, {"tone": 440.0}, {"tone": 3000.0, "decay_s": 0.2}])
def test_onsets_are_heard_to_a_third_of_a_millisecond(rng, kind):
    places = [5_000, 29_017, 60_003, 95_111]
    heard = hear_onsets(laid(rng, places, [0.5, 0.3, 0.8, 0.5], **kind))
    assert len(heard) == 4
    assert np.abs(heard - places).max() <= 16


def test_slow_attack_counts_from_a_tenth_of_the_peak(rng):
    rise = np.sin(np.linspace(0, np.pi / 2, 64)) ** 2
    sound = laid(rng, [10_000], [0.5], tone=1000.0)
    sound[10_000:10_064] *= rise
    (heard,) = hear_onsets(sound)
    assert 0 <= heard - 10_000 <= 48


def test_noise_silence_and_slow_swells_are_no_onsets(rng):
    assert len(hear_onsets(np.zeros(48_000, np.float32))) == 0
    noise = 0.1 * rng.standard_normal(96_000).astype(np.float32)
    noise[:4_800] *= np.linspace(0, 1, 4_800, dtype=np.float32) ** 2
    assert len(hear_onsets(noise, floor=0.05)) <= 1
    swell = np.sin(2 * np.pi * 500 * np.arange(96_000) / RATE) * np.linspace(0.05, 1, 96_000)
    assert len(hear_onsets(swell.astype(np.float32)[4_800:], floor=0.01)) <= 1


def test_hits_closer_than_asked_count_once(rng):
    sound = laid(rng, [10_000, 11_000, 20_000], [0.3, 0.9, 0.5], decay_s=0.005)
    assert len(hear_onsets(sound)) == 2
    assert len(hear_onsets(sound, apart_s=0.01)) == 3


def test_short_and_empty_sounds_have_none():
    assert len(hear_onsets(np.zeros(0, np.float32))) == 0
    assert len(hear_onsets(np.ones(5, np.float32))) == 0

"""Attack errors on hits made up so that the right answer is known."""

from types import SimpleNamespace

import numpy as np
import pytest

from synchresis.engines.evaluation import voice_attacks as attacks
from synchresis.engines.evaluation.voice import short_rises
from synchresis.engines.evaluation.voice_table import attacks_table
from synchresis.engines.evaluation.voice_takes import far_shares, takes_apart
from synchresis.engines.timebase import SAMPLE_RATE
from synchresis.engines.training.voice.recordings import Recordings

LENGTH = 9600


def hit(delay_ms: float = 0.0, *, rise_ms: float = 1.0, fade_ms: float = 0.0) -> np.ndarray:
    """A 1 kHz tone that rises and decays, after silence; faded in from its onset on."""
    since = 1e3 * np.arange(LENGTH) / SAMPLE_RATE - delay_ms
    level = np.clip(since / rise_ms, 0, 1) * np.exp(-0.03 * np.maximum(since - rise_ms, 0))
    if fade_ms:
        level *= np.clip(since / fade_ms, 0, 1)
    return (level * np.sin(2 * np.pi * since)).astype(np.float32)


def knock(gap_ms: float, second: float) -> np.ndarray:
    """Two hits, the second `second` times as loud."""
    return (hit() + second * hit(gap_ms)).astype(np.float32)


@pytest.mark.parametrize("error", attacks.ERRORS.values(), ids=attacks.ERRORS)
@pytest.mark.parametrize("delay_ms", [2.0, 9.0, 20.0, 40.0])
@pytest.mark.parametrize("loudness", [1.0, 0.1])
def test_a_shift_is_read_as_it_is(error, delay_ms: float, loudness: float) -> None:
    late = loudness * hit(delay_ms)
    assert error(late, hit()) == pytest.approx(delay_ms, abs=0.05)
    assert error(hit(), late) == pytest.approx(-delay_ms, abs=0.05)
    assert error(late, late) == 0


def test_what_comes_before_a_shifted_target_is_early() -> None:
    assert attacks.attack_error_ms(knock(30, 2.0), hit(30)) == pytest.approx(0.0, abs=0.6)
    assert attacks.attack_error_ms(knock(30, 0.5), hit(30)) == pytest.approx(-30.0, abs=0.6)


@pytest.mark.parametrize(("fade_ms", "least", "most"), [(10, 5, 9), (20, 12, 17), (30, 16, 24)])
def test_a_fade_in_is_late(fade_ms: float, least: float, most: float) -> None:
    assert least < attacks.attack_error_ms(hit(fade_ms=fade_ms), hit()) < most
    assert attacks.onset_error_ms(hit(fade_ms=fade_ms), hit()) < least


def test_a_smeared_attack_is_late() -> None:
    rng = np.random.default_rng(1)
    starts = np.linspace(0, 20, 24)
    smeared = sum(rng.choice([-1, 1]) * hit(start) for start in starts) / np.sqrt(len(starts))
    assert attacks.attack_error_ms(smeared.astype(np.float32), hit()) > 5


def test_a_second_knock_of_the_real_hit_counts_by_its_first() -> None:
    slow = knock(25, 1.6)
    assert attacks.attack_error_ms(slow, slow) == 0
    assert attacks.attack_error_ms(knock(35, 1.6), slow) == pytest.approx(0.0, abs=0.6)
    assert attacks.loudest_error_ms(knock(35, 1.6), slow) == pytest.approx(10.0, abs=0.6)


@pytest.mark.parametrize("error", attacks.ERRORS.values(), ids=attacks.ERRORS)
def test_silence_never_rises(error) -> None:
    silence = np.zeros(LENGTH, np.float32)
    assert error(silence, silence) == 0
    assert error(silence, hit()) > 50
    assert error(hit(), silence) < -50
    assert error(silence[:10], hit()[:2048]) > 50


@pytest.mark.parametrize("rise", [2.0, 20.0])
def test_short_rises_are_told_from_long_ones(rise: float) -> None:
    sound = hit(rise_ms=rise)
    assert rise - 1 < attacks.rise_ms(sound) < rise + 3
    row = {"rise_ms": attacks.rise_ms(sound)}
    for prefix in ("", "copy_", "sampler_"):
        row |= {f"{prefix}{name}_ms": -3.0 for name in attacks.ERRORS}
    found = short_rises([row])
    assert found["count"] == (rise < 8)
    assert ("attack_median_ms" in found) == (rise < 8)
    if rise < 8:
        assert found["attack_median_ms"] == found["copy_attack_median_ms"] == 3.0


def recordings() -> Recordings:
    """Five of one family, late by 0, 5, 10, 0 and 20 ms; one of another."""
    delays = (0.0, 5.0, 10.0, 0.0, 20.0, 0.0)
    count = len(delays)
    return Recordings(
        samples=np.concatenate([hit(delay) for delay in delays]),
        offset=np.arange(count) * LENGTH,
        length=np.full(count, LENGTH),
        family=np.array([0, 0, 0, 0, 0, 1]),
        palette=np.zeros(2, np.int64),
        strength=np.array([1.0, 0.95, 0.3, 0.6, 0.62, 1.0], np.float32),
        trusted=np.array([True, True, True, False, True, True]),
        decay60_s=np.ones(count, np.float32),
        files=tuple("abcdef"),
        families=("p/f", "p/g"),
        palettes=("p",),
    )


def test_real_takes_are_compared_with_takes_as_hard() -> None:
    found = takes_apart(recordings())
    assert found["all"]["pairs"] == 2
    assert found["known_strength"]["pairs"] == 1
    for name in attacks.ERRORS:
        assert found["all"][f"{name}_median_ms"] == pytest.approx(12.5, abs=0.1)
        assert found["known_strength"][f"{name}_p95_ms"] == pytest.approx(5.0, abs=0.1)


def test_far_attacks_stand_beside_those_of_real_takes() -> None:
    wanted = [
        SimpleNamespace(sound=hit(), family="p/f", kind="take", strength=strength)
        for strength in (1.0, 0.61)
    ]
    unknown = SimpleNamespace(sound=hit(), family="p/h", kind="family", strength=1.0)
    draws = [[hit(delay) for delay in delays] for delays in ((9.0, 2.0, 30.0), (12.0, 7.0, 0.0))]
    found = far_shares(recordings(), [*wanted, unknown], draws)
    # Takes of strength 1 are 0 and 5 ms off, those of 0.6 are 0 and 20.
    assert (found["hits"], found["draws"]) == (2, 2)
    assert found["real_takes"] == 0.25
    assert found["made"] == 0.5
    assert found["made_less_real"] == 0.25
    assert found["made_less_real_lowest"] == -0.5
    assert found["made_less_real_highest"] == 1.0


def test_the_table_holds_hits_and_real_takes() -> None:
    errors = {f"{name}_ms": 4.0 for name in attacks.ERRORS}
    row = {"rise_ms": 2.0}
    for prefix in ("", "copy_", "sampler_"):
        row |= {f"{prefix}{name}": error for name, error in errors.items()}
    short = short_rises([row])
    report = {"hits": {"all": short}, "short_rises": short, "takes": takes_apart(recordings())}
    lines = attacks_table(report).splitlines()
    assert len(lines) == 5
    assert lines[1].split()[2:] == ["4.0/4.0"] * 9
    assert lines[4].split()[-3:] == ["5.0/5.0"] * 3


def test_rises_tell_when_hits_come_and_how_many_have_a_louder_knock_later() -> None:
    found = attacks.rises([hit(2.0), hit(4.0), hit(6.0), knock(30, 3.0)])
    own = attacks.attack_ms(hit())
    assert found["first_rise_p5_ms"] == pytest.approx(own + 0.3, abs=0.1)
    assert found["first_rise_median_ms"] == pytest.approx(own + 3.0, abs=0.1)
    assert found["first_rise_p95_ms"] == pytest.approx(own + 5.7, abs=0.1)
    assert found["knocks_later"] == 0.25

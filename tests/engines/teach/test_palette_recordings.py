from pathlib import Path

import numpy as np
import pytest
import soundfile

from synchresis.engines.teach.palette_recordings import read_folder, read_hits, usable
from synchresis.errors import InputError

RATE = 48_000


def knock(seconds: float = 1.0, *, at: float = 0.3, pitch: float = 700.0) -> np.ndarray:
    time = np.arange(int(seconds * RATE)) / RATE
    since = time - at
    tone = np.sin(2 * np.pi * pitch * since) * np.exp(-np.maximum(since, 0) * 40) * (since >= 0)
    noise = 1e-5 * np.random.default_rng(0).standard_normal(len(time))
    return (0.5 * tone + noise).astype(np.float32)


def write(folder: Path, name: str, sound: np.ndarray, rate: int = RATE) -> None:
    soundfile.write(folder / name, sound, rate, subtype="FLOAT")


def reason(folder: Path, name: str) -> str:
    _, refused = read_folder(folder)
    return {bad.name: bad.reason for bad in refused}[name]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path, "good.wav", knock())
    return tmp_path


def test_a_good_one_starts_at_its_onset_and_is_levelled(folder: Path) -> None:
    write(folder, "soft.wav", 0.1 * knock())
    heard, refused = read_folder(folder)
    assert not refused
    by_name = {one.name: one for one in heard}
    assert np.abs(by_name["good.wav"].sound).max() == pytest.approx(1.0)
    assert by_name["good.wav"].strength == 1.0
    assert by_name["soft.wav"].strength == pytest.approx(0.5, abs=0.01)
    assert np.abs(by_name["good.wav"].sound[:200]).max() > 0.5


def test_other_rates_are_resampled(folder: Path) -> None:
    write(folder, "slow.wav", knock()[::2], RATE // 2)
    heard, _ = read_folder(folder)
    lengths = {one.name: len(one.sound) for one in heard}
    assert lengths["slow.wav"] == pytest.approx(lengths["good.wav"], rel=0.1)


def test_each_bad_one_is_named_with_its_reason(folder: Path) -> None:
    write(folder, "silent.wav", np.zeros(RATE, np.float32))
    write(folder, "clipped.wav", np.clip(20 * knock(), -0.9, 0.9))
    write(folder, "twice.wav", knock() + knock(at=0.6))
    time = np.arange(RATE) / RATE
    mains = sum(0.01 / n * np.sin(2 * np.pi * 50 * n * time) for n in (1, 2, 3))
    write(folder, "hum.wav", knock() + mains)
    write(folder, "slow.wav", knock()[::10], 4800)
    write(folder, "nan.wav", np.where(np.arange(RATE) == 5, np.nan, knock()))
    (folder / "text.wav").write_text("this is no sound")
    heard, refused = read_folder(folder)
    assert [one.name for one in heard] == ["good.wav"]
    reasons = {bad.name: bad.reason for bad in refused}
    for name, word in {
        "silent.wav": "silent",
        "clipped.wav": "clipped",
        "twice.wav": "2 hits",
        "hum.wav": "mains hum at 50 Hz",
        "slow.wav": "4800 Hz",
        "nan.wav": "no numbers",
        "text.wav": "cannot be read",
    }.items():
        assert word in reasons[name], (name, reasons[name])


def test_nothing_usable_is_an_error_with_the_reasons(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not there"):
        read_folder(tmp_path / "absent")
    with pytest.raises(InputError, match="no recordings"):
        read_folder(tmp_path)
    write(tmp_path, "silent.wav", np.zeros(RATE, np.float32))
    with pytest.raises(InputError, match=r"silent\.wav: silent"):
        read_folder(tmp_path)


def test_a_steady_hum_is_called_a_hum() -> None:
    """Its crests are as flat as clipped ones."""
    age = np.arange(96_000) / 48_000
    sound = (0.3 * np.sin(2 * np.pi * 50 * age) + 0.1 * np.sin(2 * np.pi * 150 * age)).astype("f4")
    sound[:48_000] *= 0.02
    with pytest.raises(InputError, match="mains hum at 50 Hz"):
        usable(sound)


def test_hits_are_cut_from_a_long_recording(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    sound = (1e-5 * rng.standard_normal(5 * 48_000)).astype("f4")
    age = np.arange(36_000) / 48_000
    for time_s, gain in ((0.5, 1.0), (1.5, 0.5), (2.5, 1.0), (2.6, 1.0), (4.0, 0.8)):
        first = round(48_000 * time_s)
        ring = gain * np.exp(-age / 0.08) * rng.standard_normal(len(age))
        sound[first : first + len(age)] += (0.2 * ring).astype("f4")
    soundfile.write(tmp_path / "take.1.wav", sound, 48_000)
    heard, refused = read_hits(tmp_path / "take.1.wav")
    strengths = {
        round(float(one.name.removeprefix("take_1-").removesuffix("ms")), -1): one.strength
        for one in heard
    }
    assert {500, 1500, 4000} <= strengths.keys()
    assert strengths[500] == pytest.approx(1.0, abs=0.05)
    assert strengths[1500] == pytest.approx(1 - 6 / 40, abs=0.06)
    (drowned,) = (bad for bad in refused if "ms" in bad.name and "over what" in bad.reason)
    assert 2570 < float(drowned.name.removeprefix("take_1-").removesuffix("ms")) < 2610


def test_a_long_recording_without_hits_is_refused(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "silent.wav", np.zeros(96_000, np.float32), 48_000)
    with pytest.raises(InputError, match="silent"):
        read_hits(tmp_path / "silent.wav")
    with pytest.raises(InputError, match="is not there"):
        read_hits(tmp_path / "nothing")
    hum = 0.3 * np.sin(2763 * np.arange(2 * RATE) / RATE)
    write(tmp_path, "hum.wav", hum)
    with pytest.raises(InputError, match=r"hum\.wav: no hit is heard"):
        read_hits(tmp_path / "hum.wav")

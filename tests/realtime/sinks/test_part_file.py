"""What a performance is written into keeps what is there, and what a killed one left."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from synchresis.realtime.sinks import SoundFileSink


def clicks(count: int, place: int) -> np.ndarray:
    """Silence with one click, float32[count, 2]."""
    sound = np.zeros((count, 2), np.float32)
    sound[place] = 0.5
    return sound


def test_a_performance_does_not_take_the_place_of_another(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "out.wav"
    for place in (300, 400, 500):
        sink = SoundFileSink(path, keeps=True)
        sink.write(clicks(1000, place))
        sink.close()
    names = ("out.before.wav", "out.before2.wav", "out.wav")
    for name, place in zip(names, (300, 400, 500), strict=True):
        np.testing.assert_array_equal(soundfile.read(tmp_path / name)[0], clicks(1000, place))
    assert sorted(one.name for one in tmp_path.iterdir()) == sorted(names)
    assert [text.rpartition(" ")[2] for text in caplog.messages] == [
        str(tmp_path / name) for name in names[:2]
    ]
    film = SoundFileSink(path)  # what can be made again replaces
    film.write(clicks(1000, 600))
    film.close()
    assert len(list(tmp_path.iterdir())) == 3


def test_what_a_killed_performance_left_gets_a_name(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    dead = subprocess.Popen([sys.executable, "-c", "pass"])
    dead.wait()
    names = (f".out.wav.{dead.pid}.part", f".out.wav.{os.getppid()}.part", ".oat.wav.1.part")
    orphan, alive, other = (tmp_path / name for name in names)
    for one in (orphan, alive, other):
        one.write_bytes(b"sound")
    SoundFileSink(tmp_path / "out.wav").abort()
    assert orphan.exists()
    SoundFileSink(tmp_path / "out.wav", keeps=True).abort()
    kept = tmp_path / "out.broken-off.wav"
    assert sorted(tmp_path.iterdir()) == sorted([alive, other, kept])
    assert caplog.messages == [f"what an earlier run had recorded is kept as {kept}"]

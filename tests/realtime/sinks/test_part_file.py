"""What a performance is written into keeps what is there, and what a killed one left."""

import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from synchresis.errors import InputError
from synchresis.realtime.sinks import SoundFileSink
from synchresis.realtime.sinks.part_file import PartFile


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


KILLED = """
import os, signal, sys
import numpy as np
from synchresis.realtime.sinks import SoundFileSink

sink = SoundFileSink(sys.argv[1], keeps=True)
for _ in range(int(sys.argv[2])):
    sink.write(np.full((480, 2), 0.25, np.float32))
os.kill(os.getpid(), signal.SIGKILL)
"""


def killed(path: Path, blocks: int) -> None:
    """A performance that is killed after so many blocks."""
    done = subprocess.run([sys.executable, "-c", KILLED, str(path), str(blocks)], check=False)
    assert done.returncode < 0
    assert len(list(path.parent.glob(f".{path.name}.*.part"))) == 1


@pytest.mark.parametrize(("ending", "how"), [("wav", ""), ("flac", "; FFmpeg reads it")])
def test_what_a_killed_performance_left_gets_a_name(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, ending: str, how: str
) -> None:
    path = tmp_path / f"out.{ending}"
    killed(path, 400)
    SoundFileSink(path).abort()  # what can be made again does not look
    assert len(list(tmp_path.iterdir())) == 1
    SoundFileSink(path, keeps=True).abort()
    kept = tmp_path / f"out.broken-off.{ending}"
    assert list(tmp_path.iterdir()) == [kept]
    assert caplog.messages == [f"what an earlier run had recorded is kept as {kept}{how}"]
    with av.open(str(kept)) as film:
        sound = np.concatenate([frame.to_ndarray() for frame in film.decode(audio=0)], 1)
    assert sound.size > 2 * 480 * 300
    SoundFileSink(path, keeps=True).abort()
    assert list(tmp_path.iterdir()) == [kept]


def test_a_killed_performance_that_had_not_begun_leaves_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    killed(tmp_path / "out.wav", 0)
    SoundFileSink(tmp_path / "out.wav", keeps=True).abort()
    assert list(tmp_path.iterdir()) == [] and caplog.messages == []


def test_what_is_being_written_or_has_another_name_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "out.wav"
    writing = PartFile(path, process=4_000_001)
    other = tmp_path / ".outxwav.4000002.part"
    for one in (writing.temporary, other):
        one.write_bytes(bytes(1000))
    assert writing.hold() and not PartFile(path, process=4_000_001).hold()
    SoundFileSink(path, keeps=True).abort()
    assert sorted(tmp_path.iterdir()) == sorted([writing.temporary, other])
    writing.release()
    SoundFileSink(path, keeps=True).abort()
    assert sorted(one.name for one in tmp_path.iterdir()) == [other.name, "out.broken-off.wav"]


def test_a_file_that_cannot_get_its_name_leaves_the_older_one(tmp_path: Path) -> None:
    path = tmp_path / "out.wav"
    path.write_bytes(b"older")
    sink = SoundFileSink(path, keeps=True)
    sink.write(clicks(1000, 300))
    for part in tmp_path.glob("*.part"):
        part.unlink()
    with pytest.raises(InputError, match=r"out\.wav: cannot be written"):
        sink.close()
    assert path.read_bytes() == b"older"
    assert list(tmp_path.iterdir()) == [path]

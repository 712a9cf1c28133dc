import math
import os
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from synchresis.engines.motion.parser import GAP_NS
from synchresis.errors import InputError
from synchresis.realtime.sources.file import FileSource
from synchresis.realtime.sources.limit import HeldFilm, LimitedFilm

Write = Callable[..., Path]


@pytest.fixture
def write_video(tmp_path: Path) -> Write:
    """Writes grey pictures of the given values at the given times, milliseconds."""

    def write(
        greys: list[int],
        times_ms: list[int],
        *,
        name: str = "film.mkv",
        turn: int = 0,
        corner: bool = False,
    ) -> Path:
        path = tmp_path / name
        with av.open(str(path), "w") as out:
            stream = out.add_stream("libx264", rate=25)
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
            stream.options = {"bf": "0", "crf": "10"}
            stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
            if turn:
                stream.set_display_rotation(turn)
            for grey, time_ms in zip(greys, times_ms, strict=True):
                picture = np.full((48, 64, 3), grey, np.uint8)
                if corner:
                    picture[:16, :16] = 255
                frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
                frame.pts, frame.time_base = time_ms, Fraction(1, 1000)
                out.mux(stream.encode(frame))
            out.mux(stream.encode(None))
        return path

    return write


def test_times_are_those_of_the_file_from_its_first_frame(write_video: Write) -> None:
    times = [200, 233, 300, 301, 900, 1000]
    source = FileSource(write_video([10, 60, 110, 160, 210, 250], times))
    frames = list(source)
    assert [f.captured_ns // 1_000_000 for f in frames] == [t - 200 for t in times]
    assert [f.sequence for f in frames] == list(range(6))
    greys = [float(f.picture.mean()) for f in frames]
    assert greys == pytest.approx([10, 60, 110, 160, 210, 250], abs=4)
    assert {f.clock_id for f in frames} == {"virtual"}
    assert source.end_ns >= frames[-1].captured_ns
    assert not frames[0].picture.flags.writeable
    source.close()


def test_repeated_and_backward_times_are_left_out(
    write_video: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = FileSource(write_video([10, 60, 110, 160], [0, 40, 80, 120]))
    clean = list(source._pictures())
    dirty = [clean[0], clean[0], clean[1], clean[2], clean[1], clean[2], clean[3]]
    monkeypatch.setattr(source, "_pictures", lambda: iter(dirty))
    frames = list(source)
    assert [f.captured_ns // 1_000_000 for f in frames] == [0, 40, 80, 120]
    assert [f.sequence for f in frames] == [0, 1, 2, 3]


def test_end_is_the_end_of_the_last_frame(write_video: Write) -> None:
    source = FileSource(write_video([10] * 50, list(range(0, 2000, 40)), name="film.mp4"))
    frames = list(source)
    assert len(frames) == 50
    assert source.nominal_fps == pytest.approx(25, rel=0.03)
    assert source.end_ns == pytest.approx(2_000_000_000, abs=40_000_000)


@pytest.mark.parametrize(
    ("turn", "place"), [(90, "bottom left"), (-90, "top right"), (180, "bottom right")]
)
def test_pictures_stand_upright(write_video: Write, turn: int, place: str) -> None:
    """The file asks for a counter-clockwise turn; its white corner was at the top left."""
    path = write_video([50] * 5, list(range(0, 200, 40)), name="film.mp4", turn=turn, corner=True)
    picture = next(iter(FileSource(path))).picture
    assert picture.shape == ((48, 64, 3) if turn == 180 else (64, 48, 3))
    corners = {
        "top left": picture[:12, :12],
        "top right": picture[:12, -12:],
        "bottom left": picture[-12:, :12],
        "bottom right": picture[-12:, -12:],
    }
    assert max(corners, key=lambda name: float(corners[name].mean())) == place


def test_damage_in_the_middle_costs_frames_only(write_video: Write) -> None:
    path = write_video([10, 200] * 60, list(range(0, 4800, 40)))
    whole = len(list(FileSource(path)))
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 150] = os.urandom(150)
    path.write_bytes(data)
    frames = list(FileSource(path))
    assert 0 < len(frames) <= whole
    assert all(np.diff([f.captured_ns for f in frames]) > 0)


def test_a_truncated_file_plays_as_far_as_it_goes(write_video: Write) -> None:
    path = write_video([10, 200] * 60, list(range(0, 4800, 40)))
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 2 // 3])
    assert 10 < len(list(FileSource(path))) < 120


def sound_only(path: Path) -> Path:
    with av.open(str(path), "w") as out:
        stream = out.add_stream("aac", rate=48_000, layout="stereo")
        silence: NDArray[np.float32] = np.zeros((2, 4800), np.float32)
        frame = av.AudioFrame.from_ndarray(silence, format="fltp", layout="stereo")
        frame.sample_rate = 48_000
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def test_what_is_no_video_is_refused_with_its_name(tmp_path: Path, write_video: Write) -> None:
    rubbish, empty, text = tmp_path / "a.mp4", tmp_path / "b.mp4", tmp_path / "c.mp4"
    rubbish.write_bytes(os.urandom(5000))
    empty.touch()
    text.write_text("no video at all")
    cut = write_video([10] * 5, list(range(0, 200, 40)), name="d.mp4")
    cut.write_bytes(cut.read_bytes()[:200])
    cases = [
        (tmp_path / "none.mp4", "no such file"),
        (tmp_path, "not a file"),
        (empty, "empty"),
        (rubbish, "cannot be read as a video"),
        (text, "cannot be read as a video"),
        (cut, "cannot be read as a video"),
        (sound_only(tmp_path / "e.mp4"), "has no pictures"),
    ]
    for path, match in cases:
        with pytest.raises(InputError, match=match) as error:
            list(FileSource(path))
        assert str(path) in str(error.value)


def test_a_film_can_be_cut_and_held(write_video: Write) -> None:
    path = write_video([10] * 50, list(range(0, 2000, 40)), name="film.mp4")
    film = LimitedFilm(FileSource(path), 1.0)
    assert len(list(film)) == 25
    assert film.end_ns == 1_000_000_000
    held = HeldFilm(LimitedFilm(FileSource(path), 0.5), 0.4)
    frames = list(held)
    gaps_ms = np.diff([f.captured_ns for f in frames]) / 1e6
    assert gaps_ms == pytest.approx(40, abs=1.5)
    assert [f.sequence for f in frames] == list(range(len(frames)))
    assert len(frames) == round(0.4 * held.nominal_fps) + 13
    assert held.end_ns == pytest.approx(900_000_000, abs=20_000_000)


def test_a_film_held_with_a_pause_is_a_film_to_begin_anew_with(write_video: Write) -> None:
    path = write_video([10] * 50, list(range(0, 2000, 40)), name="film.mp4")
    plain, paused = (list(HeldFilm(FileSource(path), 1.0, pause_s=p)) for p in (0.0, 0.6))
    rate = FileSource(path).nominal_fps
    assert len(plain) - len(paused) == math.ceil(0.6 * rate)
    begun = len(paused) - 50
    assert paused[begun].captured_ns - paused[begun - 1].captured_ns > GAP_NS
    assert [f.captured_ns for f in paused[begun:]] == [f.captured_ns for f in plain[-50:]]
    assert [f.sequence for f in paused[begun:]] == [f.sequence for f in plain[-50:]]


def test_all_clips_can_be_read(clips_dir: Path) -> None:
    clips = sorted(clips_dir.glob("*/*.mp4"))
    assert clips
    for clip in clips[::10]:
        source = FileSource(clip)
        frames = list(source)
        assert source.corrupt == 0
        with av.open(str(clip)) as container:
            duration_s = float(container.duration or 0) / 1e6
        interval_s = 1 / source.nominal_fps
        assert source.end_ns / 1e9 == pytest.approx(duration_s, abs=1.5 * interval_s)
        assert frames[0].captured_ns == 0

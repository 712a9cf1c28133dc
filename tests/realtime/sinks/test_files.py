import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from synchresis.errors import InputError, ParameterError
from synchresis.realtime.sinks import MovieSink, NullSink, SoundFileSink, check_output
from synchresis.realtime.sources.file import FileSource


def write_film(path: Path, codec: str = "libx264", *, frames: int = 50, first_ms: int = 0) -> Path:
    with av.open(str(path), "w") as out:
        stream = out.add_stream(codec, rate=25)
        stream.width, stream.height = 64, 48
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        for n in range(frames):
            picture = np.full((48, 64, 3), 5 * n % 256, np.uint8)
            frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
            frame.pts = n + first_ms // 40
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def clicks(count: int, *places: int) -> np.ndarray:
    sound = np.zeros((count, 2), np.float32)
    for place in places:
        sound[place : place + 300] = 0.5
    return sound


def write(sink: MovieSink | SoundFileSink, sound: np.ndarray) -> None:
    for at in range(0, len(sound), 256):
        block = sound[at : at + 256].copy()
        sink.write(block)
        block[:] = 9.0  # whoever wrote it uses it again


@pytest.mark.parametrize("name", ["out.wav", "out.flac", "OUT.WAV"])
def test_sound_files_hold_what_was_written_and_appear_when_complete(
    tmp_path: Path, rng: np.random.Generator, name: str
) -> None:
    sound = rng.uniform(-0.99, 0.99, (5000, 2)).astype(np.float32)
    sink = SoundFileSink(tmp_path / name)
    write(sink, sound)
    assert not (tmp_path / name).exists()
    sink.close()
    back, rate = soundfile.read(tmp_path / name, dtype="float32")
    assert rate == 48_000
    np.testing.assert_allclose(back, sound, atol=2**-23)
    assert [p.name for p in tmp_path.iterdir()] == [name]
    sink.abort()
    assert (tmp_path / name).exists()


def test_an_aborted_file_leaves_nothing_and_an_older_one_alone(tmp_path: Path) -> None:
    path = tmp_path / "out.wav"
    path.write_bytes(b"older")
    sink = SoundFileSink(path)
    write(sink, clicks(1000, 0))
    sink.abort()
    sink.close()
    assert path.read_bytes() == b"older"
    assert list(tmp_path.iterdir()) == [path]


def test_an_aborted_performance_is_kept_under_a_name_that_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "out.wav"
    path.write_bytes(b"older")
    for _ in range(2):
        sink = SoundFileSink(path, keeps=True)
        write(sink, clicks(1000, 300))
        sink.abort()
        sink.close()
    assert path.read_bytes() == b"older"
    kept = [tmp_path / "out.broken-off.wav", tmp_path / "out.broken-off2.wav"]
    assert sorted(tmp_path.iterdir()) == sorted([path, *kept])
    for one in kept:
        np.testing.assert_array_equal(soundfile.read(one)[0], clicks(1000, 300))
    assert caplog.messages == [f"what was recorded until then is kept as {one}" for one in kept]


def test_a_performance_that_never_began_leaves_nothing(tmp_path: Path) -> None:
    SoundFileSink(tmp_path / "out.wav", keeps=True).abort()
    assert list(tmp_path.iterdir()) == []


def test_a_performance_on_a_full_disk_is_kept_as_far_as_it_came(tmp_path: Path) -> None:
    sink = SoundFileSink(tmp_path / "out.wav", keeps=True)
    with full_disk(100_000):
        with pytest.raises(InputError, match=r"out\.wav: cannot be written"):
            write(sink, clicks(48_000, 300))
        sink.abort()
    sound, _ = soundfile.read(tmp_path / "out.broken-off.wav")
    np.testing.assert_array_equal(sound, clicks(len(sound), 300))
    assert 10_000 < len(sound) < 48_000
    assert [p.name for p in tmp_path.iterdir()] == ["out.broken-off.wav"]


def test_a_file_without_sound_is_not_kept(tmp_path: Path) -> None:
    SoundFileSink(tmp_path / "out.wav").close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("codec", ["libx264", "mpeg4", "mjpeg"])
def test_movie_has_the_pictures_of_the_source_and_our_sound_in_its_place(
    tmp_path: Path, codec: str
) -> None:
    source = write_film(tmp_path / "in.mkv", codec, first_ms=400)
    sink = MovieSink(tmp_path / "out.mp4", source)
    places = (1000, 40_000, 80_000)
    write(sink, clicks(96_000, *places))
    assert not (tmp_path / "out.mp4").exists()
    sink.close()
    with av.open(str(tmp_path / "out.mp4")) as back:
        assert back.streams.audio[0].codec_context.name == "aac"
        times = [frame.time for frame in back.decode(back.streams.video[0])]
    with av.open(str(tmp_path / "out.mp4")) as back:
        heard = np.concatenate([f.to_ndarray() for f in back.decode(audio=0)], axis=1)
    assert np.array(times) == pytest.approx(np.arange(50) / 25, abs=2e-3)
    assert heard.shape[1] == pytest.approx(96_000, abs=1024)
    for place in places:
        loud = np.flatnonzero(np.abs(heard[0, place - 500 : place + 500]) > 0.25)
        assert loud[0] == pytest.approx(500, abs=3)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.mkv", "out.mp4"]


def test_pictures_that_mp4_can_carry_are_copied_without_loss(tmp_path: Path) -> None:
    source = write_film(tmp_path / "in.mp4")
    sink = MovieSink(tmp_path / "out.mp4", source)
    write(sink, clicks(96_000))
    sink.close()

    def pictures(path: Path) -> list[np.ndarray]:
        with av.open(str(path)) as film:
            return [frame.to_ndarray() for frame in film.decode(video=0)]

    for one, other in zip(pictures(source), pictures(tmp_path / "out.mp4"), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("codec", ["libx264", "mjpeg"])
def test_a_turned_film_stays_turned(tmp_path: Path, codec: str) -> None:
    """Copied or encoded again."""
    path = tmp_path / "in.mov"
    with av.open(str(path), "w") as out:
        stream = out.add_stream(codec, rate=25)
        stream.width, stream.height = 64, 48
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.set_display_rotation(90)
        for _ in range(10):
            picture = np.zeros((48, 64, 3), np.uint8)
            out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        out.mux(stream.encode(None))
    sink = MovieSink(tmp_path / "out.mp4", path)
    write(sink, clicks(19_200))
    sink.close()
    with av.open(str(tmp_path / "out.mp4")) as film:
        assert next(film.decode(video=0)).rotation == 90


def test_an_aborted_movie_leaves_nothing(tmp_path: Path) -> None:
    source = write_film(tmp_path / "in.mp4")
    sink = MovieSink(tmp_path / "out.mp4", source)
    write(sink, clicks(20_000))
    sink.abort()
    assert list(tmp_path.iterdir()) == [source]


@pytest.mark.parametrize("codec", ["libx264", "mpeg4", "mjpeg"])
def test_a_movie_that_is_cut_has_no_picture_from_after_the_cut(tmp_path: Path, codec: str) -> None:
    source = write_film(tmp_path / "in.mkv", codec, first_ms=400)
    sink = MovieSink(tmp_path / "out.mp4", source, seconds=0.6)
    write(sink, clicks(28_800))
    sink.close()
    with av.open(str(tmp_path / "out.mp4")) as film:
        times = [frame.time for frame in film.decode(video=0)]
    out_of_order = 3 if codec == "libx264" else 0
    assert 15 - out_of_order <= len(times) <= 15
    assert times == pytest.approx(np.arange(len(times)) / 25, abs=2e-3)


def test_a_movie_that_is_cut_keeps_sound_that_rings_on(tmp_path: Path) -> None:
    sink = MovieSink(tmp_path / "out.mp4", write_film(tmp_path / "in.mp4"), seconds=0.6)
    write(sink, clicks(48_000, 46_000))
    sink.close()
    with av.open(str(tmp_path / "out.mp4")) as film:
        assert film.streams.video[0].frames <= 15
        assert film.streams.audio[0].duration == pytest.approx(48_000, abs=1024)


def _overwritten(film: bytes) -> bytes:
    return film[: len(film) // 2] + bytes(len(film) // 8) + film[len(film) * 5 // 8 :]


def _cut_off(film: bytes) -> bytes:
    return film[: len(film) * 2 // 3]


@pytest.mark.parametrize(
    ("name", "damage", "why"),
    [
        ("in.avi", _overwritten, "Invalid data"),
        ("in.avi", _cut_off, "a picture is cut off"),
        ("in.mkv", _overwritten, "Invalid data"),
    ],
)
def test_a_damaged_source_gives_the_pictures_it_has_and_is_named(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    name: str,
    damage: Callable[[bytes], bytes],
    why: str,
) -> None:
    """Those of the film that is heard: sound and pictures must fit."""
    source = write_film(tmp_path / name, "mjpeg")
    source.write_bytes(damage(source.read_bytes()))
    film = FileSource(source)
    shown = [frame.captured_ns / 1e9 for frame in film]
    assert film.corrupt and 20 < len(shown) < 50
    sink = MovieSink(tmp_path / "out.mp4", source)
    write(sink, clicks(96_000))
    sink.close()
    with av.open(str(tmp_path / "out.mp4")) as back:
        times = [frame.time for frame in back.decode(video=0)]
    assert times == pytest.approx(shown, abs=2e-3)
    seen, written = caplog.messages
    assert seen.startswith(f"{source} is damaged (") and "seen" in seen
    assert written.startswith(f"{source} is damaged ({why}")
    film.close()


@pytest.mark.parametrize("share", [0.3, 0.5, 0.8])
def test_a_film_whose_recorder_died_is_rendered_as_far_as_it_goes(
    tmp_path: Path, share: float
) -> None:
    """A Matroska film with sound that was cut off cannot be wound back."""
    whole, source = tmp_path / "whole.mkv", tmp_path / "cut.mkv"
    with av.open(str(whole), "w") as out:
        video = out.add_stream("libx264", rate=25)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        audio = out.add_stream("pcm_s16le", rate=48_000)
        audio.layout = "mono"
        rng = np.random.default_rng(0)
        for n in range(100):
            picture = rng.integers(0, 255, (48, 64, 3), np.uint8)
            out.mux(video.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            sound = rng.integers(-999, 999, (1, 1920)).astype(np.int16)
            frame = av.AudioFrame.from_ndarray(sound, format="s16", layout="mono")
            frame.sample_rate, frame.pts = 48_000, 1920 * n
            out.mux(audio.encode(frame))
        out.mux(video.encode(None))
    data = whole.read_bytes()
    source.write_bytes(data[: round(share * len(data))])
    sink = MovieSink(tmp_path / "out.mp4", source)
    write(sink, clicks(48_000, 300))
    sink.close()
    with av.open(str(tmp_path / "out.mp4")) as back:
        shown = len(list(back.decode(video=0)))
    assert abs(shown - 100 * share) < 10


def test_a_picture_cut_off_is_not_copied(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    whole, source = write_film(tmp_path / "in.mp4"), tmp_path / "cut.mp4"
    with (
        av.open(str(whole)) as film,
        av.open(str(source), "w", options={"movflags": "faststart"}) as out,
    ):
        stream = out.add_stream_from_template(film.streams.video[0])
        for packet in film.demux(video=0):
            if packet.size:
                packet.stream = stream
                out.mux(packet)
    with av.open(str(source)) as film:
        packets = [packet for packet in film.demux(video=0) if packet.size]
    last = packets[20]
    assert last.pos is not None and last.size > 2
    source.write_bytes(source.read_bytes()[: last.pos + last.size // 2])
    sink = MovieSink(tmp_path / "out.mp4", source)
    write(sink, clicks(96_000))
    sink.close()
    with av.open(str(tmp_path / "out.mp4")) as back:
        kept = [packet for packet in back.demux(video=0) if packet.size]
    assert [packet.size for packet in kept] == [packet.size for packet in packets[:20]]
    assert caplog.messages == [
        f"{source} is damaged (a picture is cut off): what cannot be read is left out"
    ]


@contextmanager
def full_disk(limit: int) -> Iterator[None]:
    """No file grows beyond `limit` bytes."""
    resource = pytest.importorskip("resource", reason="file sizes cannot be limited here")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def _close(sink: MovieSink) -> None:
    sink.close()


def _write_more(sink: MovieSink) -> None:
    """Sixteen seconds: more than FFmpeg keeps before it writes."""
    noise = np.random.default_rng(3).uniform(-0.9, 0.9, (768_000, 2))
    try:
        write(sink, noise.astype(np.float32))
    finally:
        sink.abort()


@pytest.mark.parametrize("go_on", [_close, _write_more])
def test_a_full_disk_leaves_no_half_movie_and_an_older_one_alone(
    tmp_path: Path, go_on: Callable[[MovieSink], None]
) -> None:
    source, path = write_film(tmp_path / "in.mp4", frames=400), tmp_path / "out.mp4"
    path.write_bytes(b"older")
    sink = MovieSink(path, source)
    write(sink, clicks(20_000))
    with full_disk(100), pytest.raises(InputError, match=r"out\.mp4: cannot .* make room"):
        go_on(sink)
    sink.abort()
    assert path.read_bytes() == b"older"
    assert sorted(tmp_path.iterdir()) == [source, path]


def test_a_movie_that_cannot_get_its_name_is_told_of(tmp_path: Path) -> None:
    source = write_film(tmp_path / "in.mp4")
    sink = MovieSink(tmp_path / "out.mp4", source)
    write(sink, clicks(20_000))
    (tmp_path / "out.mp4").mkdir()
    with pytest.raises(InputError, match=r"out\.mp4: cannot be written \(Is a directory\)"):
        sink.close()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.mp4", "out.mp4"]


@pytest.mark.parametrize("name", ["x.mp3", "x", "x.wav.txt", ".wav"])
def test_unknown_formats_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ParameterError, match="unknown output format"):
        check_output(tmp_path / name)


def test_folders_that_cannot_be_written_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        SoundFileSink(tmp_path / "none" / "x.wav")
    (tmp_path / "folder.wav").mkdir()
    with pytest.raises(InputError, match="is a folder"):
        SoundFileSink(tmp_path / "folder.wav")
    with pytest.raises(InputError, match=r"cannot be written|may not be written"):
        SoundFileSink("/proc/x.wav")
    if os.access("/dev/full", os.W_OK):
        sink = SoundFileSink(tmp_path / "x.wav")
        sink.abort()


def test_null_counts_samples() -> None:
    sink = NullSink()
    sink.write(np.zeros((256, 2), np.float32))
    sink.write(np.zeros((7, 2), np.float32))
    assert sink.samples == 263

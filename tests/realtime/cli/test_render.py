"""`synchresis render`, from arguments to files."""

import json
import os
import re
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from synchresis.engines.packs import Pack
from synchresis.realtime.cli.main import main

FPS = 30
FRAMES = 45
RATE = 48_000
Main = Callable[..., int]


def write_video(path: Path, *, frames: int = FRAMES, options: dict[str, str] | None = None) -> Path:
    """A bright square that jumps each third of a second, else rests."""
    with av.open(str(path), "w", options=options or {}) as container:
        stream = container.add_stream("libx264", rate=FPS, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        for number in range(frames):
            picture = np.full((120, 160, 3), 40, np.uint8)
            left = 20 + 40 * (number // 10 % 3)
            picture[40:80, left : left + 30] = 220
            frame = av.VideoFrame.from_ndarray(picture, "bgr24")
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_video(tmp_path_factory.mktemp("clips") / "clip.mp4")


@pytest.fixture
def render(tiny_pack: Pack) -> Main:
    """`synchresis render` with the tiny pack."""

    def call(*argv: str | Path) -> int:
        return main(["render", *map(str, argv), "--pack", str(tiny_pack.path)])

    return call


@pytest.mark.parametrize("ending", [".wav", ".flac", ".WAV"])
def test_sound_is_as_long_as_the_film(
    ending: str, clip: Path, render: Main, tmp_path: Path
) -> None:
    out = tmp_path / f"out{ending}"
    assert render(clip, "-o", out) == 0
    info = soundfile.info(out)
    assert (info.samplerate, info.channels) == (RATE, 2)
    assert abs(info.frames - FRAMES * RATE // FPS) <= RATE // FPS


def test_hits_of_the_film_are_heard(clip: Path, render: Main, tmp_path: Path) -> None:
    out, lines = tmp_path / "out.wav", tmp_path / "out.jsonl"
    assert render(clip, "-o", out, "--gestures", lines) == 0
    head, *frames = map(json.loads, lines.read_text().splitlines())
    assert head["version"] == 1
    assert [round(frame["t"] * FPS) for frame in frames] == list(range(FRAMES))
    events = [event for frame in frames for event in frame["events"]]
    sound, _ = soundfile.read(out)
    assert len(events) >= 2
    for event in events:
        first = round(event["t"] * RATE)
        assert np.abs(sound[first : first + 1024]).max() > 0


def test_same_seed_same_sound(clip: Path, render: Main, tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("a.wav", "b.wav")]
    for path in paths:
        assert render(clip, "-o", path, "--palette", "model:glass", "--seed", "7") == 0
    first, second = (soundfile.read(path)[0] for path in paths)
    assert np.array_equal(first, second)


def test_film_keeps_its_pictures(clip: Path, render: Main, tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    assert render(clip, "-o", out) == 0
    with av.open(str(out)) as film, av.open(str(clip)) as source:
        assert film.streams.video[0].frames == source.streams.video[0].frames == FRAMES
        assert film.streams.audio[0].rate == RATE
        first, second = (next(f.decode(video=0)).to_ndarray() for f in (film, source))
    assert np.array_equal(first, second)


def test_a_film_that_is_cut_ends_with_its_sound(clip: Path, render: Main, tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    assert render(clip, "-o", out, "--seconds", "0.5") == 0
    with av.open(str(out)) as film:
        assert film.streams.video[0].frames == FPS // 2
        assert film.streams.audio[0].duration == pytest.approx(RATE // 2, abs=1024)


def test_result_as_json(
    clip: Path, render: Main, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.wav"
    assert render(clip, "-o", out, "--json") == 0
    result = json.loads(capsys.readouterr().out)
    assert result["output"] == str(out)
    assert result["frames"] == FRAMES
    assert result["seconds"] == pytest.approx(1.5, abs=0.04)
    assert result["speed"] > 0


def test_an_old_file_is_replaced_only_by_a_whole_one(
    clip: Path, render: Main, tmp_path: Path
) -> None:
    out = tmp_path / "out.wav"
    out.write_bytes(b"old")
    assert render(tmp_path / "nothing.mp4", "-o", out) == 2
    assert out.read_bytes() == b"old"
    assert render(clip, "-o", out) == 0
    assert soundfile.info(out).frames > 0
    assert os.listdir(tmp_path) == ["out.wav"]


def _missing(folder: Path) -> Path:
    return folder / "missing.mp4"


def _empty(folder: Path) -> Path:
    path = folder / "empty.mp4"
    path.touch()
    return path


def _corrupt(folder: Path) -> Path:
    path = folder / "corrupt.mp4"
    path.write_bytes(bytes(range(256)) * 64)
    return path


def _cut_short(folder: Path) -> Path:
    whole = write_video(folder / "whole.mp4")
    path = folder / "cut.mp4"
    path.write_bytes(whole.read_bytes()[:2000])
    whole.unlink()
    return path


def _only_sound(folder: Path) -> Path:
    path = folder / "sound.wav"
    soundfile.write(path, np.zeros(4800), RATE)
    return path


def _text(folder: Path) -> Path:
    path = folder / "text.mp4"
    path.write_text("no video at all\n" * 50)
    return path


@pytest.mark.parametrize("make", [_missing, _empty, _corrupt, _cut_short, _only_sound, _text])
def test_a_bad_film_is_named_in_one_line(
    make: Callable[[Path], Path],
    render: Main,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    video = make(tmp_path)
    before = set(os.listdir(tmp_path))
    assert render(video, "-o", tmp_path / "out.wav", "--gestures", tmp_path / "g.jsonl") == 2
    assert_one_line(capfd.readouterr().err, video.name)
    assert set(os.listdir(tmp_path)) == before


@pytest.mark.parametrize(
    ("output", "named"),
    [
        ("out.ogg", ".ogg"),
        ("out", "without ending"),
        ("no/such/folder/out.wav", "folder"),
        (".", "unknown output format"),
        ("folder.wav", "is a folder"),
        ("/proc/out.wav", "/proc"),
        ("clip.mp4", "different files"),
    ],
)
def test_a_bad_output_is_named_in_one_line(
    output: str, named: str, render: Main, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "folder.wav").mkdir()
    clip = write_video(tmp_path / "clip.mp4")
    assert render(clip, "-o", tmp_path / output) == 2
    assert_one_line(capfd.readouterr().err, named)
    assert set(os.listdir(tmp_path)) == {"folder.wav", "clip.mp4"}


@pytest.mark.parametrize(
    ("argv", "named"),
    [
        (["--palette", "tin"], "'tin'"),
        (["--palette", "wood:x"], "weight"),
        (["--palette", "model:nothing"], "model:nothing"),
        (["--zone", "0,0,1,1=tin"], "'tin'"),
        (["--palette", "wood:1+model:glass:1"], "mixes"),
    ],
)
def test_a_bad_palette_is_named_in_one_line(
    argv: list[str],
    named: str,
    clip: Path,
    render: Main,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    assert render(clip, "-o", tmp_path / "out.wav", *argv) == 2
    assert_one_line(capfd.readouterr().err, named)
    assert os.listdir(tmp_path) == []


def test_a_film_that_lacks_its_end_is_told_of(
    render: Main, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    # An index at the beginning tells how many pictures there should be.
    video = write_video(tmp_path / "film.mp4", options={"movflags": "faststart"})
    assert render(video, "-o", tmp_path / "whole.wav") == 0
    assert "damaged" not in capfd.readouterr().err
    content = video.read_bytes()
    video.write_bytes(content[: len(content) * 3 // 4])
    assert render(video, "-o", tmp_path / "short.wav") == 0
    assert re.search(r"film.mp4 is damaged: \d+ pictures cannot be read", capfd.readouterr().err)


@pytest.mark.parametrize(
    ("video", "output", "named"),
    [
        ("missing.mp4", "out.mp4", "no such file"),
        (".", "out.mp4", "not a file"),
        ("scene:drums", "out.wav", "--seconds"),
    ],
)
def test_what_cannot_be_rendered_says_why(
    video: str,
    output: str,
    named: str,
    render: Main,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    given = video if video.startswith("scene:") else tmp_path / video
    assert render(given, "-o", tmp_path / output) == 2
    assert_one_line(capfd.readouterr().err, named)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("spec", ["0", "rtsp://127.0.0.1:9/none"])
def test_what_happens_now_cannot_be_rendered(
    spec: str, render: Main, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert render(spec, "-o", tmp_path / "out.wav") == 2
    assert_one_line(capfd.readouterr().err, spec)


def test_a_tampered_pack_is_named_in_one_line(
    clip: Path,
    make_tiny_pack: Callable[[str], Pack],
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    pack = make_tiny_pack("mine")
    with (pack.path / "voice.onnx").open("ab") as file:
        file.write(b"more")
    assert main(["render", str(clip), "-o", str(tmp_path / "o.wav"), "--pack", str(pack.path)]) == 2
    assert_one_line(capfd.readouterr().err, "voice.onnx")


def test_an_unknown_pack_is_named_in_one_line(
    clip: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["render", str(clip), "-o", str(tmp_path / "o.wav"), "--pack", "nobody"]) == 2
    assert_one_line(capfd.readouterr().err, "'nobody'")


def assert_one_line(text: str, named: str) -> None:
    assert text.startswith("synchresis: error: ")
    assert text.count("\n") == 1
    assert named in text

"""`synchresis teach motion` and `evaluate teaching` from the outside."""

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import numpy as np
import pytest

from synchresis.engines.packs import Pack, load_pack
from synchresis.realtime.cli import teach_motion as teach_motion_cli
from synchresis.realtime.cli.main import main

RATE, FPS = 48_000, 25


def film(path: Path, rng: np.random.Generator, *, sound: str = "hits", seconds: int = 16) -> Path:
    """A bar strikes and stops; another one only pretends."""
    strokes = 0.6 + np.cumsum(rng.uniform(0.6, 1.0, 2 * seconds))
    strokes = strokes[strokes < seconds - 0.8]
    sounding = np.arange(len(strokes)) % 5 < 3
    base = rng.integers(60, 90, (120, 160)).astype(np.uint8)
    wave = 1e-3 * rng.standard_normal(seconds * RATE)
    for hit in strokes[sounding]:
        first = int((hit + 0.06) * RATE)
        wave[first : first + 4000] += (
            0.4 * rng.standard_normal(4000) * np.exp(-np.arange(4000) / 500)
        )
    if sound == "silent":
        wave[:] = 0
    with av.open(str(path), "w") as container:
        video = container.add_stream("mpeg4", rate=FPS)
        video.width, video.height, video.pix_fmt, video.bit_rate = 160, 120, "yuv420p", 2_000_000
        audio = container.add_stream("pcm_s16le", rate=RATE) if sound != "none" else None
        if audio is not None:
            audio.layout = "mono"
            samples = (wave * 32_000).astype(np.int16)[None]
            frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
            frame.sample_rate = RATE
            container.mux([*audio.encode(frame), *audio.encode(None)])
        for index in range(seconds * FPS):
            picture = np.repeat(base[:, :, None], 3, 2)
            for column, own in ((30, strokes[sounding]), (110, strokes[~sounding])):
                since = index / FPS - own
                up = np.where(since < 0, np.clip(-since / 0.16, 0, 1), (since - 0.1) / 0.3)
                top = round(80 - 50 * float(np.clip(up, 0, 1).min(initial=1.0)))
                picture[top : top + 20, column : column + 24] = 230
            container.mux(video.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(video.encode(None))
    return path


@pytest.fixture
def base(make_tiny_pack: Callable[[str], Pack]) -> Pack:
    return make_tiny_pack("tiny")


def test_a_video_teaches_a_pack_that_render_plays(
    base: Pack, tmp_path: Path, rng: np.random.Generator, capsys: pytest.CaptureFixture[str]
) -> None:
    video = film(tmp_path / "me.mkv", rng)
    out = base.path.parent / "mine"
    given = ["teach", "motion", "mine", str(video), "--pack", str(base.path), "--out", str(out)]
    assert main([*given, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    held = report["held_back"]
    assert held[report["way"]]["timing"] > held["shipped"]["timing"]
    assert load_pack(out).manifest.overlay["hits"] == report["hits"]
    lines = tmp_path / "gestures.jsonl"
    rendered = ["render", str(video), "-o", str(tmp_path / "out.wav"), "--gestures", str(lines)]
    assert main([*rendered, "--pack", str(out), "--palette", "model:wood"]) == 0
    first, *rest = (json.loads(line) for line in lines.read_text().splitlines())
    assert first["pack"] == load_pack(out).hash
    events = sum(len(row["events"]) for row in rest)
    assert events == pytest.approx(report["hits"], abs=0.35 * report["hits"])


def test_silence_is_taught_beside_hits_and_alone(
    base: Pack, tmp_path: Path, rng: np.random.Generator, capsys: pytest.CaptureFixture[str]
) -> None:
    hits = film(tmp_path / "me.mkv", rng, seconds=20)
    silence = film(tmp_path / "curtain.mkv", rng, sound="none")
    packs = base.path.parent
    given = ["--pack", str(base.path), "--silent", str(silence)]
    assert main(["teach", "motion", "alone", *given, "--out", str(packs / "alone")]) == 0
    told = capsys.readouterr().out
    assert "16 s of silence" in told and "the threshold is now" in told
    assert f"live --pack {packs / 'alone'}\n" in told
    assert load_pack(packs / "alone").motion.threshold > base.motion.threshold
    both = ["teach", "motion", "mine", str(hits), *given, "--out", str(packs / "mine")]
    assert main([*both, "--silent", str(silence)]) == 0
    assert "false a minute in silence" in capsys.readouterr().out
    assert main([*both[:3], *both[4:]]) == 2
    assert "holds hits that silence alone would replace" in capsys.readouterr().err
    assert main([*both[:4], "--pack", str(base.path), "--out", str(packs / "alone")]) == 2
    assert "holds silence that hits alone would replace" in capsys.readouterr().err


def test_a_camera_shows_silence_and_then_hits(
    base: Pack,
    tmp_path: Path,
    rng: np.random.Generator,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from synchresis.engines.teach.motion import video_recording
    from synchresis.realtime import performing, recorder
    from synchresis.realtime.sources import opening

    hits = film(tmp_path / "me.mkv", rng, seconds=20)
    curtain = film(tmp_path / "curtain.mkv", rng, sound="none")
    camera = SimpleNamespace(name="fake", close=lambda: None)
    monkeypatch.setattr(opening, "open_live", lambda settings: camera)
    monkeypatch.setattr(teach_motion_cli, "READY_S", 0.0)
    monkeypatch.setattr(recorder, "check_microphone", lambda name: None)
    monkeypatch.setattr(performing, "perform", lambda *a, **s: video_recording(hits))
    monkeypatch.setattr(performing, "look", lambda *a, **s: video_recording(curtain, silent=True))
    out = base.path.parent / "mine"
    given = ["--camera", "0", "--silent-first", "16", "--pack", str(base.path), "--out", str(out)]
    assert main(["teach", "motion", "mine", *given]) == 0
    assert "false a minute in silence" in capsys.readouterr().out
    overlay = load_pack(out).manifest.overlay
    assert overlay["hits"] and "silent_after" in overlay and overlay["mirrored"]
    again = ["teach", "motion", "mine", str(hits), *given[4:]]
    assert main(again) == 2
    assert "holds silence that hits alone would replace" in capsys.readouterr().err
    assert main([*again, "--silent", str(curtain)]) == 0
    assert main([*again, "--silent", str(tmp_path / "." / "me.mkv")]) == 2
    assert "me.mkv is given as hits and as silence" in capsys.readouterr().err


@pytest.mark.parametrize(("sound", "message"), [("silent", "is silent"), ("none", "has no sound")])
def test_videos_that_cannot_teach_are_refused_in_one_line(
    base: Pack,
    tmp_path: Path,
    rng: np.random.Generator,
    capsys: pytest.CaptureFixture[str],
    *,
    sound: str,
    message: str,
) -> None:
    video = film(tmp_path / "me.mkv", rng, sound=sound, seconds=2)
    out = base.path.parent / "mine"
    assert main(["teach", "motion", "mine", str(video), "--pack", str(base.path), "--out",
                 str(out)]) == 2  # fmt: skip
    error = capsys.readouterr().err
    assert message in error and len(error.splitlines()) == 1
    assert sorted(path.name for path in out.parent.iterdir()) == ["tiny"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["teach", "motion", "mine"], "give videos, or --camera"),
        (["teach", "motion", "mine", "a.mp4", "--camera", "0"], "give videos, or --camera"),
        (["teach", "motion", "mine", "--camera", "0", "--silent", "a.mp4"], "takes no videos"),
        (["teach", "motion", "mine", "a.mp4", "--silent-first", "20"], "goes with --camera"),
        (["teach", "motion", "m", "--camera", "0", "--silent", "--silent-first", "20"], "not with"),
        (["teach", "motion", "mine", "--silent"], "--silent needs videos of silence"),
        (["teach", "motion", "mine", "a.mp4", "--silent"], "--silent needs videos of silence"),
        (["teach", "motion", "mine", "--silent", "absent.mp4"], "absent.mp4 cannot be read"),
        (["teach", "motion", "mine", "a.mp4", "--seconds", "20"], "--seconds goes with --camera"),
        (["teach", "motion", "../up", "a.mp4"], "letters, digits"),
        (["teach", "motion", "mine", "absent.mp4"], "absent.mp4 cannot be read"),
        (["evaluate", "teaching"], "nothing to evaluate"),
        (["teach", "motion", "mine", __file__], "cannot be read: Invalid data"),
        (["live", "--camera", "own.wav", "--out", "./own.wav"], "different files"),
        (["live", "--palette", "tin", "--zone", "0,0,1,1=wood"], "plays nothing beside --zone"),
        (["live", "--keep", "--camera", "scene:drums", "--out", "null"], "--keep needs --refresh"),
    ],
)
def test_what_cannot_be_asked_for_is_refused(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    assert message in capsys.readouterr().err


def test_the_camera_is_watched_prompted_and_closed(
    base: Pack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from synchresis.engines.teach.motion import Recording, silent_recording
    from synchresis.realtime import performing, recorder
    from synchresis.realtime.sources import opening

    checked: list[str | None] = []
    closed: list[bool] = []

    class Camera:
        name = "fake"

        def close(self) -> None:
            closed.append(True)

    def performed(source: Any, prompter: Any, **settings: Any) -> Recording:
        assert settings == {"seconds": 20.0, "microphone": "usb"}
        prompter.tell(-1.0, 1.0)
        return Recording("fake", [], np.zeros(48_000, np.float32))

    monkeypatch.setattr(opening, "open_live", lambda settings: Camera())
    monkeypatch.setattr(performing, "perform", performed)
    monkeypatch.setattr(recorder, "check_microphone", checked.append)
    given = ["--camera", "0", "--seconds", "20", "--microphone", "usb", "--pack", str(base.path)]
    assert main(["teach", "motion", "mine", *given]) == 2
    error = capsys.readouterr().err
    assert "hit softly" in error and "sound of fake is silent" in error and closed == [True]
    assert checked == ["usb"]

    shown = [20.0]

    def looked(source: Any, prompter: Any, **settings: Any) -> Recording:
        assert settings == {"seconds": shown.pop(0)}
        prompter.tell(-1.0, 1.0)
        return silent_recording("fake", [])

    monkeypatch.setattr(performing, "look", looked)
    assert main(["teach", "motion", "mine", "--silent", *given]) == 2
    error = capsys.readouterr().err
    assert "shall not sound: curtains" in error and "fake has fewer than two pictures" in error
    assert closed == [True, True]


def test_silence_first_tries_the_microphone_first_and_hits_come_last(
    base: Pack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from synchresis.engines.teach.motion import Recording, silent_recording
    from synchresis.realtime import performing, recorder
    from synchresis.realtime.sources import opening

    order: list[str] = []

    def looked(source: Any, prompter: Any, **settings: Any) -> Recording:
        assert settings == {"seconds": 15.0}
        order.append("look")
        prompter.tell(-1.0, 1.0)
        return silent_recording("fake", [])

    def performed(source: Any, prompter: Any, **settings: Any) -> Recording:
        order.append("hit")
        prompter.tell(-1.0, 1.0)
        return Recording("fake", [], np.zeros(48_000, np.float32))

    camera = SimpleNamespace(name="fake", close=lambda: order.append("close"))
    monkeypatch.setattr(opening, "open_live", lambda settings: camera)
    monkeypatch.setattr(teach_motion_cli, "READY_S", 0.0)
    monkeypatch.setattr(recorder, "check_microphone", order.append)
    monkeypatch.setattr(performing, "look", looked)
    monkeypatch.setattr(performing, "perform", performed)
    given = ["--camera", "0", "--seconds", "20", "--microphone", "usb", "--pack", str(base.path)]
    assert main(["teach", "motion", "mine", "--silent-first", "15", *given]) == 2
    error = capsys.readouterr().err
    assert order == ["usb", "look", "usb", "hit", "close"] and "sound of fake is silent" in error
    assert error.index("shall not sound: curtains") < error.index("hit softly")


def test_shown_silence_is_reported_by_what_was_taught(
    base: Pack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from synchresis.engines.evaluation import teaching_material, teaching_silence
    from synchresis.engines.evaluation.rates import FalseRate
    from synchresis.engines.evaluation.teaching_silence import WAYS, Shown

    truth = np.arange(1.0, 9.0)
    rates = {way: FalseRate(8 - 2 * k, 2.0) for k, way in enumerate(WAYS)}
    other = dict.fromkeys(WAYS, FalseRate(1, 1.0))
    one = Shown("curtain", truth, 10.0, dict.fromkeys(WAYS, truth + 0.01), rates, other)
    monkeypatch.setattr(teaching_material, "performers", lambda watcher, cache: iter(()))
    monkeypatch.setattr(teaching_material, "silences", lambda watcher, cache: {})
    monkeypatch.setattr(teaching_silence, "shown_silences", lambda *given: iter([one, one]))
    asked = ["evaluate", "teaching", "--silent", "--pack", str(base.path)]
    assert main(asked) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[0] == "silence shown: 2 scenes, 16 onsets scored"
    assert "curtain, later" in told[1] and "curtain, another" in told[1]
    assert [line.split()[-2:] for line in told[2:]] == [
        ["4.0", "1.0"],
        ["3.0", "1.0"],
        ["2.0", "1.0"],
        ["1.0", "1.0"],
    ]
    assert main([*asked, "--json"]) == 0
    ways = json.loads(capsys.readouterr().out)["silent"]["ways"]
    assert ways["hits and silence"]["later"]["curtain"]["events"] == 4


def test_a_pack_in_a_folder_of_ones_own_is_played_from_there(
    tiny_pack: Pack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(teach_motion_cli, "show_hits", lambda lesson: None)
    lesson: Any = SimpleNamespace(way="readout")
    for out, named in ((Path("my packs/me"), "'my packs/me'"), (None, "tiny")):
        teach_motion_cli.show(tiny_pack, lesson, out)
        assert f"live --pack {named}\n" in capsys.readouterr().out

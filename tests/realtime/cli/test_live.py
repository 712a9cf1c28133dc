"""`synchresis live`: what it falls back to, what keys do, what it prints."""

import argparse
import dataclasses
import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import soundfile

from synchresis.engines.motion.score_log import ScoreLog
from synchresis.engines.packs import Pack
from synchresis.errors import DeviceError
from synchresis.realtime.cli import choices, live
from synchresis.realtime.cli.main import build_parser, main
from synchresis.realtime.cli.player import Player
from synchresis.realtime.cli.status_line import delay_line, status_line, summary_line
from synchresis.realtime.clock import SystemClock
from synchresis.realtime.live import LiveSettings
from synchresis.realtime.status import Status


def arguments(*argv: str) -> argparse.Namespace:
    return build_parser(["live"]).parse_args(["live", *argv])


def absent(*args: object, **settings: object) -> Any:
    raise DeviceError("nothing there; remedy")


def test_without_a_camera_the_scene_is_looked_at_and_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def only_scenes(settings: Any, *, clock: object) -> str:
        return str(settings.spec) if settings.spec.startswith("scene:") else absent()

    monkeypatch.setattr(choices, "open_live", only_scenes)
    assert choices.choose_source(arguments(), SystemClock()) == choices.SCENE
    assert "no camera found; looking at the built-in scene:drums" in capsys.readouterr().err


def test_a_camera_asked_for_and_absent_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choices, "open_live", absent)
    with pytest.raises(DeviceError):
        choices.choose_source(arguments("--camera", "0"), SystemClock())


def test_without_a_device_sound_goes_to_a_file_and_it_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def only_files(out: str, *rest: object) -> str:
        return absent() if out == "device" else out

    monkeypatch.setattr(choices, "open_ring", only_files)
    ring, seconds = choices.choose_ring(arguments(), SystemClock())
    assert str(ring).endswith(".wav")
    assert seconds == choices.FILE_SECONDS
    assert f"no audio device (nothing there); writing 20 s of sound to {ring}" in (
        capsys.readouterr().err
    )
    assert choices.choose_ring(arguments("--seconds", "3"), SystemClock())[1] == 3
    assert choices.choose_ring(arguments("--silent-first", "15"), SystemClock())[1] == 35


@pytest.mark.parametrize("argv", [["--out", "device"], ["--device", "none"]])
def test_a_device_asked_for_and_absent_is_an_error(
    argv: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choices, "open_ring", absent)
    with pytest.raises(DeviceError):
        choices.choose_ring(arguments(*argv), SystemClock())


def test_a_cameras_delay_is_the_one_asked_for_else_the_calibrated_one(user_home: Path) -> None:
    from synchresis.realtime.camera_delays import store_delay_ms

    store_delay_ms("0", 42.0)
    assert choices.source_settings(arguments(), "0").camera_delay_ns == 42_000_000
    assert choices.source_settings(arguments(), "1").camera_delay_ns == 0
    asked = arguments("--camera-delay", "7")
    assert choices.source_settings(asked, "0").camera_delay_ns == 7_000_000


class Played:
    """A session that notes what it is told."""

    def __init__(self, status: Status) -> None:
        self.told: list[tuple[str, Any]] = []
        self.now = status
        self.settings = LiveSettings()

    def status(self) -> Status:
        return self.now

    def hit(self) -> None:
        self.told.append(("hit", None))

    def set_muted(self, *, muted: bool) -> None:
        self.told.append(("muted", muted))
        self.now = dataclasses.replace(self.now, muted=muted)

    def set_sensitivity(self, value: float) -> None:
        self.told.append(("sensitivity", value))

    def set_palette(self, palette: str, *, zone: int) -> None:
        self.told.append((f"zone {zone}", palette))

    def keep_scores(self, log: ScoreLog | None) -> None:
        self.log = log


@pytest.fixture
def played(playing: Status) -> Played:
    return Played(playing)


@pytest.fixture
def player(played: Any, tiny_pack: Pack) -> Player:
    return Player(played, SimpleNamespace(pack=tiny_pack))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("key", "told"),
    [
        ("t", [("hit", None)]),
        ("T", [("hit", None)]),
        ("m", [("muted", True)]),
        ("+", [("sensitivity", 1.25)]),
        ("-", [("sensitivity", 0.8)]),
        ("p", [("zone 0", "glass"), ("zone 1", "wood")]),
        ("", []),
        ("x", []),
    ],
)
def test_what_a_key_does(key: str, told: list[Any], player: Player, played: Played) -> None:
    player.press(key)
    assert played.told == told
    assert not player.quit


def keys_named(player: Player) -> set[str]:
    """The keys that the line of help names."""
    return set(re.findall(r"(?<= )\S(?= )", player.help))


def test_every_key_that_is_named_does_something(player: Player, played: Played) -> None:
    assert keys_named(player) == set("p+-smtq")
    for key in sorted(keys_named(player) - {"q"}):
        before = len(played.told)
        player.press(key)
        assert len(played.told) > before, key
        if key == "s":  # given up: while it looks, m is for afterwards
            player.press(key)


def test_in_lock_step_keys_that_need_a_device_are_neither_named_nor_taken(
    played: Any, tiny_pack: Pack
) -> None:
    played.settings = LiveSettings(clock="virtual")
    player = Player(played, SimpleNamespace(pack=tiny_pack))  # type: ignore[arg-type]
    assert keys_named(player) == set("+-q")
    for key in "psmtPSMT":
        player.press(key)
    assert played.told == []
    player.press("+")
    assert played.told == [("sensitivity", 1.25)]


def test_q_quits_and_m_twice_is_heard_again(player: Player, played: Played) -> None:
    for key in "mmq":
        player.press(key)
    assert played.told == [("muted", True), ("muted", False)]
    assert player.quit


def test_s_looks_at_silence_and_s_again_gives_up(player: Player, played: Played) -> None:
    for key in "ss":
        player.press(key)
        player.update()
    assert played.told == [("muted", True), ("muted", False)]


def test_m_during_a_look_is_for_afterwards(player: Player, played: Played) -> None:
    for key in "sms":
        player.press(key)
    assert played.told == [("muted", True), ("muted", True)]
    for key in "smsm":
        player.press(key)
    assert played.told[2:] == [("muted", True), ("muted", False), ("muted", True)]


def test_silence_first_is_muted_from_the_beginning_and_cancelled_by_s(
    played: Any, tiny_pack: Pack
) -> None:
    told: list[str] = []
    instrument: Any = SimpleNamespace(pack=tiny_pack)
    played.now = dataclasses.replace(played.now, state="measuring")
    player = Player(played, instrument, silent_first=12.0, tell=told.append)
    assert played.told == [("muted", True)]
    assert "looking for 12 s" in told[0]
    player.press("s")
    assert played.told == [("muted", True), ("muted", False)]
    player.update()
    player.close()
    assert len(told) == 2


def test_a_performance_that_ends_first_says_so(played: Any, tiny_pack: Pack) -> None:
    told: list[str] = []
    instrument: Any = SimpleNamespace(pack=tiny_pack)
    player = Player(played, instrument, silent_first=12.0, tell=told.append)
    player.close()
    assert played.told == [("muted", True)]
    assert played.log is None
    assert "ended before" in told[-1]


def test_sensitivity_stays_in_its_range(player: Player, played: Played) -> None:
    played.now = dataclasses.replace(played.now, sensitivity=95.0)
    player.press("+")
    assert played.told == [("sensitivity", 100.0)]


def test_a_mix_moves_on_to_the_first_palette_of_its_kind(player: Player, played: Played) -> None:
    played.now = dataclasses.replace(played.now, palettes=("wood:0.5+glass:0.5", "model:wood"))
    player.press("p")
    assert played.told[0] == ("zone 0", "wood")
    assert played.told[1][1].startswith("model:")


def test_the_status_line_says_what_a_player_needs(playing: Status) -> None:
    line = status_line(playing)
    for text in ("29.9 fps", "0.25/0.50", "7 hits", "1 late", "D 62 ms", "drops 3+2", "xruns 4"):
        assert text in line
    assert "muted" not in line
    away = dataclasses.replace(playing, muted=True, camera_away=True, delay_ms=None)
    assert status_line(away).startswith("muted  camera away  29.9 fps")
    lost = dataclasses.replace(playing, sound_away=True)
    assert status_line(lost).startswith("audio device away  ")
    assert "D measuring" in status_line(away)


def test_the_status_line_fits_a_terminal(playing: Status) -> None:
    usual = dataclasses.replace(
        playing, fps=120.0, palettes=("wood",), events=999, late=99, delay_ms=162.0, lost_frames=99
    )
    assert len(status_line(usual)) <= 79


def test_the_delay_is_shown_with_its_parts(playing: Status) -> None:
    told = "delay D 62 ms = camera 5.0 + frame 33.3 - lookahead 20"
    assert delay_line(playing) == told
    later = dataclasses.replace(playing, lookahead_ms=50.0)  # asked for, but not in D yet
    assert delay_line(later) == told
    waiting = dataclasses.replace(playing, parts_ms={"camera": 5.0, "lookahead": -30.0})
    assert delay_line(waiting).endswith("+ wait 30")


def test_the_summary_counts_what_was_lost(playing: Status) -> None:
    expected = "12.0 s, 360 frames (3 lost), 7 hits, 6 played, 1 late, 2 dropped, 4 xruns"
    assert summary_line(playing) == expected


def test_live_from_a_scene_to_a_file(
    tiny_pack: Pack, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.wav"
    argv = ["live", "--camera", "scene:ball", "--out", str(out), "--pack", str(tiny_pack.path)]
    assert main([*argv, "--clock", "virtual", "--seconds", "1", "--json"]) == 0
    assert soundfile.info(out).frames == pytest.approx(48_000, abs=1600)
    last = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert last["state"] == "ended"
    assert last["frames"] == 30


def test_live_is_what_render_makes(tiny_pack: Pack, tmp_path: Path) -> None:
    sound = ["--pack", str(tiny_pack.path), "--palette", "model:glass", "--seed", "3"]
    live, rendered = tmp_path / "live.wav", tmp_path / "render.wav"
    watch = ["--camera", "scene:ball", "--clock", "virtual", "--out", str(live)]
    assert main(["live", *watch, *sound, "--seconds", "2"]) == 0
    assert main(["render", "scene:ball", "-o", str(rendered), *sound, "--seconds", "2"]) == 0
    assert live.read_bytes() == rendered.read_bytes()


@pytest.mark.parametrize(
    ("argv", "named"),
    [
        (["--camera", "99"], "camera 99"),
        (["--camera", "nothing.mp4"], "nothing.mp4"),
        (["--camera", "scene:nothing"], "nothing"),
        (["--camera", "scene:ball", "--device", "no such device"], "no such device"),
        (["--camera", "scene:ball", "--out", "out.ogg"], ".ogg"),
        (["--camera", "scene:ball", "--out", "null", "--palette", "tin"], "'tin'"),
        (["--camera", "0", "--clock", "virtual", "--out", "null"], "0"),
        (["--camera", "scene:ball", "--clock", "virtual"], "--out"),
        (["--clock", "virtual", "--silent-first", "15", "--seconds", "20"], "--silent-first"),
        (["--refresh", "--silent-first", "15", "--seconds", "20"], "--refresh"),
        (["--silent-first", "15"], "--seconds 1 must be more than 18"),
        (["--device", "headphones", "--out", "out.wav"], "--device headphones"),
        (["--microphone", "2"], "--refresh"),
    ],
)
def test_what_cannot_be_used_is_one_line(
    argv: list[str],
    named: str,
    tiny_pack: Pack,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["live", "--pack", str(tiny_pack.path), "--seconds", "1", *argv]) == 2
    said = ("networks:", "getting ready")
    lines = capfd.readouterr().err.splitlines()
    errors = [line for line in lines if not any(text in line for text in said)]
    assert len(errors) == 1
    assert errors[0].startswith("synchresis: error: ")
    assert named in errors[0]
    assert list(tmp_path.iterdir()) == []


def test_live_stops_by_itself_and_leaves_a_file(tiny_pack: Pack, tmp_path: Path) -> None:
    out = tmp_path / "out.wav"
    argv = ["live", "--camera", "scene:ball", "--out", str(out), "--pack", str(tiny_pack.path)]
    assert main([*argv, "--seconds", "1", "--buffer", "8"]) == 0
    assert soundfile.info(out).frames > 0


@pytest.mark.parametrize(
    ("argv", "taught", "mirrored"),
    [
        ((), False, False),
        ((), True, True),
        ((), None, True),
        (("--camera", "1"), False, False),
        (("--no-mirror",), True, False),
        (("--camera", "scene:ball"), False, True),
    ],
)
def test_a_camera_is_shown_as_it_was_when_taught(
    argv: tuple[str, ...], taught: bool | None, mirrored: bool
) -> None:
    overlay = {} if taught is None else {"mirrored": taught}
    pack = SimpleNamespace(name="me", manifest=SimpleNamespace(overlay=overlay))
    args = arguments(*argv)
    live._look_as_taught(args, pack)  # type: ignore[arg-type]
    assert choices.source_settings(args, "0").mirror is mirrored

"""The command line: help without loading anything, errors in one line."""

import argparse
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from synchresis import __version__
from synchresis.errors import InputError
from synchresis.realtime.cli import main as cli

HEAVY = ("numpy", "numba", "cv2", "av", "onnxruntime", "scipy", "sounddevice", "zmq", "torch")
Command = Callable[[argparse.Namespace], int]


def imported_by(argv: list[str]) -> set[str]:
    """Heavy modules loaded once the command line has printed its help."""
    code = f"""
import sys
from synchresis.realtime.cli.main import main
try:
    main({argv!r})
except SystemExit as stop:
    assert not stop.code, stop.code
print("LOADED", *[name for name in {HEAVY!r} if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.rpartition("LOADED")[2].split())


@pytest.mark.parametrize("command", [[], *([name] for name in cli.COMMANDS)])
def test_help_loads_nothing_heavy(command: list[str]) -> None:
    assert imported_by([*command, "--help"]) == set()


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        cli.main(["--help"])
    assert stop.value.code == 0
    text = capsys.readouterr().out
    assert set(cli.COMMANDS) <= set(text.split())


def test_the_package_itself_can_be_run() -> None:
    command = [sys.executable, "-m", "synchresis", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == f"synchresis {__version__}\n"


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        cli.main(["--version"])
    assert stop.value.code == 0
    assert capsys.readouterr().out == f"synchresis {__version__}\n"


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["sing"],
        ["render"],
        ["render", "clip.mp4"],
        ["render", "clip.mp4", "-o", "out.wav", "--sensitivity", "nan"],
        ["render", "clip.mp4", "-o", "out.wav", "--sensitivity", "-1"],
        ["render", "clip.mp4", "-o", "out.wav", "--lookahead", "500"],
        ["render", "clip.mp4", "-o", "out.wav", "--lookahead", "soon"],
        ["render", "clip.mp4", "-o", "out.wav", "--seed", "1.5"],
        ["render", "clip.mp4", "-o", "out.wav", "--gain", "20"],
        ["render", "clip.mp4", "-o", "out.wav", "--zone", "0,0,2,2=wood"],
        ["render", "clip.mp4", "-o", "out.wav", "--engine", "steam"],
    ],
)
def test_nonsense_is_one_line_and_code_2(
    argv: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        cli.main(argv)
    assert stop.value.code == 2
    assert_one_line(capsys.readouterr().err)


def test_a_value_that_looks_like_an_option_is_explained(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        cli.main(["render", "clip.mp4", "-o", "out.wav", "--zone", "-0.1,0,1,1=wood"])
    message = capsys.readouterr().err
    assert_one_line(message)
    assert "--zone" in message and "--option=VALUE" in message
    with pytest.raises(SystemExit):
        cli.main(["render", "clip.mp4", "-o", "out.wav", "--zone=-0.1,0,1,1=wood"])
    assert "0.1" in capsys.readouterr().err


def assert_one_line(text: str) -> None:
    assert text.startswith("synchresis: error: ")
    assert text.count("\n") == 1


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (InputError("clip.mp4: no such file"), "clip.mp4: no such file"),
        (InputError("first\nsecond"), "first second"),
        (FileNotFoundError(2, "No such file or directory", "a"), "a: No such file or directory"),
        (OSError("odd"), "odd"),
    ],
)
def test_errors_of_a_command_become_one_line(
    error: Exception,
    expected: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(args: argparse.Namespace) -> int:
        raise error

    _replace_command(fail, monkeypatch)
    assert cli.main(["any"]) == 2
    assert capsys.readouterr().err == f"synchresis: error: {expected}\n"


def test_interrupted_is_130_and_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(args: argparse.Namespace) -> int:
        raise KeyboardInterrupt

    _replace_command(interrupt, monkeypatch)
    assert cli.main(["any"]) == 130
    assert capsys.readouterr().err == "synchresis: interrupted\n"


def test_a_fault_of_ours_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def fault(args: argparse.Namespace) -> int:
        raise ZeroDivisionError

    _replace_command(fault, monkeypatch)
    with pytest.raises(ZeroDivisionError):
        cli.main(["any"])


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path) -> None:
    code = "import sys; from synchresis.realtime.cli.main import main; sys.exit(main(['palettes']))"
    shell = f'set -o pipefail; {sys.executable} -c "{code}" | head -c 0'
    done = subprocess.run(["bash", "-c", shell], capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr


def _replace_command(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def parser(argv: list[str]) -> cli.Parser:
        made = cli.Parser(prog="synchresis")
        made.add_argument("any")
        made.set_defaults(run=command)
        return made

    monkeypatch.setattr(cli, "build_parser", parser)

"""`synchresis graph` and `synchresis node`."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import soundfile

from synchresis.engines.packs import Pack
from synchresis.realtime.cli.main import main

GOOD = """
version = 1
clock = "virtual"
pack = "{pack}"
engine = "onnx"

[nodes.eye]
kind = "camera"
source = "scene:ball"
seconds = 1.0

[nodes.mind]
kind = "parser"
input = "eye"

[nodes.mouth]
kind = "speaker"
input = "mind"
out = "{out}"
"""


@pytest.fixture
def graph(tiny_pack: Pack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    path = tmp_path / "graph.toml"
    path.write_text(GOOD.format(pack=tiny_pack.path, out=tmp_path / "out.wav"))
    return path


def test_a_graph_runs_to_its_end(graph: Path) -> None:
    assert main(["graph", str(graph)]) == 0
    frames = soundfile.info(graph.parent / "out.wav").frames
    assert frames == pytest.approx(48_000, abs=1600)


def test_nodes_of_a_graph_run_by_name_and_say_what_they_did(
    graph: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["node", "eye", "mind", "mouth", "--graph", str(graph)]) == 0
    assert (graph.parent / "out.wav").exists()
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in lines] == ["eye", "mind", "mouth"]
    sent = int(lines[0].split()[1])
    assert lines[0] == f"eye: {sent} sent" and sent > 20
    assert lines[1] == f"mind: {sent} received, {sent} sent"
    assert lines[2].startswith(f"mouth: {sent} received")


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("scene:ball", "scene:bal", ":9: nodes.eye.source: "),
        ("scene:ball", "nosuch.mp4", ":9: nodes.eye.source: "),
        ('pack = "', 'pack = "nosuch', ":4: pack: "),
        ("out.wav", "none/out.wav", ":19: nodes.mouth.out: "),
        ("version = 1", 'version = 1\nzones = [{}, {palette = "woood"}]', ":3: zones.1.palette: "),
    ],
)
@pytest.mark.parametrize("check", [["--check"], []])
def test_what_a_graph_needs_is_looked_for_before_it_runs(
    old: str,
    new: str,
    named: str,
    check: list[str],
    graph: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    graph.write_text(graph.read_text().replace(old, new))
    assert main(["graph", str(graph), *check]) == 2
    assert str(graph) + named in capsys.readouterr().err
    assert not (graph.parent / "out.wav").exists()


def test_a_node_needs_only_what_is_its_own(graph: Path, capsys: pytest.CaptureFixture[str]) -> None:
    graph.write_text(graph.read_text().replace('pack = "', 'pack = "nosuch'))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("synchresis.realtime.running.run_nodes", lambda *_, **__: None)
        assert main(["node", "eye", "--graph", str(graph)]) == 0
        assert main(["node", "mind", "--graph", str(graph)]) == 2
    assert ":4: pack: " in capsys.readouterr().err


def test_a_palette_nobody_named_is_not_looked_for_in_a_line(
    graph: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(_pack_of(graph), tmp_path / "bare")
    manifest = tmp_path / "bare" / "manifest.json"
    content = json.loads(manifest.read_text())
    content["palettes"] = [p for p in content["palettes"] if p["name"] != "wood"]
    manifest.write_text(json.dumps(content))
    graph.write_text(graph.read_text().replace(str(_pack_of(graph)), str(tmp_path / "bare")))
    assert main(["graph", str(graph), "--check"]) == 2
    assert ": zones: none are given, so there is one for all, and palette 'wood'" in (
        capsys.readouterr().err
    )
    content["voice"] = None
    manifest.write_text(json.dumps(content))
    with graph.open("a") as file:
        file.write('[[zones]]\npalette = "model:wood"\n')
    assert main(["graph", str(graph), "--check"]) == 0
    content["motion"] = None
    manifest.write_text(json.dumps(content))
    assert main(["graph", str(graph), "--check"]) == 2
    assert ":4: pack: " in capsys.readouterr().err


def _pack_of(graph: Path) -> Path:
    found = re.search(r'pack = "(.*)"', graph.read_text())
    assert found
    return Path(found.group(1))


def test_a_graph_is_checked_without_running(
    graph: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["graph", str(graph), "--check"]) == 0
    assert capsys.readouterr().out == "main: eye, mind, mouth\n"
    assert not (graph.parent / "out.wav").exists()


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ('kind = "parser"', 'kind = "painter"', ":13: "),
        ('input = "eye"', 'input = "ear"', ":14: nodes.mind.input"),
        ("seconds = 1.0", "seconds = -1.0", ":10: nodes.eye.seconds"),
        ("seconds = 1.0", "second = 1.0", ":10: nodes.eye.second"),
        ("version = 1", "version = 9", ":2: version"),
        ("[nodes.mind]", "[nodes.mind", ":12: not TOML"),
        ('source = "scene:ball"', 'source = "0"', ":9: nodes.eye.source"),
    ],
)
def test_a_bad_file_is_named_with_line_and_key(
    old: str, new: str, named: str, graph: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    graph.write_text(graph.read_text().replace(old, new))
    assert main(["graph", str(graph)]) == 2
    text = capfd.readouterr().err
    assert text.startswith("synchresis: error: ")
    assert text.count("\n") == 1
    assert f"graph.toml{named}" in text
    assert sorted(p.name for p in graph.parent.iterdir() if p.suffix) == ["graph.toml"]


def test_a_missing_file_and_an_unknown_node_are_named(
    graph: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["graph", "nothing.toml"]) == 2
    assert "nothing.toml: cannot be read" in capfd.readouterr().err
    assert main(["node", "nose", "--graph", str(graph)]) == 2
    assert "'nose'" in capfd.readouterr().err


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_graph_in_order(sent: signal.Signals, graph: Path) -> None:
    text = graph.read_text().replace('clock = "virtual"', 'clock = "device"')
    graph.write_text(text.replace("seconds = 1.0\n", ""))
    command = [sys.executable, "-m", "synchresis.realtime.cli.main", "graph", str(graph)]
    with subprocess.Popen(command, env=os.environ, stderr=subprocess.PIPE) as running:
        deadline = time.monotonic() + 60
        while not list(graph.parent.glob(".out.wav*")):
            assert running.poll() is None, running.stderr.read() if running.stderr else ""
            assert time.monotonic() < deadline
            time.sleep(0.05)
        time.sleep(0.3)
        running.send_signal(sent)
        _, errors = running.communicate(timeout=60)
    assert running.returncode == 0, errors
    assert b"Traceback" not in errors
    assert (graph.parent / "out.wav").exists()
    assert not list(graph.parent.glob(".out.wav*"))

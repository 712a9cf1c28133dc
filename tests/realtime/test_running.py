"""Graphs in one process and in many; the processes are real, the film is small."""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from synchresis.engines.frame import Frame
from synchresis.engines.instrument import Instrument, InstrumentSettings
from synchresis.engines.packs import Pack
from synchresis.engines.pipeline import Pipeline, bind_parser
from synchresis.engines.zone import Zone
from synchresis.errors import InputError, ParameterError, TransportError
from synchresis.realtime import running
from synchresis.realtime.graph import Graph, load_graph
from synchresis.realtime.running import run_graph, run_nodes
from synchresis.realtime.sinks import SoundFileSink
from synchresis.realtime.sources.file import FileSource

GRAPH = """\
clock = "{clock}"
pack = "{pack}"

[[zones]]
palette = "model:wood"

[nodes.eye]
kind = "camera"
source = "{film}"
process = "{eye}"

[nodes.motion]
kind = "parser"
input = "eye"
process = "{motion}"

[nodes.voice]
kind = "speaker"
input = "motion"
out = "{out}"
seed = 3
process = "{voice}"
"""

WriteGraph = Callable[..., Path]

SECOND_BYTES = 48_000 * 2 * 3
"""Of a recording: two channels of 24 bits."""


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """A second and a half with five flashes."""
    path = tmp_path / "film.mp4"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for n in range(45):
            picture = np.full((48, 64, 3), 220 if n % 9 == 5 else 30, np.uint8)
            out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        out.mux(stream.encode(None))
    return path


@pytest.fixture
def write_graph(tmp_path: Path, film: Path, tiny_pack: Pack, user_home: Path) -> WriteGraph:
    def write(**changes: str) -> Path:
        values = {
            "clock": "virtual",
            "pack": str(tiny_pack.path),
            "film": str(film),
            "out": str(tmp_path / "out.wav"),
            "eye": "main",
            "motion": "main",
            "voice": "main",
            **changes,
        }
        path = tmp_path / "graph.toml"
        path.write_text(GRAPH.format(**values))
        return path

    return write


@pytest.fixture
def rendered(tmp_path: Path, film: Path, tiny_pack: Pack) -> bytes:
    """The file that an offline run writes."""
    settings = InstrumentSettings(zones=(Zone(palette="model:wood"),), seed=3)
    instrument = Instrument(tiny_pack, settings)
    instrument.prepare()
    source = FileSource(film)
    sink = SoundFileSink(tmp_path / "offline.wav")
    playout = instrument.playout(nominal_fps=source.nominal_fps)
    for block in Pipeline(bind_parser(instrument.parser), playout).run(source):
        sink.write(block)
    sink.close()
    instrument.close()
    assert playout.counts.played == 5
    return (tmp_path / "offline.wav").read_bytes()


@pytest.mark.parametrize(
    "processes", [{}, {"eye": "a"}, {"eye": "a", "motion": "b"}], ids=["one", "two", "three"]
)
def test_a_graph_on_the_virtual_clock_writes_what_an_offline_run_writes(
    write_graph: WriteGraph, rendered: bytes, tmp_path: Path, processes: dict[str, str]
) -> None:
    told: list[str] = []
    run_graph(load_graph(write_graph(**processes)), tell=told.append)
    assert (tmp_path / "out.wav").read_bytes() == rendered
    assert set(told) == {
        "eye: 46 sent",
        "motion: 46 received, 46 sent",
        "voice: 46 received, 5 hits played",
    }


def test_nodes_started_one_by_one_find_each_other(
    write_graph: WriteGraph, rendered: bytes, tmp_path: Path
) -> None:
    graph = load_graph(write_graph())
    threads = [
        threading.Thread(target=run_nodes, args=(graph, (name,))) for name in reversed(graph.nodes)
    ]
    for thread in threads:
        thread.start()
        time.sleep(0.05)
    for thread in threads:
        thread.join(timeout=100)
    assert (tmp_path / "out.wav").read_bytes() == rendered


def children() -> dict[str, int]:
    """Process ids by the nodes they run."""
    return {child.name: child.pid for child in multiprocessing.active_children() if child.pid}


def until(condition: Callable[[], bool]) -> None:
    limit = time.monotonic() + 200
    while not condition():
        assert time.monotonic() < limit, "never came"
        time.sleep(0.01)


@contextmanager
def running_graph(
    graph: Graph, processes: frozenset[str] = frozenset({"eye", "motion, voice"})
) -> Iterator[tuple[threading.Thread, list[Exception]]]:
    """A graph in these processes; stopped at the end."""
    stop, errors = threading.Event(), []

    def run() -> None:
        try:
            run_graph(graph, stop=stop.is_set)
        except TransportError as err:
            errors.append(err)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        until(lambda: processes <= children().keys())
        yield thread, errors
    finally:
        stop.set()
        thread.join(timeout=60)
    assert not children()


def test_a_killed_node_is_started_again_and_links_find_it(write_graph: WriteGraph) -> None:
    """The end of the film gets to the speaker through links that were broken."""
    graph = load_graph(write_graph(clock="device", out="null", eye="a"))
    with running_graph(graph) as (thread, errors):
        first, other = children()["eye"], children()["motion, voice"]
        os.kill(first, signal.SIGKILL)
        until(lambda: children().get("eye", first) != first)
        assert children()["motion, voice"] == other
        thread.join(timeout=200)
        assert not thread.is_alive()
    assert not errors


def test_the_only_speaker_is_killed_and_the_next_one_is_heard(
    write_graph: WriteGraph, tmp_path: Path
) -> None:
    """Five seconds of the next one's sound are in the file, and it is not silent."""
    graph = load_graph(write_graph(clock="device", pack="default", film="scene:stick", voice="b"))

    def recorded(speaker: int) -> int:
        part = tmp_path / f".out.wav.{speaker}.part"
        return part.stat().st_size if part.exists() else 0

    with running_graph(graph, frozenset({"eye, motion", "voice"})) as (thread, errors):
        first, other = children()["voice"], children()["eye, motion"]
        until(lambda: recorded(first) > SECOND_BYTES)
        os.kill(first, signal.SIGKILL)
        until(lambda: children().get("voice", first) != first)
        until(lambda: recorded(children()["voice"]) > 5 * SECOND_BYTES)
        assert children()["eye, motion"] == other
        assert thread.is_alive()
    assert not errors
    sound, _ = soundfile.read(tmp_path / "out.wav")
    assert np.abs(sound).max() > 0.01
    # What the first one had recorded is there, too.
    before, _ = soundfile.read(tmp_path / "out.broken-off.wav")
    assert len(before) > 48_000


def test_a_killed_node_ends_a_run_in_lock_step(write_graph: WriteGraph) -> None:
    graph = load_graph(write_graph(film="scene:ball", out="null", eye="a"))
    with running_graph(graph) as (thread, errors):
        os.kill(children()["eye"], signal.SIGKILL)
        thread.join(timeout=200)
    assert "process of eye ended with -9; lock-step cannot go on" in str(errors[0])


@pytest.mark.parametrize("process", ["main", "a"])
def test_what_a_node_refuses_is_told_and_leaves_no_file(
    write_graph: WriteGraph, tmp_path: Path, process: str
) -> None:
    graph = load_graph(write_graph(film="missing.mp4", eye=process))
    with pytest.raises((InputError, TransportError), match=r"missing.mp4: no such file"):
        run_graph(graph)
    assert not list(tmp_path.glob("*out.wav*"))


@pytest.mark.parametrize("clock", ["virtual", "device"])
def test_a_speaker_that_may_not_listen_leaves_no_file(
    write_graph: WriteGraph, tmp_path: Path, clock: str
) -> None:
    """Its parser is on another machine and there are no keys."""
    path = write_graph(clock=clock)
    elsewhere = '[nodes.motion]\nbind = "tcp://127.0.0.1:5701"\nconnect = "tcp://192.0.2.1:5701"\n'
    path.write_text(path.read_text().replace("[nodes.motion]\n", elsewhere))
    with pytest.raises(InputError, match=r"open to other machines: give keys"):
        run_nodes(load_graph(path), ("voice",))
    assert not list(tmp_path.glob(".*.part"))


@pytest.mark.parametrize("clock", ["virtual", "device"])
def test_a_speaker_that_is_refused_leaves_no_file_of_another(
    write_graph: WriteGraph, tmp_path: Path, clock: str
) -> None:
    path = write_graph(clock=clock)
    other = '\n[nodes.other]\nkind = "speaker"\ninput = "motion"\nout = "{out}"\n'
    missing = tmp_path / "missing" / "out.wav"
    path.write_text(path.read_text() + other.format(out=missing))
    (tmp_path / "out.wav").write_bytes(b"older")
    with pytest.raises(InputError, match="does not exist"):
        run_nodes(load_graph(path), ("eye", "motion", "voice", "other"))
    assert not list(tmp_path.glob(".*.part"))
    assert (tmp_path / "out.wav").read_bytes() == b"older"


def test_a_node_that_fails_leaves_an_older_recording_alone(
    write_graph: WriteGraph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def torn(film: FileSource) -> Iterator[Frame]:
        yield Frame(np.zeros((48, 64, 3), np.uint8), 0, 0)
        raise InputError(f"{film.name}: torn")

    monkeypatch.setattr(FileSource, "__iter__", torn)
    (tmp_path / "out.wav").write_bytes(b"older")
    with pytest.raises(InputError, match=r"film\.mp4: torn"):
        run_graph(load_graph(write_graph(clock="device")))
    assert (tmp_path / "out.wav").read_bytes() == b"older"
    assert not list(tmp_path.glob(".*.part"))


def test_unknown_nodes_are_refused(write_graph: WriteGraph) -> None:
    with pytest.raises(ParameterError, match=r"node 'ear' is not in .*graph.toml; it has eye, mot"):
        run_nodes(load_graph(write_graph()), ("ear",))


def test_a_node_that_dies_again_and_again_is_given_up(
    write_graph: WriteGraph, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "_child", _die)
    monkeypatch.setattr(running, "_RESTART_PAUSE_S", 0.0)
    monkeypatch.setattr(running, "RESTARTS", 2)
    graph = load_graph(write_graph(clock="device", film="scene:ball", out="null", eye="a"))
    with pytest.raises(TransportError, match="ended 3 times within a minute"):
        run_graph(graph)


class _Refused:
    """A process that was refused, and its pipe."""

    exitcode = 2
    pid = 1

    def poll(self) -> bool:
        return True

    def recv(self) -> str:
        return "camera 0 cannot be opened"

    def close(self) -> None:
        return None


def test_what_is_refused_only_after_a_death_is_tried_again(
    write_graph: WriteGraph, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A camera that was pulled out took its process along, and is back a little later."""
    monkeypatch.setattr(running, "_RESTART_PAUSE_S", 0.0)
    supervisor = running._Supervisor(load_graph(write_graph(clock="device", film="scene:ball")))
    child = running._Child(("eye",), _Refused(), _Refused())  # type: ignore[arg-type]
    monkeypatch.setattr(supervisor, "_start", lambda _: child)
    supervisor._children = [child]
    child.starts.append(time.monotonic())
    with pytest.raises(TransportError, match="camera 0 cannot be opened"):
        supervisor._watch()
    child.starts.append(time.monotonic())
    supervisor._watch()
    assert "camera 0 cannot be opened" in caplog.text
    assert supervisor._children == [child] and len(child.starts) == 3


def _die(*_: object) -> None:
    raise SystemExit(7)

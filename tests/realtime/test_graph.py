from pathlib import Path

import pytest
import zmq

from synchresis.engines.zone import Zone
from synchresis.errors import InputError
from synchresis.realtime.graph import CameraSpec, ParserSpec, SpeakerSpec, load_graph
from synchresis.realtime.security import write_keys
from synchresis.realtime.toml_lines import line_of

GOOD = """\
clock = "virtual"
pack = "mine"

[[zones]]
palette = "wood"

[[zones]]
x0 = 0.5
palette = "glass:0.5+wood:0.5"
gain_db = -6

[nodes.eye]
kind = "camera"
source = "scene:ball"
seconds = 2

[nodes.motion]
kind = "parser"
input = "eye"
process = "b"
lookahead_ms = 20

[nodes.voice]
kind = "speaker"
input = "motion"
out = "null"
buffer = "auto"
process = "b"
"""


def load(tmp_path: Path, text: str):  # type: ignore[no-untyped-def]
    path = tmp_path / "graph.toml"
    path.write_text(text)
    return load_graph(path)


@pytest.fixture(autouse=True)
def _own_home(user_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)


def test_a_good_graph(tmp_path: Path) -> None:
    graph = load(tmp_path, GOOD)
    assert graph.clock == "virtual"
    assert graph.zones == (
        Zone(palette="wood"),
        Zone(0.5, 0, 1, 1, "glass:0.5+wood:0.5", -6),
    )
    assert [type(n) for n in graph.nodes.values()] == [CameraSpec, ParserSpec, SpeakerSpec]
    assert graph.processes() == {"b": ("motion", "voice"), "main": ("eye",)}
    assert (graph.receivers("eye"), graph.receivers("voice")) == (1, 0)


def test_addresses_inside_on_this_machine_and_beyond(tmp_path: Path) -> None:
    graph = load(tmp_path, GOOD)
    again = load(tmp_path, GOOD)
    assert graph.address("eye", inside=True) == "inproc://node/eye"
    ipc = graph.address("eye", inside=False)
    assert ipc.startswith("ipc:///")
    assert ipc == again.address("eye", inside=False)
    assert ipc != graph.address("motion", inside=False)
    assert len(ipc) < 100
    assert graph.binds("eye") == ["inproc://node/eye", ipc]
    write_keys(tmp_path / "a.key")
    keyed = GOOD + '[security]\nsecret = "a.key"\n'
    text = keyed.replace("[nodes.eye]\n", '[nodes.eye]\nbind = "tcp://*:5701"\n')
    graph = load(tmp_path, text)
    assert graph.binds("eye")[2] == "tcp://*:5701"
    # Who reads the same file without another address is on the same machine.
    assert graph.address("eye", inside=False) == ipc
    text = text.replace("bind = ", 'connect = "tcp://studio:5701"\nbind = ')
    assert load(tmp_path, text).address("eye", inside=False) == "tcp://studio:5701"


def test_keys_are_read(tmp_path: Path) -> None:
    public = write_keys(tmp_path / "a.key")
    other = zmq.curve_keypair()[0].decode()
    head = f'[security]\nsecret = "a.key"\nallow = ["{other}"]\n'  # beside the graph
    graph = load(tmp_path, GOOD + head)
    assert graph.keys is not None
    assert graph.keys.public == public
    assert graph.keys.allowed == {other}


@pytest.mark.parametrize(
    ("old", "new", "line", "match"),
    [
        ('clock = "virtual"', 'clock = "sundial"', 1, r"clock: invalid enum value 'sundial'"),
        ('pack = "mine"', "pack = 3", 2, r"pack: expected `str`, got `int`"),
        ('pack = "mine"', 'pakc = "mine"', 2, r"pakc: .*unknown field `pakc`"),
        ('pack = "mine"', "version = 2", 2, r"version: version 2 is not 1"),
        ('clock = "virtual"', 'engine = "cuda"', 1, r"engine: .*must be auto, "),
        ('kind = "camera"', 'kind = "kamera"', 13, r"must be camera, parser or speaker"),
        ('out = "null"', 'out = "out.ogg"', 26, r"nodes\.voice\.out: out\.ogg: unknown output"),
        ("seconds = 2", 'bind = "foo"', 15, r"nodes\.eye\.bind: 'foo' must be tcp://HOST:PORT"),
        ("seconds = 2", 'bind = "tcp://127.0.0.1:99999"', 15, r"port of 1 to 65535"),
        ("seconds = 2", 'bind = "tcp://*:5701"', 15, r"nodes\.eye\.bind: .*give keys"),
        ("seconds = 2", 'connect = "tcp://studio:5701"', 15, r"nodes\.eye\.connect: .*give keys"),
        ("seconds = 2", 'key = "abc"', 15, r"nodes\.eye\.key: a key must be 40"),
        (GOOD, f'{GOOD}[security]\nsecret = "no.key"\n', 30, r"security\.secret: .*no\.key"),
        (
            GOOD,
            f'{GOOD}[security]\nsecret = "a"\nallow = ["b"]\n',
            31,
            r"security\.allow\.0: a key",
        ),
        ("x0 = 0.5", "x0 = 1.5", 7, r"zones\.1: zone 1\.5,0"),
        ("x0 = 0.5", "x9 = 0.5", 8, r"zones\.1\.x9: .*unknown field"),
        ("gain_db = -6", "gain_db = 60", 7, r"zones\.1: zone gain 60"),
        ('kind = "camera"', 'kind = "kamera"', 13, r"nodes\.eye\.kind: invalid value 'kamera'"),
        ('kind = "camera"\n', "", 12, r"nodes\.eye: missing `kind`"),
        ("seconds = 2", "seconds = -2", 15, r"nodes\.eye\.seconds: expected `float` > 0"),
        ("seconds = 2", "secnods = 2", 15, r"nodes\.eye\.secnods: .*unknown field"),
        ('input = "eye"', 'input = "ear"', 19, r"nodes\.motion\.input: no node 'ear'; there"),
        ('input = "eye"', 'input = "voice"', 19, r"nodes\.motion\.input: 'voice' must be a camera"),
        ('input = "eye"\n', "", 17, r"nodes\.motion: .*missing required field `input`"),
        ('input = "motion"', 'input = "eye"', 25, r"nodes\.voice\.input: 'eye' must be a parser"),
        ("lookahead_ms = 20", "lookahead_ms = 500", 21, r"nodes\.motion\.lookahead_ms: expected"),
        ('out = "null"', 'out = "device"', 26, r"nodes\.voice\.out: give a file or 'null'"),
        ('out = "null"\n', "", 23, r"nodes\.voice\.out: give a file or 'null'"),
        ('buffer = "auto"', "buffer = 0", 27, r"nodes\.voice\.buffer: expected `int` >= 1"),
        (
            'buffer = "auto"',
            'buffer = "2"',
            27,
            r'buffer: invalid enum value .2. \(must be a whole number of hops, 1 to 32, or "auto',
        ),
        ('source = "scene:ball"', 'source = "0"', 14, r"nodes\.eye\.source: '0' happens now"),
        ("[nodes.eye]", '[nodes."my eye"]', 12, r"nodes\.my eye: names have"),
        ("[nodes.eye]", "[nodes.eye", 12, r"not TOML"),
        ('kind = "parser"', 'kind = "parser', 18, r"not TOML"),
        ("x0 = 0.5", "palette = 'a'", 9, r"not TOML"),
        (GOOD[GOOD.index("[nodes") :], "", 1, r"nodes: a graph needs nodes"),
        (GOOD, "nodes = 3", 1, r"nodes: must be a table"),
        (GOOD, "zones = 3", 1, r"zones: must be a list of tables"),
        (
            'out = "null"',
            'out = "a.wav"\n[nodes.two]\nkind = "speaker"\ninput = "motion"\nout = "./a.wav"',
            30,
            r"nodes\.two\.out: \./a\.wav is written by 'voice', too",
        ),
        ('source = "scene:ball"', "source = [1]", 14, r"nodes\.eye\.source: expected `str`"),
    ],
)
def test_what_is_wrong_is_said_with_line_and_key(
    tmp_path: Path, old: str, new: str, line: int, match: str
) -> None:
    assert old in GOOD
    with pytest.raises(InputError, match=match) as error:
        load(tmp_path, GOOD.replace(old, new, 1))
    assert str(error.value).startswith(f"{tmp_path}/graph.toml:{line}: ")


def test_missing_and_unreadable_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none.toml: cannot be read"):
        load_graph(tmp_path / "none.toml")
    (tmp_path / "b.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match=r"b.toml: is no text file"):
        load_graph(tmp_path / "b.toml")


def test_lines_of_keys() -> None:
    text = '# a\n[a]\nb.c = 1\n"d e" = 2\n[[f]]\n[[f]]\ng = 1\n[f.h]\ni = 2\n'
    assert line_of(text, ("a", "b", "c")) == 3
    assert line_of(text, ("a", "d e")) == 4
    assert line_of(text, ("f", 1, "g")) == 7
    assert line_of(text, ("f", 0, "g")) == 5
    assert line_of(text, ("nowhere",)) == 1

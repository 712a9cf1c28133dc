"""Graph files: nodes and their links, written in TOML, refused with line and key."""

import hashlib
import os
import re
import tempfile
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal, NoReturn, TypeAlias, TypeVar, get_args

import msgspec

from synchresis.engines.motion.picker import SENSITIVITIES
from synchresis.engines.runtime.engine import Backend
from synchresis.engines.voice.mixer import MASTER_DB
from synchresis.engines.zone import Zone
from synchresis.environment import runtime_dir
from synchresis.errors import InputError, ParameterError, TransportError
from synchresis.realtime.security import Keys, check_key, leaves_machine, read_keys
from synchresis.realtime.sinks.sound_file import check_output
from synchresis.realtime.sources import is_live
from synchresis.realtime.toml_lines import KeyPath, placed

VERSION: Final = 1
"""Version of the format."""

_EVERYWHERE: Final = re.compile(r"tcp://(\*|0\.0\.0\.0|\[::\]):")
"""Addresses to bind to that say nothing of where to connect."""

_ADDRESS: Final = re.compile(r"tcp://(\*|\[[0-9A-Fa-f:.%]+\]|[^\s:/\[\]]+):(\d{1,5})")

_ALLOWED: Final = {
    "kind": "camera, parser or speaker",
    "clock": "device or virtual",
    "engine": ", ".join(get_args(Backend)),
    "buffer": 'a whole number of hops, 1 to 32, or "auto"',
}
"""What may stand at keys with few choices."""

_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,40}")

_PATH_LENGTH: Final = 80
"""Longest folder for sockets: the system allows 107 characters for the whole path."""

Positive: TypeAlias = Annotated[float, msgspec.Meta(gt=0, le=1e6)]


class _Node(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind"):
    """What every node may say.

    Attributes:
        process: nodes of one name share a process.
        bind: TCP address its output can be reached at, beside those on this machine.
        connect: the same address as others must write it, if it differs.
        key: public key of the machine it runs on, for those on others.
    """

    process: str = "main"
    bind: str | None = None
    connect: str | None = None
    key: str | None = None


class CameraSpec(_Node, frozen=True, forbid_unknown_fields=True, tag="camera", kw_only=True):
    """A source of frames: camera number, file, URL or scene:NAME."""

    source: str = "0"
    mirror: bool = True
    camera_delay_ms: Annotated[float, msgspec.Meta(ge=0, le=1000)] = 0.0
    seconds: Positive | None = None
    seed: int = 0


class ParserSpec(_Node, frozen=True, forbid_unknown_fields=True, tag="parser", kw_only=True):
    """A motion parser."""

    input: str
    lookahead_ms: Annotated[float, msgspec.Meta(ge=-50, le=120)] = 0.0
    sensitivity: Annotated[float, msgspec.Meta(ge=SENSITIVITIES[0], le=SENSITIVITIES[1])] = 1.0


class SpeakerSpec(_Node, frozen=True, forbid_unknown_fields=True, tag="speaker", kw_only=True):
    """Score, voice and mixer with an output: device, null, or a .wav or .flac file."""

    input: str
    out: str = "device"
    device: str | None = None
    buffer: Annotated[int, msgspec.Meta(ge=1, le=32)] | Literal["auto"] = 2
    asap: bool = False
    seed: int = 0
    gain_db: Annotated[float, msgspec.Meta(ge=-80, le=24)] = MASTER_DB


NodeSpec: TypeAlias = CameraSpec | ParserSpec | SpeakerSpec

_INPUT_KIND: Final[Mapping[type, type]] = {ParserSpec: CameraSpec, SpeakerSpec: ParserSpec}


class _ZoneSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A zone as `synchresis.engines.zone.Zone` has it."""

    x0: float = 0.0
    y0: float = 0.0
    x1: float = 1.0
    y1: float = 1.0
    palette: str = "wood"
    gain_db: float = 0.0


class _Security(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Secret key file of this machine, and the public keys that may connect to it."""

    secret: str
    allow: tuple[str, ...] = ()


class _Head(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything but the nodes, zones and keys."""

    version: int = VERSION
    clock: Literal["device", "virtual"] = "device"
    pack: str = "default"
    engine: Backend = "auto"


@dataclass(frozen=True, slots=True)
class Graph:
    """A whole graph, checked.

    Attributes:
        path: of its file.
        clock: device or virtual.
        pack: name or path.
        engine: backend of the networks.
        zones: of all parsers and speakers.
        nodes: by name.
        keys: of this machine, None without links to others.
    """

    path: Path
    clock: Literal["device", "virtual"]
    pack: str
    engine: Backend
    zones: tuple[Zone, ...]
    nodes: Mapping[str, NodeSpec]
    keys: Keys | None

    def processes(self) -> dict[str, tuple[str, ...]]:
        """Names of nodes by the process they run in."""
        names = sorted({node.process for node in self.nodes.values()})
        return {p: tuple(n for n, node in self.nodes.items() if node.process == p) for p in names}

    def receivers(self, name: str) -> int:
        """How many nodes take from a node."""
        return sum(getattr(node, "input", None) == name for node in self.nodes.values())

    def binds(self, name: str) -> list[str]:
        """Addresses a node's output is bound to: in its process, on this machine, beyond."""
        bind = self.nodes[name].bind
        return [_inproc(name), self._ipc(name), *([bind] if bind else [])]

    def address(self, name: str, *, inside: bool) -> str:
        """Address to take a node's output from.

        Args:
            name: of the node that gives.
            inside: whether it runs in the same process.
        """
        node = self.nodes[name]
        if inside:
            return _inproc(name)
        given = node.connect or node.bind
        if given is None or _EVERYWHERE.match(given):
            return self._ipc(name)  # what names no machine can only be this one
        return given

    def _ipc(self, name: str) -> str:
        """Address on this machine, the same for everybody who reads the same file."""
        folder = runtime_dir()
        if len(str(folder)) > _PATH_LENGTH:
            folder = Path(tempfile.gettempdir()) / f"synchresis-{os.getuid()}"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if folder.stat().st_uid != os.getuid():
            raise TransportError(f"{folder} belongs to somebody else; set XDG_RUNTIME_DIR")
        digest = hashlib.sha256(f"{self.path.resolve()} {name}".encode()).hexdigest()[:16]
        return f"ipc://{folder}/{digest}"


def _inproc(name: str) -> str:
    return f"inproc://node/{name}"


def load_graph(path: str | Path) -> Graph:
    """Read and check a graph file.

    A relative `secret` lies beside the file.

    Raises:
        InputError: with line and key of what is wrong.
    """
    text = _read(Path(path))
    source = _Source(Path(path), text, _parse(Path(path), text))
    table = dict(source.table)
    nodes = source.take(table, "nodes", dict)
    zones = source.take(table, "zones", list)
    security = table.pop("security", None)
    head = source.convert(table, _Head, ())
    if head.version != VERSION:
        source.fail(("version",), f"version {head.version} is not {VERSION}")
    graph = Graph(
        path=Path(path),
        clock=head.clock,
        pack=head.pack,
        engine=head.engine,
        zones=tuple(_zone(source, n, value) for n, value in enumerate(zones)) or (Zone(),),
        nodes={name: _node(source, name, value) for name, value in nodes.items()},
        keys=_keys(source, security),
    )
    _check(source, graph)
    return graph


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Source:
    """A file being read, to complain about it."""

    path: Path
    text: str
    table: dict[str, Any]

    def fail(self, key: KeyPath, problem: str) -> NoReturn:
        """Refuse with line and key."""
        raise InputError(placed(self.path, self.text, key, problem))

    def take(self, table: dict[str, Any], name: str, kind: type[T]) -> T:
        """Remove and return a value of the top level; empty if missing."""
        value: Any = table.pop(name, kind())
        if not isinstance(value, kind):
            self.fail((name,), f"must be a {'table' if kind is dict else 'list of tables'}")
        taken: T = value
        return taken

    def convert(self, value: Any, kind: Any, key: KeyPath) -> Any:
        """Check a value against a type."""
        try:
            return msgspec.convert(value, kind)
        except msgspec.ValidationError as err:
            problem, _, place = str(err).partition(" - at `$")
            deeper = [part for part in re.split(r"[.\[\]`]+", place) if part]
            named = re.search(r"unknown field `(\w+)`", problem)
            if named:
                deeper.append(named.group(1))
            last = deeper[-1] if deeper else ""
            choices = f" (must be {_ALLOWED[last]})" if last in _ALLOWED else ""
            self.fail((*key, *deeper), problem[:1].lower() + problem[1:] + choices)


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except OSError as err:
        raise InputError(f"{path}: cannot be read ({err.strerror})") from err
    except UnicodeDecodeError as err:
        raise InputError(f"{path}: is no text file") from err


def _parse(path: Path, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as err:
        found = re.search(r"\(at (?:line (\d+), column \d+|end of document)\)", str(err))
        line = int(found.group(1)) if found and found.group(1) else text.count("\n") + 1
        problem = str(err).partition(" (at ")[0]
        raise InputError(f"{path}:{line}: not TOML: {problem}") from err


def _node(source: _Source, name: str, value: Any) -> NodeSpec:
    key = ("nodes", name)
    if not _NAME.fullmatch(name):
        source.fail(key, "names have 1 to 40 letters, digits, - or _")
    if isinstance(value, dict) and "kind" not in value:
        source.fail(key, "missing `kind`: camera, parser or speaker")
    spec: NodeSpec = source.convert(value, NodeSpec, key)
    return spec


def _zone(source: _Source, number: int, value: Any) -> Zone:
    spec: _ZoneSpec = source.convert(value, _ZoneSpec, ("zones", number))
    try:
        return Zone(**msgspec.structs.asdict(spec))
    except ParameterError as err:
        source.fail(("zones", number), str(err))


def _keys(source: _Source, value: Any) -> Keys | None:
    if value is None:
        return None
    security: _Security = source.convert(value, _Security, ("security",))
    for number, key in enumerate(security.allow):
        _check_key(source, ("security", "allow", number), key)
    try:
        return read_keys(source.path.parent / security.secret, frozenset(security.allow))
    except (InputError, ParameterError) as err:
        source.fail(("security", "secret"), str(err))


def _check_key(source: _Source, key: KeyPath, value: str) -> None:
    try:
        check_key(value)
    except ParameterError as err:
        source.fail(key, str(err))


def _check(source: _Source, graph: Graph) -> None:
    """What no single value can tell."""
    if not graph.nodes:
        source.fail(("nodes",), "a graph needs nodes: [nodes.NAME] with a kind")
    for name, node in graph.nodes.items():
        _check_input(source, graph, name, node)
        _check_addresses(source, graph, name, node)
        if node.key is not None:
            _check_key(source, ("nodes", name, "key"), node.key)
        if isinstance(node, SpeakerSpec) and node.out not in ("device", "null"):
            _check_out(source, graph, name, node.out)
        if graph.clock == "virtual":
            _check_virtual(source, name, node)


def _check_input(source: _Source, graph: Graph, name: str, node: NodeSpec) -> None:
    if isinstance(node, CameraSpec):
        return
    key = ("nodes", name, "input")
    giver, wanted = graph.nodes.get(node.input), _INPUT_KIND[type(node)]
    if giver is None:
        source.fail(key, f"no node {node.input!r}; there are {', '.join(graph.nodes)}")
    if not isinstance(giver, wanted):
        kind = "camera" if wanted is CameraSpec else "parser"
        source.fail(key, f"{node.input!r} must be a {kind}")


def _check_addresses(source: _Source, graph: Graph, name: str, node: NodeSpec) -> None:
    for key in ("bind", "connect"):
        address = getattr(node, key)
        if address is None:
            continue
        place = ("nodes", name, key)
        found = _ADDRESS.fullmatch(address)
        if found is None or not 1 <= int(found.group(2)) <= 65_535:
            source.fail(place, f"{address!r} must be tcp://HOST:PORT with a port of 1 to 65535")
        if leaves_machine(address) and graph.keys is None:
            source.fail(place, f"{address!r} is open to other machines: give keys in [security]")
    if node.connect and _EVERYWHERE.match(node.connect):
        source.fail(("nodes", name, "connect"), "must name the machine, as others know it")


def _check_out(source: _Source, graph: Graph, name: str, out: str) -> None:
    try:
        check_output(out)
    except ParameterError as err:
        source.fail(("nodes", name, "out"), str(err))
    for other, node in graph.nodes.items():
        if other == name:
            return
        if isinstance(node, SpeakerSpec) and Path(node.out).resolve() == Path(out).resolve():
            source.fail(("nodes", name, "out"), f"{out} is written by {other!r}, too; name another")


def _check_virtual(source: _Source, name: str, node: NodeSpec) -> None:
    if isinstance(node, CameraSpec) and is_live(node.source):
        source.fail(("nodes", name, "source"), f"{node.source!r} happens now; clock is 'virtual'")
    if isinstance(node, SpeakerSpec) and node.out == "device":
        source.fail(("nodes", name, "out"), "give a file or 'null'; clock is 'virtual'")

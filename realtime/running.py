"""Run graphs: in one process, or in many that are watched and started again."""

import contextlib
import logging
import multiprocessing
import os
import signal
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Final

from synchresis.errors import SynchresisError, TransportError
from synchresis.realtime.graph import Graph, SpeakerSpec, load_graph
from synchresis.realtime.node_group import NodeGroup
from synchresis.realtime.sinks.part_file import PartFile

_log = logging.getLogger(__name__)

RESTARTS: Final = 5
"""Times a process is started again within a minute before the graph gives up."""

_RESTART_PAUSE_S: Final = 0.5
_MINUTE_S: Final = 60.0
_POLL_S: Final = 0.1
_REFUSED: Final = 2

Stop = Callable[[], bool]
"""Asked again and again whether to stop."""


Tell = Callable[[str], None]
"""Takes a line: what a node has done and lost, once it ended."""


def _never() -> bool:
    return False


def _untold(_line: str) -> None:
    pass


def run_graph(graph: Graph, *, stop: Stop = _never, tell: Tell = _untold) -> None:
    """Run all nodes until their source ends, in as many processes as the file asks for.

    On the device clock a process that was killed is started again; links find it. What it had
    counted is lost with it.

    Raises:
        SynchresisError: a node cannot run, or a process was killed on the virtual clock or too
            often.
    """
    processes = graph.processes()
    if len(processes) == 1:
        run_nodes(graph, tuple(graph.nodes), stop=stop, tell=tell)
        return
    _Supervisor(graph, tell).run(stop)


def run_nodes(
    graph: Graph, names: Sequence[str], *, stop: Stop = _never, tell: Tell = _untold
) -> None:
    """Run some nodes of a graph in this process until their source ends.

    Raises:
        SynchresisError: one of them cannot run.
    """
    group = NodeGroup(graph, names)
    try:
        group.start()
        while not stop() and group.poll():
            pass
    finally:
        group.stop()
        for line in group.account():
            tell(line)


@dataclass(slots=True)
class _Child:
    """A process with some nodes."""

    names: tuple[str, ...]
    process: SpawnProcess
    pipe: Connection
    starts: "deque[float]" = field(default_factory=lambda: deque(maxlen=RESTARTS + 2))


class _Supervisor:
    """Starts the processes of a graph, and starts them again."""

    def __init__(self, graph: Graph, tell: Tell = _untold) -> None:
        self._graph = graph
        self._tell = tell
        self._spawn = multiprocessing.get_context("spawn")
        self._children: list[_Child] = []

    def run(self, stop: Stop) -> None:
        try:
            for names in self._graph.processes().values():
                self._children.append(self._start(names))
            while self._children and not stop():
                self._watch()
                time.sleep(_POLL_S)
        finally:
            self._stop()

    def _start(self, names: tuple[str, ...]) -> _Child:
        ours, theirs = self._spawn.Pipe(duplex=False)
        process = self._spawn.Process(
            target=_child,
            args=(str(self._graph.path), names, theirs),
            name=", ".join(names),
            daemon=True,
        )
        process.start()
        theirs.close()
        child = _Child(names, process, ours)
        child.starts.append(time.monotonic())
        return child

    def _watch(self) -> None:
        """Look after children that ended."""
        for child in [c for c in self._children if c.process.exitcode is not None]:
            code = child.process.exitcode
            if code == 0:
                self._let_tell(child)
                self._children.remove(child)
            elif code == _REFUSED and child.pipe.poll():
                self._refused(child, child.pipe.recv())
            else:
                self._start_again(child)

    def _refused(self, child: _Child, why: str) -> None:
        """What is refused at first is; later a device may only be away for a while."""
        if len(child.starts) == 1:
            raise TransportError(why)
        _log.warning("%s", why)
        self._start_again(child)

    def _start_again(self, child: _Child) -> None:
        names = ", ".join(child.names)
        code = child.process.exitcode
        if self._graph.clock == "virtual":
            raise TransportError(f"process of {names} ended with {code}; lock-step cannot go on")
        child.starts.append(time.monotonic())
        if len(child.starts) > RESTARTS + 1 and child.starts[-1] - child.starts[0] < _MINUTE_S:
            raise TransportError(f"process of {names} ended {RESTARTS + 1} times within a minute")
        _log.warning("process of %s ended with %s; starting it again", names, code)
        self._keep_recordings(child)
        time.sleep(_RESTART_PAUSE_S)
        again = self._start(child.names)
        child.pipe.close()
        child.process, child.pipe = again.process, again.pipe

    def _keep_recordings(self, child: _Child) -> None:
        """Give what speakers of a dead process had recorded a name of its own."""
        for name in child.names:
            node = self._graph.nodes[name]
            if isinstance(node, SpeakerSpec) and node.out not in ("device", "null"):
                aside = PartFile(node.out, process=child.process.pid).set_aside()
                if aside is not None:
                    _log.warning("what %s had recorded until then is kept as %s", name, aside)

    def _stop(self) -> None:
        for child in self._children:
            if child.process.is_alive():
                child.process.terminate()
        for child in self._children:
            child.process.join(timeout=10)
            if child.process.is_alive():
                child.process.kill()
            elif child.process.exitcode == 0:
                self._let_tell(child)
            child.pipe.close()

    def _let_tell(self, child: _Child) -> None:
        """Pass on what a process that ended well has said."""
        while child.pipe.poll():
            try:
                self._tell(child.pipe.recv())
            except EOFError:
                return


def _child(path: str, names: tuple[str, ...], pipe: Connection) -> None:
    """Run nodes in a process of their own; what is refused is told to the parent."""
    parent = os.getppid()
    stopped = False

    def stop(*_: object) -> None:
        nonlocal stopped
        stopped = True

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    told: list[str] = []
    try:
        run_nodes(
            load_graph(Path(path)),
            names,
            stop=lambda: stopped or os.getppid() != parent,
            tell=told.append,
        )
    except SynchresisError as err:
        pipe.send(str(err))
        raise SystemExit(_REFUSED) from err
    with contextlib.suppress(OSError):  # nobody is there any more to be told
        for line in told:
            pipe.send(line)

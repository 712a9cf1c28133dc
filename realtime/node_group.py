"""Node groups: the nodes of a graph that share a process, one thread each."""

import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import Final, Literal, TypeAlias

import zmq

from synchresis.engines.instrument import Instrument, InstrumentSettings
from synchresis.engines.packs import load_pack
from synchresis.engines.score import ScoreCounts
from synchresis.errors import ParameterError
from synchresis.realtime.clock import SystemClock
from synchresis.realtime.delay import MS
from synchresis.realtime.device_loop import DeviceLoop, LoopCounts, LoopSettings
from synchresis.realtime.graph import CameraSpec, Graph, NodeSpec, ParserSpec, SpeakerSpec
from synchresis.realtime.links import (
    Context,
    Inlet,
    InletCounts,
    Outlet,
    OutletCounts,
    policy_for,
)
from synchresis.realtime.nodes import LockstepSpeaker, ParserNode
from synchresis.realtime.outputs import open_ring, open_sink
from synchresis.realtime.security import Gatekeeper
from synchresis.realtime.sources import SourceSettings, open_film, open_live
from synchresis.realtime.threads import (
    SWITCH_S,
    NodeThread,
    run_device_loop,
    run_film,
    run_lockstep_speaker,
    run_source,
    run_worker,
)

Work: TypeAlias = Callable[[threading.Event], None]
"""What a node's thread does until it is told to stop."""

What: TypeAlias = Literal["frame", "gesture"]

Tally: TypeAlias = Callable[[], dict[str, int]]
"""What was counted so far, by name."""

_POLL_S: Final = 0.05


class NodeGroup:
    """Nodes of a graph that run in this process, one thread each."""

    def __init__(self, graph: Graph, names: Sequence[str]) -> None:
        """Open sources, outputs and sockets; loads only the engines that are needed.

        Raises:
            SynchresisError: one of them cannot be used as the graph asks.
        """
        if len(set(names)) < len(names):
            raise ParameterError(f"{', '.join(names)}: name each node once")
        unknown = [name for name in names if name not in graph.nodes]
        if unknown:
            raise ParameterError(
                f"node {unknown[0]!r} is not in {graph.path}; it has {', '.join(graph.nodes)}"
            )
        self._graph = graph
        self._names = tuple(names)
        self._context: Context = zmq.Context()
        self._clock = SystemClock()
        self._instruments: list[Instrument] = []
        self._threads: list[NodeThread] = []
        self._loops: list[DeviceLoop] = []
        self._ends: list[Outlet | Inlet] = []
        self._releases: dict[str, Callable[[], None]] = {}
        self._tallies: dict[str, list[Tally]] = {name: [] for name in names}
        self._gatekeeper = Gatekeeper(self._context, graph.keys) if graph.keys else None
        try:
            for name in sorted(names, key=self._order):
                self._threads.append(NodeThread(name, self._work(name, graph.nodes[name])))
        except BaseException:
            self.stop()
            raise

    def start(self) -> None:
        """Let all nodes run."""
        sys.setswitchinterval(SWITCH_S)
        for thread in self._threads:
            thread.start()

    def poll(self) -> bool:
        """Wait a little; whether any node still runs.

        Raises:
            SynchresisError: a node failed.
        """
        time.sleep(_POLL_S)
        for thread in self._threads:
            if thread.error is not None:
                raise thread.error
        return any(thread.running for thread in self._threads)

    def account(self) -> list[str]:
        """What every node has done and lost so far, a line each."""
        return [f"{name}: {_told(tallies)}" for name, tallies in self._tallies.items()]

    def stop(self) -> None:
        """Stop all nodes and close everything; where one failed no older file is replaced."""
        if any(thread.error for thread in self._threads):
            for loop in self._loops:
                loop.break_off()
        for thread in self._threads:
            thread.stopping.set()
        for thread in self._threads:
            thread.wait()
        self._release_unstarted()
        for end in self._ends:
            end.close()
        if self._gatekeeper is not None:
            self._gatekeeper.stop()
        if not any(thread.running for thread in self._threads):
            self._context.destroy(linger=0)
        for instrument in self._instruments:
            instrument.close()

    def _release_unstarted(self) -> None:
        """Let go of sources and outputs of nodes whose threads, which do that, never started."""
        started = {thread.name for thread in self._threads if thread.ident is not None}
        for name in self._releases.keys() - started:
            self._releases.pop(name)()

    def _order(self, name: str) -> bool:
        """Speakers last: they begin files, and nothing that is refused later may leave one."""
        return isinstance(self._graph.nodes[name], SpeakerSpec)

    def _work(self, name: str, node: NodeSpec) -> Work:
        match node:
            case CameraSpec():
                return self._camera(name, node)
            case ParserSpec():
                return self._parser(name, node)
            case SpeakerSpec():
                return self._speaker(name, node)

    def _camera(self, name: str, node: CameraSpec) -> Work:
        settings = SourceSettings(
            spec=node.source,
            mirror=node.mirror,
            camera_delay_ns=round(node.camera_delay_ms * MS),
            seconds=node.seconds,
            seed=node.seed,
        )
        if self._virtual:
            film = open_film(settings)
            self._releases[name] = film.close
            outlet, receivers = self._outlet(name, "frame"), self._receivers(name)
            return run_film(film, outlet, receivers=receivers)
        source = open_live(settings)
        self._releases[name] = source.close
        self._tallies[name].append(lambda: {"passed over": source.lost})
        outlet, receivers = self._outlet(name, "frame"), self._receivers(name)
        return run_source(source, outlet, self._clock, receivers=receivers)

    def _parser(self, name: str, node: ParserSpec) -> Work:
        settings = InstrumentSettings(
            zones=self._graph.zones,
            lookahead_ns=round(node.lookahead_ms * MS),
            sensitivity=node.sensitivity,
            backend=self._graph.engine,
        )
        instrument = self._instrument(settings)
        return run_worker(
            ParserNode(instrument.parser),
            self._inlet(name, node.input, "frame"),
            self._outlet(name, "gesture"),
            receivers=self._receivers(name),
        )

    def _speaker(self, name: str, node: SpeakerSpec) -> Work:
        settings = InstrumentSettings(
            zones=self._graph.zones,
            seed=node.seed,
            gain_db=node.gain_db,
            backend=self._graph.engine,
        )
        playout = self._instrument(settings).playout(asap=node.asap)
        inlet = self._inlet(name, node.input, "gesture")
        self._tallies[name].append(lambda: _of_score(playout.counts))
        if self._virtual:
            sink = open_sink(node.out)
            self._releases[name] = sink.abort
            return run_lockstep_speaker(LockstepSpeaker(playout), inlet, sink)
        ring = open_ring(node.out, node.device, self._clock)
        self._releases[name] = ring.close
        settings_loop = LoopSettings(buffer_hops=node.buffer, asap=node.asap)
        loop = DeviceLoop(playout, ring, self._clock, inlet.take, settings_loop)
        self._loops.append(loop)
        self._tallies[name].append(lambda: _of_loop(loop.counts))
        return run_device_loop(loop, inlet, self._clock)

    def _receivers(self, name: str) -> int:
        """Receivers to wait for: all in lock-step, else one, lest a film plays to nobody."""
        count = self._graph.receivers(name)
        return count if self._virtual else min(count, 1)

    @property
    def _virtual(self) -> bool:
        return self._graph.clock == "virtual"

    def _instrument(self, settings: InstrumentSettings) -> Instrument:
        instrument = Instrument(load_pack(self._graph.pack), settings)
        self._instruments.append(instrument)
        instrument.prepare()
        return instrument

    def _outlet(self, name: str, what: What) -> Outlet:
        policy = policy_for(what, lossless=self._virtual)
        outlet = Outlet(self._context, self._graph.binds(name), policy, keys=self._graph.keys)
        self._ends.append(outlet)
        self._tallies[name].append(lambda: _of_outlet(outlet.counts))
        return outlet

    def _inlet(self, name: str, giver: str, what: What) -> Inlet:
        policy = policy_for(what, lossless=self._virtual)
        address = self._graph.address(giver, inside=giver in self._names)
        server = self._graph.nodes[giver].key
        inlet = Inlet(
            self._context, address, policy, keys=self._graph.keys, server=server, giver=giver
        )
        self._ends.append(inlet)
        self._tallies[name].append(lambda: _of_inlet(inlet.counts))
        return inlet


def _told(tallies: Sequence[Tally]) -> str:
    """Counts that are not 0."""
    counts = [(what, count) for tally in tallies for what, count in tally().items() if count]
    return ", ".join(f"{count} {what}" for what, count in counts) or "nothing"


def _of_outlet(counts: OutletCounts) -> dict[str, int]:
    return {"sent": counts.sent, "not sent": counts.dropped, "bad requests": counts.malformed}


def _of_inlet(counts: InletCounts) -> dict[str, int]:
    return {
        "received": counts.received,
        "lost on the way": counts.lost,
        "received too late": counts.dropped,
        "unreadable": counts.malformed,
    }


def _of_score(counts: ScoreCounts) -> dict[str, int]:
    return {"hits played": counts.played, "late": counts.late, "hits dropped": counts.dropped}


def _of_loop(counts: LoopCounts) -> dict[str, int]:
    return {
        "xruns": counts.xruns,
        "of another clock": counts.foreign,
        "of other zones": counts.refused,
    }

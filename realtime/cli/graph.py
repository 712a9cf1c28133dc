"""`synchresis graph`: run a whole graph from its file."""

import argparse
from pathlib import Path

from synchresis.realtime.cli.stopping import ended_by_signals


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `graph` to the command line."""
    text = "run a whole graph of nodes from its TOML file, until its source ends or Ctrl-C"
    parser = subparsers.add_parser("graph", help=text, description=text)
    parser.add_argument("file", type=Path, metavar="FILE.toml", help="the graph")
    parser.add_argument(
        "--check", action="store_true", help="read the file, look for what it needs, run nothing"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run it."""
    from synchresis.realtime.graph import load_graph
    from synchresis.realtime.graph_needs import check_needs
    from synchresis.realtime.running import run_graph

    graph = load_graph(args.file)
    check_needs(graph, tuple(graph.nodes))
    if args.check:
        for process, names in graph.processes().items():
            print(f"{process}: {', '.join(names)}")
        return 0
    with ended_by_signals():
        run_graph(graph, tell=print)
    return 0

"""`synchresis node`: run some nodes of a graph in this process, as one machine of many does."""

import argparse
from pathlib import Path

from synchresis.realtime.cli.stopping import ended_by_signals


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `node` to the command line."""
    text = "run one node of a graph (or several) in this process"
    parser = subparsers.add_parser("node", help=text, description=text)
    parser.add_argument("names", nargs="+", metavar="NAME", help="node of the graph")
    parser.add_argument("--graph", type=Path, required=True, metavar="FILE.toml", help="the graph")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run it until its source ends."""
    from synchresis.realtime.graph import load_graph
    from synchresis.realtime.graph_needs import check_needs
    from synchresis.realtime.running import run_nodes

    graph = load_graph(args.graph)
    check_needs(graph, args.names)
    with ended_by_signals():
        run_nodes(graph, args.names, tell=print)
    return 0

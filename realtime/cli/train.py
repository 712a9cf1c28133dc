"""`synchresis train`: make an engine from scenes or recordings."""

import argparse

from synchresis.realtime.cli.training import add_task


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `train` to the command line."""
    add_task(subparsers, "train", "train an engine (needs the extra 'train')")

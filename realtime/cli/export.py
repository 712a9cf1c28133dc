"""`synchresis export`: put a trained engine into a pack."""

import argparse

from synchresis.realtime.cli.training import add_task


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `export` to the command line."""
    add_task(subparsers, "export", "put a trained engine into a pack (needs the extra 'train')")

"""`synchresis teach`: make it yours, from your own hits and sounds."""

import argparse
from importlib import import_module
from importlib.util import find_spec
from typing import Final

WAYS: Final = ("motion", "palette")
"""What can be taught; each is a module `teach_NAME` here with `add_parser(subparsers)`."""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `teach` to the command line."""
    text = "learn from your own hits and sounds; the result is a pack of your own"
    parser = subparsers.add_parser("teach", help=text, description=text)
    ways = parser.add_subparsers(metavar="|".join(found_ways()), required=True)
    for way in found_ways():
        import_module(_module(way)).add_parser(ways)


def found_ways() -> tuple[str, ...]:
    """What can be taught here."""
    return tuple(way for way in WAYS if find_spec(_module(way)) is not None)


def _module(way: str) -> str:
    return f"synchresis.realtime.cli.teach_{way}"

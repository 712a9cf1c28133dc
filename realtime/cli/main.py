"""Entry point: find the subcommand, run it, turn errors into one line and exit code 2."""

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from typing import Final, NoReturn

from synchresis import __version__
from synchresis.errors import SynchresisError
from synchresis.realtime.cli.stopping import terminated_in_order

COMMANDS: Final = (
    "live",
    "render",
    "graph",
    "node",
    "key",
    "palettes",
    "doctor",
    "teach",
    "calibrate",
    "train",
    "export",
    "evaluate",
    "bench",
)
"""Subcommands; each is a module here with `add_parser(subparsers)`, which sets `run`."""

USAGE_ERROR: Final = 2
"""Exit code of every refused input."""

INTERRUPTED: Final = 130
"""Exit code after Ctrl-C or SIGTERM."""


class Parser(argparse.ArgumentParser):
    """Parser whose errors are one line, like all others."""

    def error(self, message: str) -> NoReturn:
        """Print the message and the way to help, exit with code 2."""
        if "expected one argument" in message:
            message += "; a value that begins with - is given as --option=VALUE"
        _complain(f"{message} (see {self.prog} --help)")
        raise SystemExit(USAGE_ERROR)


def build_parser(argv: Sequence[str]) -> Parser:
    """Parser for these arguments; only the module of the subcommand they name is imported."""
    parser = Parser(prog="synchresis", description="Hear what you see, as you see it.")
    parser.add_argument("--version", action="version", version=f"synchresis {__version__}")
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True, parser_class=Parser)
    asked = [name for name in COMMANDS if name in argv[:1]]
    for name in asked or COMMANDS:
        import_module(f"synchresis.realtime.cli.{name}").add_parser(subparsers)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: arguments without the program's name; those of the process by default.

    Returns:
        Exit code: 0, 2 for an input that cannot be used, 130 after Ctrl-C or SIGTERM.
    """
    given = list(sys.argv[1:] if argv is None else argv)
    args = build_parser(given).parse_args(given)
    logging.basicConfig(level=logging.WARNING, format="synchresis: %(message)s")
    try:
        with terminated_in_order():
            return int(args.run(args))
    except SynchresisError as err:
        _complain(str(err))
        return USAGE_ERROR
    except KeyboardInterrupt:
        with suppress(OSError):  # a terminal that was closed
            print("synchresis: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        return _close_pipe()
    except OSError as err:
        _complain(f"{err.filename}: {err.strerror}" if err.filename else str(err))
        return USAGE_ERROR


def _complain(message: str) -> None:
    """One line to stderr, whatever a library put into its message."""
    print(f"synchresis: error: {' '.join(message.split())}", file=sys.stderr)


def _close_pipe() -> int:
    """The reader of our output went away (as `| head` does): be quiet about it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

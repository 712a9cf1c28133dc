"""`synchresis key`: the key of this machine, for graphs that leave it."""

import argparse
from pathlib import Path


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `key` to the command line."""
    text = "make this machine's secret key, if there is none yet, and print the public one"
    parser = subparsers.add_parser("key", help=text, description=text)
    parser.add_argument("file", type=Path, metavar="FILE.key", help="of the secret key")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the public key; a secret that is there is read, never replaced.

    Raises:
        InputError: the file cannot be read or written.
        ParameterError: what is there is no key.
    """
    from synchresis.realtime.security import read_keys, write_keys

    print(read_keys(args.file).public if args.file.exists() else write_keys(args.file))
    return 0

"""Hand arguments on to the training code, which is loaded only then: it needs torch."""

import argparse
from collections.abc import Sequence
from importlib import import_module
from typing import Final, Literal

from synchresis.errors import EngineError, how_to_install

KINDS: Final = ("motion", "voice")
"""Engines that can be trained and exported."""

Task = Literal["train", "export"]


def add_task(
    subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]", task: Task, text: str
) -> None:
    """Add a subcommand whose options are those of the engine's own module."""
    parser = subparsers.add_parser(
        task, help=text, description=f"{text}; `synchresis {task} motion --help` lists the options"
    )
    named = "|".join(KINDS)
    parser.add_argument("engine", choices=KINDS, metavar=named, help="which engine")
    parser.add_argument("rest", nargs=argparse.REMAINDER, metavar="…", help="options of the engine")
    parser.set_defaults(run=lambda args: run_task(task, args.engine, args.rest))


def run_task(task: Task, engine: str, rest: Sequence[str]) -> int:
    """Run `synchresis.engines.training.ENGINE.commands` with the rest of the arguments.

    Raises:
        EngineError: torch is not installed.
    """
    try:
        commands = import_module(f"synchresis.engines.training.{engine}.commands")
    except ModuleNotFoundError as err:
        if (err.name or "").startswith("synchresis"):
            raise
        raise EngineError(
            f"{task} {engine} needs {err.name}, which a plain install leaves out; "
            f"{how_to_install('train')}"
        ) from err
    parser = argparse.ArgumentParser(prog=f"synchresis {task} {engine}")
    getattr(commands, f"add_{task}_arguments")(parser)
    return int(getattr(commands, f"run_{task}")(parser.parse_args(rest)))

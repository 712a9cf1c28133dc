"""`synchresis evaluate voice`: the voice against recordings held back from its training."""

import argparse
from pathlib import Path

from synchresis.errors import InputError
from synchresis.realtime.cli import options
from synchresis.realtime.cli.output import print_json


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `evaluate voice`."""
    text = "the voice against held-out recordings, a sampler and physical models"
    parser = subparsers.add_parser("voice", help=text, description=text)
    add = parser.add_argument
    add("--sounds", type=Path, required=True, metavar="DIR", help="recordings with manifest.csv")
    add("--sheets", type=Path, metavar="DIR", help="draw spectrogram sheets into a folder")
    options.add_pack_option(parser)
    add("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Evaluate and print."""
    from synchresis.engines.evaluation.voice import evaluate_voice
    from synchresis.engines.evaluation.voice_table import table

    if not (args.sounds / "manifest.csv").is_file():
        raise InputError(
            f"{args.sounds} has no manifest.csv; --sounds needs the recordings' folder"
        )
    report = evaluate_voice(options.pack(args), args.sounds, sheets=args.sheets)
    if args.json:
        print_json(report)
    else:
        print(table(report))
    return 0

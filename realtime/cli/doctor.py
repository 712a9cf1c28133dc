"""`synchresis doctor`: what is here, what works, and the remedy for what does not."""

import argparse
from typing import TYPE_CHECKING, Final

from synchresis.errors import PackError
from synchresis.realtime.cli import options
from synchresis.realtime.cli.output import print_json

if TYPE_CHECKING:
    from synchresis.engines.packs import Pack
    from synchresis.realtime.doctor import Finding

MARKS: Final = {"ok": "ok     ", "absent": "absent ", "broken": "BROKEN "}
"""How a verdict is shown."""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `doctor` to the command line."""
    text = "look for cameras, sound, GPU and packs, and test each stage by itself"
    parser = subparsers.add_parser("doctor", help=text, description=text)
    options.add_pack_option(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Examine everything; 1 where something is broken, 0 otherwise."""
    from synchresis.realtime.doctor import examine_devices, examine_stages

    found: list[Finding] = []
    for findings in (examine_devices(), examine_stages(_pack(args))):
        for finding in findings:
            found.append(finding)
            if not args.json:
                _print(finding)
    if args.json:
        print_json(found)
    return 1 if any(finding.verdict == "broken" for finding in found) else 0


def _pack(args: argparse.Namespace) -> "Pack | None":
    """The pack whose engines are tested; one named by the user must be there."""
    try:
        return options.pack(args)
    except PackError:
        if args.pack:
            raise
        return None  # said already among the packs


def _print(finding: "Finding") -> None:
    print(f"{MARKS[finding.verdict]} {finding.name}: {finding.text}")
    if finding.remedy:
        print(f"{'':9}-> {finding.remedy}")

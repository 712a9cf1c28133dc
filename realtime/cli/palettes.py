"""`synchresis palettes`: what things can sound like."""

import argparse
import math
from typing import TYPE_CHECKING

from synchresis.realtime.cli import options
from synchresis.realtime.cli.output import print_json, print_table

if TYPE_CHECKING:
    from synchresis.engines.packs import Pack


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `palettes` to the command line."""
    text = "list the palettes of a pack and the physical models"
    parser = subparsers.add_parser("palettes", help=text, description=text)
    options.add_pack_option(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """List them."""
    found = list_palettes(options.pack(args))
    if args.json:
        print_json(found)
        return 0
    rows = [
        [str(entry[key]) for key in ("name", "rings_s", "licence", "source")] for entry in found
    ]
    print_table([["palette", "rings (s)", "licence", "source"], *rows])
    return 0


def list_palettes(pack: "Pack") -> list[dict[str, str | float]]:
    """Palettes of the pack, then the physical models, which need no recordings."""
    from synchresis.engines.voice.materials import MATERIALS
    from synchresis.engines.voice.palettes import MODEL

    learned: list[dict[str, str | float]] = [
        {
            "name": entry.name,
            "rings_s": round(entry.decay60_s, 2),
            "licence": entry.licence,
            "source": entry.attribution or f"pack {pack.name}",
        }
        for entry in pack.palettes
    ]
    models: list[dict[str, str | float]] = [
        {
            "name": MODEL + name,
            "rings_s": round(math.exp(material.ring), 2),
            "licence": "Apache-2.0",
            "source": "physical model",
        }
        for name, material in MATERIALS.items()
    ]
    return learned + models

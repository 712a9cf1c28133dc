"""`synchresis teach palette`: a palette of one's own, from recordings of single hits."""

import argparse
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING

from synchresis.realtime.cli import options
from synchresis.realtime.cli.output import print_json

if TYPE_CHECKING:
    from synchresis.engines.teach.palette import Taught


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `teach palette`."""
    text = "fit a palette to recordings of hits; play it with --pack NAME --palette NAME"
    parser = subparsers.add_parser("palette", help=text, description=text)
    parser.add_argument("name", metavar="NAME", help="of the palette, and of the pack it makes")
    what = "WAV, FLAC, … of one hit each, or a video whose hits are cut out"
    parser.add_argument("source", type=Path, metavar="FOLDER|VIDEO", help=what)
    add = parser.add_argument
    add("--seconds", type=options.number(1.0, 3600.0), default=150.0, help="default 150")
    options.add_pack_option(parser)
    add("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Teach and say how close it came."""
    from synchresis.engines.packs.loading import user_packs_dir
    from synchresis.engines.teach.palette import teach_palette

    taught = teach_palette(
        args.name,
        args.source,
        base=options.pack(args),
        packs=user_packs_dir(),
        seconds=args.seconds,
    )
    if args.json:
        print_json(taught.report())
    else:
        show(taught)
    return 0


def show(taught: "Taught") -> None:
    """Print for people."""
    for bad in taught.refused:
        print(f"left out {bad.name}: {bad.reason}")
    print(f"learned from {len(taught.used)} hits, {taught.tried} embeddings tried")
    print(
        f"log-mel distance {taught.mel:.2f}; nearest known sound ({taught.nearest}) "
        f"{taught.nearest_mel:.2f}"
        + ("" if isnan(taught.takes_mel) else f"; between the recordings {taught.takes_mel:.2f}")
    )
    for path in taught.listening:
        print(f"listen: {path}")
    if taught.pack.manifest.overlay:
        print("the hits taught in this pack before are still in it")
    print(f"play it: synchresis live --pack {taught.pack.name} --palette {taught.pack.name}")

"""`synchresis teach motion`: a performer's own hits, from videos or from camera and microphone."""

import argparse
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from synchresis.errors import ParameterError
from synchresis.realtime.cli import options
from synchresis.realtime.cli.output import print_json, print_table

if TYPE_CHECKING:
    from synchresis.engines.packs import Pack
    from synchresis.engines.teach.motion import Lesson, Recording


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `teach motion`."""
    text = "learn a performer's hits and place; play it with --pack NAME"
    parser = subparsers.add_parser("motion", help=text, description=text)
    add = parser.add_argument
    add("name", metavar="NAME", help="of the pack it makes")
    add("videos", nargs="*", type=Path, metavar="VIDEO", help="videos with their own sound")
    add("--camera", metavar="0|URL", help="look through a camera instead, and listen")
    add("--microphone", metavar="NAME", help="input device (default: the system's choice)")
    add("--seconds", type=options.number(10, 300), default=60.0, help="with --camera (default 60)")
    add("--no-mirror", action="store_true", help="with --camera: as others see you")
    add("--out", type=Path, metavar="DIR", help="folder of the pack (default: your packs)")
    options.add_pack_option(parser)
    add("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Teach, and say before and after."""
    from synchresis.engines.packs.loading import user_packs_dir
    from synchresis.engines.teach.motion import teach_motion
    from synchresis.engines.teach.names import check_name

    if bool(args.videos) == (args.camera is not None):
        raise ParameterError("give videos, or --camera, one of the two")
    base = options.pack(args)
    check_name(args.name, base)
    folder = args.out or user_packs_dir() / args.name
    began = time.monotonic()
    recordings = [recorded(args)] if args.camera is not None else filmed(args.videos)
    pack, lesson = teach_motion(recordings, base=base, folder=folder)
    took_s = time.monotonic() - began
    if args.json:
        print_json({"pack": str(pack.path), "took_s": round(took_s, 1), **lesson.report()})
    else:
        show(pack, lesson)
    return 0


def filmed(paths: list[Path]) -> "list[Recording]":
    """Videos to learn from."""
    from synchresis.engines.teach.motion import video_recording

    return [video_recording(path) for path in paths]


def recorded(args: argparse.Namespace) -> "Recording":
    """A performance before camera and microphone, prompted on the terminal."""
    from synchresis.realtime.camera_delays import stored_delay_ms
    from synchresis.realtime.cli.choices import say
    from synchresis.realtime.performing import Prompter, perform
    from synchresis.realtime.sources.opening import SourceSettings, open_live

    delay_ns = round((stored_delay_ms(args.camera) or 0.0) * 1e6)
    mirror = not args.no_mirror
    source = open_live(SourceSettings(args.camera, mirror=mirror, camera_delay_ns=delay_ns))
    try:
        say(f"perform for {args.seconds:g} s; the speakers stay silent")
        heard = perform(source, Prompter(say), seconds=args.seconds, microphone=args.microphone)
    finally:
        source.close()
    return replace(heard, mirrored=mirror and args.camera.isdigit())


def show(pack: "Pack", lesson: "Lesson") -> None:
    """Print for people."""
    print(f"learned from {lesson.hits} hits in {lesson.seconds:.0f} s")
    rows: list[tuple[str, ...]] = [
        ("on parts held back", "timing skill", "F1", "precision", "recall")
    ]
    names = {"shipped": "before", "threshold": "own threshold", "readout": "own readout"}
    for name, check in lesson.checks.items():
        kept = " (kept)" if name == lesson.way else ""
        values = (check.timing, check.f1, check.precision, check.recall)
        rows.append((names[name] + kept, *(f"{value:.2f}" for value in values)))
    print_table(rows)
    print(f"its sound is {1e3 * lesson.taught.lag_s:+.0f} ms from its picture")
    own = [palette.name for palette in pack.manifest.palettes]
    if own:
        print(f"the palette taught in this pack before is still in it: --palette {own[0]}")
    print(f"play it: synchresis live --pack {pack.name}")

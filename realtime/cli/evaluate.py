"""`synchresis evaluate`: how well it hears and sounds, against the truth."""

import argparse
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synchresis.errors import ParameterError
from synchresis.realtime.cli import options
from synchresis.realtime.cli.output import print_json

if TYPE_CHECKING:
    from synchresis.engines.motion.parser import MotionParser

OTHERS = ("synchresis.realtime.cli.evaluate_voice", "synchresis.realtime.cli.evaluate_teaching")
"""Modules of `evaluate voice` and `evaluate teaching`, with `add_parser(subparsers)`."""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `evaluate` to the command line."""
    text = "measure the motion side on real clips and scenes, or the voice on recordings"
    parser = subparsers.add_parser("evaluate", help=text, description=text)
    what = parser.add_subparsers(metavar="motion|voice|teaching", required=True)
    add_motion(what)
    for module in OTHERS:
        if find_spec(module) is not None:
            import_module(module).add_parser(what)


def add_motion(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `evaluate motion`."""
    text = "events against true onsets: timing skill, baselines, false events"
    parser = subparsers.add_parser("motion", help=text, description=text)
    add = parser.add_argument
    add("--clips", type=Path, metavar="DIR", help="real clips with onsets and manifest.csv")
    add("--manifest", type=Path, metavar="CSV", help="default: DIR/manifest.csv")
    add("--min-rating", type=options.whole(1, 5), default=4, metavar="N", help="default 4")
    add("--only", type=column_value, metavar="COLUMN=VALUE", help="such as webcam_like=yes")
    frozen, more = options.number(0.1, 62.0), options.number(0.1, 1000.0)
    add("--scenes", type=frozen, default=0.0, metavar="MINUTES", help="sounding and silent ones")
    still = "still scenes; 62 are frozen, the rest have the seeds that follow"
    add("--still", type=more, default=0.0, metavar="MINUTES", help=still)
    add("--lookahead", type=options.number(*options.LOOKAHEAD_MS), default=0.0, metavar="MS")
    add("--sweep", action="store_true", help="the evaluation scenes at every lookahead")
    add("--sheets", type=Path, metavar="DIR", help="draw best and worst clips into a folder")
    add("--engine", default="auto", choices=options.ENGINES, help="where the network runs")
    options.add_pack_option(parser)
    add("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run_motion)


def column_value(text: str) -> tuple[str, str]:
    """Column and value of "COLUMN=VALUE"."""
    column, equals, value = text.partition("=")
    if not equals or not column:
        raise argparse.ArgumentTypeError(f"{text!r} must be COLUMN=VALUE, such as core=yes")
    return column, value


def run_motion(args: argparse.Namespace) -> int:
    """Evaluate and print."""
    from synchresis.engines.evaluation.motion_table import table

    if not (args.clips or args.scenes or args.still or args.sweep):
        raise ParameterError("nothing to evaluate; give --clips DIR, --scenes or --still MINUTES")
    parser = open_parser(args, args.lookahead)
    report: dict[str, Any] = {"lookahead_ms": args.lookahead}
    if args.clips:
        report |= clips_part(args, parser)
    if args.scenes or args.still:
        report["scenes"] = scenes_part(args, parser)
    parser.close()
    if args.sweep:
        report["lookahead"] = sweep_part(args)
    if args.json:
        print_json(report)
    else:
        print(table(report))
    return 0


def open_parser(args: argparse.Namespace, lookahead_ms: float) -> "MotionParser":
    """The live parser of the pack asked for, ready."""
    from synchresis.engines.motion.parser import MotionParser

    parser = MotionParser(
        options.pack(args), lookahead_ns=round(lookahead_ms * 1e6), backend=args.engine
    )
    parser.prepare()
    return parser


def clips_part(args: argparse.Namespace, parser: "MotionParser") -> dict[str, Any]:
    """Report on real clips, and the contact sheets."""
    from synchresis.engines.evaluation.clips import read_clips
    from synchresis.engines.evaluation.motion import clip_report, run_clips
    from synchresis.engines.evaluation.sheets import write_sheet

    clips = read_clips(
        args.clips, manifest=args.manifest, min_rating=args.min_rating, only=args.only
    )
    report = clip_report(run_clips(clips, parser))
    if args.sheets:
        ranked = sorted(report["clips"], key=lambda row: -row["timing_skill"])
        wanted = {row["name"] for row in (*ranked[:4], *ranked[-4:])}
        for clip in clips:
            if clip.name in wanted:
                write_sheet(clip, parser, args.sheets)
    return report


def scenes_part(args: argparse.Namespace, parser: "MotionParser") -> dict[str, Any]:
    """Report on evaluation scenes and on scenes that should be silent."""
    from synchresis.engines.evaluation.suites import suite_rows

    rows: dict[str, Any] = {}
    if args.scenes:
        rows |= suite_rows(parser, "sounding", minutes=args.scenes)
        rows |= suite_rows(parser, "silent_motion", minutes=args.scenes)
        rows |= suite_rows(parser, "silent_later", minutes=args.scenes)
    if args.still:
        rows |= suite_rows(parser, "still", minutes=args.still)
    return rows


def sweep_part(args: argparse.Namespace) -> dict[str, Any]:
    """The evaluation scenes at every lookahead."""
    from synchresis.engines.evaluation.suites import suite_rows
    from synchresis.engines.evaluation.tracks import LOOKAHEADS_MS

    out = {}
    for lookahead_ms in LOOKAHEADS_MS:
        parser = open_parser(args, lookahead_ms)
        rows = suite_rows(parser, "sounding", minutes=args.scenes or 10.0)
        out[f"{lookahead_ms:+d} ms"] = rows["sounding"]
        parser.close()
    return out

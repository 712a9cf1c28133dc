"""`synchresis render`: a film in, its sound out."""

import argparse
from pathlib import Path

from synchresis.realtime.cli import options
from synchresis.realtime.cli.output import print_json


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `render` to the command line."""
    text = "turn a video into its sound, or into itself with sound, faster than real time"
    parser = subparsers.add_parser("render", help=text, description=text)
    parser.add_argument("video", metavar="VIDEO", help="video file, or scene:NAME with --seconds")
    parser.add_argument(
        "-o", "--output", required=True, type=Path, metavar="OUT", help="OUT.wav, .flac or .mp4"
    )
    parser.add_argument(
        "--gestures", type=Path, metavar="OUT.jsonl", help="also write what was seen, line by line"
    )
    parser.add_argument(
        "--seconds", type=options.number(0.1, 86400.0), metavar="N", help="stop after N seconds"
    )
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    options.add_sound_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Render one film."""
    from synchresis.engines.instrument import Instrument
    from synchresis.realtime.cli.choices import say
    from synchresis.realtime.rendering import check_render, open_sink, render_film
    from synchresis.realtime.sources import SourceSettings, open_film

    check_render(args.video, args.output, args.gestures, seconds=args.seconds)
    film = open_film(SourceSettings(args.video, seconds=args.seconds, seed=args.seed))
    instrument = Instrument(options.pack(args), options.instrument_settings(args))
    try:
        instrument.prepare()
        sink = open_sink(args.video, args.output, seconds=args.seconds)
        report = render_film(instrument, film, sink, gestures=args.gestures)
    finally:
        film.close()
        instrument.close()
    lost = getattr(film, "lost", 0)
    if lost:
        say(f"{args.video} is damaged: {lost} pictures cannot be read and are left out")
    if args.json:
        print_json({"output": str(args.output), **report.to_dict()})
        return 0
    print(
        f"{args.output}: {report.seconds:.2f} s, {report.frames} frames, {report.events} hits, "
        f"at {report.speed:.1f} times real time"
    )
    return 0

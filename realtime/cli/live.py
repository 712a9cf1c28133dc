"""`synchresis live`: look, and play what is seen."""

import argparse
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from synchresis.errors import ParameterError
from synchresis.realtime.cli import options
from synchresis.realtime.cli.output import print_json
from synchresis.realtime.cli.stopping import ended_by_signals

if TYPE_CHECKING:
    from collections.abc import Iterator

    from synchresis.engines.instrument import Instrument
    from synchresis.engines.packs import Pack
    from synchresis.engines.teach.refreshing import Refresher
    from synchresis.realtime.live import LiveSession, LiveSettings, Parts


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `live` to the command line."""
    text = "look through a camera and play what is seen, now"
    parser = subparsers.add_parser("live", help=text, description=text)
    add_input_options(parser)
    options.add_sound_options(parser)
    add_output_options(parser)
    parser.set_defaults(run=run)


def add_input_options(parser: argparse.ArgumentParser) -> None:
    """What to look at."""
    add = parser.add_argument
    add("--camera", metavar="0|FILE|URL|scene:NAME", help="what to look at (default: camera 0)")
    add("--no-mirror", action="store_true", help="show a camera as others see you")
    add(
        "--camera-delay",
        type=options.number(0, 2000),
        metavar="MS",
        help="from light to time stamp (default: as `calibrate` measured it, else 0)",
    )


def add_output_options(parser: argparse.ArgumentParser) -> None:
    """Where and how to play."""
    add = parser.add_argument
    add("--out", metavar="device|FILE|null", help="a .wav or .flac file instead of the speakers")
    add("--device", metavar="NAME", help="name or number of the audio device (see `doctor`)")
    add("--clock", choices=("device", "virtual"), default="device", help="virtual: in lock-step")
    buffer = options.auto_or(options.whole(1, 32))
    add("--buffer", type=buffer, default=2, metavar="auto|HOPS", help="hops ahead (default 2)")
    add("--asap", action="store_true", help="play everything at once, not at a constant delay")
    add("--preview", action="store_true", help="a window: picture, map, hits, meter")
    text = "first look so long (10 to 30), muted, at what shall not sound; lower the sensitivity so"
    add("--silent-first", type=options.number(10, 30), metavar="SECONDS", help=text)
    add("--seconds", type=options.number(0.1, 1e9), metavar="N", help="stop after N seconds")
    add("--json", action="store_true", help="print the status as JSON lines, once a second")
    add("--refresh", action="store_true", help="a taught pack goes on learning from a microphone")
    add("--microphone", metavar="NAME", help="for --refresh (default: the system's choice)")
    add("--keep", action="store_true", help="with --refresh: write what was learned into the pack")


def run(args: argparse.Namespace) -> int:
    """Play until the end, `q` or Ctrl-C."""
    from synchresis.engines.instrument import Instrument
    from synchresis.realtime.cli.choices import say
    from synchresis.realtime.cli.player import PlayOptions, play
    from synchresis.realtime.live import LiveSession

    _check(args)
    with ExitStack() as stack:
        instrument = Instrument(options.pack(args), options.instrument_settings(args))
        stack.callback(instrument.close)
        _look_as_taught(args, instrument.pack)
        settings, parts = _wire(args, stack)
        say("getting ready (the first time kernels are compiled: up to a minute)")
        instrument.prepare()
        if settings.clock == "device":
            instrument.voice.check_load()
        say(f"networks: motion on {instrument.parser.backend}, voice on {instrument.voice.backend}")
        session = LiveSession(instrument, settings, parts=parts)
        with refreshed(args, instrument), ended_by_signals(), session:
            first = args.silent_first
            shown = PlayOptions(preview=args.preview, as_json=args.json, silent_first=first)
            play(session, instrument, shown)
    return _report(session, args)


def _look_as_taught(args: argparse.Namespace, pack: "Pack") -> None:
    """Show a camera as it was shown in the lesson, or its place map fits nothing."""
    from synchresis.engines.motion.readout import MIRRORED
    from synchresis.realtime.cli.choices import say

    camera = args.camera is None or args.camera.isdigit()
    if camera and not args.no_mirror and pack.manifest.overlay.get(MIRRORED) is False:
        args.no_mirror = True
        say(f"the camera is not mirrored: {pack.name!r} was taught by pictures that were not")


def _check(args: argparse.Namespace) -> None:
    """Refuse, before anything is opened, what could only fail later."""
    from pathlib import Path

    if (args.refresh and args.clock == "virtual") or (args.keep and not args.refresh):
        raise ParameterError("--keep needs --refresh, and --refresh the device's clock")
    if args.silent_first is not None:
        _check_silence(args)
    if args.device is not None and args.out not in (None, "device"):
        raise ParameterError(f"--device {args.device} plays, --out {args.out} does not: give one")
    if args.microphone is not None and not args.refresh:
        raise ParameterError(f"--microphone {args.microphone} is for --refresh: give that, too")
    if args.out and args.camera and Path(args.out).resolve() == Path(args.camera).resolve():
        raise ParameterError(f"{args.out}: --camera and --out must be different files")
    if args.preview:
        from synchresis.realtime.preview import check_screen

        check_screen()


def _check_silence(args: argparse.Namespace) -> None:
    """Refuse a look at silence that could not end, or would not last."""
    from synchresis.realtime.silence_watch import READY_S

    if args.clock == "virtual" or args.refresh:
        raise ParameterError(
            "--silent-first needs the device's clock, and a threshold that --refresh does not move"
        )
    least_s = args.silent_first + READY_S
    if args.seconds and args.seconds <= least_s:
        raise ParameterError(
            f"--seconds {args.seconds:g} must be more than {least_s:g}: --silent-first and "
            f"{READY_S:g} s to get ready"
        )


@contextmanager
def refreshed(args: argparse.Namespace, instrument: "Instrument") -> "Iterator[None]":
    """With --refresh, teach on while what is inside runs, and with --keep write it down."""
    if not args.refresh:
        yield
        return
    from synchresis.realtime.cli.choices import say
    from synchresis.realtime.recorder import check_microphone
    from synchresis.realtime.refreshing import Refreshing, microphone

    refreshing = Refreshing(instrument.parser, instrument.pack, microphone(args.microphone))
    check_microphone(args.microphone)
    with refreshing:
        say("listening: wear headphones, or it learns from its own sound")
        yield
    say(_refreshed(refreshing.refresher))
    if args.keep:
        pack = refreshing.keep()
        say(f"written into {pack.path}" if pack else "nothing to write into the pack")


def _refreshed(learner: "Refresher") -> str:
    """What was learned while playing."""
    if not learner.stretches:
        return (
            "nothing was learned while playing: no stretch of sound with hits was heard to its end"
        )
    use = "kept in use" if learner.better else "not used: as taught serves better"
    return f"refreshed from {learner.stretches} stretches of sound, {use}"


def _wire(args: argparse.Namespace, stack: ExitStack) -> "tuple[LiveSettings, Parts]":
    """Source and output, opened, closed again if anything after that fails."""
    from synchresis.realtime.cli.choices import SCENE, choose_ring, choose_source, source_settings
    from synchresis.realtime.clock import SystemClock
    from synchresis.realtime.live import LiveSettings, Parts

    if args.clock == "virtual":
        source = source_settings(args, args.camera or SCENE)
        out = args.out or "device"
        return LiveSettings(source, out, clock="virtual", seconds=args.seconds), Parts()
    clock = SystemClock()
    camera = choose_source(args, clock)
    stack.callback(camera.close)
    ring, seconds = choose_ring(args, clock)
    stack.callback(ring.close)
    settings = LiveSettings(buffer_hops=args.buffer, asap=args.asap, seconds=seconds)
    return settings, Parts(source=camera, ring=ring, clock=clock)


def _report(session: "LiveSession", args: argparse.Namespace) -> int:
    """What happened."""
    from dataclasses import asdict

    from synchresis.realtime.cli.choices import say
    from synchresis.realtime.cli.status_line import summary_line

    status = session.status()
    if args.json:
        print_json(asdict(status))
    say(summary_line(status))
    return 0

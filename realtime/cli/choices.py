"""What `live` looks at and plays on: as asked, or what is there, said plainly."""

import argparse
import sys
from datetime import datetime
from typing import Final

from synchresis.errors import DeviceError
from synchresis.realtime.clock import Clock
from synchresis.realtime.outputs import open_ring
from synchresis.realtime.ring import Ring
from synchresis.realtime.sources import SourceSettings, open_live
from synchresis.realtime.sources.source import LiveSource

SCENE: Final = "scene:drums"
"""What is looked at where no camera is."""

FILE_SECONDS: Final = 20.0
"""How long is played into a file that nobody asked for."""


def say(text: str) -> None:
    """Tell the player something, apart from what a program reads."""
    print(f"synchresis: {text}", file=sys.stderr, flush=True)


def source_settings(args: argparse.Namespace, spec: str) -> SourceSettings:
    """Settings of a source; a camera's delay is that of --camera-delay, else as calibrated."""
    from synchresis.realtime.camera_delays import stored_delay_ms

    delay_ms = args.camera_delay
    if delay_ms is None:
        delay_ms = stored_delay_ms(spec) or 0.0
    return SourceSettings(
        spec,
        mirror=not args.no_mirror,
        camera_delay_ns=round(delay_ms * 1e6),
        seed=args.seed,
    )


def choose_source(args: argparse.Namespace, clock: Clock) -> LiveSource:
    """The source asked for; by default camera 0, and the built-in scene where there is none."""
    if args.camera is not None:
        return open_live(source_settings(args, args.camera), clock=clock)
    try:
        return open_live(source_settings(args, "0"), clock=clock)
    except DeviceError:
        say(f"no camera found; looking at the built-in {SCENE} (another: --camera)")
        return open_live(source_settings(args, SCENE), clock=clock)


def choose_ring(args: argparse.Namespace, clock: Clock) -> tuple[Ring, float | None]:
    """Where sound goes, and for how many seconds; a file where there is no audio device."""
    if args.out is not None:
        return open_ring(args.out, args.device, clock), args.seconds
    try:
        return open_ring("device", args.device, clock), args.seconds
    except DeviceError as err:
        if args.device is not None:
            raise
        path = f"synchresis-{datetime.now():%Y%m%d-%H%M%S}.wav"
        seconds = args.seconds or FILE_SECONDS + (args.silent_first or 0.0)
        say(f"no audio device ({_short(err)}); writing {seconds:g} s of sound to {path}")
        return open_ring(path, None, clock), seconds


def _short(err: DeviceError) -> str:
    """The reason alone, without the remedy."""
    return str(err).partition("; ")[0]

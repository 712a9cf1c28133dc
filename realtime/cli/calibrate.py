"""`synchresis calibrate`: clap before the camera, and its delay is known from then on."""

import argparse
import json
import sys
from typing import TYPE_CHECKING

from synchresis.errors import ParameterError
from synchresis.realtime.cli.options import number

if TYPE_CHECKING:
    from synchresis.realtime.calibrate import CameraDelay


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `calibrate` to the command line."""
    text = "clap before camera and microphone: sets --camera-delay for this camera"
    parser = subparsers.add_parser("calibrate", help=text, description=text)
    parser.set_defaults(run=run)
    add = parser.add_argument
    add("--camera", default="0", metavar="0|URL", help="camera to measure (default 0)")
    add("--microphone", metavar="NAME", help="input device (default: the system's choice)")
    add("--seconds", type=number(3, 600), default=12.0, help="how long to clap (default 12)")
    add("--distance", type=number(0, 50), default=0.5, help="hands to microphone, m (default 0.5)")
    add("--dry-run", action="store_true", help="measure and print, keep nothing")
    add("--json", action="store_true", help="print the result for a program")


def run(args: argparse.Namespace) -> int:
    """Measure, keep, print."""
    from synchresis.realtime.calibrate import measure_camera_delay, watch_and_listen
    from synchresis.realtime.camera_delays import store_delay_ms
    from synchresis.realtime.recorder import check_microphone
    from synchresis.realtime.sources.opening import SourceSettings, is_live, open_live

    if not is_live(args.camera):
        raise ParameterError(
            f"--camera {args.camera} is no camera: only one has a delay; give its number or URL"
        )
    source = open_live(SourceSettings(args.camera, mirror=False))
    try:
        check_microphone(args.microphone)
        print(
            f"clap about once a second for {args.seconds:g} s, hands filling the picture, and hold "
            "them together for a moment each time …",
            file=sys.stderr,
        )
        sight, recording = watch_and_listen(
            source, seconds=args.seconds, microphone=args.microphone
        )
    finally:
        source.close()
    found = measure_camera_delay(sight, recording, distance_m=args.distance)
    if not args.dry_run:
        store_delay_ms(args.camera, found.usable_ms)
    _print(found, args)
    return 0


def _print(found: "CameraDelay", args: argparse.Namespace) -> None:
    if args.json:
        print(json.dumps({"camera": args.camera, **_fields(found)}))
        return
    print(
        f"camera {args.camera}: --camera-delay {found.usable_ms:.0f}  (± {found.spread_ms:.0f} ms, "
        f"{found.claps} claps of {found.seen} seen and {found.heard} heard)"
    )
    if found.delay_ms < 0:
        print(
            f"measured: {found.delay_ms:.1f} ms, which is before the light: 0 is used; if it is "
            "more than a few ms, the sound came late: use a wired microphone, check --distance"
        )
    if not args.dry_run:
        print(f"kept: `live --camera {args.camera}` uses it from now on")


def _fields(found: "CameraDelay") -> dict[str, float]:
    return {
        "camera_delay_ms": round(found.usable_ms, 1),
        "measured_ms": round(found.delay_ms, 1),
        "spread_ms": round(found.spread_ms, 1),
        "claps": found.claps,
        "seen": found.seen,
        "heard": found.heard,
    }

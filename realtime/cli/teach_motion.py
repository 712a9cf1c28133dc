"""`synchresis teach motion`: a performer's own hits, from videos or from camera and microphone."""

import argparse
import shlex
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from synchresis.errors import ParameterError
from synchresis.realtime.cli import options
from synchresis.realtime.cli.output import print_json, print_table

if TYPE_CHECKING:
    from synchresis.engines.packs import Pack
    from synchresis.engines.teach.lessons import Lesson
    from synchresis.engines.teach.motion import Recording
    from synchresis.realtime.sources.source import LiveSource


READY_S: Final = 5.0
"""Between silence and hits: time to take one's place."""

SECONDS: Final = 60.0
"""How long one performs, or what is silent is looked at, unless told otherwise."""

SECONDS_HELP: Final = (
    "with --camera: how long to perform, or with --silent to look, 10 to 300 (default 60)"
)


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `teach motion`."""
    text = "learn a performer's hits and place; play it with --pack NAME"
    parser = subparsers.add_parser("motion", help=text, description=text)
    add = parser.add_argument
    add("name", metavar="NAME", help="of the pack it makes")
    add("videos", nargs="*", type=Path, metavar="VIDEO", help="videos with their own sound")
    add("--camera", metavar="0|URL", help="look through a camera instead, and listen")
    add("--microphone", metavar="NAME", help="input device (default: the system's choice)")
    add("--seconds", type=options.number(10, 300), help=SECONDS_HELP)
    text = "what shall not sound: videos of it, or with --camera all of what is seen"
    add("--silent", nargs="*", action="extend", type=Path, metavar="VIDEO", help=text)
    text = "with --camera: first look so long (10 to 300) at what shall not sound, then perform"
    add("--silent-first", type=options.number(10, 300), metavar="SECONDS", help=text)
    add("--no-mirror", action="store_true", help="with --camera: as others see you")
    add("--out", type=Path, metavar="DIR", help="folder of the pack (default: your packs)")
    options.add_pack_option(parser)
    add("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Teach, and say before and after."""
    from synchresis.engines.packs.loading import user_packs_dir
    from synchresis.engines.teach.motion import check_folder, teach_motion
    from synchresis.engines.teach.names import check_name

    _check(args)
    base = options.pack(args)
    check_name(args.name, base)
    folder = args.out or user_packs_dir() / args.name
    hits = bool(args.videos) or (args.camera is not None and args.silent is None)
    silence = args.silent is not None or args.silent_first is not None
    check_folder(folder, base, hits=hits, silence=silence)
    began = time.monotonic()
    recordings = recorded(args) if args.camera is not None else filmed(args)
    pack, lesson = teach_motion(recordings, base=base, folder=folder)
    took_s = time.monotonic() - began
    if args.json:
        print_json({"pack": str(pack.path), "took_s": round(took_s, 1), **lesson.report()})
    else:
        show(pack, lesson, args.out)
    return 0


def _check(args: argparse.Namespace) -> None:
    """Refuse what does not go together."""
    if args.camera is not None and args.silent:
        raise ParameterError(
            "with --camera, --silent takes no videos: all that is seen is silent; to teach hits "
            "and silence together, give --silent-first SECONDS, or videos of both"
        )
    if args.silent_first is not None and (args.camera is None or args.silent is not None):
        raise ParameterError(
            "--silent-first goes with --camera, before hits, and not with --silent; silence beside "
            "videos is a video: --silent VIDEO…"
        )
    if args.silent == [] and args.camera is None:
        raise ParameterError("--silent needs videos of silence: --silent VIDEO…, or --camera")
    twice = {p.resolve() for p in args.videos} & {p.resolve() for p in args.silent or ()}
    if twice:
        raise ParameterError(f"{min(twice)} is given as hits and as silence; it can be only one")
    if bool(args.videos or args.silent) == (args.camera is not None):
        raise ParameterError("give videos, or --camera, one of the two")
    if args.seconds is not None and args.camera is None:
        raise ParameterError(
            "--seconds goes with --camera; videos are learned from whole: cut them before to learn "
            "from a part"
        )


def filmed(args: argparse.Namespace) -> "list[Recording]":
    """Videos to learn from."""
    from synchresis.engines.teach.motion import video_recording

    silent = [video_recording(path, silent=True) for path in args.silent or ()]
    return [*map(video_recording, args.videos), *silent]


def recorded(args: argparse.Namespace) -> "list[Recording]":
    """What camera and microphone see and hear, prompted on the terminal."""
    from synchresis.realtime.camera_delays import stored_delay_ms
    from synchresis.realtime.recorder import check_microphone
    from synchresis.realtime.sources.opening import SourceSettings, open_live

    delay_ns = round((stored_delay_ms(args.camera) or 0.0) * 1e6)
    mirror = not args.no_mirror
    source = open_live(SourceSettings(args.camera, mirror=mirror, camera_delay_ns=delay_ns))
    try:
        if args.silent is not None:
            made = [shown_silence(source, args.seconds or SECONDS)]
        elif args.silent_first is not None:
            check_microphone(args.microphone)
            silence = shown_silence(source, args.silent_first)
            take_place()
            made = [performance(source, args), silence]
        else:
            made = [performance(source, args)]
    finally:
        source.close()
    return [replace(one, mirrored=mirror and args.camera.isdigit()) for one in made]


def shown_silence(source: "LiveSource", seconds: float) -> "Recording":
    """What a camera shows while nothing shall sound."""
    from synchresis.realtime.cli.choices import say
    from synchresis.realtime.performing import SILENT_PROMPTS, Prompter, look

    say(f"looking for {seconds:g} s at what shall not sound; nothing is listened to")
    return look(source, Prompter(say, SILENT_PROMPTS), seconds=seconds)


def take_place() -> None:
    """Time between silence and hits."""
    from synchresis.realtime.cli.choices import say

    say(f"now take your place: hits begin in {READY_S:g} s")
    time.sleep(READY_S)


def performance(source: "LiveSource", args: argparse.Namespace) -> "Recording":
    """Hits before camera and microphone."""
    from synchresis.realtime.cli.choices import say
    from synchresis.realtime.performing import Prompter, perform
    from synchresis.realtime.recorder import check_microphone

    check_microphone(args.microphone)
    seconds = args.seconds or SECONDS
    say(f"perform for {seconds:g} s; the speakers stay silent")
    return perform(source, Prompter(say), seconds=seconds, microphone=args.microphone)


def show(pack: "Pack", lesson: "Lesson", out: Path | None) -> None:
    """Print for people; a pack outside the user's own is found by its folder."""
    if lesson.way == "silence":
        show_silence(lesson)
    else:
        show_hits(lesson)
    own = [palette.name for palette in pack.manifest.palettes]
    if own:
        print(f"the palette taught in this pack before is still in it: --palette {own[0]}")
    print(f"play it: synchresis live --pack {shlex.quote(str(out or pack.name))}")


def show_hits(lesson: "Lesson") -> None:
    """What was learned from hits."""
    print(f"learned from {lesson.hits} hits in {lesson.seconds:.0f} s")
    silent = any(check.silent_per_minute is not None for check in lesson.checks.values())
    head = ("on parts held back", "timing skill", "F1", "precision", "recall")
    rows: list[tuple[str, ...]] = [(*head, "false a minute in silence") if silent else head]
    names = {"shipped": "before", "threshold": "own threshold", "readout": "own readout"}
    for name, check in lesson.checks.items():
        kept = " (kept)" if name == lesson.way else ""
        values = [f"{v:.2f}" for v in (check.timing, check.f1, check.precision, check.recall)]
        if check.silent_per_minute is not None:
            values.append(f"{check.silent_per_minute:.1f}")
        rows.append((names[name] + kept, *values))
    print_table(rows)
    print(f"its sound is {1e3 * lesson.taught.lag_s:+.0f} ms from its picture")


def show_silence(lesson: "Lesson") -> None:
    """What a silence raised."""
    before, after = (lesson.checks[name].silent_per_minute or 0.0 for name in lesson.checks)
    print(
        f"learned from {lesson.seconds:.0f} s of silence; false events a minute, on parts held "
        f"back: {before:.1f} before, {after:.1f} after"
    )
    print(
        f"the threshold is now {lesson.taught.threshold:.2f}: hits must be plainer to be heard; "
        "taught together with a video of hits, silence costs fewer of them"
    )

"""`synchresis evaluate teaching`: what a performer's own recording adds, on parts never taught."""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synchresis.errors import InputError, ParameterError
from synchresis.realtime.cli import options
from synchresis.realtime.cli.output import print_json, print_table

if TYPE_CHECKING:
    from synchresis.engines.evaluation.teaching import Trial, Way
    from synchresis.engines.evaluation.teaching_material import Cache, Material
    from synchresis.engines.teach.watching import Watcher

RELIABLE = {"high": ("high",), "medium": ("high", "medium")}
"""Least reliability of a clip's onsets → those that are."""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `evaluate teaching`."""
    text = "teach on 60 %% of each recording, score on the rest, and swapped"
    parser = subparsers.add_parser("teaching", help=text, description=text.replace("%%", "%"))
    add = parser.add_argument
    add("--clips", type=Path, metavar="DIR", help="real clips with onsets and manifest.csv")
    add("--min-rating", type=options.whole(1, 5), default=4, metavar="N", help="default 4")
    add("--performers", action="store_true", help="the 60 s scene performers")
    text = "the scene performers, taught with and without half of each silent scene (15 min)"
    add("--silent", action="store_true", help=text)
    add("--cache", type=Path, metavar="DIR", help="keep what the network saw, for the next time")
    options.add_pack_option(parser)
    add("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Evaluate and print."""
    from synchresis.engines.evaluation.teaching_material import Cache
    from synchresis.engines.teach.motion import ways_of
    from synchresis.engines.teach.watching import Watcher

    if not (args.clips or args.performers or args.silent):
        raise ParameterError("nothing to evaluate; give --clips DIR, --performers or --silent")
    pack = options.pack(args)
    watcher = Watcher(pack, backend="onnx")
    watcher.prepare()
    cache, fits = Cache(args.cache, pack), ways_of(pack)
    report: dict[str, Any] = {}
    if args.clips:
        report |= clips_part(args, watcher, cache, fits)
    hits: list[Material] = []
    if args.performers or args.silent:
        from synchresis.engines.evaluation.teaching_material import performers

        hits = list(performers(watcher, cache))
    if args.performers:
        report["performers"] = part(trials(iter(hits), fits))
    silent = silent_part(hits, watcher, cache, fits) if args.silent else {}
    watcher.close()
    if args.json:
        print_json(report | ({"silent": silent} if silent else {}))
        return 0
    show(report)
    if silent:
        show_silent(silent)
    return 0


def silent_part(
    hits: "Sequence[Material]", watcher: "Watcher", cache: "Cache", fits: "Mapping[str, Way]"
) -> "dict[str, Any]":
    """Silent scenes, half of each shown beside the hits of a performer."""
    from synchresis.engines.evaluation.teaching_material import silences
    from synchresis.engines.evaluation.teaching_silence import report, shown_silences

    return report(list(shown_silences(hits, silences(watcher, cache), fits)))


def clips_part(
    args: argparse.Namespace, watcher: "Watcher", cache: "Cache", fits: "Mapping[str, Way]"
) -> dict[str, Any]:
    """Clips by the reliability of their onsets."""
    from synchresis.engines.evaluation.clips import read_clips
    from synchresis.engines.evaluation.teaching import enough
    from synchresis.engines.evaluation.teaching_material import clip_material

    clips = read_clips(args.clips, min_rating=args.min_rating)
    known = {clip.name: clip.row.get("onset_reliability", "") for clip in clips}
    usable = [
        clip
        for clip in clips
        if known[clip.name] in RELIABLE["medium"] and enough(clip.onsets_s, clip.duration_s)
    ]
    made = trials((clip_material(clip, watcher, cache) for clip in usable), fits)
    groups = {
        f"clips, onsets {least}": [one for one in made if known[one.name] in values]
        for least, values in RELIABLE.items()
    }
    return {name: part(found) for name, found in groups.items() if found}


def trials(materials: "Iterator[Material]", fits: "Mapping[str, Way]") -> "list[Trial]":
    """Both directions of every recording that can be scored."""
    from synchresis.engines.evaluation.teaching import trials_of

    found = [one for material in materials for one in trials_of(material, fits)]
    if not found:
        raise InputError("no recording has enough onsets in both parts")
    return found


def part(found: "Sequence[Trial]") -> dict[str, Any]:
    """One group of the report."""
    from synchresis.engines.evaluation.teaching import lines, report

    return {**report(found), "recordings_by_name": lines(found)}


def show(report: dict[str, Any]) -> None:
    """Print for people."""
    for name, group in report.items():
        print(f"{name}: {group['recordings']} recordings, {group['onsets']} onsets scored")
        rows = [("", "timing skill ±50 ms", "interval", "F1", "precision", "recall", "gain")]
        for way, table in group["ways"].items():
            row = table[0.05]
            gain = group["gains"].get(way, {}).get(0.05)
            rows.append(
                (
                    way,
                    f"{row['timing']:.2f}",
                    "[{:.2f}, {:.2f}]".format(*row["interval"]),
                    f"{row['f1']:.2f}",
                    f"{row['precision']:.2f}",
                    f"{row['recall']:.2f}",
                    "{:+.2f} [{:+.2f}, {:+.2f}]".format(gain["gain"], *gain["interval"])
                    if gain
                    else "",
                )
            )
        print_table(rows)
        ways = list(group["ways"])
        print_table(
            [("", "onsets", *ways)]
            + [
                (line["name"], str(line["onsets"]), *(f"{line[way]:.2f}" for way in ways))
                for line in group["recordings_by_name"]
            ]
        )


def show_silent(group: "dict[str, Any]") -> None:
    """Print for people what showing silence does."""
    print(f"silence shown: {group['scenes']} scenes, {group['onsets']} onsets scored")
    families = list(next(iter(group["ways"].values()))["later"])
    head = [f"{name}, {where}" for name in families for where in ("later", "another")]
    rows = [("taught", "timing skill ±50 ms", "F1", *(f"false a minute: {one}" for one in head))]
    for way, row in group["ways"].items():
        pairs = [(row["later"][name], row["elsewhere"][name]) for name in families]
        rates = [f"{one['per_minute']:.1f}" for pair in pairs for one in pair]
        rows.append((way, f"{row['timing']:.2f}", f"{row['f1']:.2f}", *rates))
    print_table(rows)

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
    add("--cache", type=Path, metavar="DIR", help="keep what the network saw, for the next time")
    options.add_pack_option(parser)
    add("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Evaluate and print."""
    from synchresis.engines.evaluation.teaching_material import Cache
    from synchresis.engines.teach.motion import ways_of
    from synchresis.engines.teach.watching import Watcher

    if not (args.clips or args.performers):
        raise ParameterError("nothing to evaluate; give --clips DIR or --performers")
    pack = options.pack(args)
    watcher = Watcher(pack, backend="onnx")
    watcher.prepare()
    cache, fits = Cache(args.cache, pack), ways_of(pack)
    report: dict[str, Any] = {}
    if args.clips:
        report |= clips_part(args, watcher, cache, fits)
    if args.performers:
        from synchresis.engines.evaluation.teaching_material import performers

        report["performers"] = part(trials(performers(watcher, cache), fits))
    watcher.close()
    if args.json:
        print_json(report)
    else:
        show(report)
    return 0


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

"""`bench sync`: the motion evaluation, with its baselines, as results, tables and plots."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from synchresis.bench.environment import stamp_environment
from synchresis.bench.findings import Findings
from synchresis.bench.options import Options
from synchresis.bench.result import Figure, Histogram, Report, Result, Table, thinned
from synchresis.bench.sync_scenes import measure_scenes
from synchresis.bench.sync_scores import against, score_table, tolerance_lines
from synchresis.engines.evaluation.clips import Clip, read_clips
from synchresis.engines.evaluation.motion import ClipResult, clip_report, run_clips
from synchresis.engines.evaluation.rates import signed_offsets
from synchresis.engines.evaluation.score_onsets import best_offset
from synchresis.engines.motion.parser import MotionParser
from synchresis.engines.packs import load_pack
from synchresis.errors import InputError

NOTE: Final = (
    "the same pictures and onsets for all; thresholds of the baselines are tuned on these very "
    "clips, ours is fixed in the pack; one offset of at most 0.2 s per clip is fitted for each"
)


def run(options: Options) -> Report:
    """Evaluation scenes, and real clips where a folder was given."""
    clips = read_clips(Path(options.clips)) if options.clips and options.wants("clips") else None
    if clips == ():
        raise InputError(f"{options.clips} holds no clip with genuine sound rated 4 or more")
    parser = MotionParser(load_pack(options.pack))
    parser.prepare()
    parts: list[Findings] = []
    if options.wants("scenes"):
        parts.append(measure_scenes(parser, quick=options.quick))
    if clips:
        parts.append(_clips(parser, clips))
    return Report(
        "sync",
        stamp_environment(seed=options.seed, device=options.device),
        [result for part in parts for result in part.results],
        [figure for part in parts for figure in part.figures],
    )


def clip_findings(report: Mapping[str, Any]) -> Findings:
    """The report of `clip_report` as results, tables and curves.

    Args:
        report: groups of clips with a score row per detector, and one row per clip.
    """
    results: list[Result] = []
    figures: list[Figure] = []
    for name, group in report["groups"].items():
        title = f"Real clips, {name}"
        caption = f"{group['clips']} clips, {group['onsets']} onsets. Equal: {NOTE}."
        results += _group_results(f"sync.clips.{name}", group)
        figures.append(score_table(title, group["scores"], caption))
        figures.append(tolerance_lines(title, group["scores"]))
    figures.append(_clip_table(report["clips"]))
    return Findings(results, figures)


def offset_histogram(results: Sequence[ClipResult]) -> Histogram:
    """Heard − truth of all matched pairs of real clips."""
    offsets = [
        1e3 * value
        for r in results
        for value in signed_offsets(
            r.heard.heard_s, r.clip.onsets_s, best_offset(r.heard.heard_s, r.clip.onsets_s)
        )
    ]
    return Histogram(
        "Heard minus true onset, real clips",
        "ms",
        {"all clips": thinned(offsets)},
        "Pairs within ±100 ms once the clip's own lag is taken out for matching; clips have lags "
        "of 30 to 190 ms of their own.",
    )


def _clips(parser: MotionParser, clips: Sequence[Clip]) -> Findings:
    results = run_clips(clips, parser)
    found = clip_findings(clip_report(results))
    return Findings(found.results, [*found.figures, offset_histogram(results)])


def _group_results(name: str, group: Mapping[str, Any]) -> Iterator[Result]:
    yield from against(name, group["scores"], note=NOTE)
    yield Result(f"{name}.clips", group["clips"], "count")
    yield Result(f"{name}.onsets", group["onsets"], "count")
    if group["signed_offset_s"]["pairs"]:
        median = 1e3 * group["signed_offset_s"]["median"]
        yield Result(f"{name}.signed_offset.p50", round(median, 1), "ms")
    yield Result(f"{name}.condfoley.onset_acc", round(group["condfoley"]["onset_acc"], 4), "1")
    yield Result(f"{name}.condfoley.onset_ap", round(group["condfoley"]["onset_ap"], 4), "1")
    yield Result(f"{name}.quiet.false", round(group["quiet"]["per_minute"], 3), "1/min")


def _clip_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    cells = [
        [
            row["name"],
            "yes" if row["core"] else "",
            f"{row['fps']:.0f}",
            f"{row['events']} / {row['onsets']}",
            f"{row['timing_skill']:.2f}",
        ]
        for row in sorted(rows, key=lambda row: -row["timing_skill"])
    ]
    return Table("Clip by clip", ["clip", "core", "fps", "events / onsets", "timing ±50"], cells)

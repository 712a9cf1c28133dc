"""`bench sync`: the motion evaluation, with its baselines, as results, tables and plots."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from synchresis.bench.environment import stamp_environment
from synchresis.bench.findings import Findings
from synchresis.bench.options import Options
from synchresis.bench.result import (
    Figure,
    Histogram,
    Report,
    Result,
    Table,
    thinned,
)
from synchresis.engines.evaluation.clips import read_clips
from synchresis.engines.evaluation.motion import ClipResult, clip_report, run_clips
from synchresis.engines.evaluation.rates import signed_offsets
from synchresis.engines.evaluation.score_onsets import TOLERANCES_S, best_offset
from synchresis.engines.evaluation.suites import suite_rows
from synchresis.engines.motion.parser import MotionParser
from synchresis.engines.packs import load_pack
from synchresis.engines.scenes.evaluation import Group

OURS: Final = "heard"
"""Row of the scored table that is the live system's."""

SCORES: Final = {"f1": 2, "skill": 3, "timing_skill": 4}
"""Names of the columns of a score row that become results."""

GROUPS: Final[tuple[Group, ...]] = ("sounding", "silent_motion", "still")
"""Groups of the frozen evaluation scenes."""

MINUTES: Final = 6.0
"""Of each group, evenly from all families; `evaluate motion` runs them all."""

QUICK_MINUTES: Final = 0.5

NOTE: Final = (
    "the same pictures and onsets for all; thresholds of the baselines are tuned on these very "
    "clips, ours is fixed in the pack; one offset of at most 0.2 s per clip is fitted for each"
)


def run(options: Options) -> Report:
    """Evaluation scenes, and real clips where a folder was given."""
    parser = MotionParser(load_pack(options.pack))
    parser.prepare()
    parts: list[Findings] = []
    if options.wants("scenes"):
        parts.append(_scenes(parser, options))
    if options.clips and options.wants("clips"):
        parts.append(_clips(parser, Path(options.clips)))
    return Report(
        "sync",
        stamp_environment(seed=options.seed, device=options.device),
        [result for part in parts for result in part.results],
        [figure for part in parts for figure in part.figures],
    )


def clip_findings(report: Mapping[str, Any]) -> Findings:
    """The report of `clip_report` as results and tables.

    Args:
        report: groups of clips with a score row per detector, and one row per clip.
    """
    results: list[Result] = []
    figures: list[Figure] = []
    for name, group in report["groups"].items():
        results += _group_results(f"sync.clips.{name}", group)
        figures.append(_group_table(f"Real clips, {name}", group))
    figures.append(_clip_table(report["clips"]))
    return Findings(results, figures)


def world_findings(rows: Mapping[str, Mapping[str, Any]]) -> Findings:
    """Rows of `world_row` by family as results and a table."""
    results = [result for name, row in rows.items() for result in _world_results(name, row)]
    cells = [_world_cells(name, row) for name, row in rows.items()]
    columns = ["scenes", "onsets", "F1 ±50", "timing ±50", "offset", "false / min"]
    caption = "Families never trained on; truth is exact, no offset is fitted."
    return Findings(results, [Table("Evaluation scenes", columns, cells, caption)])


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


def _clips(parser: MotionParser, folder: Path) -> Findings:
    results = run_clips(read_clips(folder), parser)
    found = clip_findings(clip_report(results))
    return Findings(found.results, [*found.figures, offset_histogram(results)])


def _scenes(parser: MotionParser, options: Options) -> Findings:
    minutes = QUICK_MINUTES if options.quick else MINUTES
    rows: dict[str, Mapping[str, Any]] = {}
    for group in GROUPS:
        rows |= suite_rows(parser, group, minutes=minutes)
    return world_findings(rows)


def _group_results(name: str, group: Mapping[str, Any]) -> Iterator[Result]:
    peers = [row for row in group["scores"] if row in BASELINES]
    for tolerance in TOLERANCES_S:
        for score, column in SCORES.items():
            ours = group["scores"][OURS][tolerance][column]
            metric = f"{name}.{score}_{1e3 * tolerance:.0f}ms"
            best = max(peers, key=lambda row: group["scores"][row][tolerance][column], default="")
            yield _against(metric, ours, best, group["scores"].get(best, {}).get(tolerance), column)
    yield Result(f"{name}.clips", group["clips"], "count")
    yield Result(f"{name}.onsets", group["onsets"], "count")
    if group["signed_offset_s"]["pairs"]:
        median = 1e3 * group["signed_offset_s"]["median"]
        yield Result(f"{name}.signed_offset.p50", round(median, 1), "ms")
    yield Result(f"{name}.condfoley.onset_acc", round(group["condfoley"]["onset_acc"], 4), "1")
    yield Result(f"{name}.condfoley.onset_ap", round(group["condfoley"]["onset_ap"], 4), "1")
    yield Result(f"{name}.quiet.false", round(group["quiet"]["per_minute"], 3), "1/min")


BASELINES: Final = (
    "random, true rate",
    "metronome",
    "metronome gated by flow",
    "mean flow",
    "flow drop",
    "frame difference",
)
"""Rows of the score table that are peers."""


def _against(
    metric: str, ours: float, peer: str, scores: Sequence[Any] | None, column: int
) -> Result:
    """Our score against the best baseline's; a ratio only where the baseline's is above 0."""
    if scores is None:
        return Result(metric, round(ours, 4), "1")
    other = float(scores[column])
    ratio = round(ours / other, 3) if other > 0 else None
    return Result(metric, round(ours, 4), "1", peer=f"{peer} {other:.3f}", ratio=ratio, note=NOTE)


def _group_table(title: str, group: Mapping[str, Any]) -> Table:
    columns = ["detector", *(f"timing ±{1e3 * t:.0f}" for t in TOLERANCES_S), "F1 ±50", "P", "R"]
    rows = [_score_cells(name, row) for name, row in group["scores"].items()]
    caption = f"{group['clips']} clips, {group['onsets']} onsets. Equal: {NOTE}."
    return Table(title, columns, rows, caption)


def _score_cells(name: str, row: Mapping[float, Sequence[Any]]) -> list[str]:
    timing = [_with_interval(row[tolerance]) for tolerance in TOLERANCES_S]
    precision, recall, f1 = row[0.05][:3]
    return [name, *timing, f"{f1:.2f}", f"{precision:.2f}", f"{recall:.2f}"]


def _with_interval(values: Sequence[Any]) -> str:
    text = f"{values[4]:.2f}"
    return f"{text} [{values[6][0]:.2f}, {values[6][1]:.2f}]" if len(values) > 6 else text


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


def _world_results(name: str, row: Mapping[str, Any]) -> Iterator[Result]:
    metric = f"sync.scenes.{name.replace(': ', '.')}"
    if "scores" in row:
        for tolerance in TOLERANCES_S:
            label = f"{1e3 * tolerance:.0f}ms"
            values = row["scores"][tolerance]
            yield Result(f"{metric}.f1_{label}", round(values[2], 4), "1")
            yield Result(f"{metric}.timing_skill_{label}", round(values[4], 4), "1")
    if row.get("signed_offset_s", {}).get("pairs"):
        median = round(1e3 * row["signed_offset_s"]["median"], 1)
        yield Result(f"{metric}.signed_offset.p50", median, "ms")
    if "false" in row:
        rate = row["false"]
        note = f"below {rate['upper_95']:.2f} with 95 %"
        yield Result(f"{metric}.false", round(rate["per_minute"], 3), "1/min", note=note)


def _world_cells(name: str, row: Mapping[str, Any]) -> list[str]:
    scores = row.get("scores")
    offset = row.get("signed_offset_s", {})
    return [
        name,
        str(row.get("onsets", 0)),
        f"{scores[0.05][2]:.2f}" if scores else "",
        f"{scores[0.05][4]:.2f}" if scores else "",
        f"{1e3 * offset['median']:+.0f} ms" if offset.get("pairs") else "",
        f"{row['false']['per_minute']:.1f}" if "false" in row else "",
    ]

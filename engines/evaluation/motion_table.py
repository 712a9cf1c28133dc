"""The motion report as text."""

from collections.abc import Iterator, Mapping
from typing import Any

from synchresis.engines.evaluation.score_onsets import TOLERANCES_S


def table(report: Mapping[str, Any]) -> str:
    """A report for people: of `clip_report`, scenes and lookaheads, each if it is there."""
    lines = list(clips_lines(report)) if "groups" in report else []
    for key in ("scenes", "lookahead"):
        if key in report:
            lines += ["", *scene_lines(key, report[key])]
    return "\n".join(lines)


def clips_lines(report: Mapping[str, Any]) -> Iterator[str]:
    """Lines of the clips: groups, splits, then one by one."""
    for name, group in report["groups"].items():
        yield from group_lines(name, group)
    yield from ("", f"{'group':34s} clips onsets  timing skill ±20 / ±50 / ±100 ms   F1 ±50")
    yield from (split_line(name, row) for name, row in report["splits"].items())
    yield from ("", f"{'clip':34s} core   fps onsets events offset   F1 ±50  timing ±50")
    yield from (clip_line(row) for row in report["clips"])


def group_lines(name: str, group: Mapping[str, Any]) -> Iterator[str]:
    """Lines of one group: our rows, then the baselines."""
    yield ""
    yield f"{name}: {group['clips']} clips, {group['onsets']} onsets, {group['events']} events"
    for row, scores in group["scores"].items():
        yield f"  {row:34s}" + " | ".join(tolerance_text(t, scores[t]) for t in TOLERANCES_S)
    offset = group["signed_offset_s"]
    if offset["pairs"]:
        yield (
            f"  heard - truth, {offset['pairs']} pairs: median {1e3 * offset['median']:+.0f} ms, "
            f"IQR {1e3 * offset['q25']:+.0f} to {1e3 * offset['q75']:+.0f} ms"
        )
    foley, quiet = group["condfoley"], group["quiet"]
    yield f"  CondFoleyGen ±100 ms: Acc {foley['onset_acc']:.3f}, AP {foley['onset_ap']:.3f}"
    yield f"  > 1 s from any onset: {rate_text(quiet)}"


def tolerance_text(tolerance_s: float, values: list[Any]) -> str:
    """Precision, recall, F1, skill and timing skill at one tolerance."""
    p, r, f, skill, timing = values[:5]
    text = f"±{1e3 * tolerance_s:.0f} P{p:.2f} R{r:.2f} F1 {f:.3f} S {skill:+.3f} T {timing:+.3f}"
    return text + (f" [{values[6][0]:+.2f}, {values[6][1]:+.2f}]" if len(values) > 6 else "")


def rate_text(rate: Mapping[str, float]) -> str:
    """A false event rate with its bound."""
    if not rate["minutes"]:
        return "no such stretch"
    return (
        f"{rate['events']} in {rate['minutes']:.1f} min = {rate['per_minute']:.2f} a minute, "
        f"below {rate['upper_95']:.2f} with 95 %"
    )


def split_line(name: str, row: Mapping[str, Any]) -> str:
    """One short row."""
    timing = " / ".join(f"{row['scores'][t][4]:+.2f}" for t in TOLERANCES_S)
    f1 = row["scores"][0.05][2]
    return f"{name:34s} {row['clips']:5d} {row['onsets']:6d}  {timing:34s} {f1:.2f}"


def clip_line(row: Mapping[str, Any]) -> str:
    """One clip."""
    core = "yes" if row["core"] else "no"
    return (
        f"{row['name']:34s} {core:4s} {row['fps']:5.1f} {row['onsets']:6d} {row['events']:6d} "
        f"{row['offset_s']:+.3f}    {row['f1']:.2f}    {row['timing_skill']:+.2f}"
    )


def scene_lines(title: str, rows: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Rows on scenes: F1 and timing skill where there are events, else false events."""
    yield title
    for name, row in rows.items():
        text = f"  {name:34s}"
        if "scores" in row:
            _, recall, f1, _, timing = row["scores"][0.05][:5]
            text += f" F1 ±50 {f1:.3f} timing {timing:+.3f} recall {recall:.2f}"
        if row.get("signed_offset_s", {}).get("pairs"):
            text += f" offset {1e3 * row['signed_offset_s']['median']:+.0f} ms"
        if "false" in row:
            text += f" false: {rate_text(row['false'])}"
        yield text

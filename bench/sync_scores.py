"""Scores of detectors of hits as results, tables and curves: ours among simple baselines."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from synchresis.bench.result import Lines, Result, Table
from synchresis.engines.evaluation.score_onsets import TOLERANCES_S

OURS: Final = "heard"
"""Row of the score table that is the live system's."""

SCORES: Final = {"f1": 2, "skill": 3, "timing_skill": 4}
"""Names of the columns of a score row that become results."""

BASELINES: Final = (
    "random, true rate",
    "metronome",
    "metronome gated by flow",
    "mean flow",
    "flow drop",
    "frame difference",
)
"""Rows of the score table that are peers."""

Rows = Mapping[str, Mapping[float, Sequence[Any]]]
"""Score rows by detector and tolerance: precision, recall, F1, skill, timing skill, intervals."""


def against(name: str, rows: Rows, *, note: str) -> Iterator[Result]:
    """Our scores, each against the best baseline's.

    Args:
        name: beginning of the metrics.
        rows: of all detectors.
        note: what is equal and what is not.
    """
    peers = [row for row in rows if row in BASELINES]
    for tolerance in TOLERANCES_S:
        for score, column in SCORES.items():
            metric = f"{name}.{score}_{1e3 * tolerance:.0f}ms"
            ours = round(float(rows[OURS][tolerance][column]), 4)
            if not peers:
                yield Result(metric, ours, "1")
                continue
            best = max(peers, key=lambda row: rows[row][tolerance][column])
            theirs = float(rows[best][tolerance][column])
            ratio = round(ours / theirs, 3) if theirs > 0 else None
            yield Result(metric, ours, "1", peer=f"{best} {theirs:.3f}", ratio=ratio, note=note)


def score_table(title: str, rows: Rows, caption: str) -> Table:
    """All detectors: timing skill at every tolerance, F1, precision and recall at 50 ms."""
    columns = ["detector", *(f"timing ±{1e3 * t:.0f}" for t in TOLERANCES_S), "F1 ±50", "P", "R"]
    return Table(title, columns, [_cells(name, row) for name, row in rows.items()], caption)


def tolerance_lines(title: str, rows: Rows) -> Lines:
    """Timing skill against the tolerance: the live system, its moments, the baselines."""
    series = {
        name: [(1e3 * tolerance, round(float(row[tolerance][4]), 4)) for tolerance in TOLERANCES_S]
        for name, row in rows.items()
        if name in (OURS, "t", *BASELINES)
    }
    caption = (
        "F1 above chance, which is F1 against the truth shifted by 0.3 to 0.55 s; 1 is perfect."
    )
    return Lines(
        f"{title}: timing skill", "tolerance, ± ms", "timing skill", series, False, caption
    )


def _cells(name: str, row: Mapping[float, Sequence[Any]]) -> list[str]:
    timing = [_with_interval(row[tolerance]) for tolerance in TOLERANCES_S]
    precision, recall, f1 = row[0.05][:3]
    return [name, *timing, f"{f1:.2f}", f"{precision:.2f}", f"{recall:.2f}"]


def _with_interval(values: Sequence[Any]) -> str:
    text = f"{values[4]:.2f}"
    return f"{text} [{values[6][0]:.2f}, {values[6][1]:.2f}]" if len(values) > 6 else text

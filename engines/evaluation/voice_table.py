"""The voice's report as tables for people."""

from typing import Any, Final

COLUMNS: Final = ("made", "copy", "sampler", "model")

TIMES: Final = {
    "attack": "90 % of the first rise",
    "loudest": "90 % of the loudest",
    "onset": "10 % (onset)",
}
"""Errors in time, as in `voice_attacks.ERRORS`, and what is asked for."""


def table(report: dict[str, Any]) -> str:
    """All parts of a report."""
    parts = [hits_table(report["hits"]), attacks_table(report)]
    parts += [numbers("attacks beyond 8 ms, known families", report["far_attacks"])]
    parts += [worst(report["palettes"])]
    parts += [numbers("judges", report["judges"]), numbers("instrument", report["instrument"])]
    return "\n\n".join(parts)


def hits_table(hits: dict[str, dict[str, float]]) -> str:
    """Distances by what was held back."""
    lines = [
        "held back  count  log-mel L1: made  copy  sampler  model  made/sampler  "
        "STFT: made  copy  sampler"
    ]
    for name, row in hits.items():
        mel = "  ".join(f"{row.get(f'{column}_mel', float('nan')):5.2f}" for column in COLUMNS)
        stft = "  ".join(f"{row[f'{column}_stft']:5.2f}" for column in COLUMNS[:3])
        over = f"{row['made_over_sampler_mel']:5.2f}"
        lines.append(f"{name:9}  {row['count']:5}  {mel}  {over}  {stft}")
    return "\n".join(lines)


def attacks_table(report: dict[str, Any]) -> str:
    """Errors in time by what was held back, and between real takes."""
    titles = (f"{name + ': made  copy  sampler':32}" for name in TIMES.values())
    lines = [f"{'ms, median/p95':32}  count  {'  '.join(titles)}"]
    lines += [_attacks(name, row, row["count"]) for name, row in report["hits"].items()]
    short, takes = report["short_rises"], report["takes"]
    lines.append(_attacks("hits that rise within 8 ms", short, short["count"]))
    for title, part in (("two real takes", "all"), ("  of known strength", "known_strength")):
        lines.append(_attacks(title, takes[part], takes[part]["pairs"]))
    return "\n".join(lines)


def _attacks(title: str, row: dict[str, float], count: float) -> str:
    """One line; errors that a row lacks stay empty."""
    cells = [_spread(row, f"{kind}{time}") for time in TIMES for kind in ("", "copy_", "sampler_")]
    return f"{title:32}  {count:5}  {'  '.join(cells)}".rstrip()


def _spread(row: dict[str, float], name: str) -> str:
    if f"{name}_p95_ms" not in row:
        return " " * 9
    return f"{row[f'{name}_median_ms']:.1f}/{row[f'{name}_p95_ms']:.1f}".rjust(9)


def worst(palettes: dict[str, dict[str, float]], count: int = 5) -> str:
    """The palettes with the largest distance."""
    lines = [f"worst {count} palettes by log-mel L1 (made, sampler):"]
    for name, row in list(palettes.items())[:count]:
        lines.append(f"  {name:22} {row['made_mel']:.2f}  {row['sampler_mel']:.2f}")
    return "\n".join(lines)


def numbers(title: str, values: dict[str, Any]) -> str:
    """One part as a list."""
    lines = [f"{title}:"]
    for name, value in values.items():
        shown = f"{value:.3f}" if isinstance(value, float) else str(value)
        lines.append(f"  {name:28} {shown}")
    return "\n".join(lines)

"""The voice's report as tables for people."""

from typing import Any, Final

COLUMNS: Final = ("made", "copy", "sampler", "model")


def table(report: dict[str, Any]) -> str:
    """All parts of a report."""
    parts = [hits_table(report["hits"]), numbers("two real takes of one sound", report["takes"])]
    parts += [numbers("hits that rise within 8 ms", report["short_rises"])]
    parts += [worst(report["palettes"])]
    parts += [numbers("judges", report["judges"]), numbers("instrument", report["instrument"])]
    return "\n\n".join(parts)


def hits_table(hits: dict[str, dict[str, float]]) -> str:
    """Distances by what was held back."""
    lines = [
        "held back  count  log-mel L1: made  copy  sampler  model  made/sampler  "
        "STFT: made  copy  sampler  attack ms, median/p95: made  copy  sampler"
    ]
    for name, row in hits.items():
        mel = "  ".join(f"{row.get(f'{column}_mel', float('nan')):5.2f}" for column in COLUMNS)
        stft = "  ".join(f"{row[f'{column}_stft']:5.2f}" for column in COLUMNS[:3])
        attack = "  ".join(
            f"{row[f'{kind}attack_median_ms']:.1f}/{row[f'{kind}attack_p95_ms']:.1f}"
            for kind in ("", "copy_", "sampler_")
        )
        over = f"{row['made_over_sampler_mel']:5.2f}"
        lines.append(f"{name:9}  {row['count']:5}  {mel}  {over}  {stft}  {attack}")
    return "\n".join(lines)


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

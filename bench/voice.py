"""`bench voice`: the voice evaluation, with its baselines, as results, tables and spectrograms."""

import base64
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np

from synchresis.bench.environment import stamp_environment
from synchresis.bench.options import Options
from synchresis.bench.result import Figure, Histogram, Image, Report, Result, Table, thinned
from synchresis.engines.evaluation.voice import evaluate_voice, instrument
from synchresis.engines.evaluation.voice_playing import pack_player
from synchresis.engines.evaluation.voice_sheets import TILE
from synchresis.engines.packs import load_pack

PEERS: Final = {
    "sampler": "nearest training recording, scaled",
    "model": "physical model, no network",
    "copy": "copy-synthesis through the same head: what the head itself costs",
}
"""Baselines by the name of their columns."""

NOTE: Final = (
    "the same held-out recordings for all; the sampler stores the training recordings themselves, "
    "the voice only its weights"
)

TIMES: Final = {
    "attack": "to 90 % of the real hit's first rise",
    "loudest": "to 90 % of the loudest within 60 ms, each its own",
    "onset": "to 10 % of the loudest within 60 ms, each its own",
}
"""Errors in time, and what they are read at."""

SHEETS: Final = 6
"""Palettes shown as spectrograms."""

SHOWN_HITS: Final = 3
"""Hits of a palette shown: as many as can be read on a phone and keep a report below 1.5 MB."""

SHADES: Final = 0xF8
"""Bits kept of a colour: the picture has half the bytes, and no eye sees the difference."""

SHEET_CAPTION: Final = (
    "Held-out hits, real above, ours below; time to the right, to the end of the hit or 1.28 s; up "
    "to 24 kHz, low ones stretched. Beneath: how the hit was held out, and the log-mel distance "
    "of ours / of the sampler."
)


def run(options: Options) -> Report:
    """What the pack alone can tell, and held-out recordings where a folder was given."""
    pack = load_pack(options.pack)
    results: list[Result] = []
    figures: list[Figure] = []
    if options.sounds:
        with tempfile.TemporaryDirectory(prefix="synchresis-") as folder:
            report = evaluate_voice(pack, Path(options.sounds), sheets=Path(folder))
            figures += voice_figures(report)
            figures += sheets(Path(folder), list(report["palettes"]))
        results += list(voice_results(report))
    else:
        results += list(instrument_results(instrument(pack, pack_player(pack))))
    return Report(
        "voice", stamp_environment(seed=options.seed, device=options.device), results, figures
    )


def voice_results(report: Mapping[str, Any]) -> Iterator[Result]:
    """The report of `evaluate_voice` as results."""
    for group, row in report["hits"].items():
        yield from _hit_results(f"voice.{group}", row)
    for name, value in report["judges"].items():
        yield Result(f"voice.judges.{name}", round(float(value), 4), "1")
    yield from _far_results(report.get("far_attacks", {}))
    yield from instrument_results(report["instrument"])


def instrument_results(row: Mapping[str, Any]) -> Iterator[Result]:
    """What a player feels, as results; lists of names are left to the table."""
    for name, value in row.items():
        if isinstance(value, int | float):
            yield Result(f"voice.instrument.{name}", round(float(value), 4), _unit(name))


def voice_figures(report: Mapping[str, Any]) -> list[Figure]:
    """Tables: kinds of held-out hits, and palettes from worst to best."""
    columns = ["hits", "n", "mel: ours", *(f"mel: {peer}" for peer in PEERS), "attack p95, ms"]
    caption = "Log-mel L1 to the real hit, less is better. " + "; ".join(
        f"{name}: {what}" for name, what in PEERS.items()
    )
    kinds = [_cells(name, row) for name, row in report["hits"].items()]
    palettes = [_cells(name, row) for name, row in report["palettes"].items()]
    return [
        Table("Held-out hits", columns, kinds, f"{caption}. Equal: {NOTE}."),
        _distances(report["palettes"]),
        Table("Palettes, worst first", columns, palettes),
    ]


def _distances(palettes: Mapping[str, Mapping[str, float]]) -> Histogram:
    """Log-mel distance of the palettes, ours beside the baselines'."""
    series = {
        label: thinned(row[f"{key}_mel"] for row in palettes.values() if f"{key}_mel" in row)
        for label, key in {"ours": "made", **{peer: peer for peer in PEERS}}.items()
    }
    caption = "One value a palette: mean log-mel L1 of its held-out hits; less is better."
    return Histogram("Distance to the real hits, by palette", "log-mel L1", series, caption)


def sheets(folder: Path, palettes: list[str]) -> list[Figure]:
    """Spectrograms of the worst and the best palettes, real above made; the first explains all."""
    half = SHEETS // 2
    chosen = palettes if len(palettes) <= SHEETS else [*palettes[:half], *palettes[-half:]]
    found: list[Figure] = []
    for name in chosen:
        path = folder / f"{name}.png"
        if path.exists():
            caption = "" if found else SHEET_CAPTION
            found.append(Image(f"Palette {name}", _first_hits(path), caption))
    return found


def _first_hits(path: Path) -> str:
    """The first hits of a sheet, a base64 PNG."""
    sheet = cv2.imread(str(path))
    assert sheet is not None, "the evaluation wrote it"
    hits = np.asarray(sheet[:, : SHOWN_HITS * TILE[0]], np.uint8) & np.uint8(SHADES)
    _, png = cv2.imencode(".png", hits, (cv2.IMWRITE_PNG_COMPRESSION, 9))
    return base64.b64encode(png.tobytes()).decode()


def _hit_results(name: str, row: Mapping[str, float]) -> Iterator[Result]:
    for distance in ("mel", "stft"):
        ours = row[f"made_{distance}"]
        for peer, what in PEERS.items():
            other = row.get(f"{peer}_{distance}")
            if other:
                yield Result(
                    f"{name}.{distance}.against_{peer}",
                    round(ours, 4),
                    "1",
                    peer=f"{what} {other:.4g}",
                    ratio=round(ours / other, 4),
                    note=NOTE,
                )
    yield from _time_results(name, row)
    yield Result(f"{name}.hits", row["count"], "count")


def _time_results(name: str, row: Mapping[str, float]) -> Iterator[Result]:
    for error, note in TIMES.items():
        for quantile, key in (("p50", "median"), ("p95", "p95")):
            value = row.get(f"{error}_{key}_ms")
            if value is not None:
                yield Result(f"{name}.{error}.{quantile}", round(value, 3), "ms", note=note)


def _far_results(row: Mapping[str, float]) -> Iterator[Result]:
    """Attacks beyond 8 ms beside those of real takes; nothing where no folder told."""
    if row:
        bounds = row["made_less_real_lowest"], row["made_less_real_highest"]
        made, real = row["made"], row["real_takes"]
        note = "difference {:+.3f} to {:+.3f} in 95 % of draws of hits".format(*bounds)
        peer = f"real takes of like strength {real:.4g}"
        yield Result("voice.known.attack.beyond_8_ms", round(made, 4), "1", peer=peer, note=note)


def _cells(name: str, row: Mapping[str, float]) -> list[str]:
    peers = [f"{row[f'{peer}_mel']:.2f}" if f"{peer}_mel" in row else "" for peer in PEERS]
    return [
        name,
        f"{row['count']:.0f}",
        f"{row['made_mel']:.2f}",
        *peers,
        f"{row['attack_p95_ms']:.1f}",
    ]


def _unit(name: str) -> str:
    if name.endswith("_db") or "dbfs" in name:
        return "dB"
    if name.endswith("_ms"):
        return "ms"
    return "count" if name == "palettes" else "1"

"""The page: results and figures of one or more reports as one self-contained HTML file."""

from collections.abc import Iterable, Sequence
from html import escape
from itertools import starmap, zip_longest
from pathlib import Path
from typing import Final

from synchresis.bench.goals import goal_table
from synchresis.bench.result import (
    Figure,
    Histogram,
    Image,
    Lines,
    Report,
    Result,
    Table,
    Waterfall,
    write_whole,
)
from synchresis.bench.svg import draw_histogram, draw_lines, draw_waterfall

STYLE = """
:root{color-scheme:light dark;--ink:#1c2126;--paper:#fff;--rule:#d5dadf;--soft:#5c6670}
@media (prefers-color-scheme:dark){
 :root{--ink:#e6e9ec;--paper:#15181b;--rule:#373d43;--soft:#9aa4ad}}
*{box-sizing:border-box}
body{margin:0 auto;padding:16px;max-width:1120px;background:var(--paper);color:var(--ink);
 font:16px/1.5 system-ui,sans-serif}
h1{font-size:1.5rem;line-height:1.2;margin:.4em 0}h2{font-size:1.2rem;margin:2em 0 .4em;
 border-top:2px solid var(--rule);padding-top:1em}h3{font-size:1rem;margin:0 0 .4em}
.figures{display:grid;gap:24px;grid-template-columns:repeat(auto-fit,minmax(min(100%,440px),1fr))}
figure{margin:0;min-width:0}figcaption,.soft{color:var(--soft);font-size:.88rem}
svg{width:100%;height:auto;display:block;font-size:17px;fill:var(--ink)}
svg .tick{stroke:var(--soft);fill:none}svg .grid{stroke:var(--rule);fill:none}
img{max-width:100%;height:auto;image-rendering:auto;border-radius:4px}
.legend{list-style:none;margin:.2em 0;padding:0;font-size:.88rem;display:flex;
 flex-wrap:wrap;gap:0 1em}
.legend i{display:inline-block;width:.8em;height:.8em;border-radius:2px;margin-right:.4em}
.scroll{overflow-x:auto}.scroll table:not(.numbers) :is(th,td):first-child{position:sticky;
 left:0;background:var(--paper)}table{border-collapse:collapse;font-size:.88rem;width:100%}
th,td{text-align:left;padding:.35em .6em .35em 0;border-bottom:1px solid var(--rule);
 vertical-align:top}td.number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
td.name{min-width:8em}dl{display:grid;grid-template-columns:max-content 1fr;
 gap:0 1em;font-size:.88rem;margin:0}dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}
details{margin:.6em 0}summary{cursor:pointer;font-weight:600}
@media (max-width:520px){svg{font-size:24px}table{font-size:.78rem}
 th,td{padding:.3em .45em .3em 0}
 .numbers tr{display:flex;flex-wrap:wrap;gap:0 .9em;border-bottom:1px solid var(--rule);
 padding:.3em 0}.numbers td,.numbers th{border:0;padding:0}.numbers .name{flex:0 0 100%}
 .number::before{content:attr(data-label) " ";color:var(--soft)}
 .numbers tr:first-child{display:none}}
"""


def render_page(reports: Sequence[Report]) -> str:
    """One HTML page for these reports, nothing loaded from elsewhere."""
    sections = "".join(_section(report) for report in reports)
    names = ", ".join(dict.fromkeys(report.bench for report in reports))
    goals = goal_table(reports)
    shown = f"<h2>{escape(goals.title)}</h2>{_table(goals)}" if goals else ""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>synchresis bench: {escape(names)}</title><style>{STYLE}</style></head>"
        f"<body><h1>synchresis bench: {escape(names)}</h1>{shown}{sections}</body></html>\n"
    )


def write_page(reports: Sequence[Report], path: str | Path) -> None:
    """Write the page, whole or not at all.

    Raises:
        InputError: the folder cannot be written.
    """
    write_whole(path, render_page(reports).encode())


def _section(report: Report) -> str:
    figures = "".join(_figure(figure) for figure in report.figures)
    return (
        f"<h2>{escape(report.bench)}</h2>{_host(report)}"
        f'<div class="figures">{figures}</div>{_results(report.results)}'
    )


def _host(report: Report) -> str:
    rows = []
    for name, value in report.host.items():
        text = (
            ", ".join(f"{k} {v}" for k, v in value.items())
            if isinstance(value, dict)
            else str(value)
        )
        rows.append(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>")
    return f"<details><summary>Made on</summary><dl>{''.join(rows)}</dl></details>"


def _results(results: Sequence[Result]) -> str:
    """Comparisons first; distributions and the rest folded away."""
    spread = _distributions(results)
    known = {f"{name}.{part}" for name, parts in spread.items() for part in parts}
    peers = [result for result in results if result.peer]
    rest = [each for each in results if not each.peer and each.metric not in known]
    return (
        _fold("Against peers", _PEER_HEAD, map(_peer_row, peers), open_=True)
        + _fold("Distributions", _SPREAD_HEAD, starmap(_spread_row, spread.items()))
        + _fold("Other numbers", _REST_HEAD, map(_rest_row, rest))
    )


_PEER_HEAD: Final = ("metric", "ours", "ratio", "against, and what is equal")
_SPREAD: Final = ("p5", "p50", "p95", "p99", "max", "cpu_p50")
_SPREAD_HEAD: Final = ("metric", *_SPREAD)
_REST_HEAD: Final = ("metric", "value", "note")


def _distributions(results: Sequence[Result]) -> dict[str, dict[str, Result]]:
    """Percentiles by the metric they are of; metrics with a median alone are none."""
    found: dict[str, dict[str, Result]] = {}
    for result in results:
        name, _, part = result.metric.rpartition(".")
        if part in _SPREAD and not result.peer:
            found.setdefault(name, {})[part] = result
    return {name: parts for name, parts in found.items() if {"p50", "p95"} <= set(parts)}


def _fold(title: str, head: Sequence[str], rows: Iterable[str], *, open_: bool = False) -> str:
    """A table that can be folded away; nothing where it has no rows."""
    body = "".join(rows)
    if not body:
        return ""
    cells = "".join(f"<th>{escape(name)}" for name in head)
    return (
        f"<details{' open' if open_ else ''}><summary>{escape(title)}</summary>"
        f'<div class="scroll"><table class="numbers"><tr>{cells}</tr>{body}</table></div></details>'
    )


def _peer_row(result: Result) -> str:
    ratio = "" if result.ratio is None else f"{result.ratio:.3g}"
    against = " — ".join(text for text in (result.peer or "", result.note) if text)
    return _row(result.metric, [_value(result), ratio], against, labels=("ours", "ratio"))


def _spread_row(name: str, parts: dict[str, Result]) -> str:
    values = [_value(parts[part]) if part in parts else "" for part in _SPREAD]
    return _row(name, values, labels=_SPREAD)


def _rest_row(result: Result) -> str:
    return _row(result.metric, [_value(result)], result.note)


def _row(
    metric: str, numbers: Sequence[str], note: str | None = None, *, labels: Sequence[str] = ()
) -> str:
    """Name, numbers with the labels they need on a phone, and, where there are notes, a note."""
    name = escape(metric).replace(".", ".<wbr>")
    cells = "".join(
        f'<td class="number" data-label="{label if number else ""}">{escape(number)}</td>'
        for number, label in zip_longest(numbers, labels, fillvalue="")
    )
    last = "" if note is None else f"<td>{escape(note)}</td>"
    return f'<tr><td class="name">{name}</td>{cells}{last}</tr>'


def _value(result: Result) -> str:
    unit = "" if result.unit in ("1", "count") else f" {result.unit}"
    return f"{result.value:.4g}{unit}"


def _figure(figure: Figure) -> str:
    caption = f"<figcaption>{escape(figure.caption)}</figcaption>" if figure.caption else ""
    return f"<figure><h3>{escape(figure.title)}</h3>{_drawing(figure)}{caption}</figure>"


def _drawing(figure: Figure) -> str:
    match figure:
        case Histogram():
            return draw_histogram(figure.series, figure.unit)
        case Waterfall():
            return draw_waterfall(figure.parts, figure.unit)
        case Lines():
            return draw_lines(
                figure.series,
                x_label=figure.x_label,
                y_label=figure.y_label,
                logarithmic=figure.logarithmic,
                joined=figure.joined,
            )
        case Table():
            return _table(figure)
        case Image():
            return (
                f'<img alt="{escape(figure.title)}" '
                f'src="data:image/png;base64,{figure.png_base64}">'
            )


def _table(table: Table) -> str:
    head = "".join(f"<th>{escape(name)}" for name in table.columns)
    rows = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in table.rows
    )
    return f'<div class="scroll"><table><tr>{head}</tr>{rows}</table></div>'

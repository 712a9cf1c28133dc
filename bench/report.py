"""The page: results and figures of one or more reports as one self-contained HTML file."""

from collections.abc import Sequence
from html import escape
from pathlib import Path

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
.scroll{overflow-x:auto}table{border-collapse:collapse;font-size:.88rem;width:100%}
th,td{text-align:left;padding:.35em .6em .35em 0;border-bottom:1px solid var(--rule);
 vertical-align:top}td.number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
td.name{min-width:8em}dl{display:grid;grid-template-columns:max-content 1fr;
 gap:0 1em;font-size:.88rem;margin:0}dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}
@media (max-width:520px){svg{font-size:24px}}
"""


def render_page(reports: Sequence[Report]) -> str:
    """One HTML page for these reports, nothing loaded from elsewhere."""
    sections = "".join(_section(report) for report in reports)
    names = ", ".join(report.bench for report in reports)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>synchresis bench: {escape(names)}</title><style>{STYLE}</style></head>"
        f"<body><h1>synchresis bench: {escape(names)}</h1>{sections}</body></html>\n"
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
    rows = "".join(_result_row(result) for result in results)
    return (
        "<details open><summary>All numbers</summary>"
        '<div class="scroll"><table><tr><th>metric<th>value<th>ratio<th>against, and what is equal'
        f"</tr>{rows}</table></div></details>"
    )


def _result_row(result: Result) -> str:
    ratio = "" if result.ratio is None else f"{result.ratio:.3g}"
    name = escape(result.metric).replace(".", ".<wbr>")
    against = " — ".join(text for text in (result.peer or "", result.note) if text)
    return (
        f'<tr><td class="name">{name}</td>'
        f'<td class="number">{_value(result)}</td><td class="number">{ratio}</td>'
        f"<td>{escape(against)}</td></tr>"
    )


def _value(result: Result) -> str:
    unit = "" if result.unit in ("1", "count") else f" {result.unit}"
    return escape(f"{result.value:.5g}{unit}")


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

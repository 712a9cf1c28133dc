"""Small plots as inline SVG text: no script, no font file, readable at 360 pixels width."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

COLOURS = (
    "#0b6e99",
    "#c8553d",
    "#4f772d",
    "#7b4fa3",
    "#b8860b",
    "#555b6e",
    "#2aa198",
    "#d16ba5",
    "#8a6d3b",
    "#5a78d1",
    "#9bbf3b",
    "#e8590c",
)
"""Series colours, distinct on both backgrounds; more series have them again, hollow."""

WIDTH = 640
"""Width of every drawing in its own units; the page scales it to the screen."""

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis: a range of values laid over a range of the drawing.

    Attributes:
        low: value at `begin`, high: value at `end`.
        begin: place in the drawing of `low`, end: of `high`.
        logarithmic: whether equal distances are equal ratios.
    """

    low: float
    high: float
    begin: float
    end: float
    logarithmic: bool = False

    def place(self, value: float) -> float:
        """Place of a value in the drawing."""
        low, high, value = self._scaled(self.low), self._scaled(self.high), self._scaled(value)
        share = (value - low) / (high - low) if high > low else 0.5
        return self.begin + share * (self.end - self.begin)

    def ticks(self) -> list[float]:
        """Round values inside the range, about five of them."""
        if self.logarithmic:
            first, last = math.floor(math.log10(self.low)), math.ceil(math.log10(self.high))
            marks = [base * 10.0**k for k in range(first, last + 1) for base in (1, 2, 5)]
            inside = [mark for mark in marks if self.low <= mark <= self.high]
            return inside if len(inside) <= 7 else [m for m in inside if _is_power_of_ten(m)]
        span = (self.high - self.low) or 1.0
        step = _round_step(span / 5)
        first_index = math.ceil(self.low / step - 1e-9)
        last_index = math.floor(self.high / step + 1e-9)
        return [k * step for k in range(first_index, last_index + 1)]

    def _scaled(self, value: float) -> float:
        return math.log10(max(value, 1e-12)) if self.logarithmic else value


def draw_histogram(series: Mapping[str, Sequence[float]], unit: str) -> str:
    """Overlaid outlines of the distributions, the slowest percent gathered in the last bin.

    Args:
        series: samples by name.
        unit: unit of the samples, written under the axis.
    """
    filled = {name: sorted(values) for name, values in series.items() if values}
    if not filled:
        return _empty("no samples")
    low, high = _trimmed_range(filled)
    axis = Axis(low, high, 20, WIDTH - 20)
    body, base, top = [], 250.0, 30.0
    for index, values in enumerate(filled.values()):
        body.append(_outline(values, axis, (base, top), COLOURS[index % len(COLOURS)]))
    body.append(_horizontal_axis(axis, base, unit))
    return _svg(body, legend=_with_medians(filled, unit), height=310)


def draw_waterfall(parts: Mapping[str, float], unit: str) -> str:
    """Bars that begin where the one before ended, each with its length.

    Args:
        parts: length by name, in order; negative parts step back (lookahead).
        unit: unit of the lengths.
    """
    ends, total = [], 0.0
    for length in parts.values():
        ends.append((total, total + length))
        total += length
    low = min([0.0, *(min(pair) for pair in ends)])
    high = max([1e-9, *(max(pair) for pair in ends)])
    axis = Axis(low, high, 215, WIDTH - 140)
    body = []
    for row, ((name, length), (begin, end)) in enumerate(zip(parts.items(), ends, strict=True)):
        body.append(_bar(row, name, (axis.place(begin), axis.place(end)), f"{length:.3g} {unit}"))
    body.append(_bar(len(parts), "sum", (axis.place(0), axis.place(total)), f"{total:.3g} {unit}"))
    return _svg(body, legend={}, height=34 * (len(parts) + 1) + 10)


def draw_lines(
    series: Mapping[str, Sequence[Point]],
    *,
    x_label: str,
    y_label: str,
    logarithmic: bool,
    joined: bool = True,
) -> str:
    """Curves with their points marked.

    Args:
        series: (x, y) points by name.
        x_label: what x is, with its unit.
        y_label: what y is, with its unit.
        logarithmic: whether both axes are.
        joined: whether a line joins the points of a series.
    """
    points = [point for curve in series.values() for point in curve]
    if not points:
        return _empty("no points")
    (x_low, x_high), (y_low, y_high) = _range_of(points, 0), _range_of(points, 1)
    if not logarithmic:
        y_low = min(y_low, 0.0)
    x_axis = Axis(x_low, x_high, 80, WIDTH - 25, logarithmic)
    y_axis = Axis(y_low, y_high, 260, 30, logarithmic)
    body = [_horizontal_axis(x_axis, 272, x_label), _vertical_axis(y_axis, y_label)]
    for index, curve in enumerate(series.values()):
        placed = [(x_axis.place(x), y_axis.place(y)) for x, y in sorted(curve)]
        body.append(_curve(placed, index, joined=joined))
    return _svg(body, legend=dict.fromkeys(series, ""), height=330)


def _outline(values: Sequence[float], axis: Axis, heights: tuple[float, float], colour: str) -> str:
    bins = 48
    counts = [0] * bins
    span = (axis.high - axis.low) or 1.0
    for value in values:
        counts[min(bins - 1, max(0, int((value - axis.low) / span * bins)))] += 1
    base, top = heights
    scale = (base - top) / max(counts)
    width = (axis.end - axis.begin) / bins
    steps = [f"M{axis.begin:.1f} {base:.1f}"]
    for index, count in enumerate(counts):
        height = base - count * scale
        steps.append(f"V{height:.1f}H{axis.begin + (index + 1) * width:.1f}")
    steps.append(f"V{base:.1f}Z")
    path = "".join(steps)
    return f'<path d="{path}" fill="{colour}" fill-opacity=".25" stroke="{colour}"/>'


def _bar(row: int, name: str, ends: tuple[float, float], label: str) -> str:
    y = 8 + 34 * row
    left, right = min(ends), max(ends)
    colour = COLOURS[1] if ends[1] < ends[0] else COLOURS[0 if name != "sum" else 5]
    return (
        f'<text x="205" y="{y + 18}" text-anchor="end">{escape(name)}</text>'
        f'<rect x="{left:.1f}" y="{y}" width="{max(right - left, 1.5):.1f}" height="24" rx="3" '
        f'fill="{colour}"/>'
        f'<text x="{right + 7:.1f}" y="{y + 18}">{escape(label)}</text>'
    )


def _curve(points: Sequence[Point], index: int, *, joined: bool) -> str:
    turn, place = divmod(index, len(COLOURS))
    colour = COLOURS[place]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    line = f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="3"/>'
    radius = 4 if joined and len(points) > 1 else 7
    dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius}"/>' for x, y in points)
    fill = "none" if turn else colour
    return f'{line if joined else ""}<g fill="{fill}" stroke="{colour}" stroke-width="2">{dots}</g>'


def _horizontal_axis(axis: Axis, y: float, label: str) -> str:
    marks = "".join(
        f'<path class="tick" d="M{axis.place(v):.1f} {y}v6"/>'
        f'<text x="{axis.place(v):.1f}" y="{y + 24}" text-anchor="middle">{_number(v)}</text>'
        for v in axis.ticks()
    )
    middle = (axis.begin + axis.end) / 2
    return (
        f'<path class="tick" d="M{axis.begin} {y}H{axis.end}"/>{marks}'
        f'<text x="{middle}" y="{y + 48}" text-anchor="middle">{escape(label)}</text>'
    )


def _vertical_axis(axis: Axis, label: str) -> str:
    marks = "".join(
        f'<path class="grid" d="M80 {axis.place(v):.1f}H{WIDTH - 25}"/>'
        f'<text x="72" y="{axis.place(v) + 6:.1f}" text-anchor="end">{_number(v)}</text>'
        for v in axis.ticks()
    )
    return f'{marks}<text x="8" y="18">{escape(label)}</text>'


def _svg(body: Sequence[str], *, legend: Mapping[str, str], height: int) -> str:
    """The drawing with its legend beneath it, as text the page can wrap."""
    marks = "".join(
        f'<li><i style="{_swatch(i)}"></i>{escape(name)} {escape(text)}</li>'
        for i, (name, text) in enumerate(legend.items())
    )
    listing = f'<ul class="legend">{marks}</ul>' if marks else ""
    drawing = "".join(body)
    return f'<svg viewBox="0 0 {WIDTH} {height}" role="img">{drawing}</svg>{listing}'


def _swatch(index: int) -> str:
    """Style of a series' square in the legend."""
    turn, place = divmod(index, len(COLOURS))
    return f"{'border:2px solid ' if turn else 'background:'}{COLOURS[place]}"


def _empty(reason: str) -> str:
    return f"<p>{escape(reason)}</p>"


def _with_medians(series: Mapping[str, Sequence[float]], unit: str) -> dict[str, str]:
    return {
        name: f"(median {values[len(values) // 2]:.3g} {unit})" for name, values in series.items()
    }


def _trimmed_range(series: Mapping[str, Sequence[float]]) -> tuple[float, float]:
    """Range of the values below the 99th percentile of each series, never empty."""
    low = min(values[0] for values in series.values())
    high = max(values[int(0.99 * (len(values) - 1))] for values in series.values())
    return (low, high) if high > low else (low - 0.5, low + 0.5)


def _range_of(points: Sequence[Point], place: int) -> tuple[float, float]:
    values = [point[place] for point in points]
    low, high = min(values), max(values)
    return (low, high) if high > low else (low * 0.5, high * 1.5 or 1.0)


def _round_step(rough: float) -> float:
    power = 10.0 ** math.floor(math.log10(rough))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= rough * 0.999)


def _is_power_of_ten(value: float) -> bool:
    return math.isclose(math.log10(value), round(math.log10(value)), abs_tol=1e-9)


def _number(value: float) -> str:
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if abs(value) >= size * 10:
            return f"{value / size:.4g}{letter}"
    return f"{value:.4g}"

import re
from html.parser import HTMLParser

import pytest

from synchresis.bench.compare import compare_reports, comparison_lines, differing_machine
from synchresis.bench.report import render_page, write_page
from synchresis.bench.result import (
    Histogram,
    Image,
    Lines,
    Report,
    Result,
    Table,
    Waterfall,
)
from synchresis.bench.svg import Axis, draw_histogram, draw_lines, draw_waterfall
from synchresis.errors import InputError

HOST = {
    "processor": "P <1>",
    "cores": 2,
    "system": "Linux",
    "device": "cpu",
    "versions": {"a": "1"},
}


def report(results=(), figures=(), bench="latency", host=HOST):
    return Report(bench, dict(host), list(results), list(figures))


class Balance(HTMLParser):
    """Counts elements that are opened and not closed, and collects what is loaded."""

    VOID = frozenset({"meta", "img", "wbr"})
    OPTIONAL = frozenset({"th"})

    def __init__(self):
        super().__init__()
        self.open, self.loads, self.tags = [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.loads += [value for name, value in attrs if name in ("src", "href")]
        if tag not in self.VOID | self.OPTIONAL:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def parsed(page):
    balance = Balance()
    balance.feed(page)
    assert balance.open == []
    return balance


def test_page_holds_every_kind_of_figure_and_loads_nothing():
    figures = [
        Histogram("ages", "ms", {"30 fps": [1.0, 2.0, 9.0], "A & B": [0.5]}),
        Waterfall("service", "ms", {"flow": 1.2, "motion": 3.0, "lookahead": -2.0}),
        Lines("cost", "pixels", "ms", {"ours": [(1.0, 2.0), (10.0, 3.0)]}, logarithmic=True),
        Table("sync", ["clip", "F1"], [["<ball>", "0.5"]]),
        Image("mel", "AAAA"),
    ]
    page = render_page([report([Result("a.p50", 1.5, "ms", peer="x", ratio=0.5)], figures)])
    balance = parsed(page)
    assert balance.tags.count("svg") == 3
    assert balance.tags.count("img") == 1
    assert balance.loads == ["data:image/png;base64,AAAA"]
    assert "&lt;ball&gt;" in page
    assert "P &lt;1&gt;" in page
    assert 'name="viewport"' in page
    assert not re.search(r"https?://", page)


def test_percentiles_share_a_row_and_peers_come_first():
    results = [
        Result("a.p50", 1.0, "ms"),
        Result("a.p95", 2.0, "ms"),
        Result("alone.p50", 3.0, "s", note="not a distribution"),
        Result("flow", 0.5, "ms", peer="DIS 1 ms", ratio=0.5, note="same frames"),
    ]
    page = render_page([report(results)])
    parsed(page)
    against, spread, rest = page.split("<details")[2:]
    assert "open" in against.split(">")[0]
    assert "DIS 1 ms — same frames" in against
    assert spread.count("<tr>") == 2
    assert "1 ms</td>" in spread
    assert "2 ms</td>" in spread
    assert "not a distribution" in rest
    assert rest.count("<tr>") == 2


@pytest.mark.parametrize(
    "figure",
    [
        Histogram("h", "ms", {}),
        Histogram("h", "ms", {"a": []}),
        Histogram("h", "ms", {"a": [3.0, 3.0]}),
        Lines("l", "x", "y", {}),
        Lines("l", "x", "y", {"a": [(0.0, 0.0)]}),
        Waterfall("w", "ms", {}),
        Waterfall("w", "ms", {"a": 0.0}),
    ],
)
def test_degenerate_figures_still_make_a_page(figure):
    page = render_page([report([], [figure])])
    parsed(page)
    assert "nan" not in page
    assert "inf" not in page


def test_waterfall_bars_begin_where_the_last_ended():
    bars = re.findall(
        r'<rect x="([\d.]+)" y="\d+" width="([\d.]+)"', draw_waterfall({"a": 10.0, "b": 30.0}, "ms")
    )
    (x0, w0), (x1, w1), (x_sum, w_sum) = [(float(x), float(w)) for x, w in bars]
    assert x1 == pytest.approx(x0 + w0, abs=0.2)
    assert w1 == pytest.approx(3 * w0, abs=0.2)
    assert (x_sum, w_sum) == (x0, pytest.approx(w0 + w1, abs=0.2))


def test_histogram_names_series_with_their_medians():
    drawing = draw_histogram({"idle": [1.0, 2.0, 3.0]}, "ms")
    assert "idle (median 2 ms)" in drawing


def test_no_two_series_look_alike():
    series = {f"method {k}": [(1.0 + k, 2.0)] for k in range(20)}
    drawing = draw_lines(series, x_label="ms", y_label="px", logarithmic=True)
    swatches = re.findall(r'<i style="([^"]+)"', drawing)
    dots = re.findall(r'<g (fill="[^"]+" stroke="[^"]+")', drawing)
    assert len(set(swatches)) == len(set(dots)) == 20


def test_axis_places_and_ticks():
    assert Axis(0, 10, 100, 200).place(5) == 150
    assert Axis(1, 100, 0, 200, logarithmic=True).place(10) == pytest.approx(100)
    assert Axis(0, 10, 0, 1).ticks() == [0, 2, 4, 6, 8, 10]
    assert all(1 <= tick <= 1000 for tick in Axis(1, 1000, 0, 1, logarithmic=True).ticks())


def test_comparison_pairs_metrics_by_name():
    before = report(
        [Result("a", 2.0, "ms"), Result("gone", 1.0, "ms"), Result("zero", 0.0, "count")]
    )
    after = report([Result("a", 3.0, "ms"), Result("new", 4.0, "ms"), Result("zero", 5.0, "count")])
    changes = {change.metric: change for change in compare_reports(before, after)}
    assert changes["a"].ratio == 1.5
    assert changes["gone"].after is None
    assert changes["new"].before is None
    assert changes["zero"].ratio is None
    lines = list(comparison_lines(before, after))
    assert any("1.500" in line for line in lines)


def test_other_machines_are_said_and_other_benchmarks_refused():
    other = report([], host={**HOST, "cores": 64})
    assert differing_machine(report(), other) == ["cores: 2 against 64"]
    assert "different machines" in next(comparison_lines(report(), other))
    with pytest.raises(InputError, match="latency and soak"):
        compare_reports(report(), report(bench="soak"))


def test_page_is_written_whole(tmp_path):
    write_page([report()], tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text().endswith("</html>\n")
    assert len(list(tmp_path.iterdir())) == 1

"""Results, figures to look at, and the report file that holds them."""

import math
import os
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import msgspec

from synchresis.bench.case import Timing
from synchresis.bench.environment import Stamp
from synchresis.errors import InputError


class Result(msgspec.Struct, frozen=True, omit_defaults=False):
    """One measured number.

    Attributes:
        metric: dotted name; the same name is the same thing in every report.
        value: what was measured.
        unit: "ms", "1" (a ratio), "count", "MiB", …
        peer: what it is compared with; None for a figure of ours alone.
        ratio: ours / peer's where there is a peer.
        note: what is equal in the comparison and what is not, or how it was measured.
    """

    metric: str
    value: float
    unit: str
    peer: str | None = None
    ratio: float | None = None
    note: str = ""


class Histogram(msgspec.Struct, frozen=True, tag="histogram"):
    """Distributions of one quantity, one named series each."""

    title: str
    unit: str
    series: dict[str, list[float]]
    caption: str = ""


class Waterfall(msgspec.Struct, frozen=True, tag="waterfall"):
    """Parts that follow each other and add up; length of each, in the order they happen."""

    title: str
    unit: str
    parts: dict[str, float]
    caption: str = ""


class Lines(msgspec.Struct, frozen=True, tag="lines"):
    """Curves: named series of (x, y) points; where they are not `joined`, points alone."""

    title: str
    x_label: str
    y_label: str
    series: dict[str, list[tuple[float, float]]]
    logarithmic: bool = False
    caption: str = ""
    joined: bool = True


class Table(msgspec.Struct, frozen=True, tag="table"):
    """A table of texts; the first column names the rows."""

    title: str
    columns: list[str]
    rows: list[list[str]]
    caption: str = ""


class Image(msgspec.Struct, frozen=True, tag="image"):
    """A picture, as a base64 PNG."""

    title: str
    png_base64: str
    caption: str = ""


Figure = Histogram | Waterfall | Lines | Table | Image


class Report(msgspec.Struct, frozen=True):
    """What one benchmark found.

    Attributes:
        bench: name of the benchmark.
        host: environment stamp.
        results: the numbers.
        figures: what the page shows beside them.
    """

    bench: str
    host: Stamp
    results: list[Result]
    figures: list[Figure] = []

    def value(self, metric: str) -> float:
        """The value of a metric.

        Raises:
            InputError: the report has no such metric.
        """
        for result in self.results:
            if result.metric == metric:
                return result.value
        raise InputError(f"report {self.bench} has no metric {metric}")


CPU_NOTE: Final = "processor time of the thread: what is left on a machine that is not busy"


def timing_results(timing: Timing, *, note: str = "") -> list[Result]:
    """p50, p95, p99, max and processor time of a timing; its misses where it has a deadline."""
    name = timing.case.name
    rows = [
        Result(f"{name}.p50", _rounded(timing.p50), "ms", note=note),
        Result(f"{name}.p95", _rounded(timing.p95), "ms", note=note),
        Result(f"{name}.p99", _rounded(timing.p99), "ms", note=note),
        Result(f"{name}.max", _rounded(timing.max), "ms", note=note),
    ]
    if timing.cpu_p50 is not None:
        rows.append(Result(f"{name}.cpu_p50", _rounded(timing.cpu_p50), "ms", note=CPU_NOTE))
    if timing.case.deadline_ms is not None:
        rule = f"slower than {timing.case.deadline_ms:g} ms, of {len(timing.samples_ms)}"
        rows.append(Result(f"{name}.misses", timing.misses, "count", note=rule))
    return rows


def distribution_results(name: str, samples: Sequence[float], *, unit: str = "ms") -> list[Result]:
    """p5, p50, p95, p99, max and p95 − p5 of a signed quantity; nothing where it has no samples."""
    ordered = sorted(samples)
    if not ordered:
        return [Result(f"{name}.count", 0, "count")]
    rows = [Result(f"{name}.count", len(ordered), "count")]
    for label, share in (("p5", 0.05), ("p50", 0.5), ("p95", 0.95), ("p99", 0.99)):
        rows.append(Result(f"{name}.{label}", _rounded(_quantile(ordered, share)), unit))
    rows.append(Result(f"{name}.max", _rounded(ordered[-1]), unit))
    spread = _quantile(ordered, 0.95) - _quantile(ordered, 0.05)
    rows.append(Result(f"{name}.p95_minus_p5", _rounded(spread), unit))
    return rows


def comparison(metric: str, timing: Timing, peer: Timing, *, note: str) -> Result:
    """Ours against a peer by the medians of one run; the value is our median in ms."""
    return Result(
        metric,
        _rounded(timing.p50),
        "ms",
        peer=f"{peer.case.name} {peer.p50:.4g} ms",
        ratio=_rounded(timing.p50 / peer.p50),
        note=note,
    )


def thinned(samples: Iterable[float], *, keep: int = 400) -> list[float]:
    """At most `keep` evenly spaced order statistics of the samples, extremes included."""
    ordered = sorted(samples)
    if len(ordered) <= keep:
        return [_rounded(value) for value in ordered]
    last = len(ordered) - 1
    return [_rounded(ordered[round(i * last / (keep - 1))]) for i in range(keep)]


def read_report(path: str | Path) -> Report:
    """Read a report file.

    Raises:
        InputError: the file is missing or is no report.
    """
    try:
        return msgspec.json.decode(Path(path).read_bytes(), type=Report)
    except OSError as err:
        raise InputError(f"report {path}: {err.strerror}") from err
    except msgspec.DecodeError as err:
        raise InputError(f"report {path} is not a `bench --json` file: {err}") from err


def write_report(report: Report, path: str | Path) -> None:
    """Write a report file, whole or not at all.

    Raises:
        InputError: the folder cannot be written.
    """
    write_whole(path, encode_report(report))


def encode_report(report: Report) -> bytes:
    """The report as indented JSON."""
    return msgspec.json.format(msgspec.json.encode(report), indent=1)


def write_whole(path: str | Path, data: bytes) -> None:
    """Write a file through a temporary neighbour, so that nobody ever sees half of it.

    Raises:
        InputError: the folder cannot be written.
    """
    target = Path(path)
    try:
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(name).chmod(0o644)
        Path(name).replace(target)
    except OSError as err:
        raise InputError(f"cannot write {path}: {err.strerror}") from err


def _quantile(ordered: Sequence[float], share: float) -> float:
    """Linear interpolation between order statistics."""
    place = share * (len(ordered) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (place - low) * (ordered[high] - ordered[low])


def _rounded(value: float) -> float:
    """Five significant digits: more would be noise in a committed file."""
    return float(f"{value:.5g}")

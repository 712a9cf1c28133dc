"""Live runs as results and figures, the machine's own wake-ups beside them."""

from collections.abc import Mapping
from typing import Final, TypeAlias

import numpy as np

from synchresis.bench.age import AgeRun
from synchresis.bench.age_nodes import Transport
from synchresis.bench.findings import Findings
from synchresis.bench.result import (
    Figure,
    Histogram,
    Result,
    Table,
    Waterfall,
    distribution_results,
    thinned,
)

Runs: TypeAlias = Mapping[tuple[Transport, float], AgeRun]
"""Live runs by transport and frame rate."""

Idle: TypeAlias = Mapping[float, list[float]]
"""Lateness of an idle loop's wake-ups, milliseconds, by their rate; see `HOP_RATE`."""

HOP_RATE: Final = 187.5
"""Hops per second: the rate at which the voice thread wakes."""

AGE_CAPTION: Final = (
    "Capture of a frame → the first hop that could depend on it is heard; queues, hop wait, ring "
    "and device included. Idle: how late a loop that only sleeps wakes up on the same machine, at "
    "the frame rate and at the rate of hops."
)

ADDED_NOTE: Final = (
    "median time on links and in queues, both ways, less that in one process; equal: nodes, "
    "footage, machine, runs in turn; a picture of 640 by 480 in colour (0.9 MB) crosses the first "
    "link, copied by the system between processes and handed over by reference inside one"
)


KEPT_UP: Final = 0.998
"""Share of the frames that a run must have parsed to be compared with another: below it frames wait
for a parser that is never free, and what differs is how long two queues are."""


def age_findings(runs: Runs, idle: Idle) -> Findings:
    """Live runs as results and figures.

    Args:
        runs: by transport and frame rate.
        idle: A/A: what the machine's own clock can do, at the same rates.
    """
    results: list[Result] = []
    for rate, late in idle.items():
        results += distribution_results(f"latency.idle.{_rate(rate)}", late)
    for (transport, fps), live in runs.items():
        results += _age_results(f"latency.age.{transport}.{fps:g}fps", live)
    results += _added(runs)
    return Findings(results, _figures(runs, idle))


def delay_waterfall(title: str, parts_ms: Mapping[str, float]) -> Waterfall:
    """D as a sum of its parts; the lookahead steps back."""
    signed = {name: 0.0 - ms if name == "lookahead" else ms for name, ms in parts_ms.items()}
    return Waterfall(title, "ms", signed)


def _rate(rate: float) -> str:
    return "hop" if rate == HOP_RATE else f"{rate:g}fps"


def _age_results(name: str, live: AgeRun) -> list[Result]:
    results = distribution_results(name, live.ages)
    results += distribution_results(f"{name}.transport", live.transport)
    for hop, samples in live.hops.items():
        results += distribution_results(f"{name}.transport.{hop}", samples)
    results += distribution_results(f"{name}.parse", live.parse)
    results.append(Result(f"{name}.D", live.delay_ms, "ms"))
    results += [
        Result(f"{name}.D.{part}", round(length, 3), "ms") for part, length in live.parts_ms.items()
    ]
    return results + [Result(f"{name}.{what}", n, "count") for what, n in live.counts.items()]


def _added(runs: Runs) -> list[Result]:
    """What sockets between processes add to those inside one, where both kept up."""
    results = []
    for (transport, fps), live in runs.items():
        inside = runs.get(("inproc", fps))
        if transport == "inproc" or inside is None or not (_kept_up(live) and _kept_up(inside)):
            continue
        added = float(np.median(live.transport) - np.median(inside.transport))
        metric = f"latency.added.{transport}.{fps:g}fps.p50"
        results.append(Result(metric, round(added, 4), "ms", note=ADDED_NOTE))
    return results


def _kept_up(live: AgeRun) -> bool:
    return live.counts["parsed"] >= KEPT_UP * live.counts["shown"]


def _figures(runs: Runs, idle: Idle) -> list[Figure]:
    figures: list[Figure] = []
    for fps in sorted({fps for _, fps in runs}):
        series: dict[str, list[float]] = {
            transport: thinned(live.ages) for (transport, rate), live in runs.items() if rate == fps
        }
        for rate in (fps, HOP_RATE):
            series[f"idle loop, {_rate(rate)}"] = thinned(idle.get(rate, []))
        figures.append(Histogram(f"Age live, {fps:g} frames a second", "ms", series, AGE_CAPTION))
    figures.append(_hop_table(runs))
    figures += [
        delay_waterfall(f"D, {transport}, {fps:g} frames a second", live.parts_ms)
        for (transport, fps), live in runs.items()
        if fps == 60.0
    ]
    return figures


def _hop_table(runs: Runs) -> Table:
    """Medians of the parts of the transport."""
    names = list(dict.fromkeys(hop for live in runs.values() for hop in live.hops))
    rows = [
        [
            f"{transport}, {fps:g} fps",
            *(f"{np.median(live.hops[hop]):.2f}" if hop in live.hops else "" for hop in names),
            f"{np.median(live.transport):.2f}",
        ]
        for (transport, fps), live in runs.items()
    ]
    caption = "Medians, ms: where a message waits between camera, parser and speaker."
    return Table("Transport in its parts", ["", *names, "all"], rows, caption)

"""The log of a soak as results and figures."""

from typing import Final

from synchresis.bench.result import (
    Figure,
    Histogram,
    Lines,
    Result,
    Table,
    distribution_results,
    thinned,
)
from synchresis.bench.soak_log import Incident, SoakLog

EARLY_S: Final = 60.0
"""Memory is compared with that of this moment, or of a fifth of a shorter run."""

_POINTS: Final = 200


def soak_findings(log: SoakLog) -> tuple[list[Result], list[Figure]]:
    """Counts, ages, recoveries and memory."""
    results = [Result(f"soak.{what}", count, "count") for what, count in log.counts.items()]
    results += distribution_results("soak.age", log.ages_ms)
    results.append(Result("soak.news", log.news, "count"))
    results += _recovery_results(log.incidents)
    results += memory_results(log)
    return results, [
        Table("Faults and recoveries", _COLUMNS, _recovery_rows(log.incidents), _RECOVERY),
        Histogram("Age of news outside faults", "ms", {"capture → speaker": thinned(log.ages_ms)}),
        _memory_lines(log),
    ]


def memory_results(log: SoakLog) -> list[Result]:
    """Memory of this process at the end against early, and the most there was."""
    if len(log.memory) < 2:
        return []
    ours = [mib for _, mib, _, _ in log.memory]
    early, late = early_and_late(log)
    at_s, end_s = _early_s(log), log.memory[-1][0]
    note = f"resident, end of the run against {at_s:.0f} s after its begin"
    return [
        Result("soak.memory.ratio", round(late / early, 4), "1", note=note),
        Result("soak.memory.early", round(early, 1), "MiB", note=f"{at_s:.0f} s after the begin"),
        Result("soak.memory.end", round(late, 1), "MiB", note=f"{end_s:.0f} s after the begin"),
        Result("soak.memory.max", round(max(ours), 1), "MiB", note="camera and speaker's process"),
    ]


def early_and_late(log: SoakLog) -> tuple[float, float]:
    """MiB of this process: median of the 10 s round the early moment, and of the last 10 s."""
    early_s, end_s = _early_s(log), log.memory[-1][0]
    first = [mib for at, mib, _, _ in log.memory if abs(at - early_s) <= 5]
    last = [mib for at, mib, _, _ in log.memory if at >= end_s - 10]
    return _middle(first), _middle(last)


_COLUMNS: Final = ["fault", "times", "recovered", "median", "worst"]
_RECOVERY: Final = (
    "From the moment the cause is gone to the first normal news: it answers for new time and comes "
    "within 100 ms of its frame. A jump of the stamps must first be caught up with; a killed "
    "parser must load its engine, a killed speaker also measure D (1.5 s); it is back when it "
    "plays."
)


def _recovery_results(incidents: list[Incident]) -> list[Result]:
    results = [
        Result("soak.faults", len(incidents), "count"),
        Result("soak.unrecovered", sum(i.recovery_s is None for i in incidents), "count"),
    ]
    for kind in sorted({incident.kind for incident in incidents}):
        times = _times(incidents, kind)
        results.append(Result(f"soak.recovery.{kind}.count", len(times), "count"))
        if times:
            results.append(Result(f"soak.recovery.{kind}.p50", round(_middle(times), 3), "s"))
            results.append(Result(f"soak.recovery.{kind}.max", round(max(times), 3), "s"))
    return results


def _recovery_rows(incidents: list[Incident]) -> list[list[str]]:
    rows = []
    for kind in sorted({incident.kind for incident in incidents}):
        times = _times(incidents, kind)
        count = sum(incident.kind == kind for incident in incidents)
        spread = [f"{_middle(times):.2f} s", f"{max(times):.2f} s"] if times else ["", ""]
        rows.append([kind, str(count), str(len(times)), *spread])
    return rows


def _times(incidents: list[Incident], kind: str) -> list[float]:
    recoveries = [incident.recovery_s for incident in incidents if incident.kind == kind]
    return [seconds for seconds in recoveries if seconds is not None]


def _memory_lines(log: SoakLog) -> Lines:
    step = max(1, len(log.memory) // _POINTS)
    points = log.memory[::step]
    names = ("camera and speaker", "parser, killed", "other speaker, killed")
    series = {
        name: [(round(at / 60, 3), round(mib[place], 1)) for at, *mib in points]
        for place, name in enumerate(names)
    }
    return Lines("Memory", "minutes", "MiB", series)


def _early_s(log: SoakLog) -> float:
    return min(EARLY_S, log.memory[-1][0] / 5)


def _middle(values: list[float]) -> float:
    ordered = sorted(values)
    return ordered[len(ordered) // 2]

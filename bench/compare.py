"""Two reports side by side: what changed, by how much, and whether the machines allow the claim."""

from collections.abc import Iterator
from dataclasses import dataclass

from synchresis.bench.result import Report, Result
from synchresis.errors import InputError

SAME_MACHINE = ("processor", "cores", "system", "device", "scheduling")
"""Entries of the stamp that must agree before times may be compared."""


@dataclass(frozen=True, slots=True)
class Change:
    """One metric in two reports.

    Attributes:
        metric: its name.
        unit: its unit.
        before: value in the first report, None where it is absent.
        after: value in the second report, None where it is absent.
    """

    metric: str
    unit: str
    before: float | None
    after: float | None

    @property
    def ratio(self) -> float | None:
        """After / before; None where one is absent or the first is 0."""
        if self.before is None or self.after is None or self.before == 0:
            return None
        return self.after / self.before


def compare_reports(before: Report, after: Report) -> list[Change]:
    """Every metric of either report, in the order of the first.

    Raises:
        InputError: the reports are of different benchmarks.
    """
    if before.bench != after.bench:
        raise InputError(
            f"reports are of different benchmarks: {before.bench} and {after.bench}; "
            "compare two of the same"
        )
    first, second = _by_metric(before), _by_metric(after)
    names = [*first, *(name for name in second if name not in first)]
    return [_change(name, first.get(name), second.get(name)) for name in names]


def differing_machine(before: Report, after: Report) -> list[str]:
    """Sentences on what differs between the two machines; empty where times may be compared."""
    return [
        f"{key}: {before.host.get(key)} against {after.host.get(key)}"
        for key in SAME_MACHINE
        if before.host.get(key) != after.host.get(key)
    ]


def comparison_lines(before: Report, after: Report) -> Iterator[str]:
    """The comparison as text, one line per metric."""
    for sentence in differing_machine(before, after):
        yield f"different machines, times do not compare: {sentence}"
    changes = compare_reports(before, after)
    width = max((len(change.metric) for change in changes), default=0)
    yield f"{'metric':{width}}  {'before':>10}  {'after':>10}  {'ratio':>7}"
    for change in changes:
        ratio = "" if change.ratio is None else f"{change.ratio:.3f}"
        yield (
            f"{change.metric:{width}}  {_cell(change.before):>10}  {_cell(change.after):>10}  "
            f"{ratio:>7}  {change.unit}"
        )


def _by_metric(report: Report) -> dict[str, Result]:
    return {result.metric: result for result in report.results}


def _change(name: str, before: Result | None, after: Result | None) -> Change:
    known = before or after
    return Change(
        name,
        known.unit if known else "",
        before.value if before else None,
        after.value if after else None,
    )


def _cell(value: float | None) -> str:
    return "-" if value is None else f"{value:.5g}"

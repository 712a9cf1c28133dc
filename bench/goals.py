"""What the numbers must show: goals and floors, and how far reports are from them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from synchresis.bench.result import Report, Result, Table
from synchresis.errors import InputError

Verdict = Literal["goal", "floor", "missed", "not measured"]


@dataclass(frozen=True, slots=True)
class Goal:
    """One thing to show.

    Attributes:
        text: what it is.
        metrics: that say it; the worst of them counts.
        goal: to reach, floor: to keep; the same unit as the metric, or ratios.
        ratio: whether the metric's ratio to its peer counts, not its value.
    """

    text: str
    metrics: tuple[str, ...]
    goal: float
    floor: float
    ratio: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """A goal and what was measured.

    Attributes:
        goal: what to show.
        result: the worst of its metrics, None where none was measured.
        value: of the result, or its ratio.
    """

    goal: Goal
    result: Result | None = None
    value: float | None = None

    @property
    def verdict(self) -> Verdict:
        """Goal reached, floor kept, or neither; values count without their sign."""
        if self.value is None:
            return "not measured"
        size = abs(self.value)
        if size <= self.goal.goal:
            return "goal"
        return "floor" if size <= self.goal.floor else "missed"


_SOUND: Final = "latency.sound.lookahead"

GOALS: Final = (
    Goal(
        "flow at 320x240: our time / the fastest DIS (preset, input scale) as accurate",
        ("flow.320x240.time",),
        0.5,
        1.0,
        ratio=True,
    ),
    Goal(
        "our end-point error / DIS fast's, full size", ("flow.320x240.error",), 0.9, 1.1, ratio=True
    ),
    Goal(
        "overlap-add of a hop: our time / best of torch, SciPy, librosa",
        ("overlap_add.hop.time",),
        0.1,
        0.3,
        ratio=True,
    ),
    Goal("service time, 320x240, p50, ms", ("latency.service.320x240.whole.p50",), 6, 12),
    Goal(
        "added by ipc between processes, p50, ms",
        tuple(f"latency.added.ipc.{fps}fps.p50" for fps in (30, 60, 120)),
        0.3,
        1,
    ),
    Goal("motion to sound, 60 fps, median, ms", (f"{_SOUND}_off.p50",), 40, 60),
    Goal("motion to sound, 60 fps, p95 - p5, ms", (f"{_SOUND}_off.p95_minus_p5",), 3, 8),
    Goal("the same, lookahead auto, median, ms", (f"{_SOUND}_auto.p50",), 10, 20),
    Goal("second start to first sound, CPU, s", ("latency.start.second.sound",), 2, 4),
    Goal("memory at the end against early", ("soak.memory.ratio",), 1.005, 1.02),
)


def standings(reports: Iterable[Report]) -> list[Standing]:
    """Where reports stand; of reports that say the same the newest counts."""
    known: dict[str, Result] = {}
    for report in sorted(reports, key=lambda report: str(report.host.get("made", ""))):
        known |= {result.metric: result for result in report.results}
    return [_standing(goal, known) for goal in GOALS]


def goal_table(reports: Sequence[Report]) -> Table | None:
    """The standings that were measured; None where there are none, or several machines."""
    if len(processors(reports)) > 1:
        return None
    rows = [_cells(each) for each in standings(reports) if each.value is not None]
    if not rows:
        return None
    columns = ["what", "measured", "goal", "floor", "verdict"]
    return Table("What it must show", columns, rows)


def processors(reports: Iterable[Report]) -> list[str]:
    """Where reports come from; figures of one processor say nothing of another's."""
    return sorted({str(report.host.get("processor", "unknown")) for report in reports})


def goal_lines(reports: Iterable[Report]) -> Iterator[str]:
    """All standings as text, one line each.

    Raises:
        InputError: the reports come from several processors.
    """
    reports = list(reports)
    machines = processors(reports)
    if len(machines) > 1:
        raise InputError(f"reports of {' and '.join(machines)}: give those of one machine")
    found = standings(reports)
    width = max(len(goal.text) for goal in GOALS)
    yield f"{'':{width}}  {'measured':>9}  {'goal':>6}  {'floor':>6}"
    for standing in found:
        what, measured, goal, floor, verdict = _cells(standing)
        yield f"{what:{width}}  {measured:>9}  {goal:>6}  {floor:>6}  {verdict}"


def _standing(goal: Goal, known: dict[str, Result]) -> Standing:
    worst = Standing(goal)
    for metric in goal.metrics:
        result = known.get(metric)
        value = None if result is None else result.ratio if goal.ratio else result.value
        if value is not None and (worst.value is None or abs(value) > abs(worst.value)):
            worst = Standing(goal, result, value)
    return worst


def _cells(standing: Standing) -> list[str]:
    value, goal = standing.value, standing.goal
    measured = "-" if value is None else f"{value:.3g}"
    return [goal.text, measured, f"{goal.goal:g}", f"{goal.floor:g}", standing.verdict]

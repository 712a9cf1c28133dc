"""Case and Timing: what is timed, how often, and what came out; never a mean alone."""

import gc
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from synchresis.errors import ParameterError

Step = Callable[[], object]
"""The thing that is timed; called without arguments, its answer is thrown away."""

MS_PER_NS = 1e-6


@dataclass(frozen=True, slots=True)
class Case:
    """One thing to time.

    Attributes:
        name: dotted name of the metric, such as "flow.320x240".
        warmup: calls made and thrown away first.
        repeats: calls timed, each by itself.
        inner: calls inside one timing, for steps shorter than the clock's own cost.
        deadline_ms: what a step may take; slower ones are counted as misses.
    """

    name: str
    warmup: int = 20
    repeats: int = 200
    inner: int = 1
    deadline_ms: float | None = None

    def __post_init__(self) -> None:
        if self.warmup < 0 or self.repeats < 1 or self.inner < 1:
            raise ParameterError(
                f"case {self.name}: warmup={self.warmup} repeats={self.repeats} inner={self.inner} "
                "must be at least 0, 1 and 1"
            )


@dataclass(frozen=True, slots=True)
class Timing:
    """What a case took.

    Attributes:
        case: what was timed.
        samples_ms: float64[repeats], milliseconds of one call each, in the order measured.
        cpu_ms: float64[repeats], processor time of the calling thread in each: what is left of a
            call on a machine that does nothing else. Empty where it was not taken.
    """

    case: Case
    samples_ms: NDArray[np.float64]
    cpu_ms: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))

    def percentile(self, percent: float) -> float:
        """Milliseconds that this percentage of the calls stayed within."""
        return float(np.percentile(self.samples_ms, percent))

    @property
    def p50(self) -> float:
        """Median, milliseconds."""
        return self.percentile(50)

    @property
    def cpu_p50(self) -> float | None:
        """Median processor time of the calling thread, milliseconds; None if not taken."""
        return float(np.median(self.cpu_ms)) if len(self.cpu_ms) else None

    @property
    def p95(self) -> float:
        """95th percentile, milliseconds."""
        return self.percentile(95)

    @property
    def p99(self) -> float:
        """99th percentile, milliseconds."""
        return self.percentile(99)

    @property
    def max(self) -> float:
        """Slowest call, milliseconds."""
        return float(self.samples_ms.max())

    @property
    def misses(self) -> int:
        """Calls slower than the deadline; 0 where the case has none."""
        deadline = self.case.deadline_ms
        return 0 if deadline is None else int((self.samples_ms > deadline).sum())


def measure(case: Case, step: Step) -> Timing:
    """Time one step by itself: warm-up, then `repeats` calls with the garbage collector held."""
    return measure_together([(case, step)])[0]


def measure_together(pairs: Sequence[tuple[Case, Step]]) -> list[Timing]:
    """Time several steps in turn, one call each per round, so that a busy machine hits all alike.

    Args:
        pairs: cases and their steps; rounds go on until each case has its repeats.

    Returns:
        One timing per pair, in the order given.
    """
    samples = [np.zeros((2, case.repeats)) for case, _ in pairs]
    for case, step in pairs:
        for _ in range(case.warmup):
            step()
    with _collector_held():
        for turn in range(max(case.repeats for case, _ in pairs)):
            for (case, step), row in zip(pairs, samples, strict=True):
                if turn < case.repeats:
                    row[:, turn] = _call_ms(step, case.inner)
    return [Timing(case, *row) for (case, _), row in zip(pairs, samples, strict=True)]


def measure_noise(case: Case, step: Step) -> float:
    """A/A: relative difference of the medians of the same step timed twice, in turn.

    A claim of a difference smaller than this says nothing.
    """
    first, second = measure_together([(case, step), (case, step)])
    return abs(first.p50 - second.p50) / min(first.p50, second.p50)


def _call_ms(step: Step, inner: int) -> tuple[float, float]:
    """Elapsed and processor time of one call."""
    cpu = time.thread_time_ns()
    begin = time.perf_counter_ns()
    for _ in range(inner):
        step()
    elapsed = time.perf_counter_ns() - begin
    cpu = time.thread_time_ns() - cpu
    return elapsed * MS_PER_NS / inner, cpu * MS_PER_NS / inner


@contextmanager
def _collector_held() -> Iterator[None]:
    """Collect once, then keep the garbage collector still."""
    gc.collect()
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


@contextmanager
def pinned_to_one_core() -> Iterator[int]:
    """Keep this process on one core where the system allows it.

    Yields:
        Number of the core, −1 where pinning is not possible.
    """
    if not hasattr(os, "sched_setaffinity"):
        yield -1
        return
    before = os.sched_getaffinity(0)
    core = max(before)
    os.sched_setaffinity(0, {core})
    try:
        yield core
    finally:
        os.sched_setaffinity(0, before)

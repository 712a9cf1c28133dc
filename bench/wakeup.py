"""The machine's own clock: how late an idle loop wakes up. No figure can be better than this."""

import time
from typing import Final

import numpy as np
from numpy.typing import NDArray

from synchresis.engines.timebase import HOP, NS_PER_S, SAMPLE_RATE

PERIOD_NS: Final = HOP * NS_PER_S // SAMPLE_RATE
"""One hop: the loop sleeps as long as the voice thread does."""


def measure_wakeups(seconds: float, *, period_ns: int = PERIOD_NS) -> NDArray[np.float64]:
    """Lateness of every wake-up of a loop that only sleeps, milliseconds.

    Args:
        seconds: how long to watch.
        period_ns: from one wake-up to the next: the longer a core may sleep, the later it wakes.

    Returns:
        float64[N], one period apart; ≥ 0.
    """
    count = max(1, round(seconds * NS_PER_S / period_ns))
    late = np.zeros(count)
    due_ns = time.perf_counter_ns()
    for index in range(count):
        due_ns += period_ns
        wait_ns = due_ns - time.perf_counter_ns()
        if wait_ns > 0:
            time.sleep(wait_ns / NS_PER_S)
        late[index] = max(0, time.perf_counter_ns() - due_ns) / 1e6
    return late

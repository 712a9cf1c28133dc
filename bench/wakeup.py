"""The machine's own clock: how late an idle loop wakes up. No figure can be better than this."""

import time
from typing import Final

import numpy as np
from numpy.typing import NDArray

from synchresis.engines.timebase import HOP, NS_PER_S, SAMPLE_RATE

PERIOD_NS: Final = HOP * NS_PER_S // SAMPLE_RATE
"""The loop sleeps for one hop, as the voice thread does."""


def measure_wakeups(seconds: float) -> NDArray[np.float64]:
    """Lateness of every wake-up of a loop that only sleeps, milliseconds.

    Args:
        seconds: how long to watch.

    Returns:
        float64[N], one hop apart; ≥ 0.
    """
    count = max(1, round(seconds * NS_PER_S / PERIOD_NS))
    late = np.zeros(count)
    due_ns = time.perf_counter_ns()
    for index in range(count):
        due_ns += PERIOD_NS
        wait_ns = due_ns - time.perf_counter_ns()
        if wait_ns > 0:
            time.sleep(wait_ns / NS_PER_S)
        late[index] = max(0, time.perf_counter_ns() - due_ns) / 1e6
    return late

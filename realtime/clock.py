"""Clocks: the one function that says what time it is, and whose time it is."""

import platform
import time
from functools import cache
from pathlib import Path
from typing import Final, Protocol

from synchresis.engines.timebase import NS_PER_S

VIRTUAL_ID: Final = "virtual"
"""Clock of files, scenes and tests: time since the first frame."""

_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")


class Clock(Protocol):
    """Time that only goes forward."""

    def now_ns(self) -> int:
        """Now, nanoseconds since some fixed moment of this boot."""
        ...

    def sleep_until(self, time_ns: int) -> None:
        """Return at or soon after a moment."""
        ...


class SystemClock:
    """`perf_counter_ns`: on Linux the monotonic clock that camera drivers and audio devices use."""

    def now_ns(self) -> int:
        """Now."""
        return time.perf_counter_ns()

    def sleep_until(self, time_ns: int) -> None:
        """Sleep, without spinning."""
        wait_ns = time_ns - time.perf_counter_ns()
        if wait_ns > 0:
            time.sleep(wait_ns / NS_PER_S)


@cache
def clock_id() -> str:
    """Host and boot that `SystemClock` belongs to: times of another one mean nothing here."""
    boot = _BOOT_ID.read_text().strip() if _BOOT_ID.exists() else "boot"
    return f"{platform.node()}/{boot}"

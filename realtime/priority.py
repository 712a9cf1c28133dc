"""Real-time priority for the thread that makes sound, where the system allows it."""

import os
from contextlib import suppress
from typing import Final

_PRIORITY: Final = 10
"""Low among real-time threads: sound servers and the kernel's own stay ahead."""


def raise_priority() -> bool:
    """Run the calling thread before all ordinary ones; whether the system allowed it.

    A thread that has real-time priority already, because the whole program was started with it,
    gets as much more: it must stay ahead of the program's other threads. Linux allows it to root
    and to members of groups with an rtprio limit (`audio` on many systems); elsewhere nothing
    changes.
    """
    with suppress(AttributeError, OSError):
        inherited = os.sched_getparam(0).sched_priority
        most = os.sched_get_priority_max(os.SCHED_FIFO)
        priority = os.sched_param(min(inherited + _PRIORITY, most))
        os.sched_setscheduler(0, os.SCHED_FIFO, priority)
        return True
    return False

"""Real-time priority for the thread that makes sound, where the system allows it."""

import os
from contextlib import suppress
from typing import Final

_PRIORITY: Final = 10
"""Low among real-time threads: sound servers and the kernel's own stay ahead."""


def raise_priority() -> bool:
    """Run the calling thread before all ordinary ones; whether the system allowed it.

    Linux allows it to root and to members of groups with an rtprio limit (`audio` on many
    systems); elsewhere nothing changes.
    """
    with suppress(AttributeError, OSError):
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(_PRIORITY))
        return True
    return False

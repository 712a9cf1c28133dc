"""Letting go of an audio device that went away, which may take for ever."""

import threading
from collections.abc import Callable
from typing import Final

CLOSE_S: Final = 2.0
"""A lost device that is not released within this time never will be: a stream of a JACK server that
died waits for it for ever. Then it is left alone."""


def release_lost(close: Callable[[], None], *, name: str) -> bool:
    """Close a device that went away, and wait a little until it has let go.

    Args:
        close: releases it; runs in a thread of its own, which is left alone if it hangs.
        name: of that thread.

    Returns:
        Whether it was released in time.
    """
    closer = threading.Thread(target=close, name=name, daemon=True)
    closer.start()
    closer.join(CLOSE_S)
    return not closer.is_alive()

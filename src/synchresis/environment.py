"""The only place that touches environment variables: a user's folders, the display."""

import os
import sys
from pathlib import Path


def data_dir() -> Path:
    """Folder of what a user made, such as taught packs (XDG data home)."""
    return _home("XDG_DATA_HOME", ".local/share") / "synchresis"


def cache_dir() -> Path:
    """Folder of what can be built again, such as compiled engines (XDG cache home)."""
    return _home("XDG_CACHE_HOME", ".cache") / "synchresis"


def runtime_dir() -> Path:
    """Folder for sockets of running graphs (XDG runtime dir, else the cache)."""
    given = os.environ.get("XDG_RUNTIME_DIR")
    return Path(given) / "synchresis" if given else cache_dir() / "run"


def has_display() -> bool:
    """Whether a window can be opened; only Linux says so in its environment."""
    if not sys.platform.startswith("linux"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def quiet_windows() -> None:
    """Keep Qt, behind OpenCV's windows, from talking about its fonts; call before the first."""
    os.environ.setdefault("QT_LOGGING_RULES", "*=false")


def _home(variable: str, fallback: str) -> Path:
    """The folder a variable names, if absolute (the XDG rule), else one in the home folder."""
    given = Path(os.environ.get(variable, ""))
    return given if given.is_absolute() else Path.home() / fallback

"""The environment stamp: on what, with what and from which commit a figure was made."""

import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

PACKAGES = (
    "av",
    "librosa",
    "msgspec",
    "numba",
    "numpy",
    "onnxruntime",
    "onnxruntime-gpu",
    "opencv-python",
    "pycuda",
    "pyzmq",
    "rtmixer",
    "scipy",
    "sounddevice",
    "synchresis",
    "tensorrt",
    "tensorrt-rtx",
    "torch",
)
"""Distributions whose version can change a figure."""

Stamp = dict[str, str | int | float | dict[str, str]]
"""Flat description of a machine and a run."""


def stamp_environment(*, seed: int, device: str = "cpu") -> Stamp:
    """Describe this machine and this run.

    Args:
        seed: the seed everything random was drawn from.
        device: "cpu" or "cuda".
    """
    return {
        "processor": processor_name(),
        "cores": available_cores(),
        "memory_gib": memory_gib(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "load_1min": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else -1.0,
        "scheduling": scheduling(),
        "versions": package_versions(),
        "device": device,
        "seed": seed,
        "commit": commit(),
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def available_cores() -> int:
    """Cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def scheduling() -> str:
    """How the system schedules this process: "normal", or "real time" with its priority."""
    if not hasattr(os, "sched_getscheduler"):
        return "unknown"
    policy = os.sched_getscheduler(0)
    if policy in (os.SCHED_FIFO, os.SCHED_RR):
        return f"real time, priority {os.sched_getparam(0).sched_priority}"
    nice = os.nice(0)
    return f"normal, nice {nice}" if nice else "normal"


def processor_name() -> str:
    """Model of the processor as the system names it."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def memory_gib() -> float:
    """Memory of the machine in GiB; −1 where the system does not say."""
    if "SC_PHYS_PAGES" not in getattr(os, "sysconf_names", {}):
        return -1.0
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)


def package_versions() -> dict[str, str]:
    """Versions of the distributions that are installed."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def commit() -> str:
    """Commit of the checkout this package is imported from, "+" where the tree differs from it."""
    folder = Path(sys.modules["synchresis"].__file__ or ".").resolve().parent
    head = _git(folder, "rev-parse", "--short=12", "HEAD")
    if not head:
        return "unknown"
    return head + ("+" if _git(folder, "status", "--porcelain", "--untracked-files=no") else "")


def _git(folder: Path, *arguments: str) -> str:
    try:
        answer = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return answer.stdout.strip()

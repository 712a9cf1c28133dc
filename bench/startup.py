"""Cold start: from the start of a process to its first sound, the first time and the second.

`python -m synchresis.bench.startup PACK` is the process: it starts a live session on a built-in
scene, plays a test hit at once, and says on its output when what was done.
"""

import os
import subprocess
import sys
import tempfile
import time
from typing import TYPE_CHECKING, Final

from synchresis.bench.options import Options
from synchresis.bench.result import Figure, Result, Waterfall
from synchresis.errors import EngineError

if TYPE_CHECKING:
    from synchresis.realtime.live import LiveSession

STEPS: Final = ("imported", "prepared", "sound", "playing")
"""Modules loaded; engines and kernels ready; first sound that is not silence; D measured."""

REPEATS: Final = 5
"""Starts with everything built, of which the median counts."""

_LIMIT_S: Final = 240.0


def run_startup(options: Options) -> tuple[list[Result], list[Figure]]:
    """First start with nothing built, then starts with everything built.

    Raises:
        EngineError: the process fails.
    """
    repeats = 1 if options.quick else REPEATS
    with tempfile.TemporaryDirectory(prefix="synchresis-") as folder:
        first = start_once(options.pack, folder)
        again = [start_once(options.pack, folder) for _ in range(repeats)]
    second = {step: sorted(run[step] for run in again)[repeats // 2] for step in STEPS}
    results = [*_results("first", first), *_results("second", second)]
    figures: list[Figure] = [
        Waterfall("First start", "s", _parts(first), _CAPTION),
        Waterfall("Second start", "s", _parts(second)),
    ]
    return results, figures


def start_once(pack: str, cache: str | None = None) -> dict[str, float]:
    """Start the process and wait until it plays.

    Args:
        pack: name or path.
        cache: folder for compiled kernels and engines, None for the user's own.

    Returns:
        Seconds from its start to each of `STEPS`.

    Raises:
        EngineError: it fails.
    """
    caches = {"NUMBA_CACHE_DIR": cache, "XDG_CACHE_HOME": cache} if cache else {}
    begin_ns = time.perf_counter_ns()
    done = subprocess.run(
        [sys.executable, "-m", "synchresis.bench.startup", pack],
        capture_output=True,
        text=True,
        timeout=_LIMIT_S,
        env={**os.environ, **caches},
        check=False,
    )
    said = dict(line.split() for line in done.stdout.splitlines() if line.count(" ") == 1)
    if done.returncode or not set(STEPS) <= set(said):
        raise EngineError(f"live session does not start: {done.stderr.strip()[-300:]}")
    return {step: (int(said[step]) - begin_ns) / 1e9 for step in STEPS}


def play(pack: str) -> None:
    """Start a live session, hit, and say when it sounds and plays."""
    from synchresis.engines.instrument import Instrument, InstrumentSettings
    from synchresis.engines.packs import load_pack
    from synchresis.realtime.live import LiveSession, LiveSettings
    from synchresis.realtime.sources import SourceSettings

    _say("imported")
    instrument = Instrument(load_pack(pack), InstrumentSettings(lookahead_ns=0))
    instrument.prepare()
    _say("prepared")
    settings = LiveSettings(SourceSettings("scene:ball"), out="null")
    with LiveSession(instrument, settings) as session:
        session.hit()
        _wait(session, "sound")
        _wait(session, "playing")


def _wait(session: "LiveSession", step: str) -> None:
    """Say a step once it has come."""
    while session.poll(0.002):
        status = session.status()
        if status.level > 0 if step == "sound" else status.state == "playing":
            _say(step)
            return


def _say(step: str) -> None:
    print(step, time.perf_counter_ns(), flush=True)


def _results(name: str, times: dict[str, float]) -> list[Result]:
    return [
        Result(f"latency.start.{name}.{step}", round(seconds, 3), "s", note=NOTES[step])
        for step, seconds in times.items()
    ]


def _parts(times: dict[str, float]) -> dict[str, float]:
    """Lengths between the steps."""
    ends = [0.0, *(times[step] for step in STEPS)]
    return {step: round(ends[i + 1] - ends[i], 3) for i, step in enumerate(STEPS)}


NOTES: Final = {
    "imported": "process start to modules loaded",
    "prepared": "process start to engines and kernels ready",
    "sound": "process start to the first sound of a test hit",
    "playing": "process start to D measured, from where on the picture plays",
}

_CAPTION: Final = (
    "First: nothing compiled yet. Second: kernels in Numba's cache. D is measured for 1.5 s before "
    "the picture plays."
)

if __name__ == "__main__":
    play(sys.argv[1])

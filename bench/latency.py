"""`bench latency`: start, service time, age live, motion-to-sound through a real audio path."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from synchresis.bench.age import AgeCase, AgeRun, Transport, run_age
from synchresis.bench.environment import stamp_environment
from synchresis.bench.memory_camera import Footage, draw_footage
from synchresis.bench.motion_to_sound import FPS, SoundCase, SoundRun, measure_loopback, run_sound
from synchresis.bench.options import Options
from synchresis.bench.result import (
    Figure,
    Histogram,
    Report,
    Result,
    Waterfall,
    distribution_results,
    thinned,
)
from synchresis.bench.service import run_service
from synchresis.bench.startup import run_startup
from synchresis.bench.wakeup import measure_wakeups
from synchresis.engines.packs import load_pack
from synchresis.errors import DeviceError

TRANSPORTS: Final[tuple[Transport, ...]] = ("inproc", "ipc", "tcp")
RATES: Final = (30.0, 60.0, 120.0)
"""Frames per second."""

AGE_S: Final = 12.0
"""Length of each live run."""

SOUND_S: Final = 40.0
"""Length of the footage that is listened to."""

IDLE_S: Final = 3.0
SCENE: Final = "stick"


@dataclass(frozen=True, slots=True)
class Findings:
    """Results and figures of one part."""

    results: list[Result]
    figures: list[Figure]


Part = Callable[[Options], Findings]


def run(options: Options) -> Report:
    """All parts, or those asked for: "start", "service", "age", "sound"."""
    parts: Mapping[str, Part] = {
        "start": _start,
        "service": _service,
        "age": _age,
        "sound": _sound,
    }
    found = [part(options) for name, part in parts.items() if options.wants(name)]
    return Report(
        "latency",
        stamp_environment(seed=options.seed, device=options.device),
        [result for each in found for result in each.results],
        [figure for each in found for figure in each.figures],
    )


def age_findings(
    runs: Mapping[tuple[Transport, float], AgeRun], idle: Mapping[str, list[float]]
) -> Findings:
    """Live runs as results and figures, the idle loop beside them.

    Args:
        runs: by transport and frame rate.
        idle: lateness of an idle loop's wake-ups before and after, milliseconds.
    """
    results: list[Result] = []
    for name, late in idle.items():
        results += distribution_results(f"latency.idle.{name}", late)
    for (transport, fps), live in runs.items():
        results += _age_results(f"latency.age.{transport}.{fps:g}fps", live)
    results += _added(runs)
    return Findings(results, [*_age_figures(runs, idle)])


def sound_findings(runs: Mapping[SoundCase, SoundRun], loopback: list[float]) -> Findings:
    """Runs through the sound server as results and figures.

    Args:
        runs: by case.
        loopback: the audio path's own delay, milliseconds.
    """
    results = distribution_results("latency.sound.loopback", loopback)
    for case, listened in runs.items():
        results += _sound_results(case.name, listened)
    series = {
        _label(case): thinned(listened.pairing.differences_ms) for case, listened in runs.items()
    }
    errors = {
        _label(case): thinned(listened.events.differences_ms)
        for case, listened in runs.items()
        if not case.oracle
    }
    figures: list[Figure] = [
        Histogram("Motion to sound", "ms", series, _SOUND_CAPTION),
        Histogram("Moment given by the parser minus contact", "ms", errors, _EVENT_CAPTION),
    ]
    figures += [
        _delay(f"D through the sound server, {_label(case)}", listened.status.parts_ms)
        for case, listened in runs.items()
        if not case.oracle
    ]
    return Findings(results, figures)


_SOUND_CAPTION: Final = (
    f"Contact in the scene → its sound in the loopback, {FPS:g} frames a second, camera excluded, "
    "sound server included. Oracle: true contacts in place of the motion engine's events and a "
    "physical model in place of the voice engine; it shows the transport alone."
)


def _start(options: Options) -> Findings:
    return Findings(*run_startup(options))


_EVENT_CAPTION: Final = (
    "What the motion engine adds to the spread: motion to sound is this, plus the constant D, plus "
    "the sound server."
)


def _service(options: Options) -> Findings:
    return Findings(*run_service(options))


def _age(options: Options) -> Findings:
    rates = (60.0,) if options.quick else RATES
    seconds = 4.0 if options.quick else AGE_S
    idle = {"before": list(measure_wakeups(IDLE_S))}
    runs = {
        (transport, fps): run_age(AgeCase(transport, fps, seconds, options.pack, options.seed))
        for fps in rates
        for transport in TRANSPORTS
    }
    idle["after"] = list(measure_wakeups(IDLE_S))
    return age_findings(runs, idle)


def _sound(options: Options) -> Findings:
    try:
        loopback = list(measure_loopback())
    except DeviceError as err:
        note = f"not measured: {err}"
        return Findings([Result("latency.sound.loopback.count", 0, "count", note=note)], [])
    footage = _footage(options)
    pack = load_pack(options.pack)
    cases = [
        SoundCase("off"),
        SoundCase("auto"),
        SoundCase("off", oracle=True),
        SoundCase("auto", oracle=True),
    ]
    return sound_findings({case: run_sound(case, footage, pack) for case in cases}, loopback)


def _footage(options: Options) -> Footage:
    seconds = 12.0 if options.quick else SOUND_S
    return draw_footage(SCENE, seed=options.seed, fps=FPS, seconds=seconds)


def _age_results(name: str, live: AgeRun) -> list[Result]:
    results = distribution_results(name, live.ages)
    results += distribution_results(f"{name}.transport", live.transport)
    results += distribution_results(f"{name}.parse", live.parse)
    results.append(Result(f"{name}.D", live.delay_ms, "ms"))
    results += [
        Result(f"{name}.D.{part}", round(length, 3), "ms") for part, length in live.parts_ms.items()
    ]
    return results + [Result(f"{name}.{what}", n, "count") for what, n in live.counts.items()]


def _added(runs: Mapping[tuple[Transport, float], AgeRun]) -> list[Result]:
    """What sockets between processes add to those inside one."""
    results = []
    for (transport, fps), live in runs.items():
        inside = runs.get(("inproc", fps))
        if transport == "inproc" or inside is None:
            continue
        added = float(np.median(live.transport) - np.median(inside.transport))
        note = "median time on links and in queues, both ways, less that in one process"
        metric = f"latency.added.{transport}.{fps:g}fps.p50"
        results.append(Result(metric, round(added, 4), "ms", note=note))
    return results


def _age_figures(
    runs: Mapping[tuple[Transport, float], AgeRun], idle: Mapping[str, list[float]]
) -> list[Figure]:
    figures: list[Figure] = []
    for fps in sorted({fps for _, fps in runs}):
        series: dict[str, list[float]] = {
            transport: thinned(live.ages) for (transport, rate), live in runs.items() if rate == fps
        }
        series["idle loop"] = thinned(idle["before"] + idle["after"])
        figures.append(Histogram(f"Age live, {fps:g} frames a second", "ms", series, _AGE_CAPTION))
    figures += [
        _delay(f"D, {transport}, {fps:g} frames a second", live.parts_ms)
        for (transport, fps), live in runs.items()
        if fps == 60.0
    ]
    return figures


_AGE_CAPTION: Final = (
    "Capture of a frame → the first hop that could depend on it is heard; queues, hop wait, ring "
    "and device included. Idle: how late a loop that only sleeps wakes up on the same machine."
)


def _sound_results(name: str, listened: SoundRun) -> list[Result]:
    pairing, status = listened.pairing, listened.status
    results = distribution_results(name, list(pairing.differences_ms))
    results += distribution_results(f"{name}.steady", list(listened.steady_ms))
    results += distribution_results(f"{name}.event_error", list(listened.events.differences_ms))
    counts = {
        "missed": pairing.missed,
        "extra": pairing.extra,
        "late": status.late,
        "xruns": status.xruns,
        "lost_samples": listened.lost_samples,
    }
    results += [Result(f"{name}.{what}", count, "count") for what, count in counts.items()]
    results.append(Result(f"{name}.phase_unevenness", round(listened.unevenness, 4), "1"))
    results.append(Result(f"{name}.lookahead", status.lookahead_ms, "ms"))
    if status.delay_ms is not None:
        results.append(Result(f"{name}.D", status.delay_ms, "ms"))
    return results + [
        Result(f"{name}.D.{part}", round(length, 3), "ms")
        for part, length in status.parts_ms.items()
    ]


def _delay(title: str, parts_ms: Mapping[str, float]) -> Waterfall:
    """D as a sum of its parts; the lookahead steps back."""
    signed = {name: -ms if name == "lookahead" else ms for name, ms in parts_ms.items()}
    return Waterfall(title, "ms", signed)


def _label(case: SoundCase) -> str:
    return f"{'oracle, ' if case.oracle else ''}lookahead {case.lookahead}"

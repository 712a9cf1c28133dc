"""Runs through the sound server as results and figures."""

from collections.abc import Mapping
from typing import Final

from synchresis.bench.age_report import delay_waterfall
from synchresis.bench.findings import Findings
from synchresis.bench.motion_to_sound import FPS, SoundCase, SoundRun
from synchresis.bench.result import Figure, Histogram, Result, distribution_results, thinned

SOUND_CAPTION: Final = (
    f"Contact in the scene → its sound in the loopback, {FPS:g} frames a second, camera excluded, "
    "sound server included. Oracle: true contacts in place of the motion engine's events and a "
    "physical model in place of the voice engine; it shows the transport alone."
)

EVENT_CAPTION: Final = (
    "What the motion engine adds to the spread: motion to sound is this, plus the constant D, plus "
    "the sound server."
)


def sound_findings(runs: Mapping[SoundCase, SoundRun], loopback: list[float]) -> Findings:
    """Runs through the sound server.

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
        Histogram("Motion to sound", "ms", series, SOUND_CAPTION),
        Histogram("Moment given by the parser minus contact", "ms", errors, EVENT_CAPTION),
    ]
    figures += [
        delay_waterfall(f"D through the sound server, {_label(case)}", listened.status.parts_ms)
        for case, listened in runs.items()
        if not case.oracle
    ]
    return Findings(results, figures)


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


def _label(case: SoundCase) -> str:
    return f"{'oracle, ' if case.oracle else ''}lookahead {case.lookahead}"

"""`bench latency`: start, service time, age live, motion-to-sound through a real audio path."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Final, TypeVar

from synchresis.bench.age import AgeRun, pooled, run_age
from synchresis.bench.age_nodes import AgeCase, Transport
from synchresis.bench.age_report import HOP_RATE, age_findings
from synchresis.bench.environment import stamp_environment
from synchresis.bench.findings import Findings
from synchresis.bench.memory_camera import Footage, draw_footage, even_rate
from synchresis.bench.motion_to_sound import (
    FPS,
    Lookahead,
    SoundCase,
    measure_loopback,
    run_sound,
)
from synchresis.bench.options import Options
from synchresis.bench.result import Report, Result
from synchresis.bench.service import run_service
from synchresis.bench.sound_report import sound_findings
from synchresis.bench.spread import run_spread, spread_findings
from synchresis.bench.startup import run_startup
from synchresis.bench.wakeup import measure_wakeups
from synchresis.engines.instrument import Instrument, InstrumentSettings
from synchresis.engines.packs import load_pack
from synchresis.engines.timebase import NS_PER_S
from synchresis.errors import DeviceClockError, DeviceError

Measured = TypeVar("Measured")

TRANSPORTS: Final[tuple[Transport, ...]] = ("inproc", "ipc", "tcp")
RATES: Final = (30.0, 60.0, 120.0)
"""Frames per second."""

TURNS: Final = 2
"""Live runs of every kind, in turn, so that a machine that is busy for a while hits all alike."""

AGE_S: Final = 8.0
"""Length of each live run."""

SOUND_S: Final = 40.0
"""Length of the footage that is listened to."""

SOUND_ATTEMPTS: Final = 3
"""How often a recording is made before a clock that jumped ends the benchmark."""

LOOKAHEADS: Final[tuple[Lookahead, ...]] = ("off", "auto")

IDLE_S: Final = 2.0
"""How long the machine's own wake-ups are watched at each rate, in each turn."""

SCENE: Final = "stick"

Part = Callable[[Options], Findings]


def run(options: Options) -> Report:
    """All parts, or those asked for: "start", "service", "age", "spread", "sound".

    Raises:
        DeviceError: "sound" was asked for by name and there is no audio device.
    """
    parts: Mapping[str, Part] = {
        "start": _start,
        "service": _service,
        "age": _age,
        "spread": _spread,
        "sound": _sound,
    }
    found = [part(options) for name, part in parts.items() if options.wants(name)]
    return Report(
        "latency",
        stamp_environment(seed=options.seed, device=options.device),
        [result for each in found for result in each.results],
        [figure for each in found for figure in each.figures],
    )


def _start(options: Options) -> Findings:
    return Findings(*run_startup(options))


def _service(options: Options) -> Findings:
    return Findings(*run_service(options))


def _age(options: Options) -> Findings:
    rates = (60.0,) if options.quick else RATES
    seconds, turns = (4.0, 1) if options.quick else (AGE_S, TURNS)
    idle: dict[float, list[float]] = {rate: [] for rate in (*rates, HOP_RATE)}
    runs: dict[tuple[Transport, float], list[AgeRun]] = {}
    for _ in range(turns):
        for rate, late in idle.items():
            late += measure_wakeups(IDLE_S, period_ns=round(NS_PER_S / rate)).tolist()
        for fps in rates:
            for transport in TRANSPORTS:
                case = AgeCase(transport, fps, seconds, options.pack, options.seed)
                runs.setdefault((transport, fps), []).append(run_age(case))
    return age_findings({key: pooled(turn) for key, turn in runs.items()}, idle)


def _spread(options: Options) -> Findings:
    instrument = Instrument(load_pack(options.pack), InstrumentSettings(lookahead_ns=0))
    instrument.prepare()
    found = spread_findings(run_spread(instrument, _footage(options)))
    instrument.close()
    return found


def _sound(options: Options) -> Findings:
    try:
        loopback = list(_on_steady_clock(partial(measure_loopback, options.audio)))
    except DeviceError as err:
        if "sound" in options.parts:
            raise
        note = f"not measured: {err}"
        return Findings([Result("latency.sound.loopback.count", 0, "count", note=note)])
    footage = _footage(options)
    pack = load_pack(options.pack)
    cases = [
        SoundCase(lookahead, oracle=oracle, device=options.audio)
        for oracle in (False, True)
        for lookahead in LOOKAHEADS
    ]
    runs = {case: _on_steady_clock(partial(run_sound, case, footage, pack)) for case in cases}
    return sound_findings(runs, loopback)


def _on_steady_clock(measure: Callable[[], Measured]) -> Measured:
    """What a recording measures; made again where the device's clock jumped meanwhile."""
    for _ in range(SOUND_ATTEMPTS - 1):
        with suppress(DeviceClockError):
            return measure()
    return measure()


def _footage(options: Options) -> Footage:
    seconds = 12.0 if options.quick else SOUND_S
    fps = even_rate(SCENE, seed=options.seed, fps=FPS, seconds=seconds)
    return draw_footage(SCENE, seed=options.seed, fps=fps, seconds=seconds)

"""Every backend on every engine: steps, batches, memory, cold start; on a GPU the media path."""

import time
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import cycle
from typing import Final

from synchresis.bench.case import Case, Step, Timing, measure_together
from synchresis.bench.engine_memory import measure_memory
from synchresis.bench.environment import stamp_environment
from synchresis.bench.options import Options
from synchresis.bench.parts import Part, progress, run_parts
from synchresis.bench.result import Figure, Lines, Report, Result, comparison, timing_results
from synchresis.bench.startup import run_startup
from synchresis.engines.gpu.parity import FULL_STEPS, ParityReport, pack_parity
from synchresis.engines.gpu.parity_inputs import motion_steps, voice_steps
from synchresis.engines.gpu.played import played_motion_steps, played_voice_steps
from synchresis.engines.packs import load_pack
from synchresis.engines.packs.loading import Pack
from synchresis.engines.runtime.engine import Engine, Which, open_on
from synchresis.errors import DeviceError, EngineError

BATCHES: Final[Mapping[Which, tuple[int, ...]]] = {"motion": (1, 8), "voice": (1, 8, 64)}
"""Batches timed: cameras at once, zones at once."""

KEPT_STEPS: Final = 50
"""Inputs made beforehand and given again and again."""

PARITY_BATCHES: Final[Mapping[Which, tuple[int, ...]]] = {"motion": (1,), "voice": (1, 64)}


NOTE: Final = (
    "equal: sizes, inputs' shapes, one thread each, calls in turn, on a GPU inputs and outputs in "
    "host memory; not equal: torch's weights are untrained, its states are given anew as arguments"
)

Curves = dict[str, list[tuple[float, float]]]
"""Median of a step, milliseconds, by batch; one curve a way to step."""


def run(options: Options) -> Report:
    """Measure every engine of a pack on one kind of device.

    Parts: `start`, `engines`, `memory`; on a GPU also `flow` and `paths`, which come first.
    """
    pack = load_pack(options.pack)
    figures: list[Figure] = []
    curves: dict[Which, Curves] = {which: {} for which in BATCHES}
    stamp = stamp_environment(seed=options.seed, device=options.device)
    stamp = {**stamp, "pack": pack.name, "pack_hash": pack.hash[:16]}
    parts: list[Part] = []
    if options.device == "cuda":
        from synchresis.bench.engines_gpu import card_stamp, gpu_parts

        stamp = {**stamp, **card_stamp()}
        parts += gpu_parts(options, pack)
    if options.wants("start"):
        parts.append(("engines.start", partial(_start, options, figures)))
    for which in BATCHES:
        for backend in backends(options):
            if pack.has(which) and (options.wants("engines") or options.wants("memory")):
                work = partial(measure_backend, options, pack, backend, which, curves=curves[which])
                parts.append((f"engines.{backend}.{which}", work))
    results = run_parts("engines", parts)
    for which in BATCHES:
        figures += batch_figure(which, curves[which])
    return Report("engines", stamp, results, figures)


def _start(options: Options, figures: list[Figure]) -> list[Result]:
    found, drawn = run_startup(options)
    figures += drawn
    return found


def backends(options: Options) -> Sequence[str]:
    """All that a kind of device has."""
    return ("onnx",) if options.device == "cpu" else ("tensorrt", "onnx-cuda")


def batch_figure(which: Which, curves: Curves) -> list[Figure]:
    """Cost of a step against its batch."""
    if not curves:
        return []
    title, caption = f"Step of the {which} engine", f"Median of a step by batch. {NOTE}."
    return [Lines(title, "streams at once", "ms", curves, True, caption)]


def measure_backend(
    options: Options, pack: Pack, backend: str, which: Which, *, curves: Curves
) -> Iterator[Result]:
    """Steps, memory, cold start and parity at every batch; where it cannot run a result says so.

    Args:
        options: of the benchmark.
        pack: with the engine.
        backend: one of the runtime's.
        which: of the engines.
        curves: what was timed is added.
    """
    for batch in BATCHES[which]:
        name = f"engines.{backend}.{which}.batch{batch}"
        progress(name)
        try:
            if options.wants("engines"):
                yield from _measure_open(options, pack, name, (backend, which, batch), curves)
            if options.wants("memory"):
                yield from _memory(options, name, (backend, which, batch))
        except (EngineError, DeviceError) as err:
            yield Result(f"{name}.runs", 0, "count", note=str(err))
            return


def measure_engine(options: Options, pack: Pack, engine: Engine, which: Which) -> list[Timing]:
    """Steps of an engine and, where torch is installed and has the device, of torch, in turn."""
    label = engine.backend.split()[0]
    repeats = options.repeats(max(200, round(1000 / engine.batch**0.5)))
    ours = Case(f"engines.{label}.{which}.batch{engine.batch}.step", repeats=repeats)
    peers = torch_peers(options, pack, which, engine.batch)
    pairs = [(ours, engine_step(engine, which))]
    pairs += [(Case(peer, repeats=repeats), step) for peer, step in peers.items()]
    return measure_together(pairs)


def _measure_open(
    options: Options, pack: Pack, name: str, key: tuple[str, Which, int], curves: Curves
) -> list[Result]:
    backend, which, batch = key
    begin = time.perf_counter()
    engine = open_on(backend, pack, which, batch=batch)
    engine.prepare()
    opened = 1e3 * (time.perf_counter() - begin)
    note = f"{engine.backend}; opening includes building and checking"
    results = [Result(f"{name}.open", float(f"{opened:.4g}"), "ms", note=note)]
    ours, *peers = measure_engine(options, pack, engine, which)
    results += timing_results(ours, note=engine.backend)
    for timing in (ours, *peers):
        label = backend if timing is ours else timing.case.name
        curves.setdefault(label, []).append((float(batch), timing.p50))
    for peer in peers:
        metric = f"{ours.case.name}.vs_{peer.case.name.replace(' ', '_').replace('.', '_')}"
        results.append(comparison(metric, ours, peer, note=NOTE))
    if backend != "onnx" and batch in PARITY_BATCHES[which]:
        steps = options.repeats(FULL_STEPS if batch == 1 else FULL_STEPS // 10)
        played = played_motion_steps if which == "motion" else played_voice_steps
        report = pack_parity(engine, pack, which, steps=steps, inputs=played(pack, batch, steps))
        results += parity_results(f"{name}.parity", report)
    engine.close()
    return results


def _memory(options: Options, name: str, key: tuple[str, Which, int]) -> list[Result]:
    backend, which, batch = key
    grown = measure_memory(options.pack, backend, which, batch=batch)
    note = "growth of a fresh process that opens the engine and steps it, its runtime's library too"
    results = [Result(f"{name}.memory", round(grown.host_mib, 1), "MiB", note=note)]
    if grown.card_mib is not None:
        note = "of the card, in a fresh process; the context and our kernels are not in it"
        results.append(Result(f"{name}.memory.card", round(grown.card_mib, 2), "MiB", note=note))
    return results


def engine_step(engine: Engine, which: Which) -> Step:
    """A step on inputs that change from call to call."""
    make = motion_steps if which == "motion" else voice_steps
    inputs = cycle(list(make(engine.spec, engine.batch, KEPT_STEPS)))
    state = engine.initial_state()
    return lambda: engine.step(next(inputs), state)


def torch_peers(options: Options, pack: Pack, which: Which, batch: int) -> Mapping[str, Step]:
    """The same network in torch: eager, and compiled on a CPU unless this is quick.

    None without torch. On a card compiling every batch would take longer than all the rest.
    """
    try:
        from synchresis.bench.torch_peer import has_device, torch_steps
    except ImportError:
        return {}
    if not has_device(options.device):
        return {}
    compiled = not options.quick and options.device == "cpu"
    return torch_steps(pack, which, batch, compiled=compiled, device=options.device)


def parity_results(name: str, report: ParityReport) -> list[Result]:
    """Worst error of each output, beside what is allowed."""
    rows = [
        Result(
            f"{name}.{output.name}",
            float(f"{output.error:.4g}"),
            "1",
            note=f"allowed {output.allowed:.2g}, {report.steps} steps, {report.backend}",
        )
        for output in report.outputs
    ]
    return [*rows, Result(f"{name}.agrees", float(report.agrees), "count", note=report.describe())]

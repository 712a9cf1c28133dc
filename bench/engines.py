"""Every backend on every engine: steps, batches, memory, cold start; on a GPU the media path."""

import time
from collections.abc import Mapping
from itertools import cycle
from typing import Final

from synchresis.bench.case import Case, Step, measure, measure_together
from synchresis.bench.environment import stamp_environment
from synchresis.bench.options import Options
from synchresis.bench.result import Report, Result, comparison, timing_results
from synchresis.engines.gpu.parity import FULL_STEPS, ParityReport, pack_parity
from synchresis.engines.gpu.parity_inputs import motion_steps, voice_steps
from synchresis.engines.packs import load_pack
from synchresis.engines.packs.loading import Pack
from synchresis.engines.runtime.engine import Engine, Which, open_on
from synchresis.errors import DeviceError, EngineError

BATCHES: Final[Mapping[Which, tuple[int, ...]]] = {"motion": (1, 8), "voice": (1, 8, 64)}
"""Batches timed: cameras at once, zones at once."""

KEPT_STEPS: Final = 50
"""Inputs made beforehand and given again and again."""

PARITY_BATCHES: Final[Mapping[Which, tuple[int, ...]]] = {"motion": (1,), "voice": (1, 64)}


def run(options: Options) -> Report:
    """Measure every engine of a pack on one kind of device."""
    pack = load_pack(options.pack)
    results: list[Result] = []
    backends = ("onnx",) if options.device == "cpu" else ("tensorrt", "onnx-cuda")
    if options.wants("engines"):
        for backend in backends:
            for which in BATCHES:
                if pack.has(which):
                    results += measure_backend(options, pack, backend, which)
    stamp = stamp_environment(seed=options.seed, device=options.device)
    if options.device == "cuda":
        from synchresis.bench.engines_gpu import card_stamp, measure_paths

        results += measure_paths(options, pack)
        stamp = {**stamp, **card_stamp()}
    return Report("engines", stamp, results)


def measure_backend(options: Options, pack: Pack, backend: str, which: Which) -> list[Result]:
    """Steps at every batch, cold start and parity; one result that says so where it cannot run."""
    results: list[Result] = []
    for batch in BATCHES[which]:
        name = f"engines.{backend}.{which}.batch{batch}"
        begin = time.perf_counter()
        try:
            engine = open_on(backend, pack, which, batch=batch)
            engine.prepare()
        except (EngineError, DeviceError) as err:
            return [*results, Result(f"{name}.runs", 0, "count", note=str(err))]
        opened = 1e3 * (time.perf_counter() - begin)
        note = f"{engine.backend}; opening includes building and checking"
        results.append(Result(f"{name}.open", float(f"{opened:.4g}"), "ms", note=note))
        results += measure_engine(options, pack, engine, which)
        if backend != "onnx" and batch in PARITY_BATCHES[which]:
            steps = options.repeats(FULL_STEPS if batch == 1 else FULL_STEPS // 4)
            report = pack_parity(engine, pack, which, steps=steps)
            results += parity_results(f"{name}.parity", report)
        engine.close()
    return results


def measure_engine(options: Options, pack: Pack, engine: Engine, which: Which) -> list[Result]:
    """One step, against torch eager where it is installed and the engine runs on the CPU."""
    label = engine.backend.split()[0]
    case = Case(
        f"engines.{label}.{which}.batch{engine.batch}.step",
        repeats=options.repeats(1000 if engine.batch < 64 else 200),
    )
    step = engine_step(engine, which)
    peer = torch_step(pack, which, engine.batch) if label == "onnx" else None
    if peer is None:
        return timing_results(measure(case, step), note=engine.backend)
    eager = Case(f"torch eager, {which}, batch {engine.batch}", repeats=case.repeats)
    ours, theirs = measure_together([(case, step), (eager, peer)])
    note = "same sizes, one thread each; torch's weights are untrained"
    return [*timing_results(ours), comparison(f"{case.name}.vs_torch", ours, theirs, note=note)]


def engine_step(engine: Engine, which: Which) -> Step:
    """A step on inputs that change from call to call."""
    make = motion_steps if which == "motion" else voice_steps
    inputs = cycle(list(make(engine.spec, engine.batch, KEPT_STEPS)))
    state = engine.initial_state()
    return lambda: engine.step(next(inputs), state)


def torch_step(pack: Pack, which: Which, batch: int) -> Step | None:
    """The same network in torch's eager mode, None where torch or its training code is absent."""
    try:
        import torch

        from synchresis.bench.torch_peer import peer_module
    except ImportError:
        return None
    module = peer_module(which)
    entry = pack.motion if which == "motion" else pack.voice
    specs = (*entry.spec.inputs, *entry.spec.states)
    if module.shapes != [spec.shape[1:] for spec in specs]:
        return None
    torch.set_num_threads(1)
    arguments = [torch.rand(spec.sized(batch)) for spec in specs]

    def step() -> object:
        with torch.inference_mode():
            return module.network(*arguments)

    return step


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

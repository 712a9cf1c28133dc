"""The media path on a GPU: grey picture to samples, its parts, and how far it is from the CPU."""

import time
from collections.abc import Callable
from functools import partial
from itertools import islice
from typing import Final

import numpy as np
from numpy.typing import NDArray

from synchresis.bench.case import Case, Step, Timing, measure_together
from synchresis.bench.gpu_chain import GpuChain
from synchresis.bench.options import Options
from synchresis.bench.result import Result, timing_results
from synchresis.bench.service import endless, scene_frames
from synchresis.engines.frame import Frame
from synchresis.engines.gpu.cuda_device import CudaDevice
from synchresis.engines.gpu.driver import find_card
from synchresis.engines.gpu.flow import GpuFlow
from synchresis.engines.gpu.motion_path import MotionPath
from synchresis.engines.gpu.parity_inputs import voice_steps
from synchresis.engines.gpu.paths import LOADERS, open_motion_path, open_voice_path
from synchresis.engines.gpu.voice_path import VoicePath
from synchresis.engines.motion.parser import cell_centres, write_flow_input
from synchresis.engines.packs.loading import Pack
from synchresis.engines.runtime.engine import open_on
from synchresis.engines.timebase import HOP
from synchresis.engines.voice.noise import fill_normal
from synchresis.errors import SynchresisError
from synchresis.kernels.flow import Flow, FlowSettings
from synchresis.kernels.overlap_add import OverlapAdd

SIZE: Final = (320, 240)
DT_S: Final = 1 / 60
IN_FLIGHT: Final = 100
"""Frames queued without waiting, to see what the GPU alone takes."""

SOUNDREACTOR_MS: Final = 26.3
"""First waveform after a frame, published for SoundReactor on an H100 (arXiv 2510.02110)."""

ZONES: Final = 64

CONTROLS: Final = ("control", "palette")
"""Inputs of the voice network that come from Controls."""


def card_stamp() -> dict[str, str | int]:
    """The card, for the environment stamp."""
    card = find_card()
    capability = f"{card.capability[0]}.{card.capability[1]}"
    return {"gpu": card.name, "gpu_capability": capability, "cuda_driver": card.driver}


def measure_paths(options: Options, pack: Pack) -> list[Result]:
    """Everything there is to know about the media path; what fails says so in a result."""
    results: list[Result] = []
    if options.wants("flow"):
        for size in ((320, 240), (640, 480)):
            results += _guarded("engines.gpu.flow", partial(measure_flow, options, size))
    for loader in LOADERS:
        if options.wants("paths"):
            name = f"engines.gpu.{loader}"
            results += _guarded(name, partial(measure_loader, options, pack, loader))
    return results


def measure_flow(options: Options, size: tuple[int, int]) -> list[Result]:
    """Flow alone: picture in pinned memory to fields in host memory, and the GPU's own time."""
    name = f"engines.gpu.flow.{size[0]}x{size[1]}"
    device = CudaDevice()
    flow = GpuFlow(device, FlowSettings(size[1], size[0]))
    pictures = [_grey(frame) for frame in scene_frames(options, size)[:40]]
    turn = [0]

    def arrive() -> None:
        turn[0] += 1
        np.copyto(flow.grey, pictures[turn[0] % len(pictures)])

    case = Case(f"{name}.service", repeats=options.repeats(2000))
    timing = _timed(case, arrive, lambda: flow.step(flow.grey, DT_S))
    alone = _gpu_ms(device, flow.replay)
    device.close()
    note = "pinned picture to fields in host memory, waiting included"
    return [
        *timing_results(timing, note=note),
        Result(f"{name}.gpu", alone, "ms", note=f"{IN_FLIGHT} frames queued, per frame"),
    ]


def measure_loader(options: Options, pack: Pack, loader: str) -> list[Result]:
    """One backend: whole service, its stages, hops of one and of 64 zones, parity of the paths."""
    name = f"engines.gpu.{loader}"
    motion = open_motion_path(pack, loaders=(loader,))
    voice = open_voice_path(pack, loaders=(loader,))
    crowd = open_voice_path(pack, batch=ZONES, loaders=(loader,))
    results = measure_whole(options, pack, motion, voice, name=name)
    for label, path in (("hop", voice), (f"hop.zones{ZONES}", crowd)):
        results += timing_results(measure_hop(options, path, f"{name}.{label}"))
    results += motion_parity(options, pack, motion, name=name)
    results += voice_parity(options, pack, voice, name=name)
    motion.close()
    voice.close()
    crowd.close()
    return results


def measure_whole(
    options: Options, pack: Pack, motion: MotionPath, voice: VoicePath, *, name: str
) -> list[Result]:
    """Service time: a frame in pinned memory to the hop that depends on it in host memory."""
    frames = [
        Frame(_grey(frame), frame.captured_ns, frame.sequence)
        for frame in scene_frames(options, SIZE)
    ]
    chain = GpuChain(pack, motion, voice, endless(frames))
    case = Case(f"{name}.frame_to_samples", warmup=100, repeats=options.repeats(3000))
    whole = _timed(case, chain.arrive, chain.whole)
    stages = measure_together(
        [
            (Case(f"{name}.stage.{stage}", repeats=options.repeats(1000)), step)
            for stage, step in chain.steps()
        ]
    )
    peer = Result(
        f"{name}.frame_to_samples.vs_soundreactor",
        whole.p50,
        "ms",
        peer=f"SoundReactor on an H100, published: {SOUNDREACTOR_MS} ms",
        ratio=whole.p50 / SOUNDREACTOR_MS,
        note="another network and task; theirs from paper, first waveform after a frame",
    )
    note = f"{motion.backend}; pinned frame to host samples, back to back"
    rows = timing_results(whole, note=note)
    return [*rows, peer, *(row for stage in stages for row in timing_results(stage))]


def measure_hop(options: Options, path: VoicePath, name: str) -> Timing:
    """Controls to host samples."""
    batch = len(path.control)
    steps = list(voice_steps(path.spec, batch, 50))
    turn = [0]

    def arrive() -> None:
        turn[0] += 1
        np.copyto(path.control, steps[turn[0] % len(steps)]["control"])
        path.noise_index += np.uint64(HOP)

    np.copyto(path.palette, steps[0]["palette"])
    case = Case(name, warmup=100, repeats=options.repeats(3000))
    return _timed(case, arrive, lambda: path.step(path.control, path.palette, path.noise_index))


def motion_parity(options: Options, pack: Pack, path: MotionPath, *, name: str) -> list[Result]:
    """Maps of a scene, frame by frame, against flow and network on the CPU."""
    engine = open_on("onnx", pack, "motion")
    engine.prepare()
    entry = pack.motion
    flow = Flow(FlowSettings(rows=entry.rows, cols=entry.cols))
    state, flow_state = engine.initial_state(), flow.initial_state()
    inputs = {spec.name: spec.allocate(1) for spec in entry.spec.inputs}
    seen = inputs["flow"].astype(np.float32)
    worst: dict[str, float] = {}
    path.reset()
    for frame in islice(endless(scene_frames(options, SIZE)), options.repeats(1000)):
        grey = _grey(frame)
        field = flow.step(grey, DT_S, flow_state, aspect=0.75)
        write_flow_input(field, cell_centres(entry.rows, entry.cols), seen)
        timing = np.array([[DT_S, 0.0, *field.motion]], np.float32)
        want = engine.step({"pixels": _pixels(grey), "flow": seen, "timing": timing}, state)
        got = path.step(grey, DT_S)
        for output, values in want.items():
            error = float(np.abs(got[output] - values).max())
            worst[output] = max(worst.get(output, 0.0), error)
    note = "largest difference to the CPU over all frames of a scene, flow included"
    return [
        Result(f"{name}.parity.motion.{output}", float(f"{error:.3g}"), "1", note=note)
        for output, error in worst.items()
    ]


def voice_parity(options: Options, pack: Pack, path: VoicePath, *, name: str) -> list[Result]:
    """Samples of a stream of hops against network, noise and overlap-add on the CPU."""
    engine = open_on("onnx", pack, "voice")
    engine.prepare()
    state, overlap = engine.initial_state(), OverlapAdd()
    tail = overlap.initial_state(1)
    noise = np.zeros((1, pack.voice.noise), np.float32)
    path.reset()
    error, peak = 0.0, 0.0
    for index, step in enumerate(voice_steps(engine.spec, 1, options.repeats(1000))):
        sample = np.full(1, index * HOP, np.uint64)
        fill_normal(np.uint64(0), np.zeros(1, np.uint64), sample, noise)
        want = engine.step({**step, "noise": noise}, state)
        hop = overlap.step_parts(want["real"], want["imag"], tail)
        control, palette = (np.asarray(step[key], np.float32) for key in CONTROLS)
        got = path.step(control, palette, sample)
        error = max(error, float(np.abs(got - hop).max()))
        peak = max(peak, float(np.abs(hop).max()))
    decibels = 20 * np.log10(max(error, 1e-12) / max(peak, 1e-12))
    note = f"largest error {error:.2g} at a peak of {peak:.2g}, {options.repeats(1000)} hops"
    return [Result(f"{name}.parity.voice.samples", float(f"{decibels:.4g}"), "dB", note=note)]


def _guarded(name: str, work: Callable[[], list[Result]]) -> list[Result]:
    try:
        return work()
    except SynchresisError as err:
        return [Result(f"{name}.runs", 0, "count", note=str(err))]


def _timed(case: Case, arrive: Step, step: Step) -> Timing:
    """Time a step; what comes before it each time is not timed."""
    samples = np.zeros(case.repeats)
    for turn in range(-case.warmup, case.repeats):
        arrive()
        begin = time.perf_counter_ns()
        step()
        if turn >= 0:
            samples[turn] = (time.perf_counter_ns() - begin) * 1e-6
    return Timing(case, samples)


def _gpu_ms(device: CudaDevice, replay: Step) -> float:
    """Milliseconds the GPU takes for one of many frames queued at once."""
    with device.active():
        replay()
        device.synchronize()
        begin = time.perf_counter_ns()
        for _ in range(IN_FLIGHT):
            replay()
        device.synchronize()
        took = time.perf_counter_ns() - begin
    return float(f"{took * 1e-6 / IN_FLIGHT:.4g}")


def _grey(frame: Frame) -> NDArray[np.uint8]:
    """The picture as the flow kernel wants it."""
    import cv2

    picture = frame.picture
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY) if picture.ndim == 3 else picture
    return np.ascontiguousarray(grey, np.uint8)


def _pixels(grey: NDArray[np.uint8]) -> NDArray[np.float32]:
    from synchresis.engines.motion.analysis import AnalysisState, analyse

    state = AnalysisState.allocate()
    analyse(grey, state)
    return state.pixels

"""The media path on a GPU: grey picture to samples, its parts, and how far it is from the CPU."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from functools import cache, partial
from itertools import islice
from typing import Final

import cv2
import numpy as np

from synchresis.bench.case import Case, Step, Timing, measure_together
from synchresis.bench.engines import engine_step, parity_results
from synchresis.bench.gpu_chain import GpuChain
from synchresis.bench.options import Options
from synchresis.bench.parts import Part, progress
from synchresis.bench.result import Result, timing_results
from synchresis.bench.service import FRAMES, endless, scene_frames
from synchresis.engines.frame import Frame
from synchresis.engines.gpu.cuda_device import CudaDevice
from synchresis.engines.gpu.driver import find_card
from synchresis.engines.gpu.flow import GpuFlow
from synchresis.engines.gpu.motion_path import MotionPath
from synchresis.engines.gpu.parity import FULL_STEPS, pack_parity
from synchresis.engines.gpu.parity_inputs import voice_steps
from synchresis.engines.gpu.parity_paths import motion_path_parity, voice_path_parity
from synchresis.engines.gpu.paths import LOADERS, open_motion_path, open_voice_path
from synchresis.engines.gpu.played import played_motion_steps, played_voice_steps
from synchresis.engines.gpu.voice_path import VoicePath
from synchresis.engines.packs.loading import Pack
from synchresis.engines.runtime.engine import Which
from synchresis.engines.runtime.tensorrt_backend import open_tensorrt
from synchresis.engines.timebase import HOP
from synchresis.kernels.flow import FlowSettings

SIZE: Final = (320, 240)
LARGE: Final = (640, 480)
ENGINES: Final[tuple[Which, ...]] = ("motion", "voice")
DT_S: Final = 1 / 60
IN_FLIGHT: Final = 100
"""Frames queued without waiting, to see what the GPU alone takes."""

SOUNDREACTOR_MS: Final = 26.3
"""First waveform after a frame, published for SoundReactor on an H100 (arXiv 2510.02110)."""

ZONES: Final = 64

MEMORY_NOTE: Final = (
    "of the card, held by both paths of one camera and one zone after first steps; the context "
    "and our kernels are not in it, a runtime's own modules are in that of its first loader"
)

FLOW_PICTURES: Final = 40
"""Pictures the flow alone is timed on."""


def card_stamp() -> dict[str, str | int]:
    """The card, for the environment stamp."""
    card = find_card()
    capability = f"{card.capability[0]}.{card.capability[1]}"
    return {"gpu": card.name, "gpu_capability": capability, "cuda_driver": card.driver}


def gpu_parts(options: Options, pack: Pack) -> list[Part]:
    """Everything there is to know about the media path."""
    parts: list[Part] = []
    if options.wants("flow"):
        for size in (SIZE, LARGE):
            name = f"engines.gpu.flow.{_label(size)}"
            parts += [(name, partial(measure_flow, options, size))]
    if options.wants("paths"):
        for loader in LOADERS:
            parts += [(f"engines.gpu.{loader}", partial(measure_loader, options, pack, loader))]
        for which in ENGINES:
            name = f"engines.gpu.tensorrt-fp16.{which}"
            parts += [(name, partial(measure_half, options, pack, which))]
    return parts


def measure_flow(options: Options, size: tuple[int, int]) -> list[Result]:
    """Flow alone: picture in pinned memory to fields in host memory, and the GPU's own time."""
    name = f"engines.gpu.flow.{_label(size)}"
    device = CudaDevice()
    flow = GpuFlow(device, FlowSettings(size[1], size[0]))
    pictures = [frame.picture for frame in _frames(options, size)[:FLOW_PICTURES]]
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


def measure_loader(options: Options, pack: Pack, loader: str) -> Iterator[Result]:
    """One backend: whole service, its stages, hops of one and of 64 zones, parity of the paths."""
    name = f"engines.gpu.{loader}"
    with ExitStack() as opened:
        probe = opened.enter_context(closing(CudaDevice()))
        free = probe.free_bytes()
        motion = opened.enter_context(closing(open_motion_path(pack, loaders=(loader,))))
        voice = opened.enter_context(closing(open_voice_path(pack, loaders=(loader,))))
        yield from measure_whole(options, pack, motion, voice, name=name)
        yield from timing_results(measure_hop(options, voice, f"{name}.hop"))
        taken = (free - probe.free_bytes()) / 2**20
        yield Result(f"{name}.memory.card", round(taken, 2), "MiB", note=MEMORY_NOTE)
        crowd = open_voice_path(pack, batch=ZONES, loaders=(loader,))
        opened.enter_context(closing(crowd))
        yield from timing_results(measure_hop(options, crowd, f"{name}.hop.zones{ZONES}"))
        steps = options.repeats(FULL_STEPS)
        progress(f"{name}: parity over {steps} frames and hops")
        pictures = (frame.picture for frame in islice(endless(_frames(options, SIZE)), steps))
        report = motion_path_parity(motion, pack, pictures)
        yield from parity_results(f"{name}.parity.motion", report)
        report = voice_path_parity(voice, pack, played_voice_steps(pack, 1, steps))
        yield from parity_results(f"{name}.parity.voice", report)


def measure_half(options: Options, pack: Pack, which: Which) -> list[Result]:
    """The half-precision engine: a step, and parity with the full one on the CPU."""
    name = f"engines.gpu.tensorrt-fp16.{which}"
    engine = open_tensorrt(pack, which, precision="fp16")
    case = Case(f"{name}.step", repeats=options.repeats(1000))
    (timing,) = measure_together([(case, engine_step(engine, which))])
    steps = options.repeats(FULL_STEPS)
    played = played_motion_steps if which == "motion" else played_voice_steps
    inputs = played(pack, 1, steps)
    report = pack_parity(engine, pack, which, steps=steps, inputs=inputs, precision="fp16")
    engine.close()
    return [
        *timing_results(timing, note=engine.backend),
        *parity_results(f"{name}.parity", report),
    ]


def measure_whole(
    options: Options, pack: Pack, motion: MotionPath, voice: VoicePath, *, name: str
) -> list[Result]:
    """Service time: a frame in pinned memory to the hop that depends on it in host memory."""
    chain = GpuChain(pack, motion, voice, endless(_frames(options, SIZE)))
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


@cache
def _frames(options: Options, size: tuple[int, int]) -> list[Frame]:
    """Grey frames of a scene; drawing them is dear, so it is done once a size."""
    progress(f"drawing a scene at {_label(size)}")
    count = FRAMES if size == SIZE else FLOW_PICTURES
    drawn = scene_frames(options, size, count)
    greys = [cv2.cvtColor(frame.picture, cv2.COLOR_BGR2GRAY).astype(np.uint8) for frame in drawn]
    pairs = zip(greys, drawn, strict=True)
    return [Frame(grey, frame.captured_ns, frame.sequence) for grey, frame in pairs]


def _label(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"

"""Service time: a frame in memory → the first hop that depends on it, back to back, by stage."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import cycle
from typing import Final

from synchresis.bench.case import Case, Timing, measure, measure_noise, measure_together
from synchresis.bench.options import Options
from synchresis.bench.result import Figure, Histogram, Result, Waterfall, thinned, timing_results
from synchresis.bench.stage_chain import StageChain
from synchresis.engines.frame import Frame
from synchresis.engines.gesture import Gesture
from synchresis.engines.instrument import Instrument, InstrumentSettings
from synchresis.engines.packs import load_pack
from synchresis.engines.pipeline import Parse, bind_parser
from synchresis.engines.playout import Playout
from synchresis.engines.runtime.engine import Backend
from synchresis.engines.scenes import scene_source
from synchresis.engines.timebase import HOP, NS_PER_S, SAMPLE_RATE

FPS: Final = 60
SCENE: Final = "stick"
SIZES: Final = ((320, 240), (640, 480))
"""Widths and heights of the pictures."""

FRAMES: Final = 240
"""Frames of the scene that are kept in memory and shown again and again."""


@dataclass(frozen=True, slots=True)
class Service:
    """Everything between a frame and its sound, without sockets, clocks and threads.

    Attributes:
        parse: frames to gestures.
        playout: gestures to hops.
    """

    parse: Parse
    playout: Playout


def build_service(pack_name: str, backend: Backend = "auto") -> Service:
    """Load and warm up all stages; one zone, the whole picture, D = 0."""
    instrument = Instrument(load_pack(pack_name), InstrumentSettings(backend=backend))
    instrument.prepare()
    return Service(bind_parser(instrument.parser), instrument.playout())


def scene_frames(options: Options, size: tuple[int, int], count: int = FRAMES) -> list[Frame]:
    """Frames of a scene, drawn beforehand: the camera is no part of the service."""
    stream = scene_source(SCENE, seed=options.seed, fps=FPS, size=size)
    count = count // 10 if options.quick else count
    return [stream.step() for _ in range(count)]


def endless(frames: list[Frame]) -> Iterator[Frame]:
    """The frames over and over, with times and numbers that go on."""
    span_ns = len(frames) * NS_PER_S // FPS
    for turn, frame in enumerate(cycle(frames)):
        shift = turn // len(frames) * span_ns
        yield Frame(frame.picture, frame.captured_ns + shift, turn, frame.clock_id, frame.camera)


def measure_service(options: Options, size: tuple[int, int]) -> Timing:
    """The whole way of a frame at one picture size."""
    service = build_service(options.pack)
    case = Case(
        f"latency.service.{size[0]}x{size[1]}.whole",
        warmup=60,
        repeats=options.repeats(2000),
        deadline_ms=1e3 / FPS,
    )
    return measure(case, _whole(service, endless(scene_frames(options, size))))


def measure_stages(options: Options, size: tuple[int, int]) -> list[Timing]:
    """Every stage by itself on what the whole hands it, in turn with the others."""
    steps = StageChain(load_pack(options.pack), endless(scene_frames(options, size))).steps()
    name = f"latency.service.{size[0]}x{size[1]}"
    repeats = options.repeats(1000)
    return measure_together(
        [(Case(f"{name}.{stage}", warmup=60, repeats=repeats), step) for stage, step in steps]
    )


def hop_of(gesture: Gesture) -> int:
    """First hop that depends on a gesture when D is 0."""
    return gesture.begin_ns * SAMPLE_RATE // (NS_PER_S * HOP)


def run_service(options: Options) -> tuple[list[Result], list[Figure]]:
    """Results and figures of the service time at every picture size."""
    results: list[Result] = []
    figures: list[Figure] = []
    wholes: dict[str, list[float]] = {}
    for size in SIZES:
        label = f"{size[0]} by {size[1]}"
        whole = measure_service(options, size)
        stages = measure_stages(options, size)
        for timing in (whole, *stages):
            results += timing_results(timing)
        wholes[label] = thinned(whole.samples_ms)
        parts = {timing.case.name.rpartition(".")[2]: timing.p50 for timing in stages}
        figures.append(Waterfall(f"Service time by stage, {label}", "ms", parts, _WATERFALL))
    figures.insert(0, Histogram("Service time", "ms", wholes, _HISTOGRAM))
    results.append(_noise(options))
    return results, figures


_HISTOGRAM: Final = (
    "Frame in memory → first hop that depends on it computed, back to back, camera, waiting and "
    "sound device excluded."
)
_WATERFALL: Final = "Medians of every stage timed by itself; they need not add up to the whole's."


def _noise(options: Options) -> Result:
    """A/A: the same service twice, in turn."""
    step = _whole(build_service(options.pack), endless(scene_frames(options, SIZES[0])))
    noise = measure_noise(Case("service", warmup=30, repeats=options.repeats(500)), step)
    note = "the same service twice, in turn: differences of medians below this say nothing"
    return Result("latency.service.noise", round(noise, 4), "1", note=note)


def _whole(service: Service, frames: Iterator[Frame]) -> Callable[[], object]:
    """Parse, score, and the hop of voice and mix that the frame's news begin in."""
    parse, playout = service.parse, service.playout

    def step() -> object:
        gesture = parse(next(frames))
        playout.push(gesture)
        return playout.step(max(playout.next_hop, hop_of(gesture)))

    return step

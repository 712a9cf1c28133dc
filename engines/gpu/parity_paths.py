"""Parity of whole paths: picture to maps and Controls to samples, kernels included.

`parity` compares networks on inputs made on the host; here everything the card does between pinned
memory and pinned memory is compared with flow, network, noise and overlap-add on the CPU.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from synchresis.engines.gpu.motion_path import MotionPath
from synchresis.engines.gpu.parity import OutputParity, ParityReport
from synchresis.engines.gpu.parity_inputs import Inputs, voice_steps
from synchresis.engines.gpu.played import ASPECT, DT_S, CpuEyes
from synchresis.engines.gpu.voice_path import VoicePath
from synchresis.engines.packs.loading import Pack
from synchresis.engines.runtime.engine import open_on
from synchresis.engines.runtime.tensorrt_build import Precision
from synchresis.engines.timebase import HOP
from synchresis.engines.voice.noise import fill_normal
from synchresis.errors import EngineError
from synchresis.kernels.flow import FlowField
from synchresis.kernels.overlap_add import OverlapAdd

LOAD_FRAMES: Final = 12
LOAD_HOPS: Final = 32
"""Frames and hops compared when a path is opened."""

FLOW_PIXELS: Final = 0.05
"""Largest error allowed to 99 of 100 displacements, and to the camera's motion, in pixels."""

GREY: Final = 2e-3
"""The same of residual and difference, as a share of white."""

MAPS: Final[Mapping[Precision, float]] = {"fp32": 1e-2, "fp16": 1e-1}
SAMPLES: Final[Mapping[Precision, float]] = {"fp32": 1e-3, "fp16": 5e-2}
"""Largest error of a map, and of a sample as a share of the larger of 0.1 and the peak."""

Picture = NDArray[np.uint8]


def motion_path_parity(
    path: MotionPath, pack: Pack, pictures: Iterable[Picture], *, precision: Precision = "fp32"
) -> ParityReport:
    """Compare fields and maps with those of the CPU, frame by frame from a fresh start."""
    engine = open_on("onnx", pack, "motion")
    engine.prepare()
    state, eyes = engine.initial_state(), CpuEyes(pack)
    errors: dict[str, float] = {}
    path.reset()
    count = 0
    for picture in pictures:
        field, inputs = eyes.see(picture)
        want = engine.step(inputs, state)
        got = path.step(picture, DT_S, aspect=ASPECT)
        found = _field_errors(path.field, field)
        found |= {name: _largest(got[name] - values) for name, values in want.items()}
        for name, error in found.items():
            errors[name] = float(np.maximum(errors.get(name, 0.0), error))  # keeps NaN
        count += 1
    engine.close()
    path.reset()
    limits = {"flow": FLOW_PIXELS, "motion": FLOW_PIXELS, "residual": GREY, "difference": GREY}
    outputs = (OutputParity(n, e, limits.get(n, MAPS[precision])) for n, e in errors.items())
    return ParityReport(path.backend, count, tuple(outputs))


def voice_path_parity(
    path: VoicePath,
    pack: Pack,
    steps: Iterable[Inputs],
    *,
    seed: int = 0,
    numbers: Sequence[int] | None = None,
    precision: Precision = "fp32",
) -> ParityReport:
    """Compare samples with those of the CPU, hop by hop from a fresh start.

    Args:
        path: opened with this seed and these numbers.
        pack: whose voice it is.
        steps: control and palette of each hop; noise is made here.
        seed: of the noise.
        numbers: number of each zone in the noise; by default its row.
        precision: of the path's network.
    """
    batch = len(path.control)
    engine = open_on("onnx", pack, "voice", batch=batch)
    engine.prepare()
    state, overlap = engine.initial_state(), OverlapAdd()
    tail = overlap.initial_state(batch)
    zones = np.array(range(batch) if numbers is None else numbers, np.uint64)
    noise = np.zeros((batch, pack.voice.noise), np.float32)
    error, peak, count = 0.0, 0.1, 0
    path.reset()
    for step in steps:
        sample = np.full(batch, count * HOP, np.uint64)
        fill_normal(np.uint64(seed % 2**64), zones, sample, noise)
        want = engine.step({**step, "noise": noise}, state)
        hop = overlap.step_parts(want["real"], want["imag"], tail)
        control, palette = (np.asarray(step[key], np.float32) for key in ("control", "palette"))
        got = path.step(control, palette, sample)
        error = float(np.maximum(error, _largest(got - hop)))
        peak = max(peak, float(np.abs(hop).max()))
        count += 1
    engine.close()
    path.reset()
    samples = OutputParity("samples", error, SAMPLES[precision] * peak)
    return ParityReport(path.backend, count, (samples,))


def refuse_wrong_motion(path: MotionPath, pack: Pack) -> None:
    """Raise EngineError where a freshly opened path disagrees with the CPU."""
    _refuse("motion", motion_path_parity(path, pack, moving_pictures(LOAD_FRAMES)))


def refuse_wrong_voice(
    path: VoicePath, pack: Pack, *, seed: int = 0, numbers: Sequence[int] | None = None
) -> None:
    """The same for a voice."""
    steps = voice_steps(path.spec, len(path.control), LOAD_HOPS)
    _refuse("voice", voice_path_parity(path, pack, steps, seed=seed, numbers=numbers))


def moving_pictures(count: int) -> Iterable[Picture]:
    """A texture that drifts, and a bright square that moves over it."""
    rng = np.random.default_rng(1)
    blocks = rng.integers(40, 200, (40, 50)).astype(np.float32)
    world = np.kron(blocks, np.ones((8, 8), np.float32))
    for axis in (0, 1):
        world = np.mean([np.roll(world, shift, axis) for shift in range(-3, 4)], axis=0)
    for index in range(count):
        picture = world[10 + index : 250 + index, 20 + 2 * index : 340 + 2 * index].copy()
        picture[100:140, 40 + 6 * index : 80 + 6 * index] = 230
        yield picture.astype(np.uint8)


def _field_errors(got: Mapping[str, NDArray[np.float32]], want: FlowField) -> dict[str, float]:
    """Errors of a field: displacement and camera motion in pixels, the rest in shares of white."""
    pixels = np.array([320.0, 240.0 / ASPECT]) * DT_S
    flow = np.abs(got["flow"] - want.flow) * pixels[:, None, None]
    motion = np.abs(got["motion"] - want.motion).reshape(2, 3) * pixels[:, None]
    return {
        "flow": float(np.quantile(flow, 0.99)),
        "motion": float(motion.max()),
        "residual": _largest(got["residual"] - want.residual),
        "difference": _largest(got["difference"] - want.difference),
    }


def _largest(difference: NDArray[np.float32]) -> float:
    return float(np.abs(difference).max())


def _refuse(what: str, report: ParityReport) -> None:
    if not report.agrees:
        raise EngineError(f"{what} path refused, {report.describe()}; use --engine onnx")

"""Every stage by itself, on input whose answer is known."""

import time
from collections.abc import Callable
from typing import Final

import numpy as np

from synchresis.engines.control import Controls
from synchresis.engines.frame import Frame
from synchresis.engines.gpu.driver import find_card
from synchresis.engines.motion.parser import MotionParser
from synchresis.engines.packs import Pack
from synchresis.engines.runtime.engine import GPU_BACKENDS, Backend, Which
from synchresis.engines.timebase import HOP, NS_PER_S, SAMPLE_RATE
from synchresis.engines.voice.ensemble import Ensemble
from synchresis.engines.zone import Zone
from synchresis.errors import DeviceError, EngineError
from synchresis.kernels.flow import Flow, FlowSettings
from synchresis.kernels.overlap_add import BINS, RISE, OverlapAdd, overlap_add_reference
from synchresis.realtime.doctor.finding import Finding, Findings, examine

REINSTALL: Final = "install synchresis again; if it stays, report it with this text"

HOP_MS: Final = 1e3 * HOP / SAMPLE_RATE
"""Time a hop may take."""

HEARD: Final = 0.01
"""A hit at full strength peaks above this in every palette."""

STEPS: Final = 60
"""Steps timed per stage."""


def examine_stages(pack: Pack | None) -> Findings:
    """Test every stage; those of a pack only where there is one."""
    yield examine("flow", try_flow, remedy=REINSTALL)
    yield examine("overlap-add", try_overlap_add, remedy=REINSTALL)
    yield examine("physical models", lambda: try_voice(None, "model:wood"), remedy=REINSTALL)
    yield examine("messages", try_messages, remedy="check that pyzmq and libzmq are whole")
    if pack is None:
        return
    yield examine("motion parser", lambda: try_parser(pack), remedy="use another --pack")
    if pack.has("voice"):
        palette = pack.palettes[0].name if pack.palettes else "model:wood"
        yield examine("voice", lambda: try_voice(pack, palette), remedy="use another --pack")
    yield from examine_gpu_paths(pack)


def examine_gpu_paths(pack: Pack) -> Findings:
    """Open both paths on every GPU backend; opening compares networks and kernels with the CPU."""
    try:
        find_card()
    except DeviceError:
        return
    paths: tuple[Which, ...] = ("motion", "voice")
    for backend in GPU_BACKENDS:
        for which in paths:
            if pack.has(which):
                yield _examine_gpu_path(pack, backend, which)


def _examine_gpu_path(pack: Pack, backend: Backend, which: Which) -> Finding:
    from synchresis.engines.gpu.paths import loaders_of, open_motion_path, open_voice_path

    open_path = open_motion_path if which == "motion" else open_voice_path
    name = f"{which} on {backend}"
    try:
        path = open_path(pack, loaders=loaders_of(backend))
    except (EngineError, DeviceError) as err:
        return Finding(name, "absent", str(err), "use --engine auto")
    text = f"{path.backend}, agrees with the CPU"
    path.close()
    return Finding(name, "ok", text)


def try_flow() -> str:
    """A picture that moves by 4 pixels must be seen moving, and one that rests as resting."""
    settings = FlowSettings()
    flow = Flow(settings)
    state = flow.initial_state()
    ramp = np.random.default_rng(1).integers(0, 255, (settings.height // 8, settings.width // 8))
    wide = np.kron(ramp, np.ones((8, 8))).astype(np.uint8)
    soft = ((wide + np.roll(wide, 2, 1).astype(np.uint16) + np.roll(wide, 2, 0)) // 3).astype(
        np.uint8
    )
    flow.step(soft, 1 / 30, state)
    rest = flow.step(soft, 1 / 30, state)
    if np.any(rest.flow):
        raise EngineError("flow sees motion in a picture that rests")
    moved = np.roll(soft, 4, axis=1)
    field = flow.step(moved, 1 / 30, state)
    seen = float(np.median(field.flow[0])) / 30 * settings.width
    if not 3 < seen < 5:
        raise EngineError(f"flow sees {seen:.2f} pixels of motion where there are 4")
    return f"{_median_ms(lambda: flow.step(moved, 1 / 30, state)):.2f} ms a frame"


def try_overlap_add() -> str:
    """A random spectrum must come out as the formula says."""
    rng = np.random.default_rng(1)
    spectra = (rng.standard_normal((8, BINS)) + 1j * rng.standard_normal((8, BINS))) / BINS
    stage = OverlapAdd()
    stage.prepare()
    state = stage.initial_state(1)
    frames = spectra.astype(np.complex64)
    got = np.concatenate([stage.step(frame[None], state)[0].copy() for frame in frames])
    expected = overlap_add_reference(frames[None])[0]
    error = float(np.abs(got - expected).max() / np.abs(expected).max())
    if not error < 1e-4:
        raise EngineError(f"overlap-add differs from its reference by {error:.1e}")
    took_ms = _median_ms(lambda: stage.step(frames[:1], state))
    return f"{took_ms:.3f} ms a hop, error {error:.0e}, latency {RISE} samples"


def try_parser(pack: Pack) -> str:
    """Grey pictures without motion must be parsed without an event."""
    parser = MotionParser(pack, backend="onnx")
    parser.prepare()
    state = parser.initial_state()
    picture = np.full((240, 320), 128, np.uint8)
    number = 0
    events = 0

    def step() -> None:
        nonlocal number, events
        number += 1
        gesture = parser.step(Frame(picture, number * NS_PER_S // 30, number), state)
        events += len(gesture.events)

    took_ms = _median_ms(step)
    parser.close()
    if events:
        raise EngineError(f"the motion parser hears {events} hits in a picture that rests")
    return f"{took_ms:.2f} ms a frame on the CPU"


def try_voice(pack: Pack | None, palette: str) -> str:
    """A hit must sound, and without one there must be silence."""
    voice = Ensemble(pack, (Zone(palette=palette),), backend="onnx")
    voice.prepare()
    state, controls = voice.initial_state(), Controls.zeros(1)
    controls.palette[:] = voice.palettes
    before = max(float(np.abs(voice.step(controls, state)).max()) for _ in range(20))
    controls.onset[:], controls.strength[:] = 1, 1
    peak = float(np.abs(voice.step(controls, state)).max())
    controls.onset[:], controls.strength[:] = 0, 0
    peak = max(peak, *(float(np.abs(voice.step(controls, state)).max()) for _ in range(20)))
    took_ms = _median_ms(lambda: voice.step(controls, state))
    voice.close()
    if not peak > max(10 * before, HEARD):
        raise EngineError(f"palette {palette}: silence peaks at {before:.3f}, a hit at {peak:.3f}")
    return (
        f"{palette}: {took_ms:.2f} ms a hop of {HOP_MS:.2f} ms, a hit peaks at {peak:.2f} before "
        "gain and limiter"
    )


def try_messages() -> str:
    """A message must come back as it was sent."""
    import zmq

    context = zmq.Context()
    left, right = context.socket(zmq.PAIR), context.socket(zmq.PAIR)
    try:
        left.bind("inproc://doctor")
        right.connect("inproc://doctor")
        sent = b"synchresis"
        took_ms = _median_ms(lambda: (left.send(sent), right.recv()))
        return f"libzmq {zmq.zmq_version()}, {1e3 * took_ms:.0f} µs inside a process"
    finally:
        left.close(0)
        right.close(0)
        context.term()


def _median_ms(step: Callable[[], object]) -> float:
    taken = []
    for _ in range(STEPS):
        begin = time.perf_counter()
        step()
        taken.append(time.perf_counter() - begin)
    return 1e3 * float(np.median(taken))

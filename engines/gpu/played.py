"""Real frames and gestures for parity checks: a built-in scene as the CPU sees and plays it."""

from collections.abc import Iterator
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from synchresis.engines.control import Controls
from synchresis.engines.frame import Frame
from synchresis.engines.gpu.parity_inputs import Inputs
from synchresis.engines.motion.analysis import AnalysisState, analyse
from synchresis.engines.motion.parser import MotionParser, cell_centres, write_flow_input
from synchresis.engines.packs.loading import Pack
from synchresis.engines.scenes import scene_source
from synchresis.engines.score import Score
from synchresis.engines.timebase import HOP, NS_PER_S, SAMPLE_RATE
from synchresis.engines.voice.noise import fill_normal
from synchresis.engines.voice.palettes import resolve
from synchresis.engines.voice.voice import write_control
from synchresis.engines.zone import Zone
from synchresis.kernels.flow import Flow, FlowField, FlowSettings

SCENE: Final = "drums"
FPS: Final = 60
DT_S: Final = 1 / FPS
ASPECT: Final = 0.75
SENSITIVITY: Final = 3.0
"""Of the parser that makes the gestures: they should have many hits."""

DRAWN: Final = 240
"""Frames of the scene that are drawn."""

SECOND_HIT: Final = 8
"""Hops after a hit at which the next zone plays it too."""


def played_frames(count: int) -> Iterator[Frame]:
    """Frames of a scene, 320 by 240, in grey; it begins again every DRAWN frames."""
    drawn = _drawn()
    for number in range(count):
        captured_ns = number * NS_PER_S // FPS
        yield Frame(drawn[number % DRAWN], captured_ns, number)


@cache
def _drawn() -> tuple[NDArray[np.uint8], ...]:
    """Pictures of the scene; drawing is dear, so it is done once."""
    stream, seen = scene_source(SCENE, seed=1, fps=FPS), AnalysisState.allocate()
    pictures = []
    for _ in range(DRAWN):
        analyse(stream.step().picture, seen)
        pictures.append(seen.grey.copy())
    return tuple(pictures)


class CpuEyes:
    """Frames to the motion network's inputs with the flow kernel of the CPU."""

    def __init__(self, pack: Pack) -> None:
        entry = pack.motion
        self._flow = Flow(FlowSettings(rows=entry.rows, cols=entry.cols))
        self._state = self._flow.initial_state()
        self._cells = cell_centres(entry.rows, entry.cols)
        self._seen = AnalysisState.allocate()

    def see(self, grey: NDArray[np.uint8]) -> tuple[FlowField, Inputs]:
        """The field of the next frame, a view, and the inputs, new arrays."""
        analyse(grey, self._seen)
        field = self._flow.step(self._seen.grey, DT_S, self._state, aspect=ASPECT)
        flow = np.zeros((1, 4, *field.residual.shape), np.float32)
        write_flow_input(field, self._cells, flow)
        timing = np.array([[DT_S, 0.0, *field.motion]], np.float32)
        return field, {"pixels": self._seen.pixels.copy(), "flow": flow, "timing": timing}


def played_motion_steps(pack: Pack, batch: int, steps: int) -> Iterator[Inputs]:
    """What the motion network reads of a scene; every row the same camera."""
    eyes = CpuEyes(pack)
    for frame in played_frames(steps):
        _, inputs = eyes.see(frame.picture)
        yield {name: np.repeat(array, batch, axis=0) for name, array in inputs.items()}


def played_voice_steps(pack: Pack, batch: int, steps: int) -> Iterator[Inputs]:
    """What the voice reads while the scene plays: the parser's hits, each zone its own palette."""
    names = [palette.name for palette in pack.palettes]
    palette = np.stack([resolve(names[row % len(names)], pack) for row in range(batch)])
    numbers = np.arange(batch, dtype=np.uint64)
    hops: list[NDArray[np.float32]] = []
    for index, control in enumerate(_controls(pack, steps)):
        hops.append(control)
        rows = [hops[max(0, index - SECOND_HIT * row)] for row in range(batch)]
        noise = np.zeros((batch, pack.voice.noise), np.float32)
        samples = np.full(batch, index * HOP, np.uint64)
        fill_normal(np.uint64(0), numbers, samples, noise)
        yield {"control": np.stack(rows), "palette": palette, "noise": noise}


def _controls(pack: Pack, count: int) -> Iterator[NDArray[np.float32]]:
    """Control rows of a scene's hops: parser and score on the CPU, one zone, no delay."""
    zones = (Zone(),)
    parser = MotionParser(pack, zones, backend="onnx", sensitivity=SENSITIVITY)
    parser.prepare()
    score, controls = Score(zones), Controls.zeros(1)
    seen, played = parser.initial_state(), score.initial_state()
    hop_ns, made = NS_PER_S * HOP // SAMPLE_RATE, 0
    for frame in played_frames(2 + (count + 1) * hop_ns * FPS // NS_PER_S):
        score.push(parser.step(frame, seen), played)
        while made < count and (made + 1) * hop_ns <= frame.captured_ns:
            row = np.zeros((1, 8), np.float32)
            write_control(score.step(made, played, controls), row)
            yield row[0]
            made += 1
    parser.close()

"""The stages between picture and sound one by one, each timed on what the one before gave it."""

from collections.abc import Callable, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from synchresis.engines.control import Controls
from synchresis.engines.frame import Frame
from synchresis.engines.gesture import Gesture, Levels
from synchresis.engines.motion.analysis import AnalysisState, analyse
from synchresis.engines.motion.levels import LevelMeter
from synchresis.engines.motion.parser import (
    cell_centres,
    maps_of,
    picker_settings,
    write_flow_input,
)
from synchresis.engines.motion.picker import EventPicker
from synchresis.engines.packs.loading import Pack
from synchresis.engines.runtime.engine import open_engine
from synchresis.engines.score import Score
from synchresis.engines.timebase import HOP, NS_PER_S, SAMPLE_RATE
from synchresis.engines.voice.mixer import Mixer
from synchresis.engines.voice.noise import fill_normal
from synchresis.engines.voice.palettes import resolve
from synchresis.engines.voice.voice import write_control
from synchresis.engines.zone import Zone
from synchresis.kernels.flow import Flow, FlowSettings
from synchresis.kernels.overlap_add import OverlapAdd

Floats = NDArray[np.float32]


class StageChain:
    """Motion parser, score, voice and mixer taken apart; call the steps in their order.

    One zone, the whole picture, D = 0. What a step gives is kept for the next one.
    """

    def __init__(self, pack: Pack, frames: Iterator[Frame]) -> None:
        self._frames = frames
        self._zones = (Zone(),)
        self._gesture = Gesture(0, 0, 0, 0, (), (Levels(),))
        self._dt_s = 1 / 60
        self._maps: Mapping[str, Floats] = {}
        self._spectrum: Mapping[str, Floats] = {}
        self._see(pack)
        self._decide(pack)
        self._sound(pack)

    def steps(self) -> list[tuple[str, Callable[[], object]]]:
        """Names and steps, in the order of the data."""
        return [
            ("grey", self.grey),
            ("flow", self.flow),
            ("motion", self.motion),
            ("picker", self.picker),
            ("score", self.score),
            ("voice", self.voice),
            ("overlap_add", self.overlap_add),
            ("mix", self.mix),
        ]

    def grey(self) -> None:
        """Next frame to its analysis pictures."""
        frame = next(self._frames)
        begin = self._gesture.end_ns
        self._dt_s = max(1, frame.captured_ns - begin) / NS_PER_S
        self._gesture = Gesture(
            captured_ns=frame.captured_ns,
            begin_ns=begin,
            end_ns=frame.captured_ns,
            lookahead_ns=0,
            events=(),
            levels=(Levels(),),
        )
        analyse(frame.picture, self._analysis)

    def flow(self) -> None:
        """Analysis picture to the network's flow input."""
        field = self._flow.step(self._analysis.grey, self._dt_s, self._flow_state, aspect=0.75)
        write_flow_input(field, self._cells, self._flow_input)
        self._timing[0, 0] = self._dt_s
        self._timing[0, 2:] = field.motion

    def motion(self) -> None:
        """Motion engine."""
        inputs = {
            "pixels": self._analysis.pixels,
            "flow": self._flow_input,
            "timing": self._timing,
        }
        self._maps = self._motion.step(inputs, self._motion_state)

    def picker(self) -> None:
        """Maps to events and levels."""
        self._picker.step(maps_of(self._maps, self._gesture), self._picker_state)
        weight: Floats = self._maps["map"][0] * np.hypot(
            self._flow_input[0, 0], self._flow_input[0, 1]
        )
        self._meter.step(
            self._maps["friction"][0], self._maps["burst"][0], weight, self._meter_state
        )

    def score(self) -> None:
        """Gesture to the Controls of a hop."""
        self._score.push(self._gesture, self._score_state)
        hop = self._gesture.begin_ns * SAMPLE_RATE // (NS_PER_S * HOP)
        self._score.step(max(hop, self._score_state.next_hop), self._score_state, self._controls)

    def voice(self) -> None:
        """Controls and noise to a spectrum frame."""
        write_control(self._controls, self._control)
        numbers = np.zeros(1, np.uint64)
        fill_normal(np.uint64(0), numbers, self._controls.noise_index, self._noise)
        inputs = {
            "control": self._control,
            "palette": self._controls.palette,
            "noise": self._noise,
        }
        self._spectrum = self._voice.step(inputs, self._voice_state)

    def overlap_add(self) -> None:
        """Spectrum frame to a hop of samples."""
        real, imag = self._spectrum["real"], self._spectrum["imag"]
        self._mono = self._overlap.step_parts(real, imag, self._tail)

    def mix(self) -> None:
        """Zones to left and right."""
        self._mixer.step(self._mono, self._controls, self._mixer_state)

    def _see(self, pack: Pack) -> None:
        entry = pack.motion
        self._analysis = AnalysisState.allocate()
        self._flow = Flow(FlowSettings(rows=entry.rows, cols=entry.cols))
        self._flow_state = self._flow.initial_state()
        self._cells = cell_centres(entry.rows, entry.cols)
        self._flow_input = np.zeros((1, 4, entry.rows, entry.cols), np.float32)
        self._timing = np.zeros((1, 8), np.float32)

    def _decide(self, pack: Pack) -> None:
        entry = pack.motion
        self._motion = open_engine(pack, "motion")
        self._motion.prepare()
        self._motion_state = self._motion.initial_state()
        settings = picker_settings(pack)
        self._picker = EventPicker(self._zones, settings, rows=entry.rows, cols=entry.cols)
        self._picker_state = self._picker.initial_state()
        self._meter = LevelMeter(self._zones, rows=entry.rows, cols=entry.cols)
        self._meter_state = self._meter.initial_state()
        self._score = Score(self._zones)
        self._score_state = self._score.initial_state()

    def _sound(self, pack: Pack) -> None:
        self._controls = Controls.zeros(1)
        self._controls.palette[0] = resolve(self._zones[0].palette, pack)
        self._voice = open_engine(pack, "voice")
        self._voice.prepare()
        self._voice_state = self._voice.initial_state()
        self._control = np.zeros((1, 8), np.float32)
        self._noise = np.zeros((1, pack.voice.noise), np.float32)
        self._overlap = OverlapAdd()
        self._overlap.prepare()
        self._tail = self._overlap.initial_state(1)
        self._mono = np.zeros((1, HOP), np.float32)
        self._mixer = Mixer(self._zones)
        self._mixer.prepare()
        self._mixer_state = self._mixer.initial_state()

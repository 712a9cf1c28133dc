"""Grey picture to samples with both networks and all kernels on the GPU, stage by stage."""

from collections.abc import Callable, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from synchresis.engines.control import Controls
from synchresis.engines.frame import Frame
from synchresis.engines.gesture import Gesture
from synchresis.engines.gpu.motion_path import MotionPath
from synchresis.engines.gpu.voice_path import VoicePath
from synchresis.engines.motion.levels import LevelMeter
from synchresis.engines.motion.parser import maps_of, picker_settings
from synchresis.engines.motion.picker import EventPicker
from synchresis.engines.packs.loading import Pack
from synchresis.engines.score import Score
from synchresis.engines.timebase import HOP, NS_PER_S, SAMPLE_RATE
from synchresis.engines.voice.palettes import resolve
from synchresis.engines.voice.voice import write_control
from synchresis.engines.zone import Zone

Floats = NDArray[np.float32]


class GpuChain:
    """One camera, one zone, D = 0; call the steps in their order, or `whole`."""

    def __init__(
        self, pack: Pack, motion: MotionPath, voice: VoicePath, frames: Iterator[Frame]
    ) -> None:
        entry, zones = pack.motion, (Zone(),)
        self._motion, self._voice, self._frames = motion, voice, frames
        grid = {"rows": entry.rows, "cols": entry.cols}
        self._picker = EventPicker(zones, picker_settings(pack), **grid)
        self._picker_state = self._picker.initial_state()
        self._meter = LevelMeter(zones, **grid)
        self._meter_state = self._meter.initial_state()
        self._score = Score(zones)
        self._score_state = self._score.initial_state()
        self._controls = Controls.zeros(1)
        self._controls.palette[0] = resolve(zones[0].palette, pack)
        self._frame = next(frames)
        self._end_ns = self._frame.captured_ns
        self._maps: Mapping[str, Floats] = motion.maps

    def steps(self) -> list[tuple[str, Callable[[], object]]]:
        """Names and steps, in the order of the data; the first is not part of the service."""
        return [
            ("arrive", self.arrive),
            ("motion_path", self.motion),
            ("pick_and_score", self.decide),
            ("voice_path", self.voice),
        ]

    def whole(self) -> object:
        """A frame that lies in pinned memory to the hop that depends on it."""
        self.motion()
        self.decide()
        return self.voice()

    def arrive(self) -> None:
        """The next frame comes to lie in pinned memory."""
        self._frame = next(self._frames)
        np.copyto(self._motion.grey, self._frame.picture)

    def motion(self) -> None:
        """Upload, flow, motion network, download."""
        dt_s = max(1, self._frame.captured_ns - self._end_ns) / NS_PER_S
        self._maps = self._motion.step(self._motion.grey, dt_s)

    def decide(self) -> None:
        """Maps to events and levels to the Controls of a hop."""
        gesture = Gesture(
            captured_ns=self._frame.captured_ns,
            begin_ns=self._end_ns,
            end_ns=self._frame.captured_ns,
            lookahead_ns=0,
            events=(),
            levels=(),
        )
        events = self._picker.step(maps_of(self._maps, gesture), self._picker_state)
        flow = self._motion.field["flow"]
        weight: Floats = self._maps["map"][0] * np.hypot(flow[0], flow[1])
        levels = self._meter.step(
            self._maps["friction"][0], self._maps["burst"][0], weight, self._meter_state
        )
        self._score.push(
            Gesture(gesture.captured_ns, gesture.begin_ns, gesture.end_ns, 0, events, levels),
            self._score_state,
        )
        hop = self._end_ns * SAMPLE_RATE // (NS_PER_S * HOP)
        self._score.step(max(hop, self._score_state.next_hop), self._score_state, self._controls)
        self._end_ns = self._frame.captured_ns

    def voice(self) -> Floats:
        """Controls to samples."""
        write_control(self._controls, self._voice.control)
        return self._voice.step(
            self._voice.control, self._controls.palette, self._controls.noise_index
        )

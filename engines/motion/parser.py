"""MotionParser: the stage that turns frames into gestures."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from synchresis.engines.frame import Frame
from synchresis.engines.gesture import Event, Gesture, Levels
from synchresis.engines.motion.analysis import AnalysisState, analyse
from synchresis.engines.motion.levels import LevelMeter, LevelState
from synchresis.engines.motion.picker import (
    AS_TOLD,
    EventPicker,
    FrameMaps,
    Grid,
    PickerSettings,
    PickerState,
    Told,
)
from synchresis.engines.motion.readout import ReadoutStage, ReadoutState, Seen, read_readout
from synchresis.engines.motion.repeats import RepeatState
from synchresis.engines.packs.loading import Pack
from synchresis.engines.runtime.engine import Backend, Engine, EngineState, open_engine
from synchresis.engines.timebase import NS_PER_S
from synchresis.engines.zone import Zone
from synchresis.errors import ParameterError
from synchresis.kernels.flow import Flow, FlowField, FlowSettings, FlowState

DT_RANGE_S: Final = (1 / 240, 0.25)
"""Time steps the network is told, seconds; others are clamped."""

GAP_NS: Final = NS_PER_S // 2
"""A longer gap between frames makes the motion state fresh."""

UNNOTED_WHOLE: Final = 0.5
"""Share of the whole-picture probability in the scores of engines that do not note it."""

LOOKAHEAD_RANGE_NS: Final = (-50_000_000, 120_000_000)
"""Lookaheads the network was trained for, nanoseconds."""


@dataclass(slots=True)
class MotionState:
    """State of one camera's parser; arrays are written in place.

    Attributes:
        analysis: grey and pixels of the newest frame.
        flow: of the flow kernel.
        engine: of the network.
        picker: of the event picker.
        levels: of the level meter.
        repeats: which frames show nothing new.
        flow_input: float32[1, 4, rows, cols].
        timing: float32[1, 8].
        last_map: float32[rows, cols], sound-producing motion, 0..1, for previews.
        last_embedding: float32[D], of the newest frame.
        lookahead_ns: τ now; change it only in silence.
        captured_ns: of the newest frame, None before the first.
        new_ns: capture time of the newest frame that was no repeat; like `held` of use only after
            a first frame, which sets both.
        held: levels of that frame.
        end_ns: T of the newest frame.
        size: height and width of the newest picture.
        aspect: height over width of what is shown, None where pixels are square.
        readout: of a taught pack, else None.
    """

    analysis: AnalysisState
    flow: FlowState
    engine: EngineState
    picker: PickerState
    levels: LevelState
    repeats: RepeatState
    flow_input: NDArray[np.float32]
    timing: NDArray[np.float32]
    last_map: NDArray[np.float32]
    last_embedding: NDArray[np.float32]
    lookahead_ns: int
    captured_ns: int | None = None
    new_ns: int = 0
    held: tuple[Levels, ...] = ()
    end_ns: int = 0
    size: tuple[int, int] = (0, 0)
    aspect: float | None = None
    readout: ReadoutState | None = None


class MotionParser:
    """Frames of one camera to gestures: analysis picture, flow, network, event picker.

    Args:
        pack: gives the network, its grid, threshold, refractory time and what was taught.
        zones: rectangles of the picture; by default one, the whole picture.
        lookahead_ns: τ, −50 to 120 ms; negative waits for evidence.
        sensitivity: odds of every probability are multiplied by it.
        backend: where the network runs.

    Raises:
        ParameterError: lookahead or sensitivity out of range, no zones, or a lookahead other than
            0 for a taught pack.
        PackError: the pack has no motion engine.
    """

    latency_samples: Final = 0

    def __init__(
        self,
        pack: Pack,
        zones: tuple[Zone, ...] = (Zone(),),
        *,
        lookahead_ns: int = 0,
        sensitivity: float = 1.0,
        backend: Backend = "auto",
    ) -> None:
        if not zones:
            raise ParameterError("zones must hold at least one zone")
        check_lookahead(lookahead_ns)
        entry = pack.motion
        readout = read_readout(pack)
        if readout is not None and lookahead_ns:
            raise ParameterError(
                f"lookahead {lookahead_ns / 1e6:g} ms must be 0 for the taught pack {pack.name!r}, "
                "whose timing was learned so"
            )
        self.taught = ReadoutStage(readout) if readout is not None else None
        self.zones = zones
        self.lookahead_ns = lookahead_ns
        self._grid = (entry.rows, entry.cols)
        self._tuning = threading.Lock()  # among those who tune; `step` never waits for them
        self._pick_by(replace(picker_settings(pack, sensitivity), waits=readout is None))
        self._meter = LevelMeter(zones, rows=entry.rows, cols=entry.cols)
        self._flow = Flow(FlowSettings(rows=entry.rows, cols=entry.cols))
        self._cells = cell_centres(entry.rows, entry.cols)
        self._engine: Engine = open_engine(pack, "motion", backend=backend)
        self._embedding = next(
            int(t.shape[-1]) for t in entry.spec.outputs if t.name == "embedding"
        )

    def teach(self, taught: ReadoutStage, threshold: float) -> None:
        """Take another readout and its threshold from the next frame on; from any thread.

        The new readout must look at the same place as the one before, whose past it goes on with.
        """
        with self._tuning:
            self._pick_by(replace(self.settings, threshold=threshold))
            self.taught = taught

    def set_sensitivity(self, sensitivity: float) -> None:
        """Multiply the odds of every impact from the next frame on; from any thread.

        Raises:
            ParameterError: out of range.
        """
        with self._tuning:
            self._pick_by(replace(self.settings, sensitivity=sensitivity))

    def _pick_by(self, settings: PickerSettings) -> None:
        """Another picker; states of the one before fit it."""
        rows, cols = self._grid
        self.settings = settings
        self._picker = EventPicker(self.zones, settings, rows=rows, cols=cols)

    @property
    def backend(self) -> str:
        """Where the network runs, for people."""
        return self._engine.backend

    def prepare(self) -> None:
        """Load and warm up the network and the flow kernel."""
        self._engine.prepare()
        state = self.initial_state()
        picture = np.zeros((240, 320), np.uint8)
        for index in range(3):
            self.step(Frame(picture, index * NS_PER_S // 30, index), state)

    def close(self) -> None:
        """Let go of the network."""
        self._engine.close()

    def initial_state(self) -> MotionState:
        """State of a camera that has sent nothing; call `prepare` first."""
        analysis = AnalysisState.allocate()
        return MotionState(
            analysis=analysis,
            flow=self._flow.initial_state(),
            engine=self._engine.initial_state(),
            picker=self._picker.initial_state(),
            levels=self._meter.initial_state(),
            repeats=RepeatState.allocate(*analysis.small.shape),
            flow_input=np.zeros((1, 4, *self._grid), np.float32),
            timing=np.zeros((1, 8), np.float32),
            last_map=np.zeros(self._grid, np.float32),
            last_embedding=np.zeros(self._embedding, np.float32),
            lookahead_ns=self.lookahead_ns,
            readout=self.taught.initial_state() if self.taught else None,
        )

    def reset_state(self, state: MotionState) -> None:
        """Back to a camera that has sent nothing, in place."""
        self._renew(state)
        fresh = self._picker.initial_state()
        state.picker.zones[:] = fresh.zones
        state.levels.centre[:] = self._meter.initial_state().centre
        state.lookahead_ns, state.captured_ns = self.lookahead_ns, None
        state.end_ns, state.size = 0, (0, 0)
        state.repeats = RepeatState.allocate(*state.analysis.small.shape)

    def step(self, frame: Frame, state: MotionState) -> Gesture:
        """Answer for one frame.

        A frame not newer than the last answers for nothing, as does one that repeats it in a stream
        known to repeat frames. After a gap of over 0.5 s or a change of size the motion state is
        fresh and the frame only begins it.
        """
        before = state.captured_ns
        if before is not None and frame.captured_ns <= before:
            return silent(frame, state.end_ns, state.end_ns, state)
        size = (int(frame.picture.shape[0]), int(frame.picture.shape[1]))
        stale = before is None or frame.captured_ns - before > GAP_NS or size != state.size
        analyse(frame.picture, state.analysis)
        if stale:
            self._renew(state)
            state.repeats.reset(state.analysis.small)
        elif state.repeats.repeats(state.analysis.small) and recent(frame, state.new_ns):
            state.captured_ns = frame.captured_ns
            return replace(silent(frame, state.end_ns, state.end_ns, state), levels=state.held)
        first = before is None
        end = frame.captured_ns + state.lookahead_ns
        begin = end if first else state.end_ns
        state.captured_ns, state.size = frame.captured_ns, size
        state.end_ns = max(begin, end)
        dt_s = 1 / 30 if stale else (frame.captured_ns - state.new_ns) / NS_PER_S
        state.new_ns = frame.captured_ns
        dt_s = state.repeats.evened(dt_s)
        self._see(dt_s, state)
        out = self._engine.step(self._inputs(state), state.engine)
        np.copyto(state.last_map, out["map"][0])
        np.copyto(state.last_embedding, out["embedding"][0])
        if stale:
            self._picker.quiet(state.picker)
            gesture = silent(frame, begin, state.end_ns, state)
            state.held = gesture.levels
            return gesture
        return self._answer(frame, begin, out, state)

    def _renew(self, state: MotionState) -> None:
        """Forget all motion, in place."""
        self._flow.reset_state(state.flow)
        self._engine.reset_state(state.engine)
        state.last_map.fill(0.0)
        state.last_embedding.fill(0.0)
        if self.taught is not None and state.readout is not None:
            self.taught.reset_state(state.readout)

    def _see(self, dt_s: float, state: MotionState) -> None:
        """Flow and timing of an analysed frame, written into the state."""
        dt_s = min(max(dt_s, DT_RANGE_S[0]), DT_RANGE_S[1])
        aspect = state.aspect or state.size[0] / state.size[1]
        field = self._flow.step(state.analysis.grey, dt_s, state.flow, aspect=aspect)
        write_flow_input(field, self._cells, state.flow_input)
        state.timing[0, 0] = dt_s
        state.timing[0, 1] = state.lookahead_ns / NS_PER_S
        state.timing[0, 2:] = field.motion

    def _inputs(self, state: MotionState) -> dict[str, NDArray[Any]]:
        return {
            "pixels": state.analysis.pixels,
            "flow": state.flow_input,
            "timing": state.timing,
        }

    def _answer(
        self, frame: Frame, begin: int, out: Mapping[str, NDArray[np.float32]], state: MotionState
    ) -> Gesture:
        gesture = silent(frame, begin, state.end_ns, state)
        events: tuple[Event, ...] = ()
        maps = maps_of(out, gesture)
        if self.taught is not None and state.readout is not None:
            seen = Seen(maps, state.flow_input, state.last_embedding)
            maps = self.taught.step(seen, state.readout)
        if state.end_ns > begin:
            events = self._picker.step(maps, state.picker)
        speed = np.hypot(state.flow_input[0, 0], state.flow_input[0, 1])
        motion: Grid = state.last_map * speed
        levels = self._meter.step(out["friction"][0], out["burst"][0], motion, state.levels)
        state.held = levels
        return replace(gesture, events=events, levels=levels)


def check_lookahead(lookahead_ns: int) -> None:
    """Refuse a lookahead the network was not trained for."""
    low, high = LOOKAHEAD_RANGE_NS
    if not low <= lookahead_ns <= high:
        raise ParameterError(
            f"lookahead {lookahead_ns / 1e6:g} ms must be within {low / 1e6:g} to {high / 1e6:g} ms"
        )


def picker_settings(pack: Pack, sensitivity: float = 1.0) -> PickerSettings:
    """Picker settings a pack asks for."""
    entry = pack.motion
    return PickerSettings(
        threshold=entry.threshold,
        sensitivity=sensitivity,
        refractory_s=entry.refractory_ms / 1e3,
        whole=float(entry.meta.get("whole", UNNOTED_WHOLE)),  # type: ignore[arg-type]
        foretold=entry.foretold,
        times=Told(entry.told, entry.so) if entry.told else AS_TOLD,
    )


def cell_centres(rows: int, cols: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Places of cells for the global motion: x float32[1, cols], y float32[rows, 1], ±0.5."""
    x = (np.arange(cols, dtype=np.float32) + 0.5) / cols - 0.5
    y = (np.arange(rows, dtype=np.float32) + 0.5) / rows - 0.5
    return x[None, :].astype(np.float32), y[:, None].astype(np.float32)


def write_flow_input(
    field: FlowField,
    cells: tuple[NDArray[np.float32], NDArray[np.float32]],
    out: NDArray[np.float32],
) -> None:
    """Flow input of the network: u and v without global motion, residual, difference.

    Args:
        field: of the flow kernel.
        cells: of `cell_centres`.
        out: float32[1, 4, rows, cols], written.
    """
    x, y = cells
    a = field.motion
    np.subtract(field.flow[0], a[0] + a[1] * x + a[2] * y, out=out[0, 0])
    np.subtract(field.flow[1], a[3] + a[4] * x + a[5] * y, out=out[0, 1])
    out[0, 2] = field.residual
    out[0, 3] = field.difference


def recent(frame: Frame, new_ns: int) -> bool:
    """Whether a frame comes so soon after another that the next one's time step can be told."""
    return frame.captured_ns - new_ns < DT_RANGE_S[1] * NS_PER_S / 2


def silent(frame: Frame, begin_ns: int, end_ns: int, state: MotionState) -> Gesture:
    """A gesture that says nothing happened; places stay where motion was last."""
    centre = state.levels.centre
    levels = tuple(Levels(0.0, 0.0, float(x), float(y)) for x, y in centre)
    return Gesture(
        captured_ns=frame.captured_ns,
        begin_ns=begin_ns,
        end_ns=end_ns,
        lookahead_ns=state.lookahead_ns,
        events=(),
        levels=levels,
        sequence=frame.sequence,
    )


def maps_of(out: Mapping[str, NDArray[np.float32]], gesture: Gesture) -> FrameMaps:
    """The engine's outputs for the interval of a gesture."""
    return FrameMaps(
        impact=out["impact"][0],
        strength=out["strength"][0],
        when=out["when"][0],
        total=float(out["total"][0, 0]),
        begin_ns=gesture.begin_ns,
        end_ns=gesture.end_ns,
        captured_ns=gesture.captured_ns,
        doubt=float(out["doubt"][0, 0]) if "doubt" in out else 0.0,
    )

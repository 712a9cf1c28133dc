"""The streaming flow stage: a grey picture in, the motion of each cell since the last one out."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from synchresis.errors import ParameterError
from synchresis.kernels.compiled import compiled
from synchresis.kernels.flow.camera import Doubles, fit_motion
from synchresis.kernels.flow.grid import refine_grid
from synchresis.kernels.flow.pictures import Floats, halve, padded_picture, shrink
from synchresis.kernels.flow.search import Room, changes, make_room, search
from synchresis.kernels.flow.settings import PATCH, FlowSettings

Grey = NDArray[np.uint8]
"""uint8[height, width], the analysed picture."""

_PICTURES = 4
"""Pictures of a pyramid; without a fine level the last is not searched."""


@dataclass(frozen=True, slots=True)
class FlowField:
    """What moved between two pictures; arrays are views, valid until the next step.

    Attributes:
        flow: float32[2, rows, cols], picture widths per second, +x right, +y down.
        residual: float32[rows, cols], mean |residual| after moving, grey 0 to 1.
        difference: float32[rows, cols], mean |difference| of the pictures, grey 0 to 1.
        motion: float32[6], the camera's: u = a0 + a1 x + a2 y, v = a3 + a4 x + a5 y in picture
            widths per second, x and y from −½ to ½ across the picture.
    """

    flow: Floats
    residual: Floats
    difference: Floats
    motion: Floats


@dataclass(frozen=True, slots=True)
class FlowState:
    """What the stage remembers, with the arrays it works in.

    Attributes:
        pyramids: two tuples of padded pictures, fine to coarse; they take turns as last and new.
        rooms: arrays of the coarse and of the fine grid.
        frames: int64[1], pictures seen since the start or the last reset.
        sums: float64[3, 5], normal equations of the camera's motion.
        motion: float64[6], the camera's motion in pixels.
        field: the result.
    """

    pyramids: tuple[tuple[Floats, ...], tuple[Floats, ...]]
    rooms: tuple[Room, Room]
    frames: NDArray[np.int64]
    sums: Doubles
    motion: Doubles
    field: FlowField


class Flow:
    """Flow between successive pictures; see `reference.py` for the formulas.

    The result belongs to the interval between the last two pictures: the stage adds no delay.
    """

    latency_samples = 0

    def __init__(self, settings: FlowSettings) -> None:
        self.settings = settings
        self._finest = min(level.halvings for level in settings.levels)
        self._plan = _plan(settings, self._finest)

    def initial_state(self) -> FlowState:
        """Return the state before the first picture."""
        s = self.settings
        depths = range(self._finest, self._finest + _PICTURES)
        sizes = [(s.height >> k, s.width >> k) for k in depths]
        first, second = (tuple(padded_picture(*size) for size in sizes) for _ in range(2))
        cells = (s.rows, s.cols)
        return FlowState(
            pyramids=(first, second),
            rooms=(make_room(s.rows // 2, s.cols // 2), make_room(s.rows, s.cols)),
            frames=np.zeros(1, np.int64),
            sums=np.zeros((3, 5)),
            motion=np.zeros(6),
            field=FlowField(
                flow=np.zeros((2, *cells), np.float32),
                residual=np.zeros(cells, np.float32),
                difference=np.zeros(cells, np.float32),
                motion=np.zeros(6, np.float32),
            ),
        )

    def reset_state(self, state: FlowState) -> None:
        """Forget the last picture: the next one is a first one."""
        state.frames[0] = 0

    def prepare(self) -> None:
        """Compile, or load from the cache, what `step` runs."""
        state = self.initial_state()
        grey = np.zeros((self.settings.height, self.settings.width), np.uint8)
        self.step(grey, 1.0, state)
        self.step(grey, 1.0, state)

    def step(self, grey: Grey, dt_s: float, state: FlowState, *, aspect: float = 0.75) -> FlowField:
        """Find the motion since the last picture.

        Args:
            grey: uint8[height, width].
            dt_s: seconds since the last picture, above 0.
            state: changed in place.
            aspect: height / width of the picture before it was resized.

        Returns:
            The field, zero for the first picture; exactly zero flow for identical pictures.

        Raises:
            ParameterError: when the picture or the time step is not as stated.
        """
        s = self.settings
        if grey.shape != (s.height, s.width) or grey.dtype != np.uint8:
            raise ParameterError(
                f"grey: {grey.dtype}{list(grey.shape)} must be uint8[{s.height}, {s.width}]"
            )
        if not dt_s > 0:
            raise ParameterError(f"dt_s={dt_s} must be above 0")
        seen = int(state.frames[0])
        state.frames[0] = seen + 1
        later, earlier = state.pyramids[seen % 2], state.pyramids[1 - seen % 2]
        shrink(grey, 1 << self._finest, later[0])
        for large, small in pairwise(later):
            halve(large, small)
        field = state.field
        if seen == 0:
            for array in (field.flow, field.residual, field.difference, field.motion):
                array.fill(0.0)
            return field
        self._compare(earlier, later, state)
        self._report(state, dt_s, aspect)
        return field

    def _compare(
        self, earlier: tuple[Floats, ...], later: tuple[Floats, ...], state: FlowState
    ) -> None:
        """Search all levels; residual and difference are taken where a cell has 4 pixels."""
        room, base = state.rooms[1], self.settings.base - self._finest
        coarse = state.rooms[0]
        coarse.d.fill(0.0)
        for number, step in enumerate(self._plan):
            if number == 1:
                refine_grid(coarse.d, coarse.trust.shape, room.d)
            elif number > 1:
                np.multiply(room.d, np.float32(2.0), out=room.d)
            grid = room if number else coarse
            search(earlier[step.picture], later[step.picture], grid, step.sizes, step.pulls)
        shape = PATCH, PATCH
        changes(earlier[base], later[base], room, shape, 0.5**base, state.field.residual)
        changes(earlier[base], later[base], room, shape, 0.0, state.field.difference)

    def _report(self, state: FlowState, dt_s: float, aspect: float) -> None:
        """Convert pixels of the finest level to picture widths per second."""
        s, room, pixels = self.settings, state.rooms[1], float(1 << self._finest)
        along_x = pixels / (s.width * dt_s)
        along_y = pixels * aspect / (s.height * dt_s)
        fit_motion(room.d, room.trust, 320.0 * pixels / s.width, state.sums, state.motion)
        _scale(room.d, along_x, along_y, state.field.flow)
        state.field.motion[:3] = state.motion[:3] * along_x
        state.field.motion[3:] = state.motion[3:] * along_y


@dataclass(frozen=True, slots=True)
class _Step:
    """One level as `search` wants it; only the first one has the coarse grid."""

    picture: int
    sizes: tuple[int, int, int, int]
    pulls: tuple[float, float]


def _plan(settings: FlowSettings, finest: int) -> tuple[_Step, ...]:
    """Return the levels, coarse to fine."""
    return tuple(
        _Step(
            level.halvings - finest,
            (level.patch, level.stride, level.iterations, int(level.tries_still)),
            (level.coupling, level.reach),
        )
        for level in settings.levels
    )


@compiled
def _scale(d: Floats, along_x: float, along_y: float, flow: Floats) -> None:
    """Write displacements as flow: float32[2, R, C]."""
    rows, cols = flow.shape[1:]
    scales = np.float32(along_x), np.float32(along_y)
    for axis in range(2):
        for r in range(rows):
            for c in range(cols):
                flow[axis, r, c] = scales[axis] * d[axis, (r + 1) * (cols + 2) + 1 + c]

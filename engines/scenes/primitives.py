"""Drawing primitives: the layout of their parameters and the canvas families draw on.

A primitive is one soft-edged textured shape. What moves is its *pose*, sampled at every sub-time of
every frame; what stays is its *look*. World coordinates: picture width = 1, x right, y down, origin
in the middle of the picture at rest, so y runs from -aspect/2 to +aspect/2 (aspect = height/width).
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synchresis.errors import ParameterError

CX, CY, COS, SIN, HALF_LENGTH, HALF_W0, HALF_W1, BEND, ALPHA, GAIN, GROW = range(11)
POSE_SIZE: Final = 11
"""Pose columns: centre, direction of the long axis, half length, half widths at both ends, bend of
the middle (all picture widths), opacity 0..1, brightness factor, texture magnification."""

(CORNER, ELLIPSE, SOFT, BLUE, GREEN, RED, LAYER, TEX_AMP, TEX_SCALE, TEX_U, TEX_V, SHADE) = range(
    12
)
LIGHT_X, LIGHT_Y, COVER, ADD = range(12, 16)
LOOK_SIZE: Final = 16
"""Look columns: corner radius as a fraction of the smaller half size, ellipse 0/1, edge softness
(picture widths), colour 0..1, texture layer, amplitude, periods per picture width and offset,
shading and its light direction, how much the shape covers what is behind it, how much it adds."""

MAX_PRIMITIVES: Final = 64

Samples = NDArray[np.float64]
"""float64[N] or float64[N, 2]: one value or point per sampled time."""


@dataclass(frozen=True, slots=True)
class Look:
    """Appearance of a primitive; `colour` is BGR 0..1, `texture` a layer of the atlas."""

    colour: tuple[float, float, float] = (0.5, 0.5, 0.5)
    texture: int = 0
    amplitude: float = 0.2
    scale: float = 1.5
    offset: tuple[float, float] = (0.0, 0.0)
    shade: float = 0.3
    soft: float = 0.0
    cover: float = 1.0
    add: float = 1.0

    def tinted(self, factor: float) -> "Look":
        """The same look, brighter (> 1) or darker (< 1)."""
        b, g, r = (min(1.0, factor * channel) for channel in self.colour)
        return replace(self, colour=(b, g, r))


SHADOW: Final = Look(amplitude=0.0, shade=0.0, soft=0.02, add=0.0)
"""A shadow: darkens what is behind it by its opacity."""


class Canvas:
    """Collects primitives in drawing order, the first one furthest back.

    Args:
        samples: N, the number of sampled times.
        light: direction the light comes from, unit vector in the picture.
    """

    def __init__(self, samples: int, light: tuple[float, float]) -> None:
        self.samples = samples
        self._light = light
        self._count = 0
        self._pose = np.zeros((MAX_PRIMITIVES, POSE_SIZE, samples), np.float32)
        self._look = np.zeros((MAX_PRIMITIVES, LOOK_SIZE), np.float32)

    @property
    def count(self) -> int:
        """Primitives drawn so far."""
        return self._count

    def capsule(
        self,
        start: Samples,
        end: Samples,
        radii: tuple[ArrayLike, ArrayLike],
        look: Look,
        **pose: ArrayLike,
    ) -> None:
        """Limb from `start` to `end` (float[N, 2] or [2]) with a radius (widths) at either end."""
        start, end = np.atleast_2d(start), np.atleast_2d(end)
        axis = end - start
        length = np.maximum(np.hypot(axis[:, 0], axis[:, 1]), 1e-6)
        row = self._next(look, corner=1.0, ellipse=0.0)
        middle = 0.5 * (start + end)
        row[CX], row[CY] = middle[:, 0], middle[:, 1]
        row[COS], row[SIN] = axis[:, 0] / length, axis[:, 1] / length
        row[HALF_W0], row[HALF_W1] = radii
        row[HALF_LENGTH] = 0.5 * length + 0.5 * (row[HALF_W0] + row[HALF_W1])
        self._finish(row, pose)

    def box(
        self,
        centre: ArrayLike,
        half: tuple[ArrayLike, ArrayLike],
        look: Look,
        *,
        angle: ArrayLike = 0.0,
        corner: float = 0.1,
        **pose: ArrayLike,
    ) -> None:
        """Rounded box, `half` (along, across) its axis turned by `angle`; `taper` narrows it."""
        row = self._placed(centre, angle, look, corner=corner, ellipse=0.0)
        row[HALF_LENGTH] = half[0]
        row[HALF_W0] = half[1]
        row[HALF_W1] = half[1] * np.asarray(pose.pop("taper", 1.0))
        self._finish(row, pose)

    def ellipse(
        self,
        centre: ArrayLike,
        half: tuple[ArrayLike, ArrayLike],
        look: Look,
        *,
        angle: ArrayLike = 0.0,
        **pose: ArrayLike,
    ) -> None:
        """Ellipse with half axes `half`, the first one turned by `angle` radians."""
        row = self._placed(centre, angle, look, corner=1.0, ellipse=1.0)
        row[HALF_LENGTH] = half[0]
        row[HALF_W0] = row[HALF_W1] = half[1]
        self._finish(row, pose)

    def finished(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The drawing: pose float32[N, P, POSE_SIZE] and look float32[P, LOOK_SIZE]."""
        pose = np.ascontiguousarray(self._pose[: self._count].transpose(2, 0, 1))
        return pose, self._look[: self._count].copy()

    def _next(self, look: Look, *, corner: float, ellipse: float) -> NDArray[np.float32]:
        if self._count == MAX_PRIMITIVES:
            raise ParameterError(
                f"primitives={self._count} is the most a scene may draw; draw fewer"
            )
        index = self._count
        self._count += 1
        light_x, light_y = self._light
        self._look[index] = (
            corner, ellipse, look.soft, *look.colour, look.texture, look.amplitude, look.scale,
            *look.offset, look.shade, light_x, light_y, look.cover, look.add,
        )  # fmt: skip
        row: NDArray[np.float32] = self._pose[index]
        row[ALPHA] = row[GAIN] = row[GROW] = 1.0
        return row

    def _placed(
        self, centre: ArrayLike, angle: ArrayLike, look: Look, *, corner: float, ellipse: float
    ) -> NDArray[np.float32]:
        row = self._next(look, corner=corner, ellipse=ellipse)
        points = np.atleast_2d(np.asarray(centre))
        row[CX], row[CY] = points[:, 0], points[:, 1]
        row[COS], row[SIN] = np.cos(angle), np.sin(angle)
        return row

    @staticmethod
    def _finish(row: NDArray[np.float32], pose: dict[str, ArrayLike]) -> None:
        for name, column in (("bend", BEND), ("alpha", ALPHA), ("gain", GAIN), ("grow", GROW)):
            if name in pose:
                row[column] = pose.pop(name)
        if pose:
            raise ParameterError(f"pose={sorted(pose)} is not bend, alpha, gain, grow or taper")
        np.maximum(row[HALF_LENGTH], 1e-5, out=row[HALF_LENGTH])
        np.maximum(row[HALF_W0], 1e-5, out=row[HALF_W0])
        np.maximum(row[HALF_W1], 1e-5, out=row[HALF_W1])

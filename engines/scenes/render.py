"""Pictures of a world on the CPU."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synchresis.engines.frame import Picture
from synchresis.engines.scenes import primitives as at
from synchresis.engines.scenes import raster, sensor
from synchresis.engines.scenes.atlas import atlas
from synchresis.engines.scenes.shot import row_weights
from synchresis.engines.scenes.world import World
from synchresis.errors import ParameterError

GREY: tuple[float, float, float] = (0.114, 0.587, 0.299)
"""Weights of B, G, R in grey (ITU-R BT.601)."""


@dataclass(frozen=True, slots=True)
class PictureSize:
    """Width and height in pixels, multiples of 4; grey (one channel) or colour."""

    width: int = 320
    height: int = 240
    colour: bool = False

    def __post_init__(self) -> None:
        for name, value in (("width", self.width), ("height", self.height)):
            if value < 16 or value % sensor.BLOCK:
                raise ParameterError(
                    f"{name}={value} must be a multiple of {sensor.BLOCK}, at least 16"
                )


class Film:
    """Renders the frames of worlds one after another; the codec remembers the last one.

    Worlds fed to one film must be consecutive stretches of one scene.
    """

    def __init__(self, size: PictureSize) -> None:
        self._size = size
        channels = 3 if size.colour else 1
        shape = (size.height, size.width, channels)
        self._base, self._drawn, self._exposed, self._coded = (
            np.zeros(shape, np.float32) for _ in range(4)
        )
        self._basis = sensor.dct_matrix()
        self._last: NDArray[np.uint8] = np.zeros(shape, np.uint8)

    def pictures(self, world: World) -> Iterator[Picture]:
        """The frames of `world` in order: uint8[H, W, 3] BGR or uint8[H, W] grey, new arrays."""
        look = world.look if self._size.colour else grey_look(world.look)
        weights = row_weights(
            world.pose.shape[1], self._size.height, world.exposure_s, world.readout_s
        )
        based = 0
        for index in range(len(world.times)):
            if world.shown[index] == index:
                based = self._kept(world, index, based)
                self._frame(world, index, look, weights, based)
                based = self._steady
            yield self._last[:, :, 0].copy() if not self._size.colour else self._last.copy()

    def _kept(self, world: World, index: int, based: int) -> int:
        """Leading primitives of the kept base that still hold for frame `index`."""
        if (
            index == 0
            or based == 0
            or not np.array_equal(world.camera[index], world.camera[index - 1])
        ):
            return 0
        same = (world.pose[index, 0, :based] == world.pose[self._drawn_index, 0, :based]).all(-1)
        return based if same.all() else 0

    def _frame(
        self,
        world: World,
        index: int,
        look: NDArray[np.float32],
        weights: NDArray[np.float32],
        based: int,
    ) -> None:
        self._steady = raster.draw(
            world.pose[index],
            look,
            world.camera[index],
            weights,
            world.aspect,
            atlas(),
            self._base,
            based,
            self._drawn,
        )
        self._drawn_index = index
        row = world.sensor[index]
        sensor.expose(self._drawn, row, int(world.noise_keys[index]), self._exposed)
        sensor.encode(self._exposed, row, self._basis, self._coded)
        np.clip(self._coded * 255.0 + 0.5, 0, 255, out=self._exposed)
        self._last = self._exposed.astype(np.uint8)


def grey_look(look: NDArray[np.float32]) -> NDArray[np.float32]:
    """Looks whose BLUE column holds the grey of their colour."""
    grey = look.copy()
    grey[:, at.BLUE] = look[:, at.BLUE : at.RED + 1] @ np.array(GREY, np.float32)
    return grey


def render(world: World, size: PictureSize | None = None) -> NDArray[np.uint8]:
    """All frames of a world: uint8[T, H, W] grey or uint8[T, H, W, 3] BGR."""
    return np.stack(list(Film(size or PictureSize()).pictures(world)))

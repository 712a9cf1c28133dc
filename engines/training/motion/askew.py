"""Scenes filmed askew: cameras that are turned, far away, off the middle, of another shape.

Training scenes stand upright, and their things are of the sizes their families give them; real
cameras look from above, from the side and from the other end of a room.
"""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

TURN_DEG = 40.0
"""Deviation of the angle a picture is turned by, degrees; never more than twice that."""

SIZES = (0.5, 1.2)
"""How much smaller or larger things are seen."""

STRETCH = 1.25
"""Most that the picture is stretched one way and shrunk the other."""

MOVE = 0.15
"""Most the middle is moved, picture widths and heights."""


@dataclass(frozen=True, slots=True)
class Skew:
    """How one sequence is seen.

    Attributes:
        matrix: float64[2, 2], from places in the scene's picture to those in what is seen, both
            -1..1 from the middle.
        offset: float64[2], the scene's middle in what is seen.
    """

    matrix: NDArray[np.float64]
    offset: NDArray[np.float64]

    @classmethod
    def draw(cls, rng: np.random.Generator, aspect: float, share: float) -> "Skew":
        """Draw one; `share` of all are askew, the others as they are.

        Args:
            rng: generator.
            aspect: height over width of the picture.
            share: 0 to 1.
        """
        if rng.random() >= share:
            return cls(np.eye(2), np.zeros(2))
        angle = np.deg2rad(np.clip(rng.normal(0.0, TURN_DEG), -2 * TURN_DEG, 2 * TURN_DEG))
        low, high = SIZES
        size = low * (high / low) ** rng.random()
        wide = STRETCH ** rng.uniform(-1.0, 1.0)
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        square = np.diag([1.0, aspect])
        matrix = np.linalg.inv(square) @ (size * np.diag([wide, 1 / wide]) @ turn) @ square
        return cls(matrix, rng.uniform(-2 * MOVE, 2 * MOVE, 2))

    def places(self, xy: NDArray[np.float64]) -> NDArray[np.float64]:
        """Places in what is seen of places float64[..., 2], fractions of the picture, clipped."""
        seen = (2.0 * xy - 1.0) @ self.matrix.T + self.offset
        return np.clip(0.5 * (seen + 1.0), 0.0, 1.0)

    def picture(self, pixels: Tensor) -> Tensor:
        """Pictures uint8[T, H, W] as they are seen; beyond the border its pixels go on."""
        if np.array_equal(self.matrix, np.eye(2)) and not self.offset.any():
            return pixels
        back = np.linalg.inv(self.matrix)
        rows = np.concatenate((back, -(back @ self.offset)[:, None]), 1)
        theta = torch.tensor(rows, dtype=torch.float32, device=pixels.device)[None]
        grid = F.affine_grid(theta, [1, 1, *pixels.shape[1:]], align_corners=False)
        stack = pixels[None].float()
        out = F.grid_sample(stack, grid, padding_mode="border", align_corners=False)
        return out[0].round().to(torch.uint8)

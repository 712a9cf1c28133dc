"""Analysis picture: every frame, whatever its size, as 320 × 240 grey and 160 × 120 pixels."""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from synchresis.engines.frame import Picture
from synchresis.errors import ParameterError

HEIGHT: Final = 240
"""Rows of the analysis picture."""

WIDTH: Final = 320
"""Columns of the analysis picture."""

Grey = NDArray[np.uint8]
"""uint8[HEIGHT, WIDTH]."""


@dataclass(slots=True)
class AnalysisState:
    """Pre-allocated pictures of one stream.

    Attributes:
        grey: uint8[HEIGHT, WIDTH], what the flow kernel sees.
        pixels: float32[1, 1, HEIGHT / 2, WIDTH / 2], 0..1, what the network sees.
        small: uint8[HEIGHT / 2, WIDTH / 2].
    """

    grey: Grey
    pixels: NDArray[np.float32]
    small: NDArray[np.uint8]

    @classmethod
    def allocate(cls) -> "AnalysisState":
        """Black pictures."""
        rows, cols = HEIGHT // 2, WIDTH // 2
        return cls(
            np.zeros((HEIGHT, WIDTH), np.uint8),
            np.zeros((1, 1, rows, cols), np.float32),
            np.zeros((rows, cols), np.uint8),
        )


def analyse(picture: Picture, state: AnalysisState) -> None:
    """Write the analysis pictures of a frame into the state.

    The picture is made grey, then resized by area, aspect ignored. `pixels` is the 2 × 2 mean of
    `grey`, rounded to 1/255.

    Raises:
        ParameterError: not uint8[H, W] or uint8[H, W, 3], or empty.
    """
    shape = picture.shape
    coloured = picture.ndim == 3 and shape[2] == 3
    if picture.dtype != np.uint8 or not (coloured or picture.ndim == 2) or 0 in shape:
        raise ParameterError(
            f"picture {picture.dtype}{list(shape)} must be uint8[H, W] grey or uint8[H, W, 3] BGR"
        )
    flat = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY) if coloured else picture
    if shape[:2] == (HEIGHT, WIDTH):
        np.copyto(state.grey, flat)
    else:
        cv2.resize(flat, (WIDTH, HEIGHT), dst=state.grey, interpolation=cv2.INTER_AREA)
    cv2.resize(state.grey, (WIDTH // 2, HEIGHT // 2), dst=state.small, interpolation=cv2.INTER_AREA)
    np.multiply(state.small, np.float32(1 / 255), out=state.pixels[0, 0], dtype=np.float32)

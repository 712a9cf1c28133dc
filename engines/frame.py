"""Frame: one picture with the time it was captured."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
"""uint8[H, W] grey or uint8[H, W, 3] BGR."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture.

    Attributes:
        picture: uint8[H, W] grey or uint8[H, W, 3] BGR, as shown (mirrored where wanted).
        captured_ns: when the light was captured, on the clock `clock_id`, camera delay subtracted.
        sequence: running number given by the source; gaps are frames lost before us.
        clock_id: host and boot the time belongs to; "virtual" for the time of a file or scene.
        camera: name of the source.
    """

    picture: Picture
    captured_ns: int
    sequence: int
    clock_id: str = "virtual"
    camera: str = "camera"

"""Controls: what the voice hears, one row per zone, once per hop."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

EMBEDDING = 32
"""Length of a palette embedding."""


@dataclass(slots=True)
class Controls:
    """Controls of all zones for one hop; arrays are written in place, never rebound.

    Attributes:
        onset: float32[Z], 1 where a hit begins inside this hop, else 0.
        onset_sample: int32[Z], its sample inside the hop, 0 to HOP - 1 (0 without onset).
        strength: float32[Z], of the onset, 0 to 1 (0 without onset).
        friction: float32[Z], 0 to 1.
        burst: float32[Z], 0 to 1.
        x: float32[Z], place in the picture, 0 left to 1 right (of the onset where there is one).
        y: float32[Z], 0 top to 1 bottom.
        palette: float32[Z, EMBEDDING].
        noise_index: uint64[Z], absolute index of the hop's first sample.
    """

    onset: NDArray[np.float32]
    onset_sample: NDArray[np.int32]
    strength: NDArray[np.float32]
    friction: NDArray[np.float32]
    burst: NDArray[np.float32]
    x: NDArray[np.float32]
    y: NDArray[np.float32]
    palette: NDArray[np.float32]
    noise_index: NDArray[np.uint64]

    @classmethod
    def zeros(cls, zones: int) -> "Controls":
        """Silence for a number of zones, centred."""

        def row(value: float = 0.0) -> NDArray[np.float32]:
            return np.full(zones, value, np.float32)

        return cls(
            onset=row(),
            onset_sample=np.zeros(zones, np.int32),
            strength=row(),
            friction=row(),
            burst=row(),
            x=row(0.5),
            y=row(0.5),
            palette=np.zeros((zones, EMBEDDING), np.float32),
            noise_index=np.zeros(zones, np.uint64),
        )

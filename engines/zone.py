"""Zone: a rectangle of the picture with its own palette and gain."""

from dataclasses import dataclass

from synchresis.errors import ParameterError


@dataclass(frozen=True, slots=True)
class Zone:
    """A part of the picture as shown.

    Attributes:
        x0: left edge, y0: top edge, x1: right edge, y1: bottom edge, as fractions 0 to 1.
        palette: name of a palette, or a mix such as "wood:0.7+glass:0.3".
        gain_db: gain of the zone, decibels.
    """

    x0: float = 0.0
    y0: float = 0.0
    x1: float = 1.0
    y1: float = 1.0
    palette: str = "wood"
    gain_db: float = 0.0

    def __post_init__(self) -> None:
        if not (0 <= self.x0 < self.x1 <= 1 and 0 <= self.y0 < self.y1 <= 1):
            raise ParameterError(
                f"zone {self.x0},{self.y0},{self.x1},{self.y1} must satisfy 0 <= X0 < X1 <= 1 and "
                "0 <= Y0 < Y1 <= 1 (fractions of the picture)"
            )
        if not -80 <= self.gain_db <= 24:
            raise ParameterError(f"zone gain {self.gain_db} dB must be within -80 to 24 dB")

"""What a source offers: a film has its own time, a live source has ours."""

from collections.abc import Iterator
from typing import Protocol

from synchresis.engines.frame import Frame


class Film(Protocol):
    """Frames with times of their own, as fast as they are asked for.

    `captured_ns` counts from the first frame, strictly increasing, `clock_id` is "virtual".
    Pictures are read-only and never reused.
    """

    name: str
    nominal_fps: float

    @property
    def end_ns(self) -> int:
        """Where the newest frame ends; once all were read, the end of the film."""
        ...

    def __iter__(self) -> Iterator[Frame]:
        """The frames, once."""
        ...

    def close(self) -> None:
        """Let go of the file."""
        ...


class LiveSource(Protocol):
    """Frames as they happen, on the clock of this machine. Pictures are never reused."""

    name: str

    @property
    def nominal_fps(self) -> float:
        """Frames per second it promises, until some were seen."""
        ...

    @property
    def estimated(self) -> bool:
        """Whether `captured_ns` is only the time at which we got the picture."""
        ...

    @property
    def away(self) -> bool:
        """Whether the device is gone for now."""
        ...

    @property
    def finished(self) -> bool:
        """Whether no frame will ever come again."""
        ...

    @property
    def lost(self) -> int:
        """Frames that were replaced by newer ones before anybody took them."""
        ...

    def read(self, timeout_s: float) -> Frame | None:
        """Newest frame not read before; None if none came in time."""
        ...

    def close(self) -> None:
        """Stop and let go of the device."""
        ...

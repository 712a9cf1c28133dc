"""A film that is cut after some seconds."""

from collections.abc import Iterator

from synchresis.engines.frame import Frame
from synchresis.engines.timebase import NS_PER_S
from synchresis.realtime.sources.source import Film


class LimitedFilm:
    """The beginning of a film: frames before `seconds`, and an end no later."""

    def __init__(self, film: Film, seconds: float) -> None:
        """Cut `film` at `seconds` after its first frame."""
        self.name = film.name
        self.nominal_fps = film.nominal_fps
        self._film = film
        self._limit_ns = round(seconds * NS_PER_S)

    @property
    def end_ns(self) -> int:
        """End of the film or the cut, whichever comes first."""
        return min(self._film.end_ns, self._limit_ns)

    def __iter__(self) -> Iterator[Frame]:
        """Frames before the cut."""
        for frame in self._film:
            if frame.captured_ns >= self._limit_ns:
                return
            yield frame

    def close(self) -> None:
        """Close the film."""
        self._film.close()

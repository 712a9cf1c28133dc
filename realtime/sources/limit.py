"""Films with another length: cut after some seconds, or with the first picture held."""

import math
from collections.abc import Iterator
from dataclasses import replace

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


class HeldFilm:
    """A film whose first picture is held for some time, frame by frame at its nominal rate."""

    def __init__(self, film: Film, hold_s: float, *, pause_s: float = 0.0) -> None:
        """Hold the first picture of `film` for `hold_s`, in whole frames.

        Of these, none is shown in the last `pause_s`: a parser begins anew after a long enough gap,
        and does not take a film that begins in the middle of a motion for a jump.
        """
        self.name = film.name
        self.nominal_fps = film.nominal_fps
        self._film = film
        self._count = round(hold_s * film.nominal_fps)
        self._shown = max(self._count - math.ceil(pause_s * film.nominal_fps), 0)
        self._hold_ns = round(self._count * NS_PER_S / film.nominal_fps)

    @property
    def end_ns(self) -> int:
        """End of the film, later by the time held."""
        return self._film.end_ns + self._hold_ns

    def __iter__(self) -> Iterator[Frame]:
        """The first picture again and again, then the film."""
        held = False
        for frame in self._film:
            if not held:
                yield from self._hold(frame)
                held = True
            yield replace(
                frame,
                captured_ns=frame.captured_ns + self._hold_ns,
                sequence=frame.sequence + self._count,
            )

    def close(self) -> None:
        """Close the film."""
        self._film.close()

    def _hold(self, first: Frame) -> Iterator[Frame]:
        for index in range(self._shown):
            time_ns = round(index * NS_PER_S / self.nominal_fps)
            yield replace(first, captured_ns=time_ns, sequence=first.sequence + index)

"""A film as a live source: each frame comes when its time has come."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from synchresis.engines.frame import Frame
from synchresis.engines.timebase import NS_PER_S
from synchresis.realtime.clock import Clock, SystemClock, clock_id
from synchresis.realtime.sources.source import Film


class PacedFilm:
    """Plays a film on the clock of this machine.

    A film that falls more than a frame behind (slow reading, a stalled machine) goes on later
    from where it stands: no frame is skipped and none is hurried.
    """

    estimated: Final = False
    away: Final = False
    lost: Final = 0

    def __init__(self, film: Film, *, clock: Clock | None = None) -> None:
        """Fetch the first frame; time begins with the first `read`.

        Raises:
            InputError: the film has no frame that can be decoded.
        """
        self.name = film.name
        self.finished = False
        self._film = film
        self._clock = clock or SystemClock()
        self._frames: Iterator[Frame] = iter(film)
        self._next: Frame | None = next(self._frames, None)
        self._begin_ns: int | None = None

    @property
    def nominal_fps(self) -> float:
        """Of the film."""
        return self._film.nominal_fps

    def read(self, timeout_s: float) -> Frame | None:
        """The next frame, not before its time."""
        self._next = self._next or next(self._frames, None)
        if self._next is None:
            self.finished = True
            return None
        now_ns = self._clock.now_ns()
        due_ns = self._due_ns(self._next, now_ns)
        self._clock.sleep_until(min(due_ns, now_ns + round(timeout_s * NS_PER_S)))
        if self._clock.now_ns() < due_ns:
            return None
        frame, self._next = self._next, None
        return replace(frame, captured_ns=due_ns, clock_id=clock_id())

    def close(self) -> None:
        """Close the film."""
        self.finished = True
        self._film.close()

    def _due_ns(self, frame: Frame, now_ns: int) -> int:
        """When a frame is due; the film is moved when that is over."""
        if self._begin_ns is None:
            self._begin_ns = now_ns - frame.captured_ns
        behind_ns = now_ns - (self._begin_ns + frame.captured_ns)
        if behind_ns > NS_PER_S / self.nominal_fps:
            self._begin_ns += behind_ns
        return self._begin_ns + frame.captured_ns

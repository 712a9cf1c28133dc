"""Repeated frames: films of 24 pictures a second shown at 30, cameras in the dark, screen captures.

A repeated frame looks like a sudden stop, which is what a hit looks like, and the frame after it
moves twice as far as it should. So such frames are left out once a stream is known to have them. A
codec changes repeated pictures a little: told is that a frame changes much less than those before
and after it do. What stops and stays is no repeat, nor is the rare frame that changes little.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

LITTLE: Final = 0.15
"""A frame repeats the last one if it changes by less than this share of the energy of its change.

Of drawn scenes through H.264 (constant rate factor 20, 28) that share of frames lies below with
their neighbours above it: .002, .009 where none repeat, .15, .07 at 24 pictures in 30 frames."""

BEFORE: Final = 3
"""Changes that are all to be greater before a repeat counts: what moves by fits has none."""

APART: Final = 8
"""Pictures between repeats, at most; what comes more seldom is a stroke that turns back."""

LONGEST: Final = 3
"""Repeats in a row; what changes as little for longer has stopped."""

MEMORY: Final = 48
"""Frames over which repeats are counted."""

KNOWN: Final = 0.06
"""Share of repeats lately from which on a stream is known to have them: three of 48 frames."""

EVERY: Final = 0.4
"""Share of repeats from which on every picture is shown more than once, so evenly enough."""

EVENED: Final = 8
"""Time steps of which the mean is taken."""

Small = NDArray[np.uint8]


@dataclass(slots=True)
class RepeatState:
    """What one stream is known to repeat; `last` is written in place.

    Attributes:
        last: uint8[H, W], newest picture that was no repeat.
        changes: energies of changes from each such picture to the next, mean square in grey levels,
            the newest last.
        run: frames that changed little since then.
        most: energy of the greatest of those little changes.
        since: pictures since one was repeated.
        share: how many frames lately were repeats, 0..1.
        usual: repeats in a row, leaky mean.
        steps_s: from picture to picture, the newest last.
    """

    last: Small
    changes: deque[float] = field(default_factory=lambda: deque(maxlen=BEFORE))
    run: int = 0
    most: float = 0.0
    since: int = APART + 1
    share: float = 0.0
    usual: float = 0.0
    steps_s: deque[float] = field(default_factory=lambda: deque(maxlen=EVENED))

    @classmethod
    def allocate(cls, rows: int, cols: int) -> "RepeatState":
        """Of a stream that has shown nothing."""
        return cls(np.zeros((rows, cols), np.uint8))

    def reset(self, picture: Small) -> None:
        """Begin anew with this picture; how the stream repeats is not forgotten."""
        np.copyto(self.last, picture)
        self.changes.clear()
        self.run, self.most = 0, 0.0
        self.steps_s.clear()

    def repeats(self, picture: Small) -> bool:
        """Whether the stream's next frame is to be left out; call it once a frame, in time order.

        Args:
            picture: uint8[H, W], grey.
        """
        energy = cv2.norm(picture, self.last, cv2.NORM_L2SQR) / picture.size
        newest = self.changes[-1] if self.changes else 0.0
        if energy < LITTLE * newest and self.run < LONGEST:
            self.run += 1
            self.most = max(self.most, energy)
            return self.share >= KNOWN and self.run <= round(self.usual)
        if energy >= LITTLE * newest > 0:
            repeated = self.run > 0 and self.most < LITTLE * min(energy, *self.changes)
            self._count(self.run if repeated and self.since <= APART else 0)
            self.since = 1 if repeated else self.since + 1
        else:
            self.changes.clear()  # it stopped, or has only begun
        np.copyto(self.last, picture)
        if energy > 0:
            self.changes.append(energy)
        self.run, self.most = 0, 0.0
        return False

    def evened(self, dt_s: float) -> float:
        """Time step of a picture: as they mostly are, where some are repeated and others are not.

        Of 24 pictures in 30 frames three come after 33 ms, the next after 67; they were taken
        every 42.
        """
        self.steps_s.append(dt_s)
        some = KNOWN <= self.share < EVERY
        return sum(self.steps_s) / len(self.steps_s) if some else dt_s

    def _count(self, run: int) -> None:
        """A frame moved on after so many repeats."""
        self.share += (run - self.share * (run + 1)) / MEMORY
        if run:
            self.usual += (run - self.usual) * (0.25 if self.usual else 1.0)

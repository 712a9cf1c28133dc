"""A ring that outlives its device: while that is away a clock takes the sound, unheard."""

import logging
import threading
from collections.abc import Callable
from typing import Final, TypeAlias

from synchresis.engines.playout import Block
from synchresis.engines.timebase import NS_PER_S
from synchresis.errors import DeviceError
from synchresis.realtime.clock import Clock
from synchresis.realtime.lost_device import release_lost
from synchresis.realtime.ring import Ring, SoftwareRing
from synchresis.realtime.sinks.sink import NullSink

STUCK_NS: Final = NS_PER_S
"""A device that takes nothing for this long is gone, whatever it says of itself."""

_BLIND_NS: Final = NS_PER_S // 10
"""Who did not look for this long cannot tell that nothing was taken: the whole program stood."""

RETRY_S: Final = 1.0
"""A device that is away is looked for this often."""

Open: TypeAlias = Callable[[], Ring]
"""Opens the device; called again and again when it went away, from a thread of its own."""

_log = logging.getLogger(__name__)


class LastingRing:
    """A device's ring, or silence until the device is back; the voice thread writes on.

    Attributes:
        away: whether nobody hears what is played.
        devices: how many there were before this one; the clock that stands in counts as one.
    """

    def __init__(
        self,
        open_device: Open,
        clock: Clock,
        *,
        on_loss: Callable[[], None] = lambda: None,
        retry_s: float = RETRY_S,
    ) -> None:
        """Open the device.

        Args:
            open_device: see `Open`.
            clock: takes the samples while the device is away.
            on_loss: called when it went away, from the voice thread: be quick.
            retry_s: how often it is looked for then.

        Raises:
            DeviceError: it cannot be opened now.
        """
        self.away = False
        self.devices = 0
        self._open = open_device
        self._clock = clock
        self._on_loss = on_loss
        self._retry_s = retry_s
        self._ring = open_device()
        self._latency_ns = self._ring.latency_ns
        self._moved_ns = self._looked_ns = clock.now_ns()
        self._found: Ring | None = None
        self._closing = threading.Event()
        self._seeker: threading.Thread | None = None

    @property
    def playing(self) -> bool:
        """Whether something takes from the ring; False too right after it changed hands."""
        if self._found is not None:
            return self._return()
        if self.away:
            return self._ring.playing
        try:
            playing = self._ring.playing
        except DeviceError as err:
            return self._lose(str(err).partition(";")[0])
        if playing and self._stuck():
            return self._lose("the audio device takes no more sound")
        return playing

    @property
    def queued(self) -> int:
        """Samples written that nothing has taken."""
        return self._ring.queued

    @property
    def latency_ns(self) -> int:
        """From taking a sample to hearing it; while the device is away, as it was."""
        return self._latency_ns

    def write(self, block: Block, hop: int) -> None:
        """Append the sound of a hop."""
        self._moved_ns = self._clock.now_ns()
        self._ring.write(block, hop)

    def drop(self) -> None:
        """Forget what was written; only while nothing takes it."""
        self._ring.drop()

    def start(self) -> None:
        """Let it be taken."""
        self._moved_ns = self._clock.now_ns()
        self._ring.start()

    def close(self) -> None:
        """Stop looking for the device, or release it."""
        self._closing.set()
        if self._seeker is not None:
            self._seeker.join(timeout=2)
        for ring in (self._ring, self._found):
            if ring is not None:
                ring.close()

    def abort(self) -> None:
        """The same: what was heard is gone."""
        self.close()

    def _stuck(self) -> bool:
        """Whether the ring was full whenever one looked: nothing could be written."""
        now_ns = self._clock.now_ns()
        if now_ns - self._looked_ns > _BLIND_NS:
            self._moved_ns = now_ns
        self._looked_ns = now_ns
        return now_ns - self._moved_ns > STUCK_NS

    def _lose(self, why: str) -> bool:
        """Play on to nobody, and have the device looked for."""
        _log.warning("%s; playing on unheard until it is back", why)
        self._on_loss()
        lost, self.away = self._ring, True
        self._ring = SoftwareRing(self._clock, NullSink(), whole=False)
        self.devices += 1
        self._seeker = threading.Thread(
            target=self._seek, args=(lost,), name="audio device", daemon=True
        )
        self._seeker.start()
        return False

    def _return(self) -> bool:
        """Play on the device that was found."""
        assert self._found is not None
        _log.warning("the audio device is back")
        self._ring, self._found, self.away = self._found, None, False
        self.devices += 1
        self._latency_ns = self._ring.latency_ns
        return False

    def _seek(self, lost: Ring) -> None:
        """Release the lost device and open it again once it is there; a thread of its own."""
        release_lost(lost.close, name="lost audio device")
        while not self._closing.wait(self._retry_s):
            try:
                self._found = self._open()
            except DeviceError:
                continue
            return

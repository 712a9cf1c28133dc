"""Refreshing while playing: a microphone listens, and the taught readout follows what it hears.

A thread of its own records a stretch, finds its hits and learns from the frames of the same time;
parser and audio threads only append to, and read from, what never blocks. Work is bounded: one
stretch every `STRETCH_S`, no more frames than `MOST_FRAMES`.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

import numpy as np
from safetensors.numpy import save

from synchresis.engines.motion.parser import MotionParser
from synchresis.engines.motion.readout import FILE, Floats, Readout, ReadoutStage
from synchresis.engines.onsets import find_onsets
from synchresis.engines.packs import Pack, update_pack
from synchresis.engines.teach.fitting import Taught
from synchresis.engines.teach.refreshing import Refresher, Stretch
from synchresis.engines.teach.soundtracks import SILENT
from synchresis.engines.timebase import NS_PER_S, SAMPLE_RATE
from synchresis.errors import ParameterError, SynchresisError
from synchresis.realtime.recorder import Recorder, Recording

STRETCH_S: Final = 10.0
"""Length of what is heard and learned from at once, seconds."""

MOST_FRAMES: Final = 4096
"""Frames kept until they are learned from: 17 s at 240 frames per second."""

_log = logging.getLogger(__name__)

Listen = Callable[[threading.Event], Recording]
"""Records a stretch, or less if the event is set."""

Row = tuple[float, Floats, Floats]


class Refreshing:
    """Keeps teaching a parser between `with` and the end of the block.

    Attributes:
        refresher: what was learned.
        error: what ended it early, None so far.

    Args:
        parser: of a taught pack, playing or about to.
        pack: it was opened with.
        listen: records a stretch.

    Raises:
        ParameterError: the pack was not taught, or with a threshold only.
    """

    def __init__(self, parser: MotionParser, pack: Pack, listen: Listen) -> None:
        if parser.taught is None:
            raise ParameterError(
                f"pack {pack.name!r} has no taught readout to refresh; make one with "
                "`synchresis teach motion` and give it with --pack"
            )
        readout = parser.taught.readout
        lag = pack.manifest.overlay.get("lag_s", 0.0)
        lag_s = float(lag) if isinstance(lag, float | int) else 0.0
        self.refresher = Refresher(Taught(lag_s, parser.settings.threshold, readout), readout)
        self.error: Exception | None = None
        self._parser = parser
        self._pack = pack
        self._listen = listen
        self._rows: deque[Row] = deque(maxlen=MOST_FRAMES)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="refresh", daemon=True)

    def __enter__(self) -> Self:
        """Begin to listen and learn."""
        self._use(self.refresher.taught)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop; what was learned stays with the parser."""
        self._stopping.set()
        self._thread.join(timeout=5)

    def keep(self) -> Pack | None:
        """Write what was learned into the pack, whole or not at all; None if nothing was."""
        taught = self.refresher.taught
        if not self.refresher.stretches or not self.refresher.better or taught.readout is None:
            return None
        overlay = {**self._pack.manifest.overlay, "threshold": round(taught.threshold, 4)}
        overlay["refreshed"] = self.refresher.stretches
        return update_pack(
            self._pack.path, {"overlay": overlay}, {FILE: save(taught.readout.tensors())}
        )

    def hear(self, recording: Recording) -> bool:
        """Learn from a recorded stretch and the frames of the same time; False if from nothing."""
        begin_s = recording.clock.ns_of(0) / NS_PER_S
        end_s = begin_s + len(recording.sound) / SAMPLE_RATE
        rows = self._taken(begin_s, end_s)
        if len(rows) < 2 or float(np.abs(recording.sound).max(initial=0.0)) < SILENT:
            return False
        times, past, embedding = zip(*rows, strict=True)
        onsets_s = find_onsets(recording.sound, SAMPLE_RATE).time_s + begin_s
        stretch = Stretch(np.array(times), np.stack(past), np.stack(embedding), onsets_s)
        if not self.refresher.learn(stretch):
            return False
        self._use(self.refresher.taught)
        return True

    def _taken(self, begin_s: float, end_s: float) -> list[Row]:
        """Frames captured in a stretch; older ones are dropped, newer ones stay."""
        rows: list[Row] = []
        while self._rows and self._rows[0][0] < end_s:
            row = self._rows.popleft()
            if row[0] >= begin_s:
                rows.append(row)
        return rows

    def _use(self, taught: Taught) -> None:
        readout: Readout | None = taught.readout
        assert readout is not None
        stage = ReadoutStage(readout, lambda *row: self._rows.append(row))
        self._parser.teach(stage, taught.threshold)

    def _run(self) -> None:
        """Listen, learn, and again; whatever goes wrong ends it, not the performance."""
        try:
            while not self._stopping.is_set():
                self.hear(self._listen(self._stopping))
        except Exception as err:  # noqa: BLE001 - the thread is where errors end
            self.error = err
            reason = err if isinstance(err, SynchresisError) else repr(err)
            _log.warning("refreshing ended: %s", reason)
            _log.debug("refreshing failed", exc_info=True)


def microphone(device: str | int | None = None) -> Listen:
    """Stretches from an input device, None for the system's choice."""

    def listen(stopping: threading.Event) -> Recording:
        with Recorder(seconds=STRETCH_S + 2, device=device) as recorder:
            stopping.wait(STRETCH_S)
            return recorder.stop()

    return listen

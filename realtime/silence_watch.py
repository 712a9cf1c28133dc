"""SilenceWatch: looks for a while at what shall not sound, and lowers the sensitivity for it."""

from collections.abc import Callable
from typing import Final, Protocol

from synchresis.engines.motion.score_log import ScoreLog
from synchresis.engines.teach.silence import Hush, hushed
from synchresis.realtime.status import Status

LOOK_S: Final = 15.0
"""How long is looked, unless asked for otherwise."""

LEAST: Final = 0.01
"""No sensitivity is set lower than this."""


class Session(Protocol):
    """What is needed of a live session."""

    def status(self) -> Status:
        """How it goes."""
        ...

    def keep_scores(self, log: ScoreLog | None) -> None:
        """Write the scores of what is seen into a log, or into none."""
        ...

    def set_muted(self, *, muted: bool) -> None:
        """Switch sound off or on."""
        ...

    def set_sensitivity(self, sensitivity: float) -> None:
        """Multiply the odds of every impact."""
        ...


class SilenceWatch:
    """Looks while nothing shall sound, muted; then sets the sensitivity at which nothing does.

    Nothing is changed where the picture is silent already, or moves as hits do. Everything but
    writing scores down happens in the thread that calls.

    Attributes:
        looking: whether it is at it.

    Args:
        session: a performance on a device's clock.
        say: shows one line.
    """

    def __init__(self, session: Session, say: Callable[[str], None]) -> None:
        self.looking = False
        self._session = session
        self._say = say
        self._seconds = LOOK_S
        self._log: ScoreLog | None = None
        self._was_muted = False

    def begin(self, seconds: float = LOOK_S) -> None:
        """Look for so long."""
        status = self._session.status()
        self._log = ScoreLog(len(status.palettes))
        self._seconds, self._was_muted, self.looking = seconds, status.muted, True
        self._session.set_muted(muted=True)
        self._session.keep_scores(self._log)
        self._say(
            f"silence: looking for {seconds:g} s, muted; let everything move that shall not sound"
        )

    def end(self) -> None:
        """Give up; nothing is changed."""
        if self.looking:
            self._stop()
            self._say("silence: given up, nothing was changed")

    def update(self) -> None:
        """Learn, once it was looked long enough; call now and then."""
        log = self._log
        if log is None or not (log.seconds >= self._seconds or log.full):
            return
        status = self._session.status()
        hush = hushed(log, status.threshold)
        self._stop()
        self._learn(hush, status)

    def _stop(self) -> None:
        self._session.keep_scores(None)
        self._session.set_muted(muted=self._was_muted)
        self._log, self.looking = None, False

    def _learn(self, hush: Hush, status: Status) -> None:
        """Set the sensitivity, if that helps."""
        hits = f"silence: {hush.before} false hits in {hush.seconds:.0f} s"
        lower = status.sensitivity * odds(status.threshold) / odds(hush.bar)
        if hush.before <= hush.most:
            self._say(f"{hits}; nothing to change")
        elif hush.after > hush.most or lower < LEAST:
            self._say(
                f"{hits}, and no sensitivity leaves it silent: it moves as hits do; teach it "
                "together with hits: synchresis teach motion NAME --camera 0 --silent-first 20"
            )
        else:
            self._session.set_sensitivity(lower)
            self._say(
                f"{hits}; sensitivity {status.sensitivity:.2f} -> {lower:.2f} leaves {hush.after} "
                f"(another time: --sensitivity {lower:.2f})"
            )


def odds(probability: float) -> float:
    """Of a probability, 0..1."""
    return probability / (1.0 - probability)

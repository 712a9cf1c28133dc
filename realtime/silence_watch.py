"""SilenceWatch: looks for a while at what shall not sound, and lowers the sensitivity for it."""

import math
import time
from collections.abc import Callable
from typing import Final, Literal, Protocol

from synchresis.engines.motion.picker import SENSITIVITIES
from synchresis.engines.motion.score_log import ScoreLog
from synchresis.engines.teach.silence import Hush, hushed
from synchresis.realtime.status import Status

LOOK_S: Final = 15.0
"""How long is looked, unless asked for otherwise."""

READY_S: Final = 3.0
"""Time to take one's hands off before it begins."""

PLAIN: Final = 0.9
"""From this threshold on it is said that many hits are missed, too."""

TOGETHER: Final = "synchresis teach motion NAME --camera 0 --silent-first 20"
"""What helps where it moves as hits do."""

_MS_PER_S: Final = 1e3


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

    Args:
        session: a performance on a device's clock.
        say: shows one line.
        now_s: a clock that never goes back, seconds.
    """

    def __init__(
        self,
        session: Session,
        say: Callable[[str], None],
        *,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._session = session
        self._say = say
        self._now_s = now_s
        self._phase: Literal["idle", "ready", "look", "return"] = "idle"
        self._seconds = LOOK_S
        self._until_s: float | None = None
        self._log = ScoreLog(1)
        self._lookahead_ms = 0.0
        self._muted_after = False

    @property
    def looking(self) -> bool:
        """Whether it is at it, muted."""
        return self._phase != "idle"

    def begin(self, seconds: float = LOOK_S) -> None:
        """Look for so long, once the performance plays and there was time to get ready."""
        if self.looking:
            return
        self._phase, self._seconds, self._until_s = "ready", seconds, None
        self._muted_after = self._session.status().muted
        self._session.set_muted(muted=True)
        self._say(
            f"silence: in {READY_S:g} s looking for {seconds:g} s, muted; "
            "let everything move that shall not sound"
        )

    def end(self) -> None:
        """Give up; nothing is changed."""
        if self._phase in ("ready", "look"):
            self._say("silence: given up, nothing was changed")
        if self.looking:
            self._session.keep_scores(None)
            self._unmute()

    def close(self) -> None:
        """Give up at the end of the performance, which has no sound to switch on any more."""
        if self._phase in ("ready", "look"):
            self._say("silence: the performance ended before that, nothing was changed")
        self._session.keep_scores(None)
        self._phase = "idle"

    def toggle_mute(self) -> None:
        """Be muted afterwards, or heard."""
        self._muted_after = not self._muted_after
        self._say(f"silence: {'muted' if self._muted_after else 'heard'} after the look")

    def update(self) -> None:
        """Go on, if it is time to; call now and then."""
        if self._phase == "ready":
            self._get_ready(self._session.status())
        elif self._phase == "look":
            self._look(self._session.status())
        elif self._phase == "return" and self._now_s() >= (self._until_s or 0.0):
            self._unmute()

    def _get_ready(self, status: Status) -> None:
        """Begin to look some time after the performance plays."""
        if status.state != "playing":
            return
        if self._until_s is None:
            self._until_s = self._now_s() + READY_S
        if self._now_s() >= self._until_s:
            self._phase = "look"
            self._begin_log(status)

    def _begin_log(self, status: Status) -> None:
        self._log, self._lookahead_ms = ScoreLog(len(status.palettes)), status.lookahead_ms
        self._session.keep_scores(self._log)

    def _look(self, status: Status) -> None:
        """Learn, once it was looked long enough by one lookahead."""
        if status.lookahead_ms != self._lookahead_ms:
            self._begin_log(status)
        if self._log.seconds < self._seconds and not self._log.full:
            return
        self._session.keep_scores(None)
        self._learn(hushed(self._log, status.threshold), status)
        # what was seen until now sounds D later, and shall not
        self._phase, self._until_s = "return", self._now_s() + (status.delay_ms or 0.0) / _MS_PER_S

    def _unmute(self) -> None:
        self._session.set_muted(muted=self._muted_after)
        self._phase = "idle"

    def _learn(self, hush: Hush, status: Status) -> None:
        """Set the sensitivity, if that helps."""
        found = f"silence: {false_hits(hush.before)} in {hush.seconds:.0f} s"
        lower = rounded_down(status.sensitivity * odds(status.threshold) / odds(hush.bar))
        if hush.before <= hush.most:
            self._say(f"{found}, nothing to change")
        elif hush.after > hush.most or lower < SENSITIVITIES[0]:
            self._say(
                f"{found}, and no sensitivity leaves it silent: it moves as hits do, or more. "
                f"Nothing was changed; teach it together with hits: {TOGETHER}"
            )
        else:
            self._session.set_sensitivity(lower)
            self._say(
                f"{found}; sensitivity {status.sensitivity:.2g} -> {lower:g}, which leaves "
                f"{hush.after} (another time: --sensitivity {lower:g})"
            )
            if hush.bar >= PLAIN:
                self._say(f"only plain hits are heard now; a lesson keeps more of them: {TOGETHER}")


def false_hits(count: int) -> str:
    """A number of them, in words."""
    return f"{count} false hit{'' if count == 1 else 's'}"


def odds(probability: float) -> float:
    """Of a probability, 0..1."""
    return probability / (1.0 - probability)


def rounded_down(value: float) -> float:
    """A positive number, its first two digits."""
    digits = 1 - math.floor(math.log10(value))
    return round(math.floor(value * 10.0**digits + 1e-9) / 10.0**digits, digits)

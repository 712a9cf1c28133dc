"""The loop of a player: keys, status line and window, until the end of the performance."""

import shutil
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from typing import Final

from synchresis.engines.gesture import Event
from synchresis.engines.instrument import Instrument
from synchresis.engines.motion.picker import SENSITIVITIES
from synchresis.engines.voice.materials import MATERIALS
from synchresis.engines.voice.palettes import MODEL, is_model
from synchresis.realtime.cli.choices import say
from synchresis.realtime.cli.keys import Keys
from synchresis.realtime.cli.output import print_json
from synchresis.realtime.cli.status_line import delay_line, status_line
from synchresis.realtime.live import LiveSession
from synchresis.realtime.nodes import View
from synchresis.realtime.preview import Preview
from synchresis.realtime.silence_watch import SilenceWatch
from synchresis.realtime.sources.camera import SLOW_FPS

HELP: Final = "keys: p palette, + - sensitivity, s silence, m mute, t test hit, q quit"

LOCKSTEP_HELP: Final = "keys: + - sensitivity, q quit"
"""On the virtual clock."""

STATUS_S: Final = 0.2
"""Time between two status lines."""

JSON_S: Final = 1.0
"""The same as JSON."""

STEP: Final = 1.25
"""What one press of + or - does to the sensitivity."""

_WAIT_S: Final = 0.02


class Player:
    """What keys do to a session."""

    def __init__(
        self,
        session: LiveSession,
        instrument: Instrument,
        *,
        silent_first: float | None = None,
        tell: Callable[[str], None] = say,
    ) -> None:
        self.quit = False
        self._session = session
        self._names = palette_names(instrument)
        self._silence = SilenceWatch(session, tell)
        if silent_first is not None:
            self._silence.begin(silent_first)
        self._lockstep = session.settings.clock == "virtual"
        self._actions: dict[str, Callable[[], None]] = {
            "+": lambda: self._scale(STEP),
            "=": lambda: self._scale(STEP),
            "-": lambda: self._scale(1 / STEP),
            "q": self._stop,
        }
        if not self._lockstep:
            self._actions |= {
                "p": self._next_palette,
                "m": self._mute_or_not,
                "t": session.hit,
                "s": self._look_or_not,
            }

    @property
    def help(self) -> str:
        """The keys that do something."""
        return LOCKSTEP_HELP if self._lockstep else HELP

    def press(self, key: str) -> None:
        """Do what a key asks for; others are ignored."""
        action = self._actions.get(key.lower())
        if action is not None:
            action()

    def update(self) -> None:
        """Do what takes its time; call now and then."""
        self._silence.update()

    def close(self) -> None:
        """Give up what is not finished."""
        self._silence.close()

    def _mute_or_not(self) -> None:
        """Switch sound off or on; while it is looked at silence, for afterwards."""
        if self._silence.looking:
            self._silence.toggle_mute()
        else:
            self._session.set_muted(muted=not self._session.status().muted)

    def _look_or_not(self) -> None:
        """Begin to look at what shall not sound, or give up."""
        if self._silence.looking:
            self._silence.end()
        else:
            self._silence.begin()

    def _stop(self) -> None:
        self.quit = True

    def _scale(self, factor: float) -> None:
        wanted = self._session.status().sensitivity * factor
        low, high = SENSITIVITIES
        self._session.set_sensitivity(min(max(wanted, low), high))

    def _next_palette(self) -> None:
        """The next palette of its kind for every zone."""
        for zone, palette in enumerate(self._session.status().palettes):
            names = self._names[is_model(palette)]
            place = names.index(palette) + 1 if palette in names else 0
            if names:
                self._session.set_palette(names[place % len(names)], zone=zone)


def palette_names(instrument: Instrument) -> dict[bool, list[str]]:
    """Names to walk through: learned ones (False) and physical models (True)."""
    learned = [entry.name for entry in instrument.pack.palettes]
    return {False: learned, True: [MODEL + name for name in MATERIALS]}


@dataclass(frozen=True, slots=True)
class PlayOptions:
    """How a performance is shown and begun.

    Attributes:
        preview: show a window.
        as_json: print the status as JSON lines instead of a line for people.
        silent_first: seconds to look at what shall not sound before playing, None for none.
    """

    preview: bool = False
    as_json: bool = False
    silent_first: float | None = None


def play(session: LiveSession, instrument: Instrument, options: PlayOptions) -> None:
    """Play until the performance is over or `q` is pressed.

    Args:
        session: started.
        instrument: that it plays.
        options: with a window, call from the main thread.
    """
    with ExitStack() as stack:
        keys = stack.enter_context(Keys())
        window = Preview() if options.preview else None
        if window is not None:
            stack.callback(window.close)
        screen = Screen(session, as_json=options.as_json)
        stack.callback(screen.close)
        first = options.silent_first
        player = Player(session, instrument, silent_first=first, tell=screen.say)
        if keys.active:
            say(player.help)
        stack.callback(player.close)
        watch = Watch(session, window)
        while session.poll(_WAIT_S) and not player.quit:
            player.press(keys.read())
            player.press(watch.look())
            player.update()
            player.quit |= watch.closed
            screen.update()


def is_camera(name: str) -> bool:
    """Whether a source of this name is a camera of this machine, whose light could be better."""
    return name.startswith("camera ")


class Watch:
    """Shows each new frame in the window, if there is one."""

    def __init__(self, session: LiveSession, window: Preview | None) -> None:
        self._session = session
        self._window = window
        self._shown: View | None = None

    @property
    def closed(self) -> bool:
        """Whether the user closed the window."""
        return self._window is not None and self._window.closed

    def look(self) -> str:
        """Show what is new; returns the key pressed in the window, or nothing."""
        view = self._session.view() if self._window else None
        if view is None or self._window is None:
            return ""
        fresh = self._shown is None or view.frame is not self._shown.frame
        events: tuple[Event, ...] = view.gesture.events if fresh else ()
        self._shown = view
        peak, now_ns = self._session.status().level, time.perf_counter_ns()
        return self._window.show(view.frame.picture, view.map, events, peak=peak, now_ns=now_ns)


class Screen:
    """The status in the terminal, and what is worth a line of its own."""

    def __init__(self, session: LiveSession, *, as_json: bool) -> None:
        self._session = session
        self._as_json = as_json
        self._alive = sys.stderr.isatty() and not as_json
        self._next_s = 0.0
        self._measured = False

    def update(self) -> None:
        """Write, if it is time to."""
        now_s = time.monotonic()
        if now_s < self._next_s:
            return
        self._next_s = now_s + (JSON_S if self._as_json else STATUS_S)
        status = self._session.status()
        if not self._measured and status.delay_ms is not None:
            self._measured = True
            self.say(f"{status.camera}: {status.fps:.1f} frames/s; {delay_line(status)}")
            if status.fps < SLOW_FPS:
                light = "; more light speeds up a camera" if is_camera(status.camera) else ""
                say(f"under {SLOW_FPS:.0f} frames/s hits come late{light}")
        if self._as_json:
            print_json(asdict(status))
        elif self._alive:
            columns = shutil.get_terminal_size().columns - 1
            sys.stderr.write(f"\r{status_line(status)[:columns]:{columns}}")
            sys.stderr.flush()

    def say(self, text: str) -> None:
        """Tell something on a line of its own."""
        self._clear()
        say(text)

    def close(self) -> None:
        """Leave the terminal on a line of its own."""
        self._clear()

    def _clear(self) -> None:
        if self._alive:
            sys.stderr.write(f"\r{'':{shutil.get_terminal_size().columns - 1}}\r")

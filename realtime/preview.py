"""Preview: one window with the picture, the map over it, a flash per hit and a meter."""

from collections import deque
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from synchresis.engines.frame import Picture
from synchresis.engines.gesture import Event
from synchresis.engines.timebase import NS_PER_S
from synchresis.environment import has_display, quiet_windows
from synchresis.errors import DeviceError

WIDTH: Final = 640
"""Width of the window, pixels; its height follows the picture."""

FLASH_S: Final = 0.25
"""How long a hit is shown."""

FLOOR_DB: Final = -60.0
"""Bottom of the meter, dBFS."""

_METER_WIDTH: Final = 14
_TITLE: Final = "synchresis"
_HIT: Final = (80, 200, 255)
_METER: Final = (90, 220, 120)


@dataclass(frozen=True, slots=True)
class Look:
    """What the window shows at one moment.

    Attributes:
        picture: uint8[H, W] grey or uint8[H, W, 3] BGR.
        map: float32[rows, cols], sound-producing motion, 0 to 1.
        hits: events with their age in seconds.
        peak: of the sound, 0 to 1.
    """

    picture: Picture
    map: NDArray[np.float32]
    hits: tuple[tuple[Event, float], ...] = ()
    peak: float = 0.0


def check_screen() -> None:
    """Refuse a window where there is no screen.

    Raises:
        DeviceError: there is none.
    """
    if not has_display():
        raise DeviceError("--preview needs a screen (DISPLAY is not set); leave it out")


class Preview:
    """The window; open and used by the main thread only."""

    def __init__(self) -> None:
        """Check that there is a screen.

        Raises:
            DeviceError: there is none.
        """
        check_screen()
        self._hits: deque[tuple[Event, int]] = deque(maxlen=32)
        self._open = False

    def show(
        self,
        picture: Picture,
        motion_map: NDArray[np.float32],
        events: tuple[Event, ...],
        *,
        peak: float,
        now_ns: int,
    ) -> str:
        """Show one frame; returns the key pressed in the window, or nothing."""
        self._hits.extend((event, now_ns) for event in events)
        aged = ((event, (now_ns - since_ns) / NS_PER_S) for event, since_ns in self._hits)
        hits = tuple(pair for pair in aged if pair[1] < FLASH_S)
        self._open_once()
        cv2.imshow(_TITLE, draw_look(Look(picture, motion_map, hits, peak)))
        key = cv2.waitKey(1) & 0xFF
        return chr(key) if key not in (0, 0xFF) else ""

    @property
    def closed(self) -> bool:
        """Whether the user closed the window."""
        return self._open and cv2.getWindowProperty(_TITLE, cv2.WND_PROP_VISIBLE) < 1

    def _open_once(self) -> None:
        if not self._open:
            quiet_windows()
            cv2.namedWindow(_TITLE, cv2.WINDOW_AUTOSIZE | cv2.WINDOW_GUI_NORMAL)
            self._open = True

    def close(self) -> None:
        """Take the window away."""
        if self._open:
            cv2.destroyWindow(_TITLE)
            self._open = False


def draw_look(look: Look) -> Picture:
    """uint8[WIDTH · H / W, WIDTH, 3] BGR: picture, map, hits and meter."""
    height, width = look.picture.shape[:2]
    size = (WIDTH, max(1, round(WIDTH * height / width)))
    canvas = cv2.resize(look.picture, size, interpolation=cv2.INTER_AREA)
    if canvas.ndim == 2:
        canvas = cv2.cvtColor(canvas, cv2.COLOR_GRAY2BGR)
    shown = _tint(np.asarray(canvas, np.uint8), look.map)
    for event, age_s in look.hits:
        _draw_hit(shown, event, age_s)
    _draw_meter(shown, look.peak)
    return shown


def _tint(canvas: Picture, motion_map: NDArray[np.float32]) -> Picture:
    """The map as warm light over a slightly darker picture."""
    height, width = canvas.shape[:2]
    grid = np.clip(motion_map, 0.0, 1.0).astype(np.float32)
    share = cv2.resize(grid, (width, height), interpolation=cv2.INTER_LINEAR)[..., None]
    warm = np.array([40.0, 120.0, 255.0], np.float32)
    mixed = canvas * (0.85 - 0.45 * share) + warm * (0.6 * share)
    return np.ascontiguousarray(np.clip(mixed, 0, 255).astype(np.uint8))


def _draw_hit(canvas: Picture, event: Event, age_s: float) -> None:
    """A ring that grows and fades; larger for harder hits."""
    height, width = canvas.shape[:2]
    fresh = max(0.0, 1.0 - age_s / FLASH_S)
    centre = (round(event.x * (width - 1)), round(event.y * (height - 1)))
    radius = round((8 + 40 * event.strength) * (1.6 - 0.6 * fresh))
    colour = tuple(round(channel * fresh) for channel in _HIT)
    cv2.circle(canvas, centre, radius, colour, thickness=1 + round(4 * fresh), lineType=cv2.LINE_AA)


def _draw_meter(canvas: Picture, peak: float) -> None:
    """A bar at the right edge, from FLOOR_DB to full scale."""
    height, width = canvas.shape[:2]
    level_db = 20.0 * np.log10(max(peak, 1e-6))
    filled = round(height * min(max(1.0 - level_db / FLOOR_DB, 0.0), 1.0))
    left = width - _METER_WIDTH
    canvas[:, left:] //= 3
    if filled:
        canvas[height - filled :, left + 3 : width - 3] = _METER

"""Calibrate: claps seen and heard tell how late a camera's stamps are.

A clap is one moment for light and for sound. The camera shows when the hands stop, the microphone
when it sounds; what lies between, apart from the 3 ms per metre of the sound's way, is the delay of
the camera before its stamp: `--camera-delay`.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from synchresis.engines.frame import Picture
from synchresis.engines.timebase import NS_PER_S
from synchresis.errors import DeviceError, InputError, ParameterError
from synchresis.realtime.hearing import hear_onsets
from synchresis.realtime.recorder import Recorder, Recording

if TYPE_CHECKING:
    from synchresis.realtime.sources.source import LiveSource

SOUND_M_PER_S: Final = 343.0
"""Speed of sound in air at 20 °C."""

LEAST_CLAPS: Final = 3
"""Fewer claps than this prove nothing."""

DELAY_RANGE_NS: Final = (-50_000_000, 500_000_000)
"""Camera delays looked for; stamps estimated by a driver can be early."""

SPREAD_NS: Final = 25_000_000
"""Claps that lie farther than this from the median delay are no pairs."""

_SMALL: Final = (160, 120)
_STOP_SHARE: Final = 0.3
_NOISE_FACTOR: Final = 8.0
_LOUD: Final = 0.15
"""A clap is at least this share of the loudest onset's level."""


@dataclass(frozen=True, slots=True)
class CameraDelay:
    """What calibration found.

    Attributes:
        delay_ms: light to stamp, median over the claps; below 0 where sound came late.
        spread_ms: median distance of the claps from that.
        claps: how many were both seen and heard.
        seen: how many were seen.
        heard: how many were heard.
    """

    delay_ms: float
    spread_ms: float
    claps: int
    seen: int
    heard: int

    @property
    def usable_ms(self) -> float:
        """The delay for `--camera-delay`: no picture is captured before its light, so 0 or more."""
        return max(self.delay_ms, 0.0)


@dataclass(frozen=True, slots=True)
class Sight:
    """Motion of a stream of pictures.

    Attributes:
        captured_ns: int64[N], stamps of the pictures.
        change: float64[N], mean |difference| to the picture before, 0..255; first is 0.
    """

    captured_ns: NDArray[np.int64]
    change: NDArray[np.float64]


class MotionMeter:
    """Gathers a `Sight` picture by picture."""

    def __init__(self) -> None:
        self._stamps: list[int] = []
        self._changes: list[float] = []
        self._before: Picture | None = None

    def see(self, picture: Picture, captured_ns: int) -> None:
        """Take one picture in."""
        grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY) if picture.ndim == 3 else picture
        small = cv2.resize(grey, _SMALL, interpolation=cv2.INTER_AREA)
        change = 0.0 if self._before is None else float(cv2.absdiff(small, self._before).mean())
        self._before = small.astype(np.uint8, copy=False)
        self._stamps.append(captured_ns)
        self._changes.append(change)

    def sight(self) -> Sight:
        """What was seen so far."""
        return Sight(np.array(self._stamps, np.int64), np.array(self._changes))


def watch_and_listen(
    source: "LiveSource", *, seconds: float, microphone: str | int | None = None
) -> tuple[Sight, Recording]:
    """Look and listen for some seconds.

    Args:
        source: an open camera whose stamps have no delay subtracted.
        seconds: how long.
        microphone: input device, None for the system's choice.

    Raises:
        DeviceError: the microphone cannot be used, or the camera sends nothing.
    """
    meter = MotionMeter()
    with Recorder(seconds=seconds + 2, device=microphone) as recorder:
        end_ns = time.perf_counter_ns() + round(seconds * NS_PER_S)
        while time.perf_counter_ns() < end_ns:
            frame = source.read(0.2)
            if frame is not None:
                meter.see(frame.picture, frame.captured_ns)
        recording = recorder.stop()
    sight = meter.sight()
    if len(sight.captured_ns) < 10:
        raise DeviceError(f"{source.name} sent {len(sight.captured_ns)} pictures: no calibration")
    return sight, recording


def measure_camera_delay(
    sight: Sight, recording: Recording, *, distance_m: float = 0.5
) -> CameraDelay:
    """Camera delay from claps seen and heard.

    Args:
        sight: motion in the picture.
        recording: sound of the same time.
        distance_m: from the hands to the microphone.

    Raises:
        ParameterError: the distance is not within 0 to 50 m.
        InputError: fewer than three claps were both seen and heard.
    """
    if not 0 <= distance_m <= 50:
        raise ParameterError(f"distance_m={distance_m} must be within 0 to 50")
    travel_ns = round(distance_m / SOUND_M_PER_S * NS_PER_S)
    heard = [time_ns - travel_ns for time_ns in heard_claps(recording)]
    return pair_claps(seen_claps(sight), heard)


def seen_claps(sight: Sight) -> list[int]:
    """When motion stopped dead, nanoseconds on the stamps' clock.

    Between two pictures the change is proportional to the time that things still moved, so the
    share of the last moving picture's change says where inside its interval they stopped.
    """
    times, change = sight.captured_ns, sight.change
    if len(times) < 4:
        return []
    steps = np.diff(times) / NS_PER_S
    still = float(np.median(change[1:]))
    speed = np.concatenate([[0.0], np.maximum(change[1:] - still, 0) / np.maximum(steps, 1e-4)])
    stop = np.zeros(len(speed))
    stop[1:-1] = speed[:-2] - speed[2:]
    noise = float(np.median(np.abs(speed - np.median(speed))))
    least = max(_STOP_SHARE * float(stop.max()), _NOISE_FACTOR * noise, 1e-9)
    return [_moment(times, speed, k) for k in _peaks(stop, least)]


def heard_claps(recording: Recording) -> list[int]:
    """When claps began, nanoseconds on the process clock; quiet onsets among loud are left out."""
    sound = recording.sound
    onsets = hear_onsets(sound, floor=5e-3, apart_s=0.15)
    levels = [float(np.abs(sound[onset : onset + 480]).max()) for onset in onsets]
    least = _LOUD * max(levels, default=0.0)
    return [
        recording.clock.ns_of(int(onset))
        for onset, level in zip(onsets, levels, strict=True)
        if level >= least
    ]


def pair_claps(seen: Sequence[int], heard: Sequence[int]) -> CameraDelay:
    """The one delay that explains most claps.

    Raises:
        InputError: it explains fewer than three.
    """
    low, high = DELAY_RANGE_NS
    delays = np.array([s - h for s in seen for h in heard if low <= s - h <= high], np.int64)
    counts = [int((np.abs(delays - delay) <= SPREAD_NS).sum()) for delay in delays]
    best = delays[np.abs(delays - delays[int(np.argmax(counts))]) <= SPREAD_NS] if counts else []
    if len(best) < LEAST_CLAPS:
        raise InputError(
            f"{len(seen)} claps seen, {len(heard)} heard, {len(best)} agree: at least "
            f"{LEAST_CLAPS} are needed; clap once a second, hands filling the picture, and hold "
            "them together for a moment"
        )
    median = float(np.median(best))
    spread = float(np.median(np.abs(np.asarray(best) - median)))
    return CameraDelay(median / 1e6, spread / 1e6, len(best), len(seen), len(heard))


def _peaks(stop: NDArray[np.float64], least: float) -> list[int]:
    """Local maxima of the slowing-down that are strong enough."""
    return [
        k
        for k in range(1, len(stop) - 1)
        if stop[k] >= least and stop[k] >= stop[k - 1] and stop[k] > stop[k + 1]
    ]


def _moment(times: NDArray[np.int64], speed: NDArray[np.float64], k: int) -> int:
    """Where inside the interval before picture k motion stopped."""
    before, after = speed[k - 1], speed[k + 1]
    share = min(1.0, max(0.0, (speed[k] - after) / (before - after)))
    return int(times[k - 1] + share * (times[k] - times[k - 1]))

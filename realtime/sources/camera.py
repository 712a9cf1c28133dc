"""Cameras and network streams, through OpenCV: a thread that always grabs, a buffer of one."""

import logging
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeAlias

import av
import cv2
import numpy as np

from synchresis.engines.frame import Frame, Picture
from synchresis.engines.timebase import NS_PER_S
from synchresis.errors import DeviceError, reason_of
from synchresis.realtime.clock import clock_id

_log = logging.getLogger(__name__)

SLOW_FPS: Final = 24.0
"""Below this frame rate a person is warned."""

RETRY_S: Final = 0.5
"""Pause between attempts to get a lost device back."""

STAMP_AGE_NS: Final = NS_PER_S
"""A driver's stamp older than this, or from the future, is not believed."""

_FATAL: Final = "8"
"""FFmpeg's level of messages about what ends the program; read when OpenCV first opens a URL."""

_ANSWER_S: Final = 3.0
"""How long an address that gave no video is asked why."""

_SIZE: Final = (640, 480)
_HIGH_FPS: Final = 240


class Capture(Protocol):
    """The part of `cv2.VideoCapture` that is used."""

    def isOpened(self) -> bool:
        """Whether there is a device."""
        ...

    def grab(self) -> bool:
        """Wait for the next picture."""
        ...

    def retrieve(self) -> tuple[bool, Any]:
        """Decode the grabbed picture."""
        ...

    def get(self, prop: int, /) -> float:
        """A property."""
        ...

    def set(self, prop: int, value: float, /) -> bool:
        """Ask for a property."""
        ...

    def release(self) -> None:
        """Let go."""
        ...


Opener: TypeAlias = Callable[[], Capture]
"""Opens the device; called again whenever it went away."""


@dataclass(frozen=True, slots=True)
class CameraSettings:
    """Settings of a camera or stream.

    Attributes:
        name: for people, such as "camera 0".
        mirror: show it as a mirror does.
        delay_ns: light to stamp, subtracted from every stamp.
        device: whether format and rate can be asked for, and stamps are the driver's.
        paced: whether it may give pictures faster than they happened (a file behind a URL).
    """

    name: str
    mirror: bool = True
    delay_ns: int = 0
    device: bool = True
    paced: bool = False


class CameraSource:
    """A device that is read by a thread of its own; whoever reads gets the newest frame.

    When the device goes away it is opened again until it is back; `away` says so meanwhile.
    """

    finished: Final = False

    def __init__(self, opener: Opener, settings: CameraSettings) -> None:
        """Open the device and begin to grab.

        Raises:
            DeviceError: it is absent or busy.
        """
        self.name = settings.name
        self.lost = 0
        self.away = False
        self.estimated = True
        self.reconnects = 0
        self._opener = opener
        self._settings = settings
        self._sequence = 0
        self._stamp_ns = 0
        self._begin_ns: int | None = None
        self._newest: Frame | None = None
        self._ready = threading.Condition()
        self._stop = threading.Event()
        self._capture = self._open()
        self.nominal_fps = self._offered_fps()
        self._thread = threading.Thread(target=self._run, name=self.name, daemon=True)
        self._thread.start()

    def read(self, timeout_s: float) -> Frame | None:
        """Newest frame not read before; None if none came in time."""
        with self._ready:
            self._ready.wait_for(lambda: self._newest is not None, timeout_s)
            frame, self._newest = self._newest, None
        return frame

    def close(self) -> None:
        """Stop grabbing and release the device."""
        self._stop.set()
        self._thread.join(timeout=5)

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                if not self._grab():
                    self._reopen()
        finally:
            self._capture.release()

    def _grab(self) -> bool:
        """One picture from the device to the buffer; False when the device is gone."""
        try:
            if not self._capture.grab():
                return False
            grabbed_ns = time.perf_counter_ns()
            good, picture = self._capture.retrieve()
        except cv2.error:
            return False
        if not good or picture is None or picture.size == 0:
            return False
        if self._settings.paced:
            grabbed_ns = self._wait_for_its_time(grabbed_ns)
        self._publish(picture, self._captured_ns(grabbed_ns))
        return True

    def _wait_for_its_time(self, grabbed_ns: int) -> int:
        """Hold a picture back that was read before its time; returns its time."""
        place_ns = round(self._capture.get(cv2.CAP_PROP_POS_MSEC) * 1e6)
        if self._begin_ns is None or not 0 <= self._begin_ns + place_ns - grabbed_ns < NS_PER_S:
            self._begin_ns = grabbed_ns - place_ns
        due_ns = self._begin_ns + place_ns
        self._stop.wait((due_ns - grabbed_ns) / NS_PER_S)
        return due_ns

    def _publish(self, picture: Picture, captured_ns: int) -> None:
        if self._settings.mirror:
            picture = cv2.flip(picture, 1).astype(np.uint8, copy=False)
        picture.flags.writeable = False
        frame = Frame(picture, captured_ns, self._sequence, clock_id(), self.name)
        self._sequence += 1
        with self._ready:
            self.lost += self._newest is not None
            self._newest = frame
            self._ready.notify()

    def _captured_ns(self, grabbed_ns: int) -> int:
        """The driver's stamp where it makes sense, else the time the grab returned."""
        stamp_ns = round(self._capture.get(cv2.CAP_PROP_POS_MSEC) * 1e6)
        sensible = self._settings.device and 0 <= grabbed_ns - stamp_ns < STAMP_AGE_NS
        self.estimated = not (sensible and stamp_ns > self._stamp_ns)
        self._stamp_ns = stamp_ns
        return (grabbed_ns if self.estimated else stamp_ns) - self._settings.delay_ns

    def _open(self) -> Capture:
        capture = self._opener()
        if not capture.isOpened():
            capture.release()
            raise DeviceError(
                f"{self.name} cannot be opened: absent, or used by another program; `synchresis "
                "doctor` lists cameras, and where scenes are taken scene:ball needs none"
            )
        if self._settings.device:
            _ask_for_speed(capture)
        return capture

    def _offered_fps(self) -> float:
        fps = float(self._capture.get(cv2.CAP_PROP_FPS))
        return fps if 1 <= fps <= 1000 else 30.0

    def _reopen(self) -> None:
        """Try until the device is back or we are to stop."""
        self.away = True
        _log.warning("%s went away; waiting for it to come back", self.name)
        self._capture.release()
        while not self._stop.wait(RETRY_S):
            try:
                self._capture = self._open()
            except DeviceError:
                continue
            self.away = False
            self.reconnects += 1
            self._stamp_ns = 0
            _log.warning("%s is back", self.name)
            return


def _ask_for_speed(capture: Capture) -> None:
    """MJPG at up to 640 × 480 and the highest frame rate offered, with a buffer of one."""
    capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
    capture.set(cv2.CAP_PROP_FRAME_WIDTH, _SIZE[0])
    capture.set(cv2.CAP_PROP_FRAME_HEIGHT, _SIZE[1])
    capture.set(cv2.CAP_PROP_FPS, _HIGH_FPS)
    capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)


def open_device(index: int, settings: CameraSettings) -> CameraSource:
    """Open a camera by number.

    Raises:
        DeviceError: it is absent or busy.
    """
    return CameraSource(lambda: _video_capture(index, cv2.CAP_ANY), settings)


def open_url(url: str, settings: CameraSettings) -> CameraSource:
    """Open a network stream (HTTP-MJPEG, RTSP, …).

    Raises:
        DeviceError: nothing can be read from it.
    """
    try:
        return CameraSource(lambda: _video_capture(url, cv2.CAP_FFMPEG), settings)
    except DeviceError as err:
        raise DeviceError(
            f"{url} cannot be opened ({_why_unread(url)}); check the address, and that what sends "
            "pictures there is on"
        ) from err


def _why_unread(url: str) -> str:
    """Why there is no video, which OpenCV does not tell."""
    try:
        av.open(url, timeout=_ANSWER_S).close()
    except (av.FFmpegError, OSError) as err:
        return reason_of(err)
    return "what comes from there cannot be read"


def _video_capture(what: int | str, api: int) -> Capture:
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # we say it ourselves
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", _FATAL)
    return cv2.VideoCapture(what, api)

import threading
import time
from collections.abc import Callable

import cv2
import numpy as np
import pytest

from synchresis.engines.frame import Frame
from synchresis.errors import DeviceError
from synchresis.realtime.clock import clock_id
from synchresis.realtime.sources import camera as module
from synchresis.realtime.sources.camera import CameraSettings, CameraSource

MS = 1_000_000


class FakeCapture:
    """A camera that gives a picture whenever the test says so."""

    def __init__(self, *, stamps: str = "driver", fps: float = 60.0) -> None:
        self.stamps = stamps
        self.asked: dict[int, float] = {}
        self.present = True
        self.busy = False
        self.opened = 0
        self.released = 0
        self.shown = 0
        self.fps = fps
        self._go = threading.Semaphore(0)
        self._stamp_ms = 0.0

    def show(self, count: int = 1) -> None:
        self._go.release(count)

    def unplug(self) -> None:
        self.present = False
        self.show()

    def open(self) -> "FakeCapture":
        self.opened += 1
        return self

    def isOpened(self) -> bool:
        return self.present and not self.busy

    def grab(self) -> bool:
        self._go.acquire()
        if not self.present:
            return False
        self.shown += 1
        self._stamp_ms = time.perf_counter_ns() / 1e6 - 20.0
        return True

    def retrieve(self) -> tuple[bool, np.ndarray]:
        picture = np.zeros((4, 6, 3), np.uint8)
        picture[:, 0] = self.shown % 256
        return True, picture

    def get(self, prop: int) -> float:
        if prop == cv2.CAP_PROP_FPS:
            return self.fps
        if prop == cv2.CAP_PROP_POS_MSEC:
            return {"driver": self._stamp_ms, "zero": 0.0, "future": 1e15, "stuck": 5.0}[
                self.stamps
            ]
        return 0.0

    def set(self, prop: int, value: float) -> bool:
        self.asked[prop] = value
        return True

    def release(self) -> None:
        self.released += 1


@pytest.fixture
def fast_retry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RETRY_S", 0.005)


def started(fake: FakeCapture, **settings: object) -> CameraSource:
    return CameraSource(fake.open, CameraSettings("camera 0", **settings))  # type: ignore[arg-type]


def close(source: CameraSource, fake: FakeCapture) -> None:
    source._stop.set()
    fake.show(2)
    source.close()


def until(condition: Callable[[], bool]) -> None:
    limit = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < limit, "never came"
        time.sleep(0.001)


def read(source: CameraSource) -> Frame:
    frame = source.read(60)
    assert frame is not None
    return frame


def test_asks_for_motion_jpeg_small_pictures_and_the_highest_rate() -> None:
    fake = FakeCapture()
    source = started(fake)
    assert fake.asked[cv2.CAP_PROP_FOURCC] == cv2.VideoWriter.fourcc(*"MJPG")
    assert fake.asked[cv2.CAP_PROP_FRAME_WIDTH] == 640
    assert fake.asked[cv2.CAP_PROP_FRAME_HEIGHT] == 480
    assert fake.asked[cv2.CAP_PROP_FPS] >= 120
    assert fake.asked[cv2.CAP_PROP_BUFFERSIZE] == 1
    assert source.nominal_fps == 60
    close(source, fake)


def test_the_newest_frame_wins_and_the_others_are_counted() -> None:
    fake = FakeCapture()
    source = started(fake)
    fake.show(5)
    until(lambda: source._sequence == 5)
    frame = read(source)
    assert frame.sequence == 4
    assert source.lost == 4
    assert source.read(0.001) is None
    close(source, fake)


@pytest.mark.parametrize(("mirror", "bright"), [(True, 5), (False, 0)])
def test_pictures_are_mirrored_as_asked(mirror: bool, bright: int) -> None:
    fake = FakeCapture()
    source = started(fake, mirror=mirror)
    fake.show()
    picture = read(source).picture
    assert int(picture[0].sum(-1).argmax()) == bright
    assert not picture.flags.writeable
    close(source, fake)


def test_driver_stamps_are_used_and_the_camera_delay_is_subtracted() -> None:
    fake = FakeCapture()
    source = started(fake, delay_ns=30 * MS)
    before = time.perf_counter_ns()
    fake.show()
    frame = read(source)
    after = time.perf_counter_ns()
    assert not source.estimated
    assert before - 50 * MS - MS <= frame.captured_ns <= after - 50 * MS + MS
    assert frame.clock_id == clock_id()
    close(source, fake)


@pytest.mark.parametrize("stamps", ["zero", "future", "stuck"])
def test_without_sensible_stamps_the_time_of_the_grab_counts_as_estimate(stamps: str) -> None:
    fake = FakeCapture(stamps=stamps)
    source = started(fake)
    times = []
    for _ in range(3):
        before = time.perf_counter_ns()
        fake.show()
        times.append(read(source).captured_ns)
        assert before <= times[-1] <= time.perf_counter_ns()
    assert source.estimated
    assert times == sorted(times)
    close(source, fake)


@pytest.mark.usefixtures("fast_retry")
def test_camera_goes_away_and_comes_back() -> None:
    fake = FakeCapture()
    source = started(fake)
    fake.show()
    first = read(source)
    fake.unplug()
    until(lambda: source.away)
    assert source.read(0.01) is None
    assert not source.finished
    opened = fake.opened
    until(lambda: fake.opened > opened + 2)
    fake.present = True
    until(lambda: not source.away)
    fake.show()
    again = read(source)
    assert again.sequence == first.sequence + 1
    assert again.captured_ns > first.captured_ns
    assert source.reconnects == 1
    assert fake.released >= 1
    close(source, fake)


def test_absent_or_busy_camera_is_refused_with_its_name() -> None:
    fake = FakeCapture()
    fake.busy = True
    with pytest.raises(DeviceError, match=r"camera 0 cannot be opened.*absent, or used by another"):
        started(fake)
    assert fake.released == 1


def test_closing_releases_the_device() -> None:
    fake = FakeCapture()
    source = started(fake)
    close(source, fake)
    assert fake.released == 1

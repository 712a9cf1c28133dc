import http.server
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import cv2
import numpy as np
import pytest

from synchresis.engines.frame import Frame
from synchresis.errors import DeviceError, ParameterError
from synchresis.realtime.clock import clock_id
from synchresis.realtime.sources import SourceSettings, is_live, open_film, open_live
from synchresis.realtime.sources.pacing import PacedFilm

MS = 1_000_000


class Clock:
    def __init__(self) -> None:
        self.time_ns = 10_000 * MS

    def now_ns(self) -> int:
        return self.time_ns

    def sleep_until(self, time_ns: int) -> None:
        self.time_ns = max(self.time_ns, time_ns)


class Film:
    name = "film"
    nominal_fps = 25.0
    end_ns = 0
    closed = False

    def __init__(self, times_ms: list[int]) -> None:
        self.times_ms = times_ms

    def __iter__(self) -> Iterator[Frame]:
        for n, time_ms in enumerate(self.times_ms):
            yield Frame(np.zeros((2, 2), np.uint8), time_ms * MS, n)

    def close(self) -> None:
        self.closed = True


def test_paced_film_gives_each_frame_at_its_time() -> None:
    clock, film = Clock(), Film([0, 40, 80, 200, 210])
    paced = PacedFilm(film, clock=clock)
    begin = clock.now_ns()
    seen = []
    while not paced.finished:
        frame = paced.read(0.05)
        if frame is not None:
            assert clock.now_ns() == frame.captured_ns
            assert frame.clock_id == clock_id()
            seen.append((frame.captured_ns - begin) // MS)
    assert seen == film.times_ms
    paced.close()
    assert film.closed


def test_reading_returns_in_time_when_nothing_is_due() -> None:
    clock = Clock()
    paced = PacedFilm(Film([0, 1000]), clock=clock)
    assert paced.read(0.05) is not None
    before = clock.now_ns()
    assert paced.read(0.05) is None
    assert clock.now_ns() == before + 50 * MS


def test_a_stalled_film_goes_on_where_it_stood() -> None:
    clock = Clock()
    paced = PacedFilm(Film(list(range(0, 4000, 40))), clock=clock)
    first = paced.read(1)
    clock.time_ns += 5_000 * MS
    times = [frame.captured_ns for _ in range(5) if (frame := paced.read(1)) is not None]
    assert first is not None
    assert times[0] == first.captured_ns + 5_000 * MS
    assert np.diff(times).tolist() == [40 * MS] * 4


@pytest.mark.parametrize(
    ("spec", "live"),
    [
        ("0", True),
        ("12", True),
        ("rtsp://x/y", True),
        ("http://x/a.mp4", True),
        ("clip.mp4", False),
        ("scene:ball", False),
        ("./0", False),
    ],
)
def test_what_happens_now(spec: str, live: bool) -> None:
    assert is_live(spec) is live
    if live:
        with pytest.raises(ParameterError, match="happens now"):
            open_film(SourceSettings(spec))


def test_scene_is_a_film_that_repeats() -> None:
    film = open_film(SourceSettings("scene:ball", seconds=0.2, seed=4))
    first = list(film)
    again = list(open_film(SourceSettings("scene:ball", seconds=0.2, seed=4)))
    assert len(first) == 6
    assert first[0].captured_ns == 0
    assert film.end_ns == 200_000_000
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one.picture, other.picture)


class MotionJpeg(http.server.BaseHTTPRequestHandler):
    """Sends pictures that get brighter, as network cameras do."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        for n in range(2000):
            picture = np.full((48, 64, 3), n % 200 + 20, np.uint8)
            data = cv2.imencode(".jpg", picture)[1].tobytes()
            head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n"
            try:
                self.wfile.write(head.encode() + data + b"\r\n")
            except OSError:
                return
            time.sleep(0.005)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def stream_url() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), MotionJpeg) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/camera.mjpg"
        server.shutdown()


def test_a_network_camera_can_be_watched(stream_url: str) -> None:
    source = open_live(SourceSettings(stream_url))
    frames = [source.read(30) for _ in range(5)]
    source.close()
    assert all(frame is not None for frame in frames)
    times = [frame.captured_ns for frame in frames if frame is not None]
    assert times == sorted(times)
    assert source.estimated


def test_a_stream_that_is_not_there_is_refused_with_its_name() -> None:
    with pytest.raises(
        DeviceError, match=r"http://127.0.0.1:9/x.mjpg cannot be opened \(.+refused\)"
    ):
        open_live(SourceSettings("http://127.0.0.1:9/x.mjpg"))


def test_of_a_stream_that_is_not_there_ffmpeg_says_nothing_of_its_own() -> None:
    """In a process of its own: FFmpeg asks once how much it may say."""
    given = [sys.executable, "-m", "synchresis", "live", "--camera", "http://127.0.0.1:9/x.mjpg"]
    done = subprocess.run([*given, "--out", "null"], capture_output=True, text=True, check=False)
    lines = [line for line in done.stderr.splitlines() if "error" not in line]
    assert done.returncode == 2 and not [line for line in lines if "127.0.0.1" in line]


@pytest.mark.parametrize("opener", [open_film, open_live])
def test_a_source_without_a_name_is_told_what_to_give(opener) -> None:
    with pytest.raises(ParameterError, match="source '' is empty; give a camera's number"):
        opener(SourceSettings(""))

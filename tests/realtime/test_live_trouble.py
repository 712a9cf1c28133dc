"""Sessions in trouble: a camera that goes away, and what cannot be used."""

import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from synchresis.engines.frame import Frame
from synchresis.engines.instrument import Instrument
from synchresis.errors import DeviceError, InputError, ParameterError
from synchresis.realtime.clock import SystemClock, clock_id
from synchresis.realtime.live import LiveSession, LiveSettings, Parts
from synchresis.realtime.ring import SoftwareRing
from synchresis.realtime.sinks import NullSink
from synchresis.realtime.sources import SourceSettings, camera
from synchresis.realtime.sources.camera import CameraSettings, CameraSource


class Tape(NullSink):
    """Keeps what it is given, as long as there is room, and how it ended."""

    def __init__(self, room: int | None = None) -> None:
        super().__init__()
        self.blocks: list[NDArray[np.float32]] = []
        self.room = room
        self.ends: list[str] = []

    def write(self, block: NDArray[np.float32]) -> None:
        if self.room is not None and len(self.blocks) == self.room:
            raise InputError("the disk is full")
        self.blocks.append(block.copy())

    def close(self) -> None:
        self.ends.append("closed")

    def abort(self) -> None:
        self.ends.append("aborted")


class FlashingCamera:
    """A camera of 30 frames per second that flashes, and can be pulled out."""

    def __init__(self) -> None:
        self.present = True
        self.shown = 0
        self._next_s = time.monotonic()

    def open(self) -> "FlashingCamera":
        return self

    def isOpened(self) -> bool:
        return self.present

    def grab(self) -> bool:
        self._next_s = max(self._next_s + 1 / 30, time.monotonic() - 1 / 30)
        time.sleep(max(self._next_s - time.monotonic(), 0))
        self.shown += self.present
        return self.present

    def retrieve(self) -> tuple[bool, NDArray[np.uint8]]:
        return True, np.full((48, 64, 3), 220 if self.shown % 7 == 5 else 30, np.uint8)

    def get(self, prop: int) -> float:
        return 30.0 if prop == cv2.CAP_PROP_FPS else 0.0

    def set(self, prop: int, value: float) -> bool:
        return True

    def release(self) -> None:
        pass


def test_camera_goes_away_and_comes_back_in_a_session(
    make_instrument: Callable[..., Instrument], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(camera, "RETRY_S", 0.05)
    device, tape = FlashingCamera(), Tape()
    source = CameraSource(device.open, CameraSettings("camera 0"))
    parts = Parts(source=source, ring=SoftwareRing(SystemClock(), tape))
    with LiveSession(make_instrument(), LiveSettings(), parts=parts) as session:

        def go_on_until(condition: Callable[[], bool]) -> None:
            limit = time.monotonic() + 240
            while not condition():
                assert time.monotonic() < limit, "never came"
                assert session.poll(0.01)

        go_on_until(lambda: session.status().played > 4)
        device.present = False
        go_on_until(lambda: session.status().camera_away)
        delay_ms = session.status().delay_ms
        gone_s = session.status().seconds
        go_on_until(lambda: session.status().seconds > gone_s + 1.5)
        silent = np.concatenate(tape.blocks[-60:])
        played, frames = session.status().played, session.status().frames
        device.present = True
        go_on_until(lambda: session.status().played > played + 4)
        status = session.status()
    assert not silent.any()
    assert not status.camera_away
    assert status.frames > frames
    assert status.delay_ms == delay_ms


class TornSource:
    """A source that fails after some frames."""

    name = "torn"
    nominal_fps = 100.0
    finished = away = estimated = False
    lost = 0

    def __init__(self) -> None:
        self._frames = 0

    def read(self, timeout_s: float) -> Frame:
        time.sleep(0.01)
        self._frames += 1
        if self._frames == 20:
            raise InputError("torn.mp4: torn")
        picture = np.full((48, 64, 3), 30, np.uint8)
        return Frame(picture, time.perf_counter_ns(), self._frames, clock_id(), self.name)

    def close(self) -> None:
        """Nothing to close."""


def record(instrument: Instrument, tape: Tape, *, source: object = None) -> LiveSession:
    """A session that records on a tape what it plays."""
    settings = LiveSettings(SourceSettings("scene:ball"))
    parts = Parts(source=source, ring=SoftwareRing(SystemClock(), tape))  # type: ignore[arg-type]
    return LiveSession(instrument, settings, parts=parts)


def test_after_an_error_of_any_node_a_recording_is_not_taken_for_whole(
    make_instrument: Callable[..., Instrument],
) -> None:
    seen, heard = Tape(), Tape(room=5)
    with pytest.raises(InputError, match="torn"):
        record(make_instrument(), seen, source=TornSource()).run()
    with pytest.raises(InputError, match="the disk is full"):
        record(make_instrument(), heard).run()
    assert (seen.ends, heard.ends) == (["aborted"], ["aborted"])


@pytest.mark.parametrize(
    ("error", "ends"), [(ParameterError, ["aborted"]), (KeyboardInterrupt, ["closed"])]
)
def test_an_error_of_the_player_breaks_a_recording_off_and_ctrl_c_ends_it(
    make_instrument: Callable[..., Instrument], error: type[BaseException], ends: list[str]
) -> None:
    tape = Tape()
    with pytest.raises(error), record(make_instrument(), tape):
        raise error("stop")
    assert tape.ends == ends


def test_an_older_recording_outlives_an_error(
    make_instrument: Callable[..., Instrument], tmp_path: Path
) -> None:
    out = tmp_path / "out.wav"
    out.write_bytes(b"older")
    settings = LiveSettings(out=str(out))
    session = LiveSession(make_instrument(), settings, parts=Parts(source=TornSource()))  # type: ignore[arg-type]
    with pytest.raises(InputError, match="torn"):
        session.run()
    assert out.read_bytes() == b"older"
    assert {p.name for p in tmp_path.iterdir()} <= {"out.wav", "out.broken-off.wav"}


@pytest.mark.parametrize(
    ("source", "settings", "error", "match"),
    [
        ("0", {"clock": "virtual", "out": "null"}, ParameterError, "happens now"),
        ("scene:ball", {"clock": "virtual"}, ParameterError, "--out FILE.wav or null"),
        ("scene:nowhere", {"out": "null"}, ParameterError, "nowhere"),
        ("missing.mp4", {"out": "null"}, InputError, "no such file"),
        ("47", {"out": "null"}, DeviceError, "camera 47 cannot be opened"),
        ("scene:ball", {"out": "x.mp3"}, ParameterError, "unknown output format"),
        ("scene:ball", {"out": "/nowhere/x.wav"}, InputError, "folder /nowhere does not exist"),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_name(
    make_instrument: Callable[..., Instrument],
    source: str,
    settings: dict[str, str],
    error: type[Exception],
    match: str,
) -> None:
    chosen = LiveSettings(SourceSettings(source), **settings)  # type: ignore[arg-type]
    with pytest.raises(error, match=match):
        LiveSession(make_instrument(), chosen).start()


def test_lock_step_refuses_what_it_could_not_do(
    make_instrument: Callable[..., Instrument],
) -> None:
    session = LiveSession(make_instrument(), LiveSettings(clock="virtual"))
    before = session.status()
    for command in (
        lambda: session.set_muted(muted=True),
        lambda: session.set_palette("model:glass", zone=0),
        session.hit,
    ):
        with pytest.raises(ParameterError, match="need the device's clock"):
            command()
    assert session.status() == before


def test_palettes_and_zones_that_do_not_fit_are_refused(
    make_instrument: Callable[..., Instrument],
) -> None:
    session = LiveSession(make_instrument(), LiveSettings())
    with pytest.raises(ParameterError, match="zone=2 must be 0 to 1"):
        session.set_palette("wood", zone=2)
    with pytest.raises(ParameterError, match="do not mix"):
        session.set_palette("wood", zone=0)
    with pytest.raises(ParameterError, match="sensitivity=0"):
        session.set_sensitivity(0)
    session.set_palette("model:glass", zone=0)
    session.set_sensitivity(2.0)
    assert session.status().palettes == ("model:glass", "glass")
    assert session.status().threshold == pytest.approx(1 / 3)

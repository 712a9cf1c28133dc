import logging
import threading
import time
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from synchresis.engines.instrument import Instrument
from synchresis.engines.timebase import HOP
from synchresis.errors import DeviceError
from synchresis.realtime import lost_device
from synchresis.realtime.clock import Clock, SystemClock
from synchresis.realtime.live import LiveSession, LiveSettings, Parts
from synchresis.realtime.ring import SoftwareRing
from synchresis.realtime.sinks.lasting import STUCK_NS, LastingRing
from synchresis.realtime.sources import SourceSettings

MS = 1_000_000
SOON_S = 60


class HandClock:
    """Time that is told."""

    def __init__(self) -> None:
        self.time_ns = 10_000 * MS

    def now_ns(self) -> int:
        return self.time_ns

    def sleep_until(self, time_ns: int) -> None:
        self.time_ns = time_ns


class Tape:
    """A sink that keeps what it is given."""

    def __init__(self) -> None:
        self.blocks: list[NDArray[np.float32]] = []

    def write(self, block: NDArray[np.float32]) -> None:
        self.blocks.append(block.copy())

    def close(self) -> None:
        pass

    abort = close


class Device(SoftwareRing):
    """A device that is lost when its plug is pulled, and takes nothing when it is stuck."""

    def __init__(self, socket: "Socket") -> None:
        self.tape = Tape()
        super().__init__(socket.clock, self.tape, whole=False)
        self.socket = socket
        self.latency_ns = socket.latency_ns
        self.closed = False

    @property
    def playing(self) -> bool:
        if self.socket.device is not self:
            raise DeviceError("the audio device went away; and a remedy")
        return self.socket.stuck or super().playing

    def close(self) -> None:
        self.socket.released.wait()
        self.closed = True


class Socket:
    """Where the device is plugged in."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.present = True
        self.stuck = False
        self.latency_ns = 4 * MS
        self.device: Device | None = None
        self.tries = 0
        self.losses = 0
        self.released = threading.Event()
        self.released.set()

    def open(self) -> Device:
        self.tries += 1
        if not self.present:
            raise DeviceError("nothing there; remedy")
        self.device = Device(self)
        return self.device

    def note(self) -> None:
        self.losses += 1

    def pull(self) -> None:
        self.present, self.device = False, None


def until(condition: Callable[[], bool]) -> None:
    limit = time.monotonic() + SOON_S
    while not condition():
        assert time.monotonic() < limit, "never came"
        time.sleep(0.002)


def play(ring: LastingRing) -> None:
    for hop in range(3):
        ring.write(np.zeros((HOP, 2), np.float32), 1_000_000_000 + hop)
    ring.start()


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def socket(clock: HandClock) -> Socket:
    return Socket(clock)


@pytest.fixture
def ring(socket: Socket, clock: HandClock):  # type: ignore[no-untyped-def]
    ring = LastingRing(socket.open, clock, on_loss=socket.note, retry_s=0.002)
    play(ring)
    yield ring
    ring.close()


def test_an_absent_device_is_refused_at_the_start(socket: Socket, clock: HandClock) -> None:
    socket.present = False
    with pytest.raises(DeviceError, match="nothing there"):
        LastingRing(socket.open, clock)


def test_a_lost_device_is_released_and_a_clock_takes_the_sound(
    ring: LastingRing, socket: Socket, clock: HandClock, caplog: pytest.LogCaptureFixture
) -> None:
    assert ring.playing and not ring.away
    lost = socket.device
    socket.pull()
    with caplog.at_level(logging.WARNING):
        assert not ring.playing, "the voice thread must begin again"
    assert ring.away
    assert socket.losses == 1
    assert caplog.messages == ["the audio device went away; playing on unheard until it is back"]
    play(ring)
    assert ring.playing
    assert ring.latency_ns == 4 * MS, "D stays"
    before = ring.queued
    clock.time_ns += 6 * MS
    assert before - ring.queued == pytest.approx(0.006 * 48_000, abs=128)
    clock.time_ns += 100 * MS
    assert not ring.playing, "what ran empty must be begun again, as on a device"
    assert lost is not None
    until(lambda: lost.closed)


def test_the_device_that_comes_back_plays(
    ring: LastingRing, socket: Socket, caplog: pytest.LogCaptureFixture
) -> None:
    socket.pull()
    assert not ring.playing
    play(ring)
    until(lambda: socket.tries > 5)
    assert ring.playing and ring.away
    socket.latency_ns, socket.present = 30 * MS, True
    with caplog.at_level(logging.WARNING):
        until(lambda: not ring.playing)
    assert caplog.messages[-1] == "the audio device is back"
    assert not ring.away
    assert ring.latency_ns == 30 * MS
    play(ring)
    assert ring.playing
    assert socket.device is not None and len(socket.device.tape.blocks) == 3
    tries = socket.tries
    time.sleep(0.02)
    assert socket.tries == tries, "nobody looks for a device that is there"


def test_a_lost_device_that_is_never_released_is_left_alone(
    ring: LastingRing, socket: Socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lost_device, "CLOSE_S", 0.01)
    lost = socket.device
    socket.released.clear()
    socket.pull()
    assert not ring.playing
    play(ring)
    socket.present = True
    until(lambda: not ring.playing)
    assert not ring.away, "another was opened meanwhile"
    assert lost is not None and not lost.closed
    socket.released.set()


def test_a_device_that_takes_nothing_is_lost(
    ring: LastingRing, socket: Socket, clock: HandClock
) -> None:
    socket.stuck = True
    for _ in range(STUCK_NS // (10 * MS)):
        assert ring.playing
        clock.time_ns += 10 * MS
    clock.time_ns += 10 * MS
    assert not ring.playing
    assert ring.away


def test_a_program_that_stood_still_does_not_blame_the_device(
    ring: LastingRing, socket: Socket, clock: HandClock
) -> None:
    socket.stuck = True
    clock.time_ns += 20 * STUCK_NS
    assert ring.playing
    for _ in range(10):
        clock.time_ns += 10 * MS
        assert ring.playing


def test_closing_ends_the_search(socket: Socket, clock: HandClock) -> None:
    ring = LastingRing(socket.open, clock, retry_s=0.002)
    socket.pull()
    assert not ring.playing
    until(lambda: socket.tries > 2)
    ring.close()
    tries = socket.tries
    time.sleep(0.02)
    assert socket.tries == tries


def test_a_session_outlives_its_audio_device(make_instrument: Callable[..., Instrument]) -> None:
    speakers = Socket(SystemClock())
    ring = LastingRing(speakers.open, SystemClock(), retry_s=0.02)
    settings = LiveSettings(SourceSettings("scene:ball"))
    with LiveSession(make_instrument(), settings, parts=Parts(ring=ring)) as session:

        def go_on_until(condition: Callable[[], bool]) -> None:
            limit = time.monotonic() + SOON_S
            while not condition():
                assert time.monotonic() < limit, "never came"
                assert session.poll(0.01)

        go_on_until(lambda: session.status().state == "playing")
        device_ms = session.status().parts_ms["device"]
        speakers.pull()
        go_on_until(lambda: session.status().sound_away)
        frames = session.status().frames
        go_on_until(lambda: session.status().frames > frames + 10)
        assert session.status().parts_ms["device"] == device_ms
        speakers.latency_ns, speakers.present = 24 * MS, True
        go_on_until(lambda: not session.status().sound_away)
        back = speakers.device
        assert back is not None
        go_on_until(lambda: len(back.tape.blocks) > 50)
        session.hit()
        go_on_until(lambda: any(np.abs(block).max() > 0 for block in back.tape.blocks))
        assert session.status().parts_ms["device"] == pytest.approx(device_ms + 20)

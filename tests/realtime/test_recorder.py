import sys
import threading
import time
from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pytest

from synchresis.errors import DeviceClockError, DeviceError
from synchresis.realtime import lost_device, recorder
from synchresis.realtime.recorder import Recorder, find_losses

MS = 1_000_000
BLOCK = 128


def device_polls(rng: np.random.Generator, *, lost_at: int | None = None) -> list[tuple[int, int]]:
    """Times and samples so far, polled every 10 ms and up to 6 ms late, for four seconds."""
    polls = []
    for n in range(400):
        now = n * 10 * MS + int(rng.integers(0, 6 * MS))
        blocks = now * 48 // MS // BLOCK - (lost_at is not None and n >= lost_at)
        polls.append((now, blocks * BLOCK))
    return polls


def test_late_polls_are_no_losses(rng: np.random.Generator) -> None:
    assert find_losses(device_polls(rng), BLOCK) == []


def test_a_lost_block_is_found_where_it_was_lost(rng: np.random.Generator) -> None:
    polls = device_polls(rng, lost_at=200)
    (loss,) = find_losses(polls, BLOCK)
    assert loss[1] == BLOCK
    assert abs(loss[0] - polls[200][1]) < 50 * 480


def test_a_poll_that_is_held_up_never_counts_samples_of_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its lateness would be the least of all, and half a second later a block would seem lost."""
    time_ns = [0]

    def passing(value: int) -> int:
        time_ns[0] += 7 * MS
        return value

    class Ring:
        @property
        def read_available(self) -> int:
            return passing(time_ns[0] * 48 // MS)

    clock = SimpleNamespace(perf_counter_ns=lambda: passing(time_ns[0]))
    monkeypatch.setattr(recorder, "time", clock)
    listener = Recorder(seconds=1)
    listener._ring = Ring()
    listener._end_watch()
    ((now_ns, count),) = listener._polls
    assert count <= now_ns * 48 // MS


class PortAudioError(Exception):
    """Stands for that of sounddevice."""


class Microphone:
    """Stands for rtmixer's recorder: plugged in until it is not, or deaf to what it is told."""

    def __init__(self, **_: object) -> None:
        self.plugged = True
        self.clock_runs = True
        self.deaf = False
        self.jump_s = 0.0
        self.closing = threading.Event()
        self.actions: list[object] = []

    @property
    def active(self) -> bool:
        return self.plugged

    @property
    def time(self) -> float:
        if not self.clock_runs:
            raise PortAudioError("Error getting stream time")
        return time.perf_counter() + self.jump_s

    def start(self) -> None:
        """Nothing to begin."""

    def record_ringbuffer(self, _: object) -> SimpleNamespace:
        action = SimpleNamespace(actual_time=time.perf_counter())
        self.actions.append(action)
        return action

    def cancel(self, action: object) -> None:
        if self.plugged and not self.deaf:
            self.actions.remove(action)

    def close(self) -> None:
        self.closing.set()
        if not self.plugged:
            threading.Event().wait()  # as the streams of a sound server that died


class FullRing:
    """A ring with a tenth of a second of sound."""

    read_available = 4800

    def __init__(self, *_: int) -> None:
        """Nothing to allocate."""

    def read(self, count: int) -> bytes:
        return bytes(4 * count)


@pytest.fixture
def microphone(monkeypatch: pytest.MonkeyPatch) -> Microphone:
    """The one that recorders get; its time limits are short."""
    made = Microphone()
    mixer = SimpleNamespace(Recorder=lambda **_: made, RingBuffer=FullRing)
    monkeypatch.setitem(sys.modules, "rtmixer", mixer)
    device = SimpleNamespace(PortAudioError=PortAudioError, _exit_handler=lambda: None)
    monkeypatch.setitem(sys.modules, "sounddevice", device)
    monkeypatch.setattr(recorder, "_PATIENCE_S", 0.2)
    monkeypatch.setattr(lost_device, "CLOSE_S", 0.05)
    return made


def test_a_microphone_that_stays_is_recorded(microphone: Microphone) -> None:
    with Recorder(seconds=1) as listener:
        recording = listener.stop()
    assert len(recording.sound) == 4800
    assert microphone.closing.is_set()


@pytest.mark.parametrize("jump_s", [0.03, -0.03])
def test_a_clock_that_jumps_is_an_error_of_its_own(microphone: Microphone, jump_s: float) -> None:
    with (
        pytest.raises(DeviceClockError, match=f"jumped by {-1000 * jump_s:.1f} ms"),
        Recorder(seconds=1) as listener,
    ):
        microphone.jump_s = jump_s
        listener.stop()
    assert microphone.closing.is_set()


def unplug(microphone: Microphone) -> None:
    microphone.plugged = False


def unplug_with_its_clock(microphone: Microphone) -> None:
    microphone.plugged = microphone.clock_runs = False


def stop_its_clock(microphone: Microphone) -> None:
    microphone.clock_runs = False


def make_deaf(microphone: Microphone) -> None:
    microphone.deaf = True


@pytest.mark.parametrize("lose", [unplug, unplug_with_its_clock, stop_its_clock, make_deaf])
def test_a_microphone_that_goes_away_is_named_and_waited_for_in_vain_by_nobody(
    microphone: Microphone, lose: Callable[[Microphone], None]
) -> None:
    errors: list[Exception] = []

    def record() -> None:
        try:
            with Recorder(seconds=1, device="desk") as listener:
                lose(microphone)
                listener.stop()
        except DeviceError as err:
            errors.append(err)

    thread = threading.Thread(target=record, daemon=True)
    thread.start()
    thread.join(10)
    assert not thread.is_alive()
    (error,) = errors
    assert str(error) == "input device desk went away: connect it again and record again"
    assert microphone.closing.is_set()


def test_a_microphone_that_is_gone_before_it_was_heard_is_closed(microphone: Microphone) -> None:
    microphone.clock_runs = False
    with pytest.raises(DeviceError, match="input device default went away"):
        Recorder(seconds=1).__enter__()
    assert microphone.closing.is_set()

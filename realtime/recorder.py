"""Recorder: sound from an input device, with the time of every sample on the process clock.

The callback is rtmixer's, in C, so a busy interpreter loses nothing. Times are those that the
device gives its buffers, carried over to `perf_counter_ns` by reading both clocks side by side.
"""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from synchresis.engines.sample_clock import SampleClock
from synchresis.engines.timebase import NS_PER_S, SAMPLE_RATE
from synchresis.errors import DeviceClockError, DeviceError, ParameterError
from synchresis.realtime.lost_device import release_lost

_READINGS: Final = 64
"""Pairs of clock readings; the closest pair counts."""

_PATIENCE_S: Final = 3.0
"""How long a device may take to give its first sample, or to stop after its last one."""

_POLL_S: Final = 0.01
_POLLS: Final = 50
"""Polls, half a second, over which the least lateness is taken: it hides our own late polls."""

_JUMP_NS: Final = 20_000_000
"""The clocks of process and stream may drift apart by this much; more means a restarted device."""

_WRAP_NS: Final = (1 << 32) * NS_PER_S // SAMPLE_RATE
"""PipeWire's JACK library can be off by 2³² samples: a negative latency read as unsigned."""


@dataclass(frozen=True, slots=True)
class Recording:
    """Sound with its time.

    Attributes:
        sound: float32[N], one channel at 48 kHz, −1 to 1; zeros where the device lost samples.
        clock: where its samples lie on `perf_counter_ns`.
        losses: where the device lost samples that were filled in, and how many, in order.
    """

    sound: NDArray[np.float32]
    clock: SampleClock
    losses: tuple[tuple[int, int], ...] = ()

    @property
    def lost_samples(self) -> int:
        """How many samples the device lost."""
        return sum(lost for _, lost in self.losses)


class Recorder:
    """Records one channel between `with` and the end of the block.

    Use::

        with Recorder(seconds=20) as recorder:
            ...
            recording = recorder.stop()
    """

    def __init__(
        self, *, seconds: float, device: str | int | None = None, block: int = 128
    ) -> None:
        """Fix the settings.

        Args:
            seconds: longest recording; what comes later is lost.
            device: name or number of the input device, None for the system's choice.
            block: samples per callback asked for.

        Raises:
            ParameterError: `seconds` is not positive.
        """
        if not 0 < seconds <= 3600:
            raise ParameterError(f"seconds={seconds} must be more than 0 and at most 3600")
        self.seconds = seconds
        self.device = int(device) if isinstance(device, str) and device.isdigit() else device
        self.block = block
        self._stream: Any = None
        self._ring: Any = None
        self._action: Any = None
        self._first: tuple[int, float] = (0, 0.0)
        self._polls: list[tuple[int, int]] = []
        self._lost = False
        self._done = threading.Event()
        self._watch = threading.Thread(target=self._poll, name="recorder", daemon=True)

    def __enter__(self) -> Self:
        """Open the device and begin.

        Raises:
            DeviceError: there is no such device, it cannot be opened or it gives no sound.
        """
        try:
            import rtmixer
            import sounddevice
        except OSError as err:
            raise DeviceError(f"PortAudio cannot be loaded ({err}): install libportaudio2") from err
        try:
            self._stream = rtmixer.Recorder(
                device=self.device,
                channels=1,
                samplerate=SAMPLE_RATE,
                blocksize=self.block,
                latency="low",
            )
            self._stream.start()
        except (sounddevice.PortAudioError, ValueError) as err:
            raise DeviceError(
                f"cannot record from device {self._name}: {err}; "
                "`synchresis doctor` lists the devices"
            ) from err
        size = 1 << int(np.ceil(np.log2(self.seconds * SAMPLE_RATE)))
        self._ring = rtmixer.RingBuffer(4, size)
        self._action = self._stream.record_ringbuffer(self._ring)
        try:
            self._await_sound()
            self._first = self._read_clocks()
        except DeviceError:
            self._close()
            raise
        self._watch.start()
        return self

    def stop(self) -> Recording:
        """End the recording and give what was recorded.

        Raises:
            DeviceError: the device gave nothing or went away.
            DeviceClockError: its clock jumped meanwhile.
        """
        self._check_there()
        last = self._read_clocks()
        self._end_watch()
        self._await_end()
        count = self._ring.read_available
        if count == 0:
            raise DeviceError(f"device {self._name} gave no sound")
        sound = np.frombuffer(bytes(self._ring.read(count)), np.float32)
        losses = find_losses(self._polls, self.block)
        origin_ns = round(self._action.actual_time * NS_PER_S) + _offset_ns(self._first, last)
        expected_ns = self._polls[0][0] - self._polls[0][1] * NS_PER_S // SAMPLE_RATE
        clock = SampleClock(origin_ns=unwrapped_ns(origin_ns, expected_ns))
        return Recording(fill_losses(sound, losses), clock, filled_places(losses))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the device."""
        self._end_watch()
        self._close()

    @property
    def _name(self) -> str:
        """Device as it was asked for."""
        return "default" if self.device is None else str(self.device)

    def _close(self) -> None:
        """Release the device; one that was lost may never let go, so it gets a little time."""
        stream, self._stream = self._stream, None
        if stream is None:
            return
        if not self._lost:
            stream.close()
            return
        release_lost(stream.close, name="lost microphone")

    def _check_there(self) -> None:
        """Raise `DeviceError` if the device went away."""
        from sounddevice import PortAudioError

        try:
            active = bool(self._stream.active)
        except PortAudioError as err:
            raise self._loss() from err
        if not active:
            raise self._loss()

    def _loss(self) -> DeviceError:
        """The error for a device that went away, which may abort the program as it ends."""
        from synchresis.realtime.sinks.device import spare_portaudio

        self._lost = True
        spare_portaudio()
        return DeviceError(
            f"input device {self._name} went away: connect it again and record again"
        )

    def _await_end(self) -> None:
        """Have the callback stop recording; that of a device that went away never does."""
        self._stream.cancel(self._action)
        deadline = time.perf_counter() + _PATIENCE_S
        while self._action in self._stream.actions:
            self._check_there()
            if time.perf_counter() > deadline:
                raise self._loss()
            time.sleep(_POLL_S)

    def _poll(self) -> None:
        """Note how many samples there are, over and over: that shows where some were lost."""
        while not self._done.wait(_POLL_S):
            self._polls.append(self._count())

    def _end_watch(self) -> None:
        self._done.set()
        if self._watch.is_alive():
            self._watch.join()
        if not self._polls and self._ring is not None:
            self._polls.append(self._count())

    def _count(self) -> tuple[int, int]:
        """A moment and the samples there were before it.

        In this order: where the thread is held up in between, the samples look late, as after any
        late wake-up. They must never look early, for the least lateness counts.
        """
        count = int(self._ring.read_available)
        return time.perf_counter_ns(), count

    def _await_sound(self) -> None:
        """Wait for the first sample: until then some servers show a clock of another origin."""
        deadline = time.perf_counter() + _PATIENCE_S
        while self._ring.read_available == 0:
            if time.perf_counter() > deadline:
                raise DeviceError(f"device {self._name} gives no sound")
            time.sleep(0.005)

    def _read_clocks(self) -> tuple[int, float]:
        """One moment on both clocks: nanoseconds of the process, seconds of the stream.

        Raises:
            DeviceError: the device went away, and its clock with it.
        """
        from sounddevice import PortAudioError

        best: tuple[int, int, float] | None = None
        for _ in range(_READINGS):
            before = time.perf_counter_ns()
            try:
                stream_s = float(self._stream.time)
            except PortAudioError as err:
                raise self._loss() from err
            after = time.perf_counter_ns()
            if best is None or after - before < best[0]:
                best = (after - before, (before + after) // 2, stream_s)
        assert best is not None
        return best[1], best[2]


def find_losses(polls: Sequence[tuple[int, int]], block: int) -> list[tuple[int, int]]:
    """Where a device lost blocks, from the times at which it had given so many samples.

    Args:
        polls: process clock and samples so far, rising.
        block: samples a device loses at a time.

    Returns:
        Sample before which samples are missing, and how many: a multiple of `block`. Losses in
        the last half second are not found.
    """
    late = [time_ns - count * NS_PER_S // SAMPLE_RATE for time_ns, count in polls]
    block_ns = block * NS_PER_S // SAMPLE_RATE
    losses: list[tuple[int, int]] = []
    since = 0
    for place in range(1, len(late) - _POLLS + 1):
        before = min(late[max(since, place - _POLLS) : place])
        step_ns = min(late[place : place + _POLLS]) - before
        if step_ns > 0.6 * block_ns:
            losses.append((polls[place - 1][1], round(step_ns / block_ns) * block))
            since = place
    return losses


def fill_losses(
    sound: NDArray[np.float32], losses: Sequence[tuple[int, int]]
) -> NDArray[np.float32]:
    """Sound with zeros where samples were lost, so that time in it is even."""
    places = [min(place, len(sound)) for place, _ in losses]
    parts = np.split(sound, places)
    gaps = [np.zeros(lost, np.float32) for _, lost in losses]
    joined = [parts[0]]
    for gap, part in zip(gaps, parts[1:], strict=True):
        joined += [gap, part]
    return np.concatenate(joined)


def filled_places(losses: Sequence[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Where the filled-in zeros begin in the filled sound, and how many they are."""
    places: list[tuple[int, int]] = []
    before = 0
    for place, lost in losses:
        places.append((place + before, lost))
        before += lost
    return tuple(places)


def unwrapped_ns(time_ns: int, expected_ns: int) -> int:
    """A device time with whole wraps of its 32-bit sample counter removed."""
    return time_ns - round((time_ns - expected_ns) / _WRAP_NS) * _WRAP_NS


def _offset_ns(first: tuple[int, float], last: tuple[int, float]) -> int:
    """Process clock minus stream clock, as the recording began."""
    begin = first[0] - round(first[1] * NS_PER_S)
    end = unwrapped_ns(last[0] - round(last[1] * NS_PER_S), begin)
    if abs(end - begin) > _JUMP_NS:
        raise DeviceClockError(
            f"the clock of the input device jumped by {(end - begin) / 1e6:.1f} ms: record again"
        )
    return begin


def check_microphone(device: str | int | None = None) -> None:
    """Open an input device and let it go again.

    Raises:
        DeviceError: there is no such device, it cannot be opened or it gives no sound.
    """
    with Recorder(seconds=1, device=device):
        pass

"""Through a real sound server: what the speaker plays is what comes back, in content and order."""

from collections.abc import Iterator
from typing import Self

import numpy as np
import pytest
from numpy.typing import NDArray

from synchresis.engines.frame import Frame
from synchresis.engines.instrument import Instrument, InstrumentSettings
from synchresis.engines.packs import Pack
from synchresis.engines.timebase import HOP
from synchresis.engines.zone import Zone
from synchresis.errors import DeviceError
from synchresis.realtime.live import LiveSession, LiveSettings, Parts
from synchresis.realtime.nodes import ParserNode
from synchresis.realtime.record import replay
from synchresis.realtime.sinks.device import DeviceRing
from synchresis.realtime.sources.limit import HeldFilm
from synchresis.realtime.sources.pacing import PacedFilm
from synchresis.realtime.status import Status

pytestmark = pytest.mark.audio

FLASHES = (10, 19, 31, 40, 52, 66, 77, 95, 110)


class FlashFilm:
    name = "flashes"
    nominal_fps = 30.0
    end_ns = 4_000_000_000

    def __init__(self) -> None:
        self.shown: dict[int, NDArray[np.uint8]] = {}

    def __iter__(self) -> Iterator[Frame]:
        for n in range(120):
            picture = np.full((48, 64, 3), 220 if n in FLASHES else 30, np.uint8)
            yield Frame(picture, n * 1_000_000_000 // 30, n)

    def close(self) -> None:
        pass


def expected_sound(session: LiveSession, instrument: Instrument) -> NDArray[np.float32]:
    """What the voice made, hop by hop in its place."""
    assert session.record is not None
    pictures = {f.sequence: f.picture for f in HeldFilm(FlashFilm(), 2.5)}
    node = ParserNode(instrument.parser)
    hops = {
        hop: block.copy()
        for hop, block in replay(session.record, pictures, node.parse, instrument.playout())
    }
    sound = np.zeros(((max(hops) + 1) * HOP, 2), np.float32)
    for hop, block in hops.items():
        sound[hop * HOP : (hop + 1) * HOP] = block
    return sound


class Listener:
    """Keeps both channels of the default input."""

    def __enter__(self) -> Self:
        import rtmixer

        self._stream = rtmixer.Recorder(channels=2, samplerate=48_000, latency="low")
        self._stream.start()
        self._ring = rtmixer.RingBuffer(8, 1 << 21)
        self._action = self._stream.record_ringbuffer(self._ring)
        return self

    def stop(self) -> NDArray[np.float32]:
        """What was heard, float32[N, 2]."""
        count = self._ring.read_available
        return np.frombuffer(bytes(self._ring.read(count)), np.float32).reshape(-1, 2).copy()

    def __exit__(self, *error: object) -> None:
        self._stream.close()


def place_of(part: NDArray[np.float32], heard: NDArray[np.float32]) -> int:
    """Where a part fits best in what was heard, by least squares."""
    size = 1 << (len(heard) + len(part)).bit_length()
    spectrum = np.fft.rfft(heard[:, 0], size) * np.conj(np.fft.rfft(part[:, 0], size))
    match = np.fft.irfft(spectrum, size)[: len(heard) - len(part)]
    energy = np.cumsum(np.concatenate([[0.0], heard[:, 0].astype(float) ** 2]))
    energy = energy[len(part) : -1] - energy[: -len(part) - 1]
    return int(np.argmin(energy - 2 * match))


def shares_of(
    parts: dict[int, NDArray[np.float32]], heard: NDArray[np.float32]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Shift of each part, of all that fit some part, and the share of it that is heard exactly.

    A part of which the server lost a block may fit another of its kind better than itself.
    """
    shifts = sorted({place_of(part, heard) - start for start, part in parts.items()})
    shares = np.zeros((len(parts), len(shifts)))
    for n, (start, part) in enumerate(parts.items()):
        for k, shift in enumerate(shifts):
            there = heard[max(start + shift, 0) :][: len(part)]
            shares[n, k] = np.sum(np.abs(there - part[: len(there)]) < 1e-6) / part.size
    return np.array(shifts)[shares.argmax(1)], shares.max(1)


LEAST_SHARE = 0.75
"""Of the samples played, so many must be heard. A server that is woken late plays zeros for a block
of 128 samples; the worst of twelve recordings lost a twelfth. A level wrong by 1 % leaves 0.04."""


def play_and_listen(pack: Pack) -> tuple[NDArray[np.int64], NDArray[np.float64], Status]:
    """Play flashes once: where each hit was heard against where it was played, and how much."""
    zones = (Zone(palette="model:wood"),)
    settings = InstrumentSettings(zones=zones, lookahead_ns=0, gain_db=6.0)
    instrument = Instrument(pack, settings)
    instrument.prepare()
    source = PacedFilm(HeldFilm(FlashFilm(), 2.5))
    session = LiveSession(
        instrument,
        LiveSettings(out="device", buffer_hops=12, recording=True),
        parts=Parts(source=source),
    )
    with Listener() as listener, session:
        while session.poll():
            pass
        heard = listener.stop()
    sound = expected_sound(session, instrument)
    instrument.close()
    loud = np.flatnonzero(np.abs(sound[:, 0]) > 0.02)
    starts = loud[np.diff(loud, prepend=-48_000) > 4000]
    parts = {int(start) - 64: sound[start - 64 : start + 2000] for start in starts}
    shifts, shares = shares_of(parts, heard)
    return shifts, shares, session.status()


def test_what_the_speaker_plays_comes_back_from_the_sound_server(tiny_pack: Pack) -> None:
    shifts, shares, status = play_and_listen(tiny_pack)
    # A busy machine may lose the frame of a flash; what was played is what must be heard.
    assert len(shifts) == status.played
    assert len(FLASHES) / 2 < len(shifts)
    assert shares.mean() > LEAST_SHARE
    # In order, and where nothing ran empty all in one piece.
    assert list(shifts) == sorted(shifts)
    if status.xruns == 0:
        assert np.ptp(shifts) <= 64 * 128


def test_ring_that_ran_empty_says_so_and_starts_again() -> None:
    ring = DeviceRing()
    assert not ring.playing
    block = np.full((HOP, 2), 0.1, np.float32)
    for life in range(2):
        for _ in range(8):
            ring.write(block, life)
        assert ring.queued == 8 * HOP
        ring.start()
        assert ring.playing
        while ring.playing:
            pass
        assert ring.queued == 0
    assert 0 <= ring.latency_ns < 2_000_000_000
    assert ring.name
    ring.close()


def test_absent_device_is_refused_with_its_name() -> None:
    with pytest.raises(DeviceError, match=r"audio device no-such-device cannot play"):
        DeviceRing("no-such-device")

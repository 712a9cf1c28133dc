"""Motion-to-sound: contacts in a scene against onsets captured from the sound server's loopback."""

import time
from contextlib import closing
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from synchresis.bench.memory_camera import Footage, MemoryCamera
from synchresis.bench.oracle import OracleParser
from synchresis.bench.pairing import Pairing, pair_onsets, phase_unevenness
from synchresis.engines.frame import Frame
from synchresis.engines.gesture import Gesture
from synchresis.engines.instrument import Instrument, InstrumentSettings
from synchresis.engines.packs import Pack
from synchresis.engines.timebase import NS_PER_S, SAMPLE_RATE
from synchresis.engines.zone import Zone
from synchresis.realtime.hearing import hear_onsets
from synchresis.realtime.live import LiveSession, LiveSettings, Parts
from synchresis.realtime.recorder import Recorder, Recording
from synchresis.realtime.status import Status

Lookahead = Literal["off", "auto"]

FPS: Final = 60.0

BUFFER_HOPS: Final = 2

ORACLE_PALETTE: Final = "model:wood"

SETTLE_S: Final = 1.0
"""After D or τ was set, contacts count from here on."""

FLOOR: Final = 0.02
"""Onsets below this share of the loudest sound are no answers (34 dB); a loopback has no noise."""

LEAST: Final = 2e-5
"""Nothing is heard below this amplitude."""

STEADY_S: Final = 2.5
"""The device's time line follows a device that paused within this time."""

TAIL_S: Final = 0.8
"""Recorded after the last picture, for sounds on their way."""

_CLICKS: Final = 12
_CLICK_SAMPLES: Final = 64


@dataclass(frozen=True, slots=True)
class SoundCase:
    """One run through the sound server.

    Attributes:
        lookahead: τ = 0, or as small as brings D to 0.
        oracle: whether the true contacts stand in for the motion engine's events, and a physical
            model, whose attack is exact, for the voice engine: what is left is the transport.
        device: audio device that is a loopback, None for the system's choice.
    """

    lookahead: Lookahead
    oracle: bool = False
    device: str | None = None

    @property
    def name(self) -> str:
        """For metrics."""
        return f"latency.sound.{'oracle.' if self.oracle else ''}lookahead_{self.lookahead}"


@dataclass(frozen=True, slots=True)
class SoundRun:
    """What one run gave.

    Attributes:
        pairing: contacts and the sounds that answered them.
        events: contacts and the moments the parser gave them, before D: its own error of time.
        status: of the session at its end: D, its parts, τ, late, xruns.
        unevenness: of the contacts' phases in the frame interval, 0 is perfectly spread.
        lost_samples: time that the sound server lost, samples.
        steady_ms: float64[S], of the pairs, those while the sound server had kept its time for
            `STEADY_S`: what is left is the system's own.
    """

    pairing: Pairing
    events: Pairing
    status: Status
    unevenness: float
    lost_samples: int
    steady_ms: NDArray[np.float64]


def run_sound(case: SoundCase, footage: Footage, pack: Pack) -> SoundRun:
    """Show footage to a live session that plays into a loopback, and listen.

    Raises:
        DeviceError: there is no audio device, or it gives nothing back.
        DeviceClockError: its clock jumped meanwhile.
    """
    camera = MemoryCamera(footage)
    length_s = footage.times_ns[-1] / NS_PER_S
    settings = LiveSettings(device=case.device, buffer_hops=BUFFER_HOPS)
    with (
        closing(_instrument(case, camera, pack)) as instrument,
        Recorder(seconds=length_s + 20, device=case.device) as recorder,
    ):
        watch = _Watch()
        parts = Parts(source=camera)
        with LiveSession(instrument, settings, parts=parts, on_gesture=watch.note) as session:
            while session.poll():
                watch.see(session.status())
        time.sleep(TAIL_S)
        recording = recorder.stop()
    return _result(watch, camera, recording)


def measure_loopback(device: str | None = None) -> NDArray[np.float64]:
    """The audio path's own delay: clicks played and heard, milliseconds.

    Returns:
        float64[N], from the moment a click was due at the device to its place in the recording.
    """
    import rtmixer

    click = np.zeros(_CLICK_SAMPLES, np.float32)
    click[0] = 0.9
    due_ns: list[float] = []
    with (
        Recorder(seconds=20, device=device) as recorder,
        rtmixer.Mixer(
            device=device, channels=1, samplerate=SAMPLE_RATE, blocksize=128, latency="low"
        ) as mixer,
    ):
        time.sleep(0.3)
        for index in range(_CLICKS):
            action = mixer.play_buffer(click.tobytes(), 1, start=mixer.time + 0.1)
            mixer.wait(action)
            offset_ns = time.perf_counter_ns() - mixer.time * NS_PER_S
            due_ns.append(action.actual_time * NS_PER_S + offset_ns)
            time.sleep(0.07 + 0.011 * index)
        time.sleep(TAIL_S)
        recording = recorder.stop()
    heard = [recording.clock.ns_of(int(k)) for k in hear_onsets(recording.sound, floor=0.1)]
    due_s, heard_s = [t / NS_PER_S for t in due_ns], [t / NS_PER_S for t in heard]
    return pair_onsets(due_s, heard_s, window_s=0.1).differences_ms


class _Watch:
    """Follows a session: when D and τ stand still, and what the parser says."""

    def __init__(self) -> None:
        self.status: Status | None = None
        self.settled_ns: int | None = None
        self.events_ns: list[int] = []

    def note(self, _: Frame, gesture: Gesture) -> None:
        """Take the events of a frame; the parser's thread."""
        self.events_ns += [event.t_ns for event in gesture.events]

    def see(self, status: Status) -> None:
        """Take the newest status."""
        before, self.status = self.status, status
        if status.state != "playing" or before is None:
            return
        if self.settled_ns is None or status.delay_ms != before.delay_ms:
            self.settled_ns = time.perf_counter_ns()


def _instrument(case: SoundCase, camera: MemoryCamera, pack: Pack) -> Instrument:
    lookahead: int | Literal["auto"] = "auto" if case.lookahead == "auto" else 0
    zone = Zone(palette=ORACLE_PALETTE) if case.oracle else Zone()
    instrument = Instrument(pack, InstrumentSettings((zone,), lookahead_ns=lookahead))
    if case.oracle:
        instrument.parser.close()
        instrument.parser = OracleParser(pack, camera.contacts_between)
    instrument.prepare()
    return instrument


def _result(watch: _Watch, camera: MemoryCamera, recording: Recording) -> SoundRun:
    assert watch.status is not None
    from_ns = (watch.settled_ns or camera.begin()) + round(SETTLE_S * NS_PER_S)
    contacts = _seconds(camera.contacts_ns(), from_ns)
    loudest = float(np.abs(recording.sound).max(initial=0.0))
    onsets = hear_onsets(recording.sound, floor=max(LEAST, FLOOR * loudest))
    sounds = [recording.clock.ns_of(int(onset)) for onset in onsets]
    pairing = pair_onsets(contacts, _seconds(sounds, from_ns))
    phases = [t - camera.begin() / NS_PER_S for t in contacts]
    return SoundRun(
        pairing,
        pair_onsets(contacts, _seconds(watch.events_ns, from_ns)),
        watch.status,
        phase_unevenness(phases, camera.nominal_fps),
        recording.lost_samples,
        steady_differences(pairing, recording),
    )


def steady_differences(pairing: Pairing, recording: Recording) -> NDArray[np.float64]:
    """Differences of the pairs whose sound server lost no time in the `STEADY_S` before.

    Args:
        pairing: contacts in seconds, process clock, and their answers.
        recording: knows where time was lost.
    """
    lost_s = [recording.clock.ns_of(place) / NS_PER_S for place, _ in recording.losses]
    kept = [
        difference
        for contact, difference in zip(pairing.contacts, pairing.differences_ms, strict=True)
        if not any(0 <= contact + difference / 1e3 - lost < STEADY_S for lost in lost_s)
    ]
    return np.array(kept, np.float64)


def _seconds(times_ns: list[int], from_ns: int) -> list[float]:
    """Times after a moment, in seconds."""
    return [time_ns / NS_PER_S for time_ns in times_ns if time_ns > from_ns]

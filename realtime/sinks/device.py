"""Audio devices: a ring that PortAudio reads in C, so that a busy interpreter stops no sound."""

import atexit
import os
import re
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from synchresis.engines.playout import Block
from synchresis.engines.timebase import HOP, NS_PER_S, SAMPLE_RATE
from synchresis.errors import DeviceError

_RING_SAMPLES: Final = 64 * HOP
_CHANNELS: Final = 2
_LATENCY_MAX_S: Final = 2.0
"""Some sound servers report garbage; a delay beyond this is not believed."""

_PORTAUDIO: Final = re.compile(r"(/\S*libportaudio\S*)$", re.MULTILINE)
"""Path of the library among the files mapped into this process."""


class DeviceRing:
    """An output device. The callback is rtmixer's: it copies from the ring and takes no lock.

    It stops taking when the ring runs empty (zeros are heard) and must be started again.
    """

    devices = 0

    def __init__(self, device: str | None = None) -> None:
        """Open the device; it plays silence until `start`.

        Args:
            device: name, part of a name or number; None for the system's choice.

        Raises:
            DeviceError: PortAudio is missing, or the device is absent, busy or of another rate.
        """
        self._rtmixer = _import_rtmixer()
        chosen = int(device) if device is not None and device.isdigit() else device
        try:
            self._mixer: Any = self._rtmixer.Mixer(
                device=chosen, channels=_CHANNELS, samplerate=SAMPLE_RATE, latency="low"
            )
            self._mixer.start()
        except Exception as err:
            raise DeviceError(
                f"audio device {device or '(default)'} cannot play 48 kHz stereo ({_reason(err)}); "
                "`synchresis doctor` lists devices, --out FILE.wav or --out null need none"
            ) from err
        self._ring: Any = self._rtmixer.RingBuffer(4 * _CHANNELS, _RING_SAMPLES)
        self._action: Any = None

    @property
    def name(self) -> str:
        """What the system calls the device."""
        import sounddevice

        return str(sounddevice.query_devices(self._mixer.device)["name"])

    @property
    def playing(self) -> bool:
        """Whether the callback takes from the ring.

        Raises:
            DeviceError: the device went away.
        """
        if not self._mixer.active:
            raise DeviceError("the audio device went away")
        return self._action is not None and self._action in self._mixer.actions

    @property
    def queued(self) -> int:
        """Samples in the ring."""
        return int(self._ring.read_available)

    @property
    def latency_ns(self) -> int:
        """Output delay as the device reports it, 0 where that cannot be true."""
        latency_s = float(self._mixer.latency)
        return round(latency_s * NS_PER_S) if 0 <= latency_s <= _LATENCY_MAX_S else 0

    def write(self, block: Block, hop: int) -> None:
        """Append a hop; `hop` matters to rings that keep a file."""
        del hop
        self._ring.write(block)

    def drop(self) -> None:
        """Empty the ring."""
        self._ring.flush()

    def start(self) -> None:
        """Let the callback take what is in the ring."""
        self._action = self._mixer.play_ringbuffer(self._ring)

    def close(self) -> None:
        """Stop at once and release the device."""
        self._mixer.close(ignore_errors=True)

    def abort(self) -> None:
        """The same: what was heard is gone."""
        self.close()


def look_again() -> None:
    """Have PortAudio find the devices that are there now; it ends all its streams.

    PortAudio lists devices once, when it is initialised: one that was plugged in later, or whose
    sound server was started again, is not in the list. One that found a JACK server cannot be
    ended once that died (it aborts the program), so it is left as it is and a fresh copy of the
    library takes its place; where there can be none nothing is done.
    """
    import sounddevice

    try:
        jack = any(api["name"].startswith("JACK") for api in sounddevice.query_hostapis())
    except sounddevice.PortAudioError:
        jack = False
    if jack:
        library = _fresh_portaudio()
        if library is None:
            return
        sounddevice._lib, sounddevice._initialized = library, 0
    else:
        with suppress(sounddevice.PortAudioError):
            sounddevice._terminate()
    with suppress(sounddevice.PortAudioError):
        sounddevice._initialize()


def _fresh_portaudio() -> Any:
    """PortAudio once more, with state of its own; None where the system cannot.

    The system's loader knows a library by its file, so the copy is another one, in memory. It is
    never given back: one copy (0.3 MB) and one dead connection stay for each server that died.
    """
    import sounddevice

    if not hasattr(os, "memfd_create"):
        return None
    maps = Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace")
    found = _PORTAUDIO.search(maps)
    if found is None:
        return None
    copy = os.memfd_create("portaudio")
    with open(copy, "wb", closefd=False) as file:
        file.write(Path(found[1]).read_bytes())
    return sounddevice._ffi.dlopen(f"/proc/self/fd/{copy}")


def spare_portaudio() -> None:
    """Leave PortAudio as it is when the program ends: after a device was lost it may abort."""
    import sounddevice

    atexit.unregister(sounddevice._exit_handler)


def _import_rtmixer() -> Any:
    try:
        import rtmixer
    except OSError as err:
        raise DeviceError(
            f"PortAudio cannot be loaded ({err}): install libportaudio2, or use --out FILE.wav"
        ) from err
    return rtmixer


def _reason(err: Exception) -> str:
    """First line of an error, without PortAudio's own chatter."""
    return str(err.args[0] if err.args else err).splitlines()[0]

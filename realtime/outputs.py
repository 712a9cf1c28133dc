"""Outputs by what the user wrote: an audio device, a file or nothing."""

from synchresis.errors import ParameterError
from synchresis.realtime.clock import Clock
from synchresis.realtime.ring import Ring, SoftwareRing
from synchresis.realtime.sinks import NullSink, Sink, SoundFileSink


def open_sink(out: str) -> Sink:
    """Sink for the virtual clock.

    Raises:
        ParameterError: "device", which runs on its own clock, or an unknown format.
        InputError: the file cannot be written.
    """
    if out == "device":
        raise ParameterError(
            "out='device' runs on its own clock; with --clock virtual give --out FILE.wav or null"
        )
    return NullSink() if out == "null" else SoundFileSink(out)


def open_ring(out: str, device: str | None, clock: Clock) -> Ring:
    """Ring for the device clock: an audio device, or a clock and a file.

    Raises:
        DeviceError: the device cannot be used.
        InputError, ParameterError: the file cannot be written.
    """
    if out == "device":
        from synchresis.realtime.sinks.device import DeviceRing

        return DeviceRing(device)
    return SoftwareRing(clock, open_sink(out))

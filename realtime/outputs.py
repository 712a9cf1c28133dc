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
    """Ring for the device clock: an audio device, which may go away and come back, or a file.

    Raises:
        DeviceError: the device cannot be used.
        InputError, ParameterError: the file cannot be written.
    """
    if out == "device":
        from synchresis.realtime.sinks.device import DeviceRing, look_again, spare_portaudio
        from synchresis.realtime.sinks.lasting import LastingRing

        opened = False

        def open_device() -> DeviceRing:
            nonlocal opened
            if opened:
                look_again()
            ring = DeviceRing(device)
            opened = True
            return ring

        return LastingRing(open_device, clock, on_loss=spare_portaudio)
    return SoftwareRing(clock, NullSink() if out == "null" else SoundFileSink(out, keeps=True))

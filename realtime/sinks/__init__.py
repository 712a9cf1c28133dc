"""Sinks: where sound goes."""

from synchresis.realtime.sinks.movie import MovieSink
from synchresis.realtime.sinks.sink import NullSink, Sink
from synchresis.realtime.sinks.sound_file import SOUND_FORMATS, SoundFileSink, check_output

__all__ = ["SOUND_FORMATS", "MovieSink", "NullSink", "Sink", "SoundFileSink", "check_output"]

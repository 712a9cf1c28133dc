"""Render: a film in, its sound out, as fast as the machine can, on the virtual clock."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from synchresis.engines.gesture import Gesture
from synchresis.engines.gesture_lines import GestureWriter
from synchresis.engines.instrument import Instrument
from synchresis.engines.pipeline import Pipeline, bind_parser
from synchresis.engines.timebase import NS_PER_S, SAMPLE_RATE
from synchresis.errors import InputError, ParameterError
from synchresis.realtime.sinks import SOUND_FORMATS, MovieSink, Sink, SoundFileSink, check_output
from synchresis.realtime.sinks.part_file import PartFile
from synchresis.realtime.sources.file import check_file
from synchresis.realtime.sources.opening import SCENE_PREFIX, is_live
from synchresis.realtime.sources.source import Film

MOVIE: Final = ".mp4"
"""Ending of a film with sound."""


@dataclass(frozen=True, slots=True)
class RenderReport:
    """What was rendered.

    Attributes:
        frames: pictures seen.
        events: hits found, all zones.
        played: hits that sounded.
        seconds: length of the sound.
        took_s: time it took, without opening and warm-up.
    """

    frames: int
    events: int
    played: int
    seconds: float
    took_s: float

    @property
    def speed(self) -> float:
        """How many times faster than real time."""
        return self.seconds / self.took_s if self.took_s else 0.0

    def to_dict(self) -> dict[str, float]:
        """For --json."""
        return {**asdict(self), "speed": round(self.speed, 2)}


def check_render(
    video: str, output: Path, gestures: Path | None, *, seconds: float | None = None
) -> None:
    """Refuse, before any work, what could only fail at the end, or never end.

    Raises:
        ParameterError: unknown output format, an output that is the input or the other output, or
            a scene without an end.
        InputError: no such video file, or a film as output of something that is none.
    """
    ending = check_output(output, (*SOUND_FORMATS, MOVIE))
    paths = [Path(video).resolve(), output.resolve()] + ([gestures.resolve()] if gestures else [])
    if len(set(paths)) < len(paths):
        raise ParameterError(
            f"{', '.join(map(str, paths))}: input and outputs must be different files"
        )
    if video.startswith(SCENE_PREFIX):
        if seconds is None:
            raise ParameterError(f"{video} has no end; say where with --seconds N")
    elif not is_live(video):
        check_file(video)
    if ending == MOVIE and not Path(video).is_file():
        raise InputError(f"{video}: only a video file can become an {MOVIE}; give it, or a .wav")


def open_sink(video: str, output: Path, *, seconds: float | None = None) -> Sink:
    """Sink for an output file, by its ending; `seconds` is where the film is cut."""
    if output.suffix.lower() == MOVIE:
        return MovieSink(output, video, seconds=seconds)
    return SoundFileSink(output)


def render_film(
    instrument: Instrument, film: Film, sink: Sink, *, gestures: Path | None = None
) -> RenderReport:
    """Render a whole film.

    Args:
        instrument: prepared.
        film: read once, from its beginning; not closed.
        sink: closed when all is written, aborted if not.
        gestures: file to write the gestures to, as lines of JSON.

    Returns:
        What was rendered.

    Raises:
        InputError: the film cannot be decoded or an output cannot be written.
    """
    with ExitStack() as stack:
        stack.enter_context(_whole(sink))
        writer = stack.enter_context(_gesture_file(gestures, instrument)) if gestures else None
        begin = time.perf_counter()
        counted = _Count(writer)
        playout = instrument.playout(nominal_fps=film.nominal_fps)
        pipeline = Pipeline(bind_parser(instrument.parser), playout)
        samples = 0
        for block in pipeline.run(film, counted):
            sink.write(block)
            samples += len(block)
        took_s = time.perf_counter() - begin
    seconds, played = samples / SAMPLE_RATE, playout.counts.played
    return RenderReport(counted.frames, counted.events, played, seconds, took_s)


class _Count:
    """Counts gestures on their way to the writer."""

    def __init__(self, writer: GestureWriter | None) -> None:
        self.frames = 0
        self.events = 0
        self._writer = writer

    def __call__(self, gesture: Gesture) -> None:
        self.frames += 1
        self.events += len(gesture.events)
        if self._writer:
            self._writer.write(gesture)


@contextmanager
def _whole(sink: Sink) -> Iterator[None]:
    """Close a sink if all went well, else leave nothing behind."""
    try:
        yield
        sink.close()
    finally:
        sink.abort()


@contextmanager
def _gesture_file(path: Path, instrument: Instrument) -> Iterator[GestureWriter]:
    part = PartFile(path)
    tau_s = instrument.lookahead_ns / NS_PER_S
    try:
        with part.temporary.open("wb") as file:
            yield GestureWriter(file, pack=instrument.pack.hash, tau_s=tau_s)
        part.commit()
    except OSError as err:
        raise InputError(f"{path}: cannot be written ({err.strerror})") from err
    finally:
        part.discard()

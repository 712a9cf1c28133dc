"""The film again with new sound: pictures copied as they are, sound encoded as AAC, in MP4."""

import heapq
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Final, TypeAlias

import av
import numpy as np
import soundfile
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from synchresis.engines.frame import Frame
from synchresis.engines.timebase import NS_PER_S, SAMPLE_RATE
from synchresis.errors import InputError

AUDIO_BITS_PER_S: Final = 256_000
"""AAC, stereo."""

CHUNK_SAMPLES: Final = 4096
"""Samples encoded at a time."""

QUALITY: Final = {"crf": "18", "preset": "veryfast"}
"""x264, when pictures cannot be copied."""

COPYABLE: Final = frozenset({"h264", "hevc", "av1", "mpeg4", "vp9", "mpeg2video", "mjpeg"})
"""Codecs that MP4 holds as they are."""

Picture: TypeAlias = "Packet[VideoStream]"
"""Compressed picture."""

Heard: TypeAlias = "Packet[AudioStream]"
"""Compressed sound."""

AnyPacket: TypeAlias = "Packet[VideoStream] | Packet[AudioStream]"
"""Either."""

_TICKS: Final = 90_000
"""Time base of encoded pictures, per second."""


def can_copy(path: Path) -> bool:
    """Whether the pictures of a video file can go into an MP4 as they are."""
    try:
        with av.open(str(path)) as container:
            return container.streams.video[0].codec_context.name in COPYABLE
    except (av.FFmpegError, OSError, IndexError):
        return False


def write_with_sound(video: Path, sound: Path, out: Path) -> None:
    """Write a film: pictures of one file, sound of another.

    Args:
        video: video file whose pictures are copied, moved so that the first is at 0.
        sound: sound file, sample 0 at the first picture.
        out: MP4 to write.

    Raises:
        InputError: the pictures cannot be copied.
    """
    try:
        with av.open(str(video)) as source, av.open(str(out), "w", format="mp4") as film:
            pictures = source.streams.video[0]
            copied = film.add_stream_from_template(pictures)
            heard = _add_sound(film)
            _interleave(film, _copies(source, pictures, copied), _sound_packets(heard, sound))
    except av.FFmpegError as err:
        raise InputError(f"{video}: pictures cannot be put into an MP4 ({err.strerror})") from err


def write_frames_with_sound(
    frames: Iterable[Frame], sound: Path, out: Path, *, nominal_fps: float = 30.0
) -> None:
    """Write a film from pictures, encoded as H.264, and a sound file.

    Args:
        frames: pictures with times from 0 ns.
        sound: sound file, sample 0 at the first picture.
        out: MP4 to write.
        nominal_fps: about how many pictures there are per second.
    """
    with av.open(str(out), "w", format="mp4") as film:
        packets = _encoded(film, iter(frames), nominal_fps)
        first = next(packets, None)
        heard = _add_sound(film)
        pictures = packets if first is None else _chain(first, packets)
        _interleave(film, pictures, _sound_packets(heard, sound))


def _chain(first: Picture, rest: Iterator[Picture]) -> Iterator[Picture]:
    yield first
    yield from rest


def _add_sound(film: OutputContainer) -> AudioStream:
    stream = film.add_stream("aac", rate=SAMPLE_RATE, layout="stereo")
    stream.bit_rate = AUDIO_BITS_PER_S
    return stream


def _copies(
    source: InputContainer, pictures: VideoStream, copied: VideoStream
) -> Iterator[Picture]:
    """Packets of the pictures, the earliest shown at 0."""
    first = _first_shown(source, pictures)
    for packet in source.demux(pictures):
        if packet.dts is None or packet.pts is None:
            continue
        packet.pts -= first
        packet.dts -= first
        packet.stream = copied
        yield packet


def _first_shown(source: InputContainer, pictures: VideoStream) -> int:
    """Smallest time stamp of the first packets; leaves the file at its beginning."""
    stamps: list[int] = []
    for packet in source.demux(pictures):
        if packet.pts is not None:
            stamps.append(packet.pts)
        if len(stamps) >= 32:  # more than any codec reorders
            break
    source.seek(0, stream=pictures)
    return min(stamps, default=0)


def _encoded(film: OutputContainer, frames: Iterator[Frame], fps: float) -> Iterator[Picture]:
    stream: VideoStream | None = None
    for frame in frames:
        stream = stream or _add_pictures(film, frame, fps)
        picture = np.ascontiguousarray(frame.picture[: stream.height, : stream.width])
        shown = av.VideoFrame.from_ndarray(picture, "gray" if picture.ndim == 2 else "bgr24")
        shown.pts = round(frame.captured_ns * _TICKS / NS_PER_S)
        shown.time_base = Fraction(1, _TICKS)
        yield from stream.encode(shown)
    if stream is not None:
        yield from stream.encode(None)


def _add_pictures(film: OutputContainer, frame: Frame, fps: float) -> VideoStream:
    """H.264 wants even sizes: an odd last row or column is cut."""
    stream = film.add_stream("libx264", rate=Fraction(fps).limit_denominator(1001), options=QUALITY)
    stream.height, stream.width = (length // 2 * 2 for length in frame.picture.shape[:2])
    stream.pix_fmt = "yuv420p"
    stream.codec_context.time_base = Fraction(1, _TICKS)
    return stream


def _sound_packets(stream: AudioStream, sound: Path) -> Iterator[Heard]:
    done = 0
    with soundfile.SoundFile(sound) as file:
        for block in file.blocks(CHUNK_SAMPLES, dtype="float32", always_2d=True):
            heard = av.AudioFrame.from_ndarray(np.ascontiguousarray(block.T), "fltp", "stereo")
            heard.sample_rate = SAMPLE_RATE
            heard.pts, heard.time_base = done, Fraction(1, SAMPLE_RATE)
            done += len(block)
            yield from stream.encode(heard)
    yield from stream.encode(None)


def _interleave(film: OutputContainer, pictures: Iterator[Picture], sound: Iterator[Heard]) -> None:
    """Write both in the order of their times, so that players need not search."""
    both: tuple[Iterator[AnyPacket], Iterator[AnyPacket]] = (pictures, sound)
    for packet in heapq.merge(*both, key=_time):
        film.mux(packet)


def _time(packet: AnyPacket) -> Fraction:
    return (packet.dts or 0) * Fraction(packet.time_base)

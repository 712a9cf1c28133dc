"""MP4: the pictures of the source as they are, with new sound."""

import logging
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from synchresis.engines.decoding import picture_stream
from synchresis.engines.playout import Block
from synchresis.engines.timebase import NS_PER_S, SAMPLE_RATE
from synchresis.errors import InputError, reason_of
from synchresis.realtime.sinks.part_file import PartFile
from synchresis.realtime.sinks.sound_file import check_output

_COPIED: Final = {"h264", "hevc", "av1", "mpeg4", "vp9"}
"""Codecs that an MP4 file carries as they are; others are encoded again as H.264."""

_AUDIO_BITS: Final = 192_000

_log = logging.getLogger(__name__)


class MovieSink:
    """An MP4 with the source's pictures and AAC sound.

    Pictures are copied without loss where MP4 carries their codec, else encoded again. Sound and
    pictures are written side by side, so memory does not grow with the length.

    Where the film is cut no later picture is written. Pictures encoded again end at the cut; copied
    ones end there too, or a few earlier where those last few need one from after it (B-frames).

    What cannot be read of a damaged source is left out, as by the film that is heard, and told of.
    """

    def __init__(
        self, path: str | Path, source: str | Path, *, seconds: float | None = None
    ) -> None:
        """Begin the file, under a temporary name.

        Args:
            path: file to write.
            source: video whose pictures it gets.
            seconds: where they are cut, after the first one shown; None for all of them.

        Raises:
            ParameterError: the ending is not .mp4.
            InputError: the folder may not be written, or the source cannot be read.
        """
        check_output(path, (".mp4",))
        self._part = PartFile(path)
        self._source: InputContainer = av.open(str(source))
        try:
            self._pictures = picture_stream(self._source)
            self._first = first_shown(source)
        except InputError:
            self._source.close()
            raise
        self._damaged = False
        self._cut_ns = None if seconds is None else round(seconds * NS_PER_S)
        try:
            self._out: OutputContainer = av.open(str(self._part.temporary), "w", format="mp4")
        except (av.FFmpegError, OSError) as err:
            self._source.close()
            raise InputError(f"{path}: cannot be written ({reason_of(err)})") from err
        copied = self._pictures.codec_context.name in _COPIED
        self._video = self._add_video(copied=copied)
        self._packets = self._copied() if copied else self._encoded()
        self._audio: AudioStream = self._out.add_stream("aac", rate=SAMPLE_RATE, layout="stereo")
        self._audio.bit_rate = _AUDIO_BITS
        self._held: Packet[Any] | None = None
        self._samples = 0
        self._open = True

    def write(self, block: Block) -> None:
        """Append float32[N, 2] and the pictures of that time.

        Raises:
            InputError: the disk is full or gone.
        """
        planes = np.ascontiguousarray(block.T)
        frame = av.AudioFrame.from_ndarray(planes, format="fltp", layout="stereo")
        frame.sample_rate = SAMPLE_RATE
        frame.time_base = Fraction(1, SAMPLE_RATE)
        frame.pts = self._samples
        self._samples += len(block)
        try:
            self._out.mux(self._audio.encode(frame))
            self._write_pictures(self._samples / SAMPLE_RATE)
        except (av.FFmpegError, OSError) as err:
            raise self._refusal(err) from err

    def close(self) -> None:
        """Write the rest and give the file its name, or leave nothing behind.

        Raises:
            InputError: the disk is full or gone.
        """
        if not self._open:
            return
        try:
            self._out.mux(self._audio.encode(None))
            self._write_pictures(float("inf"))
            self._out.close()
            self._part.commit()
        except (av.FFmpegError, OSError) as err:
            raise self._refusal(err) from err
        finally:
            self.abort()

    def abort(self) -> None:
        """Remove what was written."""
        if not self._open:
            return
        self._open = False
        try:
            with suppress(av.FFmpegError, OSError):
                self._out.close()
        finally:
            self._source.close()
            self._part.discard()

    def _refusal(self, err: Exception) -> InputError:
        """What is said instead of what FFmpeg says."""
        return InputError(
            f"{self._part.path}: cannot be written ({reason_of(err)}); make room on the disk or "
            "choose another folder"
        )

    def _add_video(self, *, copied: bool) -> VideoStream:
        if copied:
            return self._out.add_stream_from_template(self._pictures)
        context = self._pictures.codec_context
        rate = self._pictures.average_rate or Fraction(30)
        stream: VideoStream = self._out.add_stream("libx264", rate=rate)
        stream.width, stream.height = context.width // 2 * 2, context.height // 2 * 2
        stream.pix_fmt = "yuv420p"
        stream.options = {"crf": "18"}
        if self._first is not None and self._first.rotation:
            stream.set_display_rotation(self._first.rotation)
        return stream

    def _write_pictures(self, until_s: float) -> None:
        """Write packets whose decoding time lies before `until_s`."""
        while True:
            packet = self._held or next(self._packets, None)
            if packet is None:
                return
            self._held = packet
            if packet.dts is not None and packet.dts * packet.time_base > until_s:
                return
            self._held = None
            self._out.mux(packet)

    def _copied(self) -> "Iterator[Packet[Any]]":
        """Packets of the source, moved so that the first picture is at 0."""
        first = self._first_stamp()
        for packet in _with_dts(p for p in self._demuxed() if p.size):
            packet.dts = None if packet.dts is None else packet.dts - first
            packet.pts = None if packet.pts is None else packet.pts - first
            if self._is_cut(packet.dts if packet.pts is None else packet.pts, packet.time_base):
                return
            packet.stream = self._video
            yield packet

    def _encoded(self) -> "Iterator[Packet[Any]]":
        """Pictures decoded and encoded again."""
        first: int | None = None
        newest = -1
        for frame in self._decoded():
            if frame.pts is None:
                continue
            first = frame.pts if first is None else first
            frame.pts -= first
            if frame.pts <= newest:  # a damaged stamp; an encoder takes rising ones only
                continue
            newest = frame.pts
            if self._is_cut(frame.pts, frame.time_base):
                break
            frame.pict_type = 0
            yield from self._video.encode(frame)
        yield from self._video.encode(None)

    def _demuxed(self) -> "Iterator[Packet[Any]]":
        """Packets of the source, as far as it can be read and each is whole."""
        try:
            for packet in self._source.demux(self._pictures):
                if packet.is_corrupt:
                    self._tell_of_damage("a picture is cut off")
                else:
                    yield packet
        except av.FFmpegError as err:
            self._tell_of_damage(reason_of(err))

    def _decoded(self) -> Iterator[VideoFrame]:
        """Pictures of the source that can be decoded."""
        for packet in self._demuxed():
            try:
                frames = packet.decode()
            except av.FFmpegError as err:
                self._tell_of_damage(reason_of(err))
                continue
            yield from (frame for frame in frames if isinstance(frame, VideoFrame))

    def _tell_of_damage(self, reason: str) -> None:
        """Say once that the source is not whole."""
        if not self._damaged:
            name = self._source.name
            _log.warning("%s is damaged (%s): what cannot be read is left out", name, reason)
        self._damaged = True

    def _is_cut(self, stamp: int | None, time_base: Fraction | None) -> bool:
        """Whether a picture begins where the film is cut, or later."""
        if self._cut_ns is None or stamp is None or time_base is None:
            return False
        return round(stamp * time_base * NS_PER_S) >= self._cut_ns

    def _first_stamp(self) -> int:
        """Stamp of the first picture shown."""
        return self._first.pts if self._first is not None and self._first.pts is not None else 0


def first_shown(source: str | Path) -> VideoFrame | None:
    """The first picture of a film that can be decoded, None where none can.

    The film is opened for it: one that was cut off cannot be wound back.
    """
    with av.open(str(source)) as container, suppress(av.FFmpegError):
        for packet in container.demux(picture_stream(container)):
            with suppress(av.FFmpegError):
                for frame in packet.decode():
                    if isinstance(frame, VideoFrame):
                        return frame
    return None


def _with_dts(packets: "Iterator[Packet[Any]]") -> "Iterator[Packet[Any]]":
    """Packets with the decoding times that some containers leave out at the beginning."""
    early: list[Packet[Any]] = []
    for packet in packets:
        if packet.dts is None:
            early.append(packet)
            continue
        yield from _dated(early, packet.dts)
        early = []
        yield packet
    yield from _dated(early, None)


def _dated(early: "list[Packet[Any]]", before: int | None) -> "Iterator[Packet[Any]]":
    """Packets without decoding times, placed before a known one, else at their own times."""
    for place, packet in enumerate(early):
        step = packet.duration or 1
        packet.dts = packet.pts if before is None else before - step * (len(early) - place)
        if packet.dts is not None:
            yield packet

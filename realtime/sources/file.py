"""Video files, through PyAV: true timestamps, variable frame rates, rotation."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import av
from av.container import InputContainer
from av.video.frame import VideoFrame

from synchresis.engines.decoding import picture_stream, upright
from synchresis.engines.frame import Frame, Picture
from synchresis.engines.timebase import NS_PER_S
from synchresis.errors import InputError, reason_of
from synchresis.realtime.clock import VIRTUAL_ID

_log = logging.getLogger(__name__)

_FPS_RANGE: Final = (1.0, 1000.0)
"""Frame rates to believe of a header; others count as 30."""


class FileSource:
    """One video file as a film.

    Frames that cannot be decoded are left out and counted, the first with a warning; so are frames
    whose time does not advance, without. The first frame is at 0 ns wherever the file begins.

    Attributes:
        corrupt: packets that could not be decoded.
        lost: pictures that the file says it has and did not give; known at its end.
    """

    def __init__(self, path: str | Path, *, name: str | None = None) -> None:
        """Open the file.

        Raises:
            InputError: missing, empty, not a video, or without pictures.
        """
        self.path = Path(path)
        self.name = name or self.path.name
        self.corrupt = self.lost = 0
        self._container = _open(self.path)
        try:
            self._stream = picture_stream(self._container)
        except InputError:
            self._container.close()
            raise
        self._stream.thread_type = "AUTO"
        rate = self._stream.average_rate or self._stream.guessed_rate
        fps = float(rate) if rate else 0.0
        self.nominal_fps = fps if _FPS_RANGE[0] <= fps <= _FPS_RANGE[1] else 30.0
        self._end_ns = 0

    @property
    def end_ns(self) -> int:
        """Where the newest frame ends, nanoseconds since the first frame."""
        return self._end_ns

    def __iter__(self) -> Iterator[Frame]:
        """Frames in time order.

        Raises:
            InputError: not one frame could be decoded.
        """
        first_ns, newest_ns, sequence, read = 0, -1, 0, 0
        for picture in self._pictures():
            read += 1
            stamp_ns = self._stamp_ns(picture, first_ns)
            if sequence == 0:
                first_ns = stamp_ns
            time_ns = stamp_ns - first_ns
            if time_ns <= newest_ns:
                continue
            newest_ns = time_ns
            self._end_ns = time_ns + self._duration_ns(picture)
            yield Frame(_to_bgr(picture), time_ns, sequence, VIRTUAL_ID, self.name)
            sequence += 1
        if sequence == 0:
            raise InputError(f"{self.path}: no picture could be decoded; is the file damaged?")
        self.lost = max(self._stream.frames - read, 0)

    def close(self) -> None:
        """Close the file."""
        self._container.close()

    def _pictures(self) -> Iterator[VideoFrame]:
        try:
            for packet in self._container.demux(self._stream):
                try:
                    yield from packet.decode()
                except av.FFmpegError as err:
                    self._leave_out(err)
        except av.FFmpegError as err:  # the container itself ends in the middle of something
            self._leave_out(err)

    def _leave_out(self, error: av.FFmpegError) -> None:
        """Count what cannot be decoded; the first time, say so."""
        self.corrupt += 1
        if self.corrupt == 1:
            reason = reason_of(error)
            _log.warning("%s is damaged (%s): what cannot be seen is left out", self.path, reason)

    def _stamp_ns(self, picture: VideoFrame, first_ns: int) -> int:
        if picture.pts is None or picture.time_base is None:
            return first_ns + self._end_ns
        return round(picture.pts * picture.time_base * NS_PER_S)

    def _duration_ns(self, picture: VideoFrame) -> int:
        if picture.duration and picture.time_base is not None:
            return round(picture.duration * picture.time_base * NS_PER_S)
        return round(NS_PER_S / self.nominal_fps)


def check_file(path: str | Path) -> None:
    """Refuse what cannot be a video without looking into it.

    Raises:
        InputError: missing, empty, or no file.
    """
    if not Path(path).exists():
        raise InputError(f"{path}: no such file")
    if not Path(path).is_file():
        raise InputError(f"{path}: not a file")
    if Path(path).stat().st_size == 0:
        raise InputError(f"{path}: the file is empty")


def _open(path: Path) -> InputContainer:
    check_file(path)
    try:
        return av.open(str(path))
    except (av.FFmpegError, OSError) as err:
        raise InputError(f"{path}: cannot be read as a video ({reason_of(err)})") from err


def _to_bgr(picture: VideoFrame) -> Picture:
    """uint8[H, W, 3], upright, read-only."""
    bgr = upright(picture)
    bgr.flags.writeable = False
    return bgr

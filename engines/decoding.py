"""Decoding of video files, the same for all that read them: which stream, and which way is up."""

from typing import TYPE_CHECKING

import numpy as np

from synchresis.engines.frame import Picture
from synchresis.errors import InputError

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream


def picture_stream(container: "InputContainer") -> "VideoStream":
    """First video stream that is not a cover picture.

    Raises:
        InputError: there is none.
    """
    for stream in container.streams.video:
        if "attached_pic" not in str(stream.disposition):
            return stream
    raise InputError(f"{container.name}: has no pictures; give a video file")


def upright(picture: "VideoFrame", pixels: str = "bgr24") -> Picture:
    """A decoded picture, turned as its file asks for.

    Args:
        picture: as decoded.
        pixels: FFmpeg's name of the format.

    Returns:
        uint8[H, W, 3], or uint8[H, W] for "gray".
    """
    shown: Picture = np.asarray(picture.to_ndarray(format=pixels), np.uint8)
    turns = round(picture.rotation / 90) % 4
    return np.rot90(shown, turns).copy() if turns else shown

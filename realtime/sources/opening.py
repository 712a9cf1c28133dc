"""Open a source by what the user wrote: 0, a file, a URL or scene:NAME."""

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final
from urllib.parse import urlsplit

from synchresis.errors import ParameterError
from synchresis.realtime.clock import Clock
from synchresis.realtime.sources.camera import CameraSettings, open_device, open_url
from synchresis.realtime.sources.file import FileSource
from synchresis.realtime.sources.limit import HeldFilm, LimitedFilm
from synchresis.realtime.sources.pacing import PacedFilm
from synchresis.realtime.sources.scene import SceneSource
from synchresis.realtime.sources.source import Film, LiveSource

SCENE_PREFIX: Final = "scene:"
"""What the name of a built-in scene begins with."""

HOLD_S: Final = 3.1
"""How long a file's first picture is held before it plays live: D is measured meanwhile."""

PAUSE_S: Final = 0.6
"""How much of it passes without a picture, so that the parser begins anew with the film."""

_VIDEO_FILES: Final = {".mp4", ".mkv", ".webm", ".avi", ".mov", ".m4v"}
"""Names of URLs that are files: they are read faster than they happened."""


@dataclass(frozen=True, slots=True)
class SourceSettings:
    """Where frames come from.

    Attributes:
        spec: number of a camera, path of a file, URL or scene:NAME.
        mirror: show a camera as a mirror does; files, URLs and scenes never are mirrored.
        camera_delay_ns: time from light to stamp of a camera or stream.
        seconds: where a file or scene is cut, None for its own end.
        seed: of a scene.
    """

    spec: str = "0"
    mirror: bool = True
    camera_delay_ns: int = 0
    seconds: float | None = None
    seed: int = 0


def is_live(spec: str) -> bool:
    """Whether a source happens now: a camera or stream, which cannot wait for us."""
    return spec.isdigit() or _is_url(spec)


def open_film(settings: SourceSettings) -> Film:
    """Open a file or scene in its own time.

    Raises:
        InputError: the file is missing, empty, damaged or has no pictures.
        ParameterError: a camera or stream was asked for, or an unknown scene.
    """
    spec = settings.spec
    if is_live(spec):
        raise ParameterError(
            f"source {spec!r} happens now and cannot run on the virtual clock; give a file or "
            "scene:NAME, or play it with `synchresis live` on the device's clock"
        )
    if not spec:
        raise ParameterError("source '' is empty; give a camera's number, a file or scene:NAME")
    film: Film
    if spec.startswith(SCENE_PREFIX):
        film = SceneSource(spec.removeprefix(SCENE_PREFIX), seed=settings.seed)
    else:
        film = FileSource(spec)
    return film if settings.seconds is None else LimitedFilm(film, settings.seconds)


def open_live(settings: SourceSettings, *, clock: Clock | None = None) -> LiveSource:
    """Open any source in our time.

    Raises:
        DeviceError: the camera or stream is absent or busy.
        InputError: see `open_film`.
        ParameterError: an unknown scene.
    """
    spec, delay_ns = settings.spec, settings.camera_delay_ns
    if spec.isdigit():
        return open_device(int(spec), CameraSettings(f"camera {spec}", settings.mirror, delay_ns))
    if _is_url(spec):
        paced = PurePosixPath(urlsplit(spec).path).suffix.lower() in _VIDEO_FILES
        return open_url(spec, CameraSettings(spec, False, delay_ns, device=False, paced=paced))
    film = open_film(settings)
    if not spec.startswith(SCENE_PREFIX):
        film = HeldFilm(film, HOLD_S, pause_s=PAUSE_S)
    return PacedFilm(film, clock=clock)


def _is_url(spec: str) -> bool:
    return "://" in spec

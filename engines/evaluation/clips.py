"""Real clips with true onsets, and what the live parser says about them."""

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from synchresis.engines.decoding import picture_stream, upright
from synchresis.engines.evaluation.score_onsets import Times
from synchresis.engines.frame import Frame, Picture
from synchresis.engines.gesture import Event, Gesture
from synchresis.engines.motion.parser import MotionParser
from synchresis.engines.timebase import NS_PER_S
from synchresis.errors import InputError, reason_of


@dataclass(frozen=True, slots=True)
class Clip:
    """One real clip.

    Attributes:
        name: unique.
        path: its video file.
        duration_s: length, seconds.
        onsets_s: salient onsets.
        all_onsets_s: every onset found, salient or not.
        row: its line of the manifest.
    """

    name: str
    path: Path
    duration_s: float
    onsets_s: Times
    all_onsets_s: Times
    row: dict[str, str]

    @property
    def core(self) -> bool:
        """Visible contact, reliable onsets, genuine sound."""
        return self.row.get("core") == "yes"


@dataclass(frozen=True, slots=True)
class Heard:
    """What the parser said about one clip; times in seconds since the first frame.

    Attributes:
        events: as decided.
        t_s: when they happened, heard_s: the earliest they could have sounded.
        frames_s: capture times.
    """

    events: tuple[Event, ...]
    t_s: Times
    heard_s: Times
    frames_s: Times


def read_clips(
    folder: Path,
    *,
    manifest: Path | None = None,
    min_rating: int = 4,
    only: tuple[str, str] | None = None,
) -> tuple[Clip, ...]:
    """Clips of a manifest with genuine sound and at least this rating.

    Args:
        folder: the paths of the manifest are relative to it.
        manifest: CSV; `manifest.csv` of the folder by default.
        min_rating: least `rating_1to5`.
        only: column and value to keep.

    Raises:
        InputError: manifest, column, video or onset file missing or unreadable.
    """
    path = manifest or folder / "manifest.csv"
    if not path.is_file():
        raise InputError(f"{path} is not there; give a folder of clips and their manifest")
    rows = read_rows(path)
    if only and rows and only[0] not in rows[0]:
        raise InputError(f"{path} has no column {only[0]!r}; it has: {', '.join(rows[0])}")
    try:
        kept = [
            row
            for row in rows
            if int(row["rating_1to5"]) >= min_rating
            and row["audio_genuine"] in ("yes", "likely")
            and (only is None or row[only[0]] == only[1])
        ]
        return tuple(read_clip(folder, row) for row in kept)
    except KeyError as err:
        raise InputError(f"{path} has no column {err}; give a folder of clips") from err
    except ValueError as err:
        raise InputError(f"{path} is not a clip manifest: {err}") from err


def read_rows(path: Path) -> list[dict[str, str]]:
    """Lines of a CSV file with a header."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError) as err:
        raise InputError(f"{path} cannot be read ({reason_of(err)})") from err


def read_clip(folder: Path, row: dict[str, str]) -> Clip:
    """One clip with its onsets."""
    onsets = read_rows(folder / row["onsets"])
    salient = [o for o in onsets if o["salient"] in ("1", "True", "true")]
    return Clip(
        name=row["name"],
        path=folder / row["file"],
        duration_s=float(row["clip_duration_s"]),
        onsets_s=np.array([float(o["time_s"]) for o in salient]),
        all_onsets_s=np.array([float(o["time_s"]) for o in onsets]),
        row=row,
    )


def pictures(path: Path) -> Iterator[tuple[float, Picture]]:
    """Frames of a video: seconds since the first frame and uint8[H, W, 3] BGR.

    Raises:
        InputError: not a video that can be read.
    """
    import av

    try:
        with av.open(str(path)) as container:
            first: float | None = None
            for index, frame in enumerate(container.decode(picture_stream(container))):
                time = frame.time if frame.time is not None else index / 30
                first = time if first is None else first
                yield time - first, upright(frame)
    except (av.error.FFmpegError, OSError, IndexError) as err:
        raise InputError(f"video {path} cannot be read: {reason_of(err)}") from err


def hear(
    clip: Path,
    parser: MotionParser,
    watch: Callable[[Frame, Gesture, NDArray[np.float32], float], None] | None = None,
) -> Heard:
    """Run the live parser over a video from a fresh state.

    Args:
        clip: video file.
        parser: prepared.
        watch: called after every frame with the frame, its gesture, the map and the score.
    """
    state = parser.initial_state()
    events: list[Event] = []
    frames: list[float] = []
    for index, (time_s, picture) in enumerate(pictures(clip)):
        frame = Frame(picture, round(time_s * NS_PER_S), index)
        gesture = parser.step(frame, state)
        events.extend(gesture.events)
        frames.append(time_s)
        if watch is not None:
            watch(frame, gesture, state.last_map, state.picker.zones[0].score)
    return heard_of(events, np.array(frames))


def heard_of(events: Sequence[Event], frames_s: Times) -> Heard:
    """Events with the times they are scored at."""
    t_s = np.array([event.t_ns for event in events]) / NS_PER_S
    decided_s = np.array([event.decided_ns for event in events]) / NS_PER_S
    return Heard(tuple(events), np.sort(t_s), np.sort(np.maximum(t_s, decided_s)), frames_s)

"""Contact sheets: moments of a clip with the map drawn over the picture, and its score in time."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from synchresis.engines.evaluation.clips import Clip, Heard, hear
from synchresis.engines.evaluation.rates import pairs
from synchresis.engines.evaluation.score_onsets import best_offset
from synchresis.engines.frame import Frame
from synchresis.engines.gesture import Gesture
from synchresis.engines.motion.parser import MotionParser

TILE: Final = (180, 135)
"""Width and height of one frame on a sheet."""

AROUND: Final = range(-3, 3)
"""Frames shown of each moment."""

ROWS: Final = 6
"""Most moments on a sheet."""

BGR = NDArray[np.uint8]
"""uint8[H, W, 3]."""


@dataclass(slots=True)
class Watched:
    """What a sheet draws: tiles with the map over them, and the scores."""

    tiles: list[BGR]
    scores: list[float]

    def take(self, frame: Frame, gesture: Gesture, area: NDArray[np.float32], score: float) -> None:
        """Remember one frame."""
        tile = overlaid(frame.picture, area)
        for event in gesture.events:
            place = round(event.x * TILE[0]), round(event.y * TILE[1])
            cv2.circle(tile, place, 9, (0, 255, 255), 2)
        self.tiles.append(tile)
        self.scores.append(score)


def write_sheet(clip: Clip, parser: MotionParser, folder: Path) -> Path:
    """Draw hits, misses and false events of a clip into FOLDER/NAME.png."""
    watched = Watched([], [])
    heard = hear(clip.path, parser, watched.take)
    offset = best_offset(heard.heard_s, clip.onsets_s)
    found = pairs(heard.heard_s + offset, clip.onsets_s, 0.05)
    truth = clip.onsets_s - offset
    moments = chosen_moments(heard, truth, found)
    rows = [strip(watched, heard, time_s, text) for time_s, text in moments]
    rows.append(timeline(watched, heard, truth))
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{clip.name}.png"
    cv2.imwrite(str(path), np.concatenate(rows, 0))
    return path


def chosen_moments(
    heard: Heard, truth: NDArray[np.float64], found: Sequence[tuple[int, int]]
) -> list[tuple[float, str]]:
    """Moments worth looking at: two hits, two misses, two false events."""
    hit = [(float(truth[j]), "hit") for _, j in found][:2]
    missed = sorted(set(range(len(truth))) - {j for _, j in found})
    false = sorted(set(range(len(heard.heard_s))) - {i for i, _ in found})
    misses = [(float(truth[j]), "missed") for j in missed[:2]]
    return (hit + misses + [(float(heard.heard_s[i]), "false") for i in false[:2]])[:ROWS]


def overlaid(picture: NDArray[np.uint8], area: NDArray[np.float32]) -> BGR:
    """A tile with the sound-producing map in red over it."""
    tile = cv2.resize(picture, TILE, interpolation=cv2.INTER_AREA)
    if tile.ndim == 2:
        tile = cv2.cvtColor(tile, cv2.COLOR_GRAY2BGR)
    heat = cv2.resize(area, TILE)[:, :, None]
    red = np.array([40.0, 40.0, 255.0])
    mixed = tile * (1 - 0.6 * heat) + red * 0.6 * heat
    return mixed.astype(np.uint8)


def strip(watched: Watched, heard: Heard, time_s: float, text: str) -> BGR:
    """Frames round a moment, with their scores."""
    middle = int(np.searchsorted(heard.frames_s, time_s))
    tiles = []
    for step in AROUND:
        index = min(max(middle + step, 0), len(watched.tiles) - 1)
        tile = watched.tiles[index].copy()
        label = f"{heard.frames_s[index]:.2f} s  {watched.scores[index]:.2f}"
        cv2.putText(tile, label, (4, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (0, 255, 0), 1)
        tiles.append(tile)
    cv2.putText(tiles[0], text, (4, 128), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (0, 200, 255), 1)
    return np.concatenate(tiles, 1)


def timeline(watched: Watched, heard: Heard, truth: NDArray[np.float64]) -> BGR:
    """Score over time; truth (offset taken out) green below, events yellow above."""
    width, height = TILE[0] * len(AROUND), 120
    out = np.full((height, width, 3), 24, np.uint8)
    end = max(float(heard.frames_s[-1]), 1e-3)

    def column(time_s: float) -> int:
        return round(time_s / end * (width - 1))

    levels = np.array([height - 20 - 80 * s for s in watched.scores])
    points = np.stack(([column(t) for t in heard.frames_s], levels), 1).astype(np.int32)
    cv2.polylines(out, [points[:, None]], False, (255, 180, 120), 1)
    for time_s in truth:
        cv2.line(out, (column(time_s), height - 18), (column(time_s), height), (0, 255, 0), 1)
    for time_s in heard.heard_s:
        cv2.line(out, (column(time_s), 0), (column(time_s), 18), (0, 255, 255), 1)
    return out

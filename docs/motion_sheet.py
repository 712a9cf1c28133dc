"""Make docs/images/motion.jpg: six frames each of four scenes, the map in red, events in yellow.

Run with `.venv/bin/python docs/motion_sheet.py`.
"""

from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from synchresis.engines.evaluation.clips import Heard
from synchresis.engines.evaluation.sheets import Watched, strip
from synchresis.engines.motion.parser import MotionParser
from synchresis.engines.packs import load_pack
from synchresis.engines.timebase import NS_PER_S
from synchresis.realtime.sources import SourceSettings, open_film

SHOWN: Final = (("stick", 1), ("hand_drums", 2), ("mallets", 3), ("mime", 4))
"""Families and seeds: two of training, one held back, one that only pretends."""

SECONDS: Final = 4.0
OUT: Final = Path(__file__).with_name("images") / "motion.jpg"


def row(family: str, seed: int) -> NDArray[np.uint8]:
    """Frames round the second event, or where none is round the highest score."""
    parser = MotionParser(load_pack())
    parser.prepare()
    state = parser.initial_state()
    watched, times, found = Watched([], []), [], []
    for frame in open_film(SourceSettings(f"scene:{family}", seconds=SECONDS, seed=seed)):
        gesture = parser.step(frame, state)
        watched.take(frame, gesture, state.last_map, state.picker.zones[0].score)
        times.append(frame.captured_ns / NS_PER_S)
        found += [times[-1]] * len(gesture.events)
    parser.close()
    highest = times[int(np.argmax(watched.scores))]
    heard = Heard((), np.array([]), np.array([]), np.array(times))
    return strip(watched, heard, found[:2][-1] if found else highest, family)


def main() -> None:
    """Watch the scenes and draw."""
    sheet = np.concatenate([row(*one) for one in SHOWN], 0)
    if not cv2.imwrite(str(OUT), sheet, [cv2.IMWRITE_JPEG_QUALITY, 88]):
        raise SystemExit(f"{OUT} cannot be written")


if __name__ == "__main__":
    main()

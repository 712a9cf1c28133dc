"""Spectrogram sheets: real hits above, what the voice made of them below."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from synchresis.engines.evaluation.voice_measures import magnitudes

if TYPE_CHECKING:
    from synchresis.engines.evaluation.voice import Target

Floats = NDArray[np.float32]

TILE: Final = (170, 150)
"""Width and height of one spectrogram."""

COLUMNS: Final = 8
LOWEST_DB: Final = -90.0


def write_sheets(
    folder: Path,
    wanted: "Sequence[Target]",
    made: Sequence[Floats],
    rows: Sequence[dict[str, Any]],
) -> None:
    """Write FOLDER/PALETTE.png for every palette: each held-out hit, real above made."""
    folder.mkdir(parents=True, exist_ok=True)
    for palette in sorted({target.palette for target in wanted}):
        chosen = [i for i, target in enumerate(wanted) if target.palette == palette][:COLUMNS]
        pairs = [column(wanted[i].sound, made[i], rows[i]) for i in chosen]
        cv2.imwrite(str(folder / f"{palette}.png"), np.concatenate(pairs, axis=1))


def column(real: Floats, made: Floats, row: dict[str, Any]) -> NDArray[np.uint8]:
    """One hit: real, made, and its distance as text."""
    label = np.zeros((16, TILE[0], 3), np.uint8)
    text = f"{row['kind']} mel {row['made_mel']:.2f}/{row['sampler_mel']:.2f}"
    cv2.putText(label, text, (2, 12), cv2.FONT_HERSHEY_SIMPLEX, 0.35, (255, 255, 255), 1)
    return np.concatenate([spectrogram(real), spectrogram(made), label])


def spectrogram(sound: Floats) -> NDArray[np.uint8]:
    """Picture of the magnitudes, frequency upwards on a root scale: uint8[150, 170, 3]."""
    level = 20 * np.log10(magnitudes(sound) + 1e-6)
    bins = (np.linspace(1, 0, TILE[1]) ** 2 * (level.shape[1] - 1)).astype(int)
    grey = np.clip((level[:, bins].T - LOWEST_DB) / -LOWEST_DB * 255, 0, 255).astype(np.uint8)
    wide = cv2.resize(grey, TILE, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.applyColorMap(wide, cv2.COLORMAP_MAGMA), np.uint8)

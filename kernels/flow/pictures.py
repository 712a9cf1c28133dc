"""Pyramids of padded pictures: means of blocks, halvings, borders repeated."""

import numpy as np
from numpy.typing import NDArray

from synchresis.kernels.compiled import compiled

PAD = 10
"""Pixels repeated around each picture: a patch of 8 and its interpolation may leave it wholly."""

Floats = NDArray[np.float32]


def padded_picture(height: int, width: int) -> Floats:
    """Return room for a picture with its border: float32[height + 20, width + 20]."""
    return np.zeros((height + 2 * PAD, width + 2 * PAD), np.float32)


@compiled
def shrink(grey: NDArray[np.uint8], side: int, out: Floats) -> None:
    """Write the means of `grey`'s side × side blocks to the padded picture `out`."""
    height, width = out.shape[0] - 2 * PAD, out.shape[1] - 2 * PAD
    share = np.float32(1.0) / np.float32(side * side)
    for y in range(height):
        row = out[PAD + y, PAD : PAD + width]
        for x in range(width):
            row[x] = np.float32(0.0)
        for i in range(side):
            _add_blocks(grey[side * y + i], side, row)
        for x in range(width):
            row[x] *= share
    _repeat_border(out)


@compiled
def _add_blocks(line: NDArray[np.uint8], side: int, row: Floats) -> None:
    """Add each `side` pixels of a line to one of the row's."""
    if side == 1:
        for x in range(len(row)):
            row[x] += np.float32(line[x])
    elif side == 2:
        for x in range(len(row)):
            row[x] += np.float32(line[2 * x]) + np.float32(line[2 * x + 1])
    else:
        for x in range(len(row)):
            for j in range(side):
                row[x] += np.float32(line[side * x + j])


@compiled
def halve(picture: Floats, out: Floats) -> None:
    """Write the 2×2 means of a padded picture to a padded picture of half the size."""
    height, width = out.shape[0] - 2 * PAD, out.shape[1] - 2 * PAD
    quarter = np.float32(0.25)
    for y in range(height):
        upper = picture[PAD + 2 * y, PAD : PAD + 2 * width]
        lower = picture[PAD + 2 * y + 1, PAD : PAD + 2 * width]
        row = out[PAD + y, PAD : PAD + width]
        for x in range(width):
            row[x] = quarter * (upper[2 * x] + upper[2 * x + 1] + lower[2 * x] + lower[2 * x + 1])
    _repeat_border(out)


@compiled
def _repeat_border(picture: Floats) -> None:
    bottom, right = picture.shape[0] - PAD - 1, picture.shape[1] - PAD - 1
    for y in range(PAD, bottom + 1):
        row = picture[y]
        for k in range(PAD):
            row[k] = row[PAD]
            row[right + 1 + k] = row[right]
    for k in range(PAD):
        for x in range(picture.shape[1]):
            picture[k, x] = picture[PAD, x]
            picture[bottom + 1 + k, x] = picture[bottom, x]

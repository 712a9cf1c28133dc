"""A small lossless codec for packed recordings, decodable with NumPy alone.

Fixed polynomial prediction of order 0 to 4 (as in FLAC), zigzag numbers, low and high bytes apart,
LZMA. What is 69 dB below a recording's peak is rounded away first,
which is what makes it small.
"""

import lzma

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int32]

ORDERS = 5


def quantise(sound: NDArray[np.float32]) -> tuple[Ints, float]:
    """Whole numbers of at most 12.5 bits and the step that turns them back."""
    step = max(float(np.abs(sound).max()) / 2**11.5, 2.0**-15)
    return np.round(sound / step).astype(np.int32), step


def predict(sound: Ints) -> tuple[NDArray[np.uint16], int]:
    """Residual of the best fixed predictor, zigzag coded, and its order."""
    padded = [np.diff(sound, n=order, prepend=np.zeros(order, np.int32)) for order in range(ORDERS)]
    order = int(np.argmin([np.abs(residual).sum() for residual in padded]))
    residual = padded[order]
    return ((residual << 1) ^ (residual >> 31)).astype(np.uint16), order


def restore(zigzag: NDArray[np.uint16], order: int) -> Ints:
    """Undo `predict`."""
    wide = zigzag.astype(np.int32)
    sound = (wide >> 1) ^ -(wide & 1)
    for _ in range(order):
        sound = np.cumsum(sound, dtype=np.int32)
    return sound


def squeeze(zigzags: list[NDArray[np.uint16]]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """All recordings as two compressed streams: low and high bytes."""
    whole = np.concatenate(zigzags)
    low = lzma.compress((whole & 255).astype(np.uint8).tobytes(), preset=2)
    high = lzma.compress((whole >> 8).astype(np.uint8).tobytes(), preset=2)
    return np.frombuffer(low, np.uint8), np.frombuffer(high, np.uint8)


def unsqueeze(low: NDArray[np.uint8], high: NDArray[np.uint8]) -> NDArray[np.uint16]:
    """Undo `squeeze`."""
    parts = [np.frombuffer(lzma.decompress(part.tobytes()), np.uint8) for part in (low, high)]
    whole: NDArray[np.uint16] = parts[1].astype(np.uint16) * np.uint16(256) + parts[0]
    return whole

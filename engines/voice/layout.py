"""What the numbers of the voice engine's inputs mean."""

from typing import Final

from synchresis.engines.control import EMBEDDING
from synchresis.engines.voice.mel import MELS

BINS: Final = 513
"""Bins of one spectrum frame; the kernels' number, written here so that training needs no Numba."""

TAKE: Final = 16
"""Noise numbers that an onset latches: which of many takes a hit is."""

TEXTURE: Final = 5
"""Noise numbers per hop that shake friction and burst."""

NOISE: Final = BINS + TAKE + TEXTURE
"""Noise numbers that make sound: one per bin, the take, the textures."""

GRAPH_NOISE: Final = NOISE + MELS
"""Noise numbers of the engine; the last 80 matter in copy-synthesis only."""

CONTROL: Final = 8
"""Numbers of `control`: onset, onset sample / HOP, strength, friction, burst, copying, 2 spare."""

COPYING: Final = 5
"""Column of `control` that asks for copy-synthesis: where it is 1, the last 80 numbers of `noise`
are the log-mel to paint."""

RARITY: Final = "recalled.rarity"
"""Table of the voice's graph, float32[R]: logarithm of how many times more seldom each recording is
recalled, and what its embedding alone adds to its distance."""

FAMILIES_FILE: Final = "families.safetensors"
"""File of a pack: embeddings of every family trained on, names in its metadata."""

FAMILIES_TENSOR: Final = "families"

__all__ = [
    "BINS",
    "CONTROL",
    "COPYING",
    "EMBEDDING",
    "FAMILIES_FILE",
    "FAMILIES_TENSOR",
    "GRAPH_NOISE",
    "MELS",
    "NOISE",
    "RARITY",
    "TAKE",
    "TEXTURE",
]

"""Embeddings of everything a voice was trained on, kept in its pack."""

import json

import numpy as np
from numpy.typing import NDArray

from synchresis.engines.packs.loading import Pack
from synchresis.engines.voice.layout import FAMILIES_FILE, FAMILIES_TENSOR
from synchresis.errors import PackError


def load_families(pack: Pack) -> tuple[NDArray[np.float32], tuple[str, ...]]:
    """Embeddings float32[F, 32] and names "palette/family".

    Raises:
        PackError: the pack has none, or they cannot be read.
    """
    from safetensors import SafetensorError, safe_open

    pack.read(FAMILIES_FILE)
    try:
        with safe_open(pack.locate(FAMILIES_FILE), framework="numpy") as file:
            table = file.get_tensor(FAMILIES_TENSOR)
            names = tuple(json.loads(file.metadata()["names"]))
    except (SafetensorError, KeyError, TypeError, ValueError) as err:
        raise PackError(f"pack {pack.path}: {FAMILIES_FILE} cannot be read: {err}") from err
    if table.shape[0] != len(names):
        raise PackError(
            f"pack {pack.path}: {FAMILIES_FILE} has {len(names)} names for {len(table)} rows"
        )
    return table, names

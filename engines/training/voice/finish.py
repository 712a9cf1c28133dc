"""Finish an exported voice: recordings rise in time, levels follow strength, decays are measured.

`python -m synchresis.engines.training.voice.finish PACK RECORDINGS.npz` does it to a pack whose
voice was exported without; `export` does it by itself. Nothing but the graph is needed.
"""

import argparse
from pathlib import Path
from typing import Final

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from synchresis.engines.packs import Pack, PaletteEntry, load_pack, update_pack
from synchresis.engines.timebase import HOP, SAMPLE_RATE
from synchresis.engines.training.half_precision import to_half
from synchresis.engines.training.voice.levels import level_out
from synchresis.engines.training.voice.recordings import Recordings, load
from synchresis.engines.training.voice.remember import first_phases
from synchresis.engines.training.voice.tables import PHASES, TablePlayer, VoiceTables
from synchresis.engines.training.voice.timing import retime
from synchresis.engines.voice.families import load_families
from synchresis.errors import ParameterError, SynchresisError

FINISHED: Final = "finished"
"""In the voice's free entries of the manifest."""

_SAME_PHASE = 0.05
_DECAY_HOPS = 1000
_SEEDS = (0, 1, 2)
_FALLEN = 1e-6

Floats = NDArray[np.float32]


def finish(graph: bytes, recordings: Recordings, families: Floats) -> VoiceTables:
    """Tables of a graph as exported, in time and level.

    Args:
        graph: ONNX of one hop.
        recordings: those that it was exported with.
        families: float32[F, 32], embeddings.

    Raises:
        ParameterError: the graph has no recall, one of other recordings, or is finished.
    """
    tables = VoiceTables(graph, families[recordings.family])
    turn = tables.read(PHASES).astype(float) - first_phases(recordings).numpy()
    # Of each recording on average: where it is silent, a phase says nothing.
    if np.abs(np.sin(0.5 * turn)).mean(axis=1).max() > _SAME_PHASE:
        raise ParameterError("the voice recalls other recordings, or was finished already")
    level_out(tables, retime(tables, recordings))
    return tables


def decays(player: TablePlayer, embeddings: Floats) -> NDArray[np.float64]:
    """Seconds until a loud hit of each palette has fallen by 60 dB for good: float64[P].

    The median of several draws of noise; hits are heard for 5.3 s.

    Args:
        player: of a finished voice.
        embeddings: float32[P, 32], of the palettes.
    """
    strength = np.ones(len(embeddings), np.float32)
    draws = [
        fallen_s(player.blended(embeddings, strength, _DECAY_HOPS, seed=seed)) for seed in _SEEDS
    ]
    seconds: NDArray[np.float64] = np.median(draws, axis=0)
    return seconds


def fallen_s(sound: Floats) -> NDArray[np.float64]:
    """Seconds until hits have fallen by 60 dB for good: float64[P], 0 for silence.

    Args:
        sound: float32[P, N], whole hops.
    """
    loud = np.square(sound.reshape(len(sound), -1, HOP)).mean(axis=2)
    heard = loud > _FALLEN * loud.max(axis=1, keepdims=True)
    last = np.where(heard.any(axis=1), heard.shape[1] - np.argmax(heard[:, ::-1], axis=1), 0)
    seconds: NDArray[np.float64] = last * (HOP / SAMPLE_RATE)
    return seconds


def finish_pack(pack: Pack, recordings: Recordings) -> None:
    """Finish the voice of a pack in place, in full and half precision.

    Raises:
        ParameterError: it is an overlay, finished already, or recalls other recordings.
    """
    if pack.base is not None:
        raise ParameterError(f"{pack.name} is an overlay on {pack.base.name}; finish that one")
    entry = pack.voice
    if entry.meta.get(FINISHED):
        raise ParameterError(f"the voice of {pack.name} is finished already; export it again first")
    families, names = load_families(pack)
    if tuple(names) != recordings.families:
        raise ParameterError(f"{pack.name} learned other families than the recordings given have")
    tables = finish(pack.read(entry.file), recordings, families)
    graph = tables.graph()
    embeddings = np.stack([pack.embedding(entry.name) for entry in pack.palettes])
    lasting = decays(tables.player(), embeddings)
    update_pack(
        pack.path,
        {
            "voice": replace(entry, meta={**entry.meta, FINISHED: True}),
            "palettes": with_decays(pack.palettes, lasting),
        },
        {entry.file: graph, entry.half_file: to_half(graph)},
    )


def with_decays(
    palettes: tuple[PaletteEntry, ...], lasting: NDArray[np.float64]
) -> tuple[PaletteEntry, ...]:
    """The same palettes with these decays: float64[P], seconds."""
    return tuple(
        replace(entry, decay60_s=round(float(seconds), 3))
        for entry, seconds in zip(palettes, lasting, strict=True)
    )


def main() -> None:
    """Finish the pack named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pack", type=Path)
    parser.add_argument("recordings", type=Path, help="written by `voice.pack`")
    args = parser.parse_args()
    try:
        finish_pack(load_pack(args.pack), load(args.recordings))
    except (SynchresisError, OSError) as err:
        parser.exit(2, f"error: {err}\n")


if __name__ == "__main__":
    main()

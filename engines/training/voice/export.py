"""Export the voice into a pack: one hop as an ONNX graph (full and half), palettes, licences.

`python -m synchresis.engines.training.voice.export CHECKPOINT RECORDINGS.npz PACK LICENSES.md`
"""

import argparse
import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np
import torch
from safetensors.numpy import save

from synchresis.engines.packs import PaletteEntry, VoiceEntry, update_pack
from synchresis.engines.packs.manifest import PALETTE_FILE, PALETTE_TENSOR, Free
from synchresis.engines.runtime.tensors import TensorSpec
from synchresis.engines.training.half_precision import to_half
from synchresis.engines.training.voice.checkpoint import load_learned
from synchresis.engines.training.voice.finish import FINISHED, decays, finish
from synchresis.engines.training.voice.hop_graph import (
    INPUTS,
    OUTPUTS,
    graph_states,
    hop_graph,
)
from synchresis.engines.training.voice.learner import Learned
from synchresis.engines.training.voice.network import VoiceNetwork
from synchresis.engines.training.voice.recall import Recall
from synchresis.engines.training.voice.recordings import Recordings, load
from synchresis.engines.training.voice.remember import remember
from synchresis.engines.voice.layout import (
    FAMILIES_FILE,
    FAMILIES_TENSOR,
    GRAPH_NOISE,
)
from synchresis.errors import SynchresisError

FILE: Final = "voice.onnx"
PALETTES: Final = Path(__file__).with_name("palettes.csv")

UNREST: Final = 0.4
"""Share of the learned phase noise that is played: clearer partials, sharper attacks."""


def voice_entry(network: VoiceNetwork, meta: Free, recall: Recall | None = None) -> VoiceEntry:
    """What the manifest says of the graph."""
    return VoiceEntry(
        file=FILE,
        inputs=_specs(INPUTS),
        outputs=_specs(OUTPUTS),
        states=_specs(graph_states(network, recall)),
        noise=GRAPH_NOISE,
        meta=meta,
    )


def voice_graph(network: VoiceNetwork, recall: Recall | None = None) -> bytes:
    """The graph of one hop, batch axis open, as ONNX."""
    return hop_graph(network, recall, unrest=UNREST)


def palette_rows(recordings: Recordings) -> tuple[list[dict[str, str]], list[int]]:
    """Rows of palettes.csv that the recordings know, and the family of each.

    Where they know none (recordings made by the physical models, or one's own) every palette of
    the recordings gives one row: its middle family.
    """
    with PALETTES.open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["family"] in recordings.families]
    rows = rows or own_rows(recordings)
    return rows, [recordings.families.index(row["family"]) for row in rows]


def own_rows(recordings: Recordings) -> list[dict[str, str]]:
    """One row per palette of the recordings, named as it is."""
    rows = []
    for number, name in enumerate(recordings.palettes):
        members = np.flatnonzero(recordings.palette == number)
        family = recordings.families[int(members[len(members) // 2])]
        licence = {"licence": "as its recordings", "attribution": ""}
        rows.append({"name": name, "family": family, **licence})
    return rows


def write_voice(learned: Learned, recordings: Recordings, pack: Path, licences: Path) -> None:
    """Put the voice in full and half precision, its palettes and its licences into a pack."""
    licence = licences.read_bytes()
    with torch.no_grad():
        table = learned.embedding(torch.arange(len(recordings.families))).numpy()
    rows, families = palette_rows(recordings)
    embeddings = table[families]
    recall = remember(learned, recordings)
    tables = finish(voice_graph(learned.network, recall), recordings, table)
    graph, lasting = tables.graph(), decays(tables.player(), embeddings)
    palettes = tuple(
        PaletteEntry(row["name"], i, round(float(decay), 3), row["licence"], row["attribution"])
        for i, (row, decay) in enumerate(zip(rows, lasting, strict=True))
    )
    weights = sum(p.numel() for p in learned.network.parameters())
    meta: Free = {"weights": weights, "recordings": len(recordings.files), FINISHED: True}
    names = {"names": json.dumps(recordings.families)}
    entry = voice_entry(learned.network, meta, recall)
    update_pack(
        pack,
        {"voice": entry, "palettes": palettes},
        {
            FILE: graph,
            entry.half_file: to_half(graph),
            PALETTE_FILE: save({PALETTE_TENSOR: embeddings}),
            FAMILIES_FILE: save({FAMILIES_TENSOR: table}, metadata=names),
            "LICENSES.md": licence,
        },
    )


def main() -> None:
    """Read a checkpoint, write the pack."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_arguments(parser)
    try:
        run(parser.parse_args())
    except (SynchresisError, OSError) as err:
        parser.exit(2, f"error: {err}\n")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of an export."""
    for name in ("checkpoint", "recordings", "pack", "licences"):
        parser.add_argument(name, type=Path)


def run(args: argparse.Namespace) -> None:
    """Export as the arguments say."""
    recordings = load(args.recordings)
    learned = load_learned(args.checkpoint, recordings)
    write_voice(learned, recordings, args.pack, args.licences)


def _specs(shapes: Mapping[str, tuple[int, ...]]) -> tuple[TensorSpec, ...]:
    return tuple(TensorSpec(name, ("B", *shape)) for name, shape in shapes.items())


if __name__ == "__main__":
    main()

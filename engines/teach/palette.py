"""Teach a palette: fit an embedding to recordings of one thing, as an overlay on a pack."""

import os
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save

from synchresis.engines.evaluation.voice_measures import mel_distance
from synchresis.engines.evaluation.voice_playing import Hits, pack_player
from synchresis.engines.packs import Pack, PaletteEntry, check_overlay, write_overlay
from synchresis.engines.packs.manifest import PALETTE_FILE, PALETTE_TENSOR
from synchresis.engines.teach.names import check_name
from synchresis.engines.teach.palette_recordings import Heard, Refused, read_hits
from synchresis.engines.teach.palette_search import search
from synchresis.engines.timebase import HOP, SAMPLE_RATE
from synchresis.engines.voice.families import load_families
from synchresis.errors import InputError, ParameterError, reason_of

Floats = NDArray[np.float32]

ROWS: Final = 16
SECONDS: Final = 150.0
"""Time for all of it, after which the best so far counts."""

HOPS: Final = 64
"""Length compared while searching, hops (0.34 s)."""

MOST_TARGETS: Final = 3
DECAY_HOPS: Final = 1000
NEIGHBOURS: Final = 12


@dataclass(frozen=True)
class Taught:
    """What came of teaching.

    Attributes:
        pack: the overlay.
        used, refused: recordings.
        nearest: family of the base pack that was nearest before fitting.
        nearest_mel, mel: log-mel L1 to the recordings before and after fitting.
        takes_mel: log-mel L1 between the recordings themselves, NaN for a single one.
        tried: embeddings tried.
        listening: files written, each a recording followed by what the palette makes of it.
    """

    pack: Pack
    used: tuple[str, ...]
    refused: tuple[Refused, ...]
    nearest: str
    nearest_mel: float
    mel: float
    takes_mel: float
    tried: int
    listening: tuple[Path, ...]

    def report(self) -> dict[str, Any]:
        """The same, ready for JSON."""
        return {
            "pack": str(self.pack.path),
            "used": list(self.used),
            "refused": {bad.name: bad.reason for bad in self.refused},
            "nearest": self.nearest,
            "nearest_mel": self.nearest_mel,
            "mel": self.mel,
            "takes_mel": None if np.isnan(self.takes_mel) else self.takes_mel,
            "tried": self.tried,
            "listening": [str(path) for path in self.listening],
        }


class Fitter:
    """Plays candidates and compares them with the recordings."""

    def __init__(self, base: Pack, heard: list[Heard]) -> None:
        order = np.argsort([-one.strength for one in heard])
        spread = np.unique(np.linspace(0, len(order) - 1, MOST_TARGETS).round().astype(int))
        self.targets = [heard[int(order[i])] for i in spread]
        self._many, self._one = pack_player(base, rows=ROWS), pack_player(base, rows=1)

    def play(self, embeddings: Floats, target: Heard, hops: int) -> Floats:
        """The target's strength in each embedding: float32[K, 256 (hops - 1)]."""
        strength = np.full(len(embeddings), target.strength, np.float32)
        begin = np.zeros(len(embeddings), np.int64)
        player = self._one if len(embeddings) == 1 else self._many
        return player.play(Hits(embeddings, strength, begin), hops)

    def costs(self, embeddings: NDArray[np.floating[Any]], *, targets: int = 9) -> NDArray[Any]:
        """Mean log-mel L1 of each embedding to the recordings: float64[K]."""
        rows = embeddings.astype(np.float32)
        chosen = self.targets[:targets]
        total = np.zeros(len(rows))
        for target in chosen:
            made = self.play(rows, target, HOPS)
            real = fitted(target.sound, made.shape[1])
            total += [mel_distance(row, real) for row in made]
        return total / len(chosen)


def teach_palette(
    name: str,
    source: Path,
    *,
    base: Pack,
    packs: Path,
    seconds: float = SECONDS,
    seed: int = 0,
) -> Taught:
    """Fit a palette to recordings, or to a video's hits, and write it as an overlay pack.

    Hits taught in a pack of that name stay in it.

    Args:
        name: of the palette and of the overlay.
        source: folder with recordings of single hits, or a video whose hits are cut out.
        base: pack whose voice plays it.
        packs: folder the overlay is written into.
        seconds: for all of it.
        seed: of the search.

    Raises:
        ParameterError: a name that cannot be one, is another pack's or one of the base's own
            palettes, or a base that is an overlay itself.
        InputError: no usable recordings, or no room for the listening files.
    """
    check_name(name, base)
    if name in {entry.name for entry in base.palettes}:
        raise ParameterError(
            f"palette {name!r} ships in pack {base.name!r} already; choose another name"
        )
    check_overlay(packs / name, base)
    listening = listening_folder(name, source, packs)
    deadline = time.monotonic() + seconds
    heard, refused = read_hits(source)
    fitter = Fitter(base, heard)
    fit = fit_embedding(fitter, base, deadline=deadline, seed=seed)
    embedding = fit.embedding
    pack = write_palette(name, embedding, base=base, packs=packs, fitter=fitter)
    return Taught(
        pack=pack,
        used=tuple(one.name for one in heard),
        refused=tuple(refused),
        nearest=fit.nearest,
        nearest_mel=fit.nearest_mel,
        mel=fit.mel,
        takes_mel=between(heard),
        tried=fit.tried,
        listening=write_listening(listening, embedding, fitter),
    )


@dataclass(frozen=True)
class Fit:
    """An embedding, its distance, and the nearest known family with its distance."""

    embedding: Floats
    mel: float
    nearest: str
    nearest_mel: float
    tried: int


def fit_embedding(fitter: Fitter, base: Pack, *, deadline: float, seed: int) -> Fit:
    """Nearest family first, then a search from there until the deadline (monotonic seconds)."""
    table, names = load_families(base)
    order = np.argsort(fitter.costs(table, targets=1))
    start, spread = around(table, order)
    found = search(
        fitter.costs,
        start,
        spread,
        population=ROWS,
        keep_going=lambda _: time.monotonic() < deadline,
        rng=np.random.default_rng(seed),
    )
    nearest_mel = float(fitter.costs(table[order[:1]])[0])
    better = found.cost < nearest_mel
    point = found.point.astype(np.float32) if better else table[order[0]]
    return Fit(
        embedding=point,
        mel=min(found.cost, nearest_mel),
        nearest=names[int(order[0])],
        nearest_mel=nearest_mel,
        tried=found.tried,
    )


def around(
    table: Floats, order: NDArray[np.intp]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Where to start, and how far to look: the nearest family, the spread of its neighbours."""
    near = table[order[:NEIGHBOURS]].astype(np.float64)
    return near[0], near.std(axis=0) + 0.1 * table.std(axis=0)


def between(heard: list[Heard]) -> float:
    """Mean log-mel L1 between recordings of about the same strength, NaN for fewer than two."""
    distances = []
    for first, second in pairwise(heard):
        gain = np.float32(10 ** (2 * (first.strength - second.strength)))
        length = HOP * (HOPS - 1)
        pair = fitted(first.sound, length), gain * fitted(second.sound, length)
        distances.append(mel_distance(*pair))
    return float(np.mean(distances)) if distances else float("nan")


def fitted(sound: Floats, length: int) -> Floats:
    """Cut or pad with silence."""
    return np.pad(sound[:length], (0, max(0, length - len(sound))))


def write_palette(name: str, embedding: Floats, *, base: Pack, packs: Path, fitter: Fitter) -> Pack:
    """The palette as a pack on its base; hits taught in it before stay."""
    loud = Heard(name, np.zeros(1, np.float32), 1.0)
    sound = fitter.play(embedding[None], loud, DECAY_HOPS)[0]
    power = (sound.reshape(-1, HOP).astype(np.float64) ** 2).mean(axis=1)
    last = np.flatnonzero(power > 1e-6 * power.max())
    decay60_s = float((last[-1] + 1 if len(last) else 1) * HOP / SAMPLE_RATE)
    entry = PaletteEntry(name, 0, round(decay60_s, 3), "as its recordings", "taught here")
    files = {PALETTE_FILE: save({PALETTE_TENSOR: embedding[None]})}
    return write_overlay(packs / name, base, files, palettes=(entry,))


def listening_folder(name: str, recordings: Path, packs: Path) -> Path:
    """Beside the recordings; after a video, or where nothing may be written, beside the pack."""
    writable = recordings.is_dir() and os.access(recordings, os.W_OK | os.X_OK)
    return recordings / "listening" if writable else packs / f"{name}-listening"


def write_listening(folder: Path, embedding: Floats, fitter: Fitter) -> tuple[Path, ...]:
    """One file per target: the recording, a pause, what the palette makes of it."""
    import soundfile

    pause, paths = np.zeros(SAMPLE_RATE // 4, np.float32), []
    for target in fitter.targets:
        hops = len(target.sound) // HOP + 48
        made = fitter.play(embedding[None], target, hops)[0]
        path = folder / f"{Path(target.name).stem}_then_made.wav"
        whole = np.concatenate([target.sound, pause, made])
        try:
            folder.mkdir(exist_ok=True)
            soundfile.write(path, 0.9 * whole / max(1.0, float(np.abs(whole).max())), SAMPLE_RATE)
        except (soundfile.LibsndfileError, OSError) as err:
            raise InputError(
                f"the palette is there, but {path} cannot be written ({reason_of(err)}); listen to "
                "it with `synchresis live` or make room"
            ) from err
        paths.append(path)
    return tuple(paths)

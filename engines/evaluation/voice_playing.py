"""Play single hits through a pack's voice engine, many at a time, for evaluation and teaching."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from synchresis.engines.packs import Pack
from synchresis.engines.runtime.onnx_cpu import OnnxCpuEngine, open_onnx_cpu
from synchresis.engines.timebase import HOP
from synchresis.engines.voice.copying import FLOOR
from synchresis.engines.voice.layout import (
    BINS,
    CONTROL,
    COPYING,
    GRAPH_NOISE,
    MELS,
    NOISE,
    RARITY,
    TAKE,
)
from synchresis.kernels.overlap_add import RISE, OverlapAdd

Floats = NDArray[np.float32]

ROWS: Final = 8
"""Hits played at once."""

LEAD_HOPS: Final = 1
"""Hops of silence before a hit."""


@dataclass(frozen=True)
class Hits:
    """What to play; one row per hit.

    Attributes:
        palette: float32[R, 32].
        strength: float32[R], 0 to 1.
        begin: int64[R], sample of the onset inside its hop.
        take: float32[R, TAKE] the takes' noise, or None to draw it.
        mel: float32[R, T, 80] to copy, from the onset's hop on, or None.
        rarity: float32[R, n], how seldom each of the recordings recalled comes, for an engine
            that asks for it (`training.voice.tables`), or None.
    """

    palette: Floats
    strength: Floats
    begin: NDArray[np.int64]
    take: Floats | None = None
    mel: Floats | None = None
    rarity: Floats | None = None

    def __len__(self) -> int:
        return len(self.strength)

    def rows(self, index: NDArray[np.int64]) -> "Hits":
        """Some of the hits."""

        def some(part: Floats | None) -> Floats | None:
            return None if part is None else part[index]

        given = (some(part) for part in (self.take, self.mel, self.rarity))
        return Hits(self.palette[index], self.strength[index], self.begin[index], *given)


def pack_player(pack: Pack, *, rows: int = ROWS) -> "HitPlayer":
    """A player of a pack's voice, so many hits at once."""
    return HitPlayer(open_onnx_cpu(pack, "voice", batch=rows))


class HitPlayer:
    """A voice engine on one CPU thread, opened once, playing hits from silence."""

    def __init__(self, engine: OnnxCpuEngine) -> None:
        self._rows = engine.batch
        self._engine = engine
        self._engine.prepare()
        self._state = self._engine.initial_state()
        self._overlap = OverlapAdd()
        self._tail = self._overlap.initial_state(self._rows)

    def play(self, hits: Hits, hops: int, *, seed: int = 0) -> Floats:
        """Sound from each hit's onset on: float32[R, 256 hops − 256]."""
        count = len(hits)
        out = np.zeros((count, HOP * (hops - 1)), np.float32)
        for first in range(0, count, self._rows):
            index = np.arange(first, first + self._rows)
            filled = np.minimum(index, count - 1)
            sound = self._play(hits.rows(filled), hops, seed=seed + first)
            for row in range(min(self._rows, count - first)):
                start = LEAD_HOPS * HOP + int(hits.begin[first + row]) + RISE
                out[first + row] = sound[row, start : start + out.shape[1]]
        return out

    def _play(self, hits: Hits, hops: int, *, seed: int) -> Floats:
        total = hops + LEAD_HOPS + 2
        rng = np.random.default_rng(seed)
        self._engine.reset_state(self._state)
        self._overlap.reset_state(self._tail)
        sound = np.zeros((self._rows, HOP * total), np.float32)
        control = np.zeros((self._rows, CONTROL), np.float32)
        for hop in range(total):
            noise = rng.standard_normal((self._rows, GRAPH_NOISE), np.float32)
            _write(hits, hop - LEAD_HOPS, control, noise)
            inputs = {"control": control, "palette": hits.palette, "noise": noise}
            if hits.rarity is not None:
                inputs[RARITY] = hits.rarity
            frame = self._engine.step(inputs, self._state)
            self._overlap.step_parts(
                frame["real"],
                frame["imag"],
                self._tail,
                out=sound[:, HOP * hop : HOP * (hop + 1)],
            )
        return sound


def _write(hits: Hits, since: int, control: Floats, noise: Floats) -> None:
    """Control and noise of a hop that is `since` hops after the onset's."""
    control[:] = 0.0
    if since == 0:
        control[:, 0] = 1.0
        control[:, 1] = hits.begin / HOP
        control[:, 2] = hits.strength
        if hits.take is not None:
            noise[:, BINS : BINS + TAKE] = hits.take
    if hits.mel is not None:
        control[:, COPYING] = 1.0
        noise[:, :BINS] = 0.0
        silent = np.log(FLOOR)
        inside = 0 <= since < hits.mel.shape[1]
        noise[:, NOISE : NOISE + MELS] = hits.mel[:, since] if inside else silent

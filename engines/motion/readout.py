"""Taught readout: what a performer's own minute added to the network's answer.

A linear readout of the last quarter of a second: the network's probabilities, and flow weighed by
where this performer's hits happen. Its answer takes the place of the whole-picture probability; the
network's map, weighed by that place, says where. NumPy only, causal, one small product a frame.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from synchresis.engines.motion.picker import FrameMaps, told_when
from synchresis.engines.packs.loading import Pack
from synchresis.engines.timebase import NS_PER_S
from synchresis.errors import PackError

Floats = NDArray[np.float32]

Cells = Floats
"""float32[rows * cols]."""

FILE: Final = "readout.safetensors"
"""Name of the readout inside a taught pack."""

MIRRORED: Final = "mirrored"
"""In a taught pack's free entries: whether its camera was shown as a mirror does."""

FEATURES: Final = 13
"""Numbers that describe a frame."""

AGES_S: Final = np.arange(8) / 30
"""Ages at which the past is looked at, seconds."""

KEPT: Final = 64
"""Frames remembered: 0.26 s at 240 frames per second."""

FAR: Final = 5.0
"""Features are clipped to so many standard deviations."""

LOGITS: Final = (-9.0, 6.0)
"""Range of the network's logits."""

ELSEWHERE: Final = 0.1
"""Share of the map that counts where no hit was ever taught."""


@dataclass(frozen=True, slots=True)
class Scaling:
    """Mean taken off some features and deviation they are divided by, arrays of one shape."""

    mean: Floats
    deviation: Floats

    def apply(self, rows: Floats) -> Floats:
        """Features in deviations from their mean, clipped to FAR."""
        return np.asarray(np.clip((rows - self.mean) / self.deviation, -FAR, FAR))


@dataclass(frozen=True, slots=True)
class Readout:
    """What was taught.

    Attributes:
        place: float32[rows * cols], where hits happen, sums to 1.
        past: scaling of float32[AGES, FEATURES], embedding: of float32[D].
        past_weight: float32[AGES, FEATURES], embedding_weight: float32[D].
        bias: added.
        wait_s: how much later than its event, less the lag, the answer is highest, seconds.
    """

    place: Cells
    past: Scaling
    embedding: Scaling
    past_weight: Floats
    embedding_weight: Floats
    bias: float
    wait_s: float = 0.0

    def scores(self, past: Floats, embedding: Floats) -> NDArray[np.float64]:
        """Scores of frames.

        Args:
            past: float32[T, AGES, FEATURES].
            embedding: float32[T, D].

        Returns:
            float64[T], 0..1.
        """
        T = len(past)
        sums = self.past.apply(past).reshape(T, -1) @ self.past_weight.ravel()
        sums = sums + self.embedding.apply(embedding) @ self.embedding_weight
        return np.clip(sums.astype(np.float64) + self.bias, 0.0, 1.0)

    def tensors(self) -> dict[str, Floats]:
        """The same by name, to be stored."""
        named = {
            "place": self.place,
            "past_mean": self.past.mean,
            "past_deviation": self.past.deviation,
            "past_weight": self.past_weight,
            "embedding_mean": self.embedding.mean,
            "embedding_deviation": self.embedding.deviation,
            "embedding_weight": self.embedding_weight,
            "bias": np.array([self.bias]),
            "wait": np.array([self.wait_s]),
        }
        return {name: np.ascontiguousarray(value, np.float32) for name, value in named.items()}


def read_readout(pack: Pack) -> Readout | None:
    """The readout of a taught pack, None for one that was not taught.

    Raises:
        PackError: the file does not hold what it should.
    """
    if FILE not in pack.manifest.files:
        return None
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        found = load(pack.read(FILE))
    except SafetensorError as err:
        raise PackError(f"pack {pack.path}: {FILE} cannot be read: {err}; teach it again") from err
    if not fits(found, pack):
        raise PackError(f"pack {pack.path}: {FILE} does not fit this version; teach it again")
    return Readout(
        place=found["place"],
        past=Scaling(found["past_mean"], found["past_deviation"]),
        embedding=Scaling(found["embedding_mean"], found["embedding_deviation"]),
        past_weight=found["past_weight"],
        embedding_weight=found["embedding_weight"],
        bias=float(found["bias"][0]),
        wait_s=float(found["wait"][0]),
    )


def fits(found: Mapping[str, Floats], pack: Pack) -> bool:
    """Whether tensors are those of a readout of this pack: names, shapes, finite, no zero scale."""
    entry = pack.motion
    length = next(int(t.shape[-1]) for t in entry.outputs if t.name == "embedding")
    kinds = ("mean", "deviation", "weight")
    shapes: dict[str, tuple[int, ...]] = {
        "place": (entry.rows * entry.cols,),
        "bias": (1,),
        "wait": (1,),
    }
    shapes |= {f"past_{kind}": (len(AGES_S), FEATURES) for kind in kinds}
    shapes |= {f"embedding_{kind}": (length,) for kind in kinds}
    return {name: array.shape for name, array in found.items()} == shapes and all(
        array.dtype == np.float32
        and bool(np.isfinite(array).all())
        and (not name.endswith("deviation") or bool((array > 0).all()))
        for name, array in found.items()
    )


@dataclass(frozen=True, slots=True)
class Seen:
    """One frame as the network saw and answered it.

    Attributes:
        maps: of the network.
        flow: float32[1, 4, rows, cols].
        embedding: float32[D].
    """

    maps: FrameMaps
    flow: Floats
    embedding: Floats


def gate_of(place: Cells) -> Cells:
    """How much the map counts in each cell, ELSEWHERE..1."""
    share = 3.0 * place / max(float(place.max()), 1e-9)
    return np.asarray(np.clip(share, ELSEWHERE, 1.0), np.float32)


def describe(impact: Floats, total: Floats, flow: Floats, place: Cells) -> Floats:
    """Features of frames.

    Args:
        impact: float32[T, cells], probability of an event.
        total: float32[T], of an event anywhere.
        flow: float32[T, 4, cells]: u, v, residual, difference.
        place: float32[cells], sums to 1.

    Returns:
        float32[T, FEATURES]: logits of total, of the two best cells, of those where hits happen;
        then speed, u, v, difference and residual, first where hits happen, then anywhere.
    """
    out = np.empty((len(total), FEATURES), np.float32)
    out[:, 0] = logit(total)
    out[:, 1] = logit(best_two(impact))
    out[:, 2] = logit(best_two(impact * gate_of(place)))
    weights = np.stack((place, np.full_like(place, 1.0 / len(place))), 1)
    speed = np.sqrt(flow[:, 0] ** 2 + flow[:, 1] ** 2) @ weights
    means = flow @ weights
    for k, first in enumerate((3, 8)):
        out[:, first] = np.log1p(20.0 * speed[:, k])
        out[:, first + 1 : first + 3] = 4.0 * means[:, :2, k]
        out[:, first + 3 : first + 5] = np.log1p(50.0 * means[:, 3:1:-1, k])
    return out


def logit(probability: NDArray[np.floating[Any]]) -> Floats:
    """Log odds within LOGITS."""
    p = np.clip(probability, 1e-6, 1.0 - 1e-6)
    out: Floats = np.clip(np.log(p / (1.0 - p)), *LOGITS)
    return out


def best_two(planes: Floats) -> Floats:
    """Mean of the two best cells: float32[T, cells] → float32[T]."""
    last = planes.shape[1] - 2
    return np.asarray(np.partition(planes, last, axis=1)[:, last:].mean(1))


def aged(times_s: NDArray[np.float64], rows: Floats, now_s: NDArray[np.float64]) -> Floats:
    """Features at AGES_S before some moments, between frames interpolated.

    Args:
        times_s: float64[N], rising.
        rows: float32[N, FEATURES] at those times; the first holds before it.
        now_s: float64[T], none after the last of `times_s`.

    Returns:
        float32[T, AGES, FEATURES].
    """
    wanted = np.maximum(now_s[:, None] - AGES_S, times_s[0])
    after = np.clip(np.searchsorted(times_s, wanted), 1, max(1, len(times_s) - 1))
    after = np.minimum(after, len(times_s) - 1)
    before = np.maximum(after - 1, 0)
    span = np.maximum(times_s[after] - times_s[before], 1e-9)
    share = np.clip((wanted - times_s[before]) / span, 0.0, 1.0)[..., None].astype(np.float32)
    return np.asarray(rows[before] + share * (rows[after] - rows[before]))


@dataclass(slots=True)
class ReadoutState:
    """Past of one camera, newest last; arrays are written in place.

    Attributes:
        times_s: float64[KEPT], rows: float32[KEPT, FEATURES].
        count: of them that hold something.
    """

    times_s: NDArray[np.float64]
    rows: Floats
    count: int = 0


Tell = Callable[[float, Floats, Floats], None]
"""Told the capture time (s), past float32[AGES, FEATURES] and embedding float32[D] of a frame."""


class ReadoutStage:
    """A readout, frame by frame.

    Args:
        readout: what was taught.
        tell: called with the time (s), the past and the embedding of every frame, from the
            parser's thread: be quick.
    """

    latency_samples: Final = 0

    def __init__(self, readout: Readout, tell: Tell | None = None) -> None:
        self.readout = readout
        self.tell = tell
        self._gate = gate_of(readout.place)

    def initial_state(self) -> ReadoutState:
        """Nothing seen."""
        return ReadoutState(np.zeros(KEPT), np.zeros((KEPT, FEATURES), np.float32))

    def reset_state(self, state: ReadoutState) -> None:
        """Forget all, in place."""
        state.count = 0

    def step(self, seen: Seen, state: ReadoutState) -> FrameMaps:
        """What the network says of a frame, as taught.

        Args:
            seen: the frame.
            state: written in place.

        Returns:
            Maps whose score over the whole picture is the readout's, when the network says;
            without doubt, since a lesson has seen when its performer is still.
        """
        maps = seen.maps
        flat, flow = maps.impact.reshape(1, -1), seen.flow.reshape(1, 4, -1)
        row = describe(flat, np.array([maps.total], np.float32), flow, self.readout.place)
        past = remember(maps.captured_ns / NS_PER_S, row[0], state)
        score = float(self.readout.scores(past, seen.embedding[None])[0])
        if self.tell is not None:
            self.tell(maps.captured_ns / NS_PER_S, past[0], seen.embedding.copy())
        evidence = maps.impact * self._gate.reshape(maps.impact.shape)
        best = float(best_two(evidence.reshape(1, -1))[0])
        evidence *= np.float32(score / best if best > 0 else 0.0)
        when = np.full_like(maps.when, told_when(maps.impact, maps))
        return replace(maps, impact=evidence, when=when, total=score, doubt=0.0)


def remember(now_s: float, row: Floats, state: ReadoutState) -> Floats:
    """Take a frame's features in; the past as of now, float32[1, AGES, FEATURES]."""
    state.times_s[:-1] = state.times_s[1:]
    state.rows[:-1] = state.rows[1:]
    state.times_s[-1], state.rows[-1] = now_s, row
    state.count = min(state.count + 1, KEPT)
    first = KEPT - state.count
    return aged(state.times_s[first:], state.rows[first:], np.array([now_s]))

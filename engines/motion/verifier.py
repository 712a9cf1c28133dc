"""Verifier: a second opinion on the score of each frame, before the event picker.

Boosted trees over a few numbers of what the network says and what moves at that moment. They
learned from drawn scenes which frames that look like hits are none: flags, water, gestures that
stop in the air. Their log odds are joined with those of the score. NumPy and Numba only, causal, no
past but the flow of the frame before; some forty microseconds a frame.
"""

import math
from dataclasses import dataclass, replace
from typing import Any, Final

import numba
import numpy as np
from numpy.typing import NDArray

from synchresis.engines.motion.picker import REACH, FrameMaps, Grid
from synchresis.engines.packs.loading import Pack
from synchresis.errors import PackError

FILE: Final = "verifier.safetensors"
"""Name of the verifier inside a pack."""

NAMES: Final = (
    "dt_s", "score", "best", "total", "doubt", "peaked", "mass", "map_mass", "map_best",
    "speed", "moving", "fast", "agreement", "common", "energy", "difference", "residual",
    "strength", "when",
)  # fmt: skip
"""Features of a frame, see `describe`."""

FEATURES: Final = len(NAMES)

SCORE: Final = NAMES.index("score")

NODES: Final = ("roots", "feature", "value", "low", "high")
"""Arrays of `Trees`."""

LEAST: Final = 1e-4
"""Log odds are those of probabilities no nearer than this to 0 and 1."""

MOVING: Final = (0.05, 0.2)
"""Speeds from which on cells count as moving and as fast, picture widths per second."""

FAINT: Final = 3e-6
"""Energy of compressed flow up to which nothing agrees."""

TRUSTED_S: Final = 0.060
"""Lookahead from which on the verifier is not asked; it learned at 0."""

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Trees:
    """A sum of regression trees, all nodes in one row; N nodes, K trees.

    Attributes:
        roots: int32[K], first node of each tree.
        feature: int32[N], which number a node asks for; -1 at leaves.
        value: float64[N], the highest value that goes low, or what a leaf adds.
        low: int32[N], high: int32[N], nodes that follow, always later ones.
        bias: added.
    """

    roots: NDArray[np.int32]
    feature: NDArray[np.int32]
    value: NDArray[np.float64]
    low: NDArray[np.int32]
    high: NDArray[np.int32]
    bias: float

    def log_odds(self, numbers: Floats) -> float:
        """What the trees say of float32[FEATURES]."""
        nodes = (self.feature, self.low, self.high)
        return self.bias + float(_sum(self.roots, nodes, self.value, numbers))


@dataclass(frozen=True, slots=True)
class Verifier:
    """Trees, and how much they weigh.

    Attributes:
        trees: log odds of a hit, from the features of a frame.
        weight: of their log odds beside those of the score, which weigh 1.
    """

    trees: Trees
    weight: float

    def tensors(self, engine: str) -> dict[str, NDArray[Any]]:
        """The same by name, to be stored, with the hash of the motion engine it belongs to."""
        own = self.trees
        return {
            **{name: getattr(own, name) for name in NODES},
            "bias_weight": np.array([own.bias, self.weight]),
            "engine": np.frombuffer(bytes.fromhex(engine), np.uint8),
        }


def read_verifier(pack: Pack) -> Verifier | None:
    """The verifier of a pack or of its base; None without one, or with one of another engine.

    Raises:
        PackError: the file does not hold what it should.
    """
    holder = pack if FILE in pack.manifest.files or pack.base is None else pack.base
    if FILE not in holder.manifest.files:
        return None
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        found = load(holder.read(FILE))
        if found["engine"].tobytes().hex() != pack.file_hash(pack.motion.file):
            return None
        bias, weight = (float(value) for value in found["bias_weight"])
        trees = Trees(**{name: found[name] for name in NODES}, bias=bias)
    except (SafetensorError, KeyError, ValueError, TypeError) as err:
        raise PackError(f"pack {holder.path}: {FILE} cannot be read: {err}; make it again") from err
    if not (fits(trees) and math.isfinite(bias) and 0 <= weight < math.inf):
        raise PackError(f"pack {holder.path}: {FILE} does not fit this version; make it again")
    return Verifier(trees, weight)


def fits(trees: Trees) -> bool:
    """Whether every walk ends at a leaf inside the arrays, by features there are."""
    whole = (trees.roots, trees.feature, trees.low, trees.high)
    size = trees.value.shape
    if any(part.dtype != np.int32 or part.ndim != 1 for part in whole):
        return False
    if trees.value.dtype != np.float64 or any(part.shape != size for part in whole[1:]):
        return False
    split = trees.feature >= 0
    inner = np.flatnonzero(split)
    nexts = np.stack((trees.low[split], trees.high[split]))
    return bool(
        np.isfinite(trees.value).all()
        and ((trees.feature >= -1) & (trees.feature < FEATURES)).all()
        and ((trees.roots >= 0) & (trees.roots < size[0])).all()
        and ((nexts > inner) & (nexts < size[0])).all()
    )


@dataclass(slots=True)
class VerifierState:
    """One camera between frames; arrays are written in place.

    Attributes:
        flow: float32[2, rows, cols], compressed flow of the frame before, zeros at first.
        speed: float32[rows, cols], room for the speeds of cells.
        numbers: float32[FEATURES], of the newest frame.
    """

    flow: Floats
    speed: Floats
    numbers: Floats


@dataclass(frozen=True, slots=True)
class Sight:
    """One frame as the network saw and answered it.

    Attributes:
        maps: of the network.
        sounding: float32[rows, cols], its map of sound-producing motion.
        flow: float32[4, rows, cols]: u, v without the camera's motion, residual, difference.
        dt_s: time since the frame before, seconds, as the network is told.
        lookahead_s: τ, seconds.
    """

    maps: FrameMaps
    sounding: Grid
    flow: Floats
    dt_s: float
    lookahead_s: float = 0.0


class VerifierStage:
    """A verifier, frame by frame.

    Args:
        verifier: what was learned.
        whole: share of the whole-picture probability in the score, as the picker joins them.
        grid: rows and columns of the maps.
    """

    latency_samples: Final = 0

    def __init__(self, verifier: Verifier, whole: float, grid: tuple[int, int]) -> None:
        self.verifier = verifier
        self._whole = whole
        self._grid = grid

    def initial_state(self) -> VerifierState:
        """Nothing seen."""
        return VerifierState(
            flow=np.zeros((2, *self._grid), np.float32),
            speed=np.zeros(self._grid, np.float32),
            numbers=np.zeros(FEATURES, np.float32),
        )

    def reset_state(self, state: VerifierState) -> None:
        """Forget all, in place."""
        state.flow.fill(0.0)

    def step(self, sight: Sight, state: VerifierState) -> FrameMaps:
        """What the network says of a frame, with the verifier's opinion in its doubt.

        Args:
            sight: the frame.
            state: written in place.
        """
        maps = sight.maps
        planes = (maps.impact, sight.sounding, maps.strength, maps.when)
        numbers = (sight.dt_s, maps.total, maps.doubt, self._whole)
        describe(planes, sight.flow, numbers, (state.flow, state.speed), state.numbers)
        odds = self.verifier.trees.log_odds(state.numbers)
        weight = self.verifier.weight
        share = weight / (1.0 + weight) * trust_of(sight.lookahead_s)
        return replace(maps, doubt=maps.doubt + share * (float(state.numbers[SCORE]) - odds))


def trust_of(lookahead_s: float) -> float:
    """How much the verifier counts at a lookahead: in full up to 0, nothing from TRUSTED_S on."""
    return min(max(1.0 - lookahead_s / TRUSTED_S, 0.0), 1.0)


@numba.njit(nogil=True, cache=True)
def describe(planes, flow, numbers, kept, out):  # type: ignore[no-untyped-def] # pragma: no cover
    """Features of one frame.

    Args:
        planes: impact, sound-producing map, strength, when; float32[rows, cols] each.
        flow: float32[4, rows, cols]: u, v, residual, difference.
        numbers: time step (s), probability of an event anywhere, doubt, its share in the score.
        kept: float32[2, rows, cols], compressed flow of the frame before, this one's afterwards;
            and float32[rows, cols] for speeds.
        out: float32[FEATURES], written: the time step; log odds of the score, of the two best
            cells, of `total`; doubt; how many cells have over half of the highest impact, and the
            sum of impact over it; the sum of the map and log odds of its highest; mean speed,
            shares of moving and of fast cells (means over 3 × 3 cells); how much two flows in a row
            agree over the picture, their product and the flow's energy about the strongest cell;
            mean difference and residual; strength and time of an event there, as the picker
            weighs them.
    """
    dt_s, total, doubt, whole = numbers
    before, speed = kept
    row, col, best = _strongest(planes[0], out)
    out[0] = dt_s
    out[1] = _log_odds(best ** (1.0 - whole) * total**whole) - doubt
    out[2] = _log_odds(best)
    out[3] = _log_odds(total)
    out[4] = doubt
    out[7], out[8] = planes[1].sum(), _log_odds(planes[1].max())
    _moving(flow, speed, out)
    _agreeing(flow, before, (row, col), out)
    out[15], out[16] = flow[3].mean(), flow[2].mean()
    _placed(planes, row, col, out)


@numba.njit(nogil=True, cache=True)
def _strongest(impact, out):  # type: ignore[no-untyped-def] # pragma: no cover
    """The strongest cell and the mean of the two best; writes `peaked` and `mass`."""
    rows, cols = impact.shape
    first, second, mass = np.float32(-1.0), np.float32(-1.0), 0.0
    row, col = 0, 0
    for i in range(rows):
        for j in range(cols):
            p = impact[i, j]
            mass += p
            if p > first:
                first, second, row, col = p, first, i, j
            elif p > second:
                second = p
    peaked = 0
    for i in range(rows):
        for j in range(cols):
            peaked += impact[i, j] > 0.5 * first
    out[5] = peaked
    out[6] = mass / max(first, np.float32(1e-9))
    return row, col, 0.5 * (first + second)


@numba.njit(nogil=True, cache=True)
def _moving(flow, speed, out):  # type: ignore[no-untyped-def] # pragma: no cover
    """Write `speed`, `moving` and `fast`, and the speeds of cells."""
    rows, cols = speed.shape
    for i in range(rows):
        for j in range(cols):
            speed[i, j] = math.sqrt(flow[0, i, j] ** 2 + flow[1, i, j] ** 2)
    total, moving, fast = 0.0, 0, 0
    for i in range(rows):
        for j in range(cols):
            near, count = 0.0, 0
            for a in range(max(i - 1, 0), min(i + 2, rows)):
                for b in range(max(j - 1, 0), min(j + 2, cols)):
                    near += speed[a, b]
                    count += 1
            near /= count
            total += near
            if near > MOVING[0]:
                moving += 1
            if near > MOVING[1]:
                fast += 1
    out[9] = total / (rows * cols)
    out[10] = moving / (rows * cols)
    out[11] = fast / (rows * cols)


@numba.njit(nogil=True, cache=True)
def _agreeing(flow, before, cell, out):  # type: ignore[no-untyped-def] # pragma: no cover
    """Write `agreement`, `common` and `energy`; this frame's flow takes the place of the last."""
    rows, cols = flow.shape[1:]
    dots, energies, dot_here, energy_here, around = 0.0, 0.0, 0.0, 0.0, 0
    for i in range(rows):
        for j in range(cols):
            u, v = _compressed(flow[0, i, j]), _compressed(flow[1, i, j])
            then_u, then_v = before[0, i, j], before[1, i, j]
            dot = u * then_u + v * then_v
            energy = u * u + v * v
            dots += dot
            energies += 0.5 * (energy + then_u * then_u + then_v * then_v)
            if abs(i - cell[0]) <= 1 and abs(j - cell[1]) <= 1:
                dot_here += dot
                energy_here += energy
                around += 1
            before[0, i, j], before[1, i, j] = u, v
    out[12] = dots / (energies + FAINT * rows * cols)
    out[13] = dot_here / around
    out[14] = energy_here / around


@numba.njit(nogil=True, cache=True)
def _placed(planes, row, col, out):  # type: ignore[no-untyped-def] # pragma: no cover
    """Write `strength` and `when`."""
    impact, _, strength, when = planes
    rows, cols = impact.shape
    weights, strong, late = 0.0, 0.0, 0.0
    for i in range(max(row - REACH, 0), min(row + REACH + 1, rows)):
        for j in range(max(col - REACH, 0), min(col + REACH + 1, cols)):
            weight = impact[i, j] + 1e-9
            weights += weight
            strong += weight * strength[i, j]
            late += weight * when[i, j]
    out[17] = strong / weights
    out[18] = late / weights


@numba.njit(nogil=True, cache=True, inline="always")
def _compressed(flow):  # type: ignore[no-untyped-def] # pragma: no cover
    """Flow, picture widths per second, in the range −1 to 1; a quarter of a width is half."""
    return flow / (np.float32(0.25) + abs(flow))


@numba.njit(nogil=True, cache=True, inline="always")
def _log_odds(probability):  # type: ignore[no-untyped-def] # pragma: no cover
    p = min(max(probability, LEAST), 1.0 - LEAST)
    return math.log(p / (1.0 - p))


@numba.njit(nogil=True, cache=True)
def _sum(roots, nodes, value, numbers):  # type: ignore[no-untyped-def] # pragma: no cover
    """Sum of the leaves that float32[FEATURES] falls into."""
    feature, low, high = nodes
    total = 0.0
    for root in roots:
        node = root
        while feature[node] >= 0:
            node = low[node] if numbers[feature[node]] <= value[node] else high[node]
        total += value[node]
    return total

"""What the graph of one hop recalls of recordings: as `recall.Recall`, in few nodes."""

import math
from dataclasses import dataclass

import numpy as np
from onnx import TensorProto
from torch import nn

from synchresis.engines.training.voice.attack import REACH, ROUNDS, TINY
from synchresis.engines.training.voice.latches import OLD
from synchresis.engines.training.voice.recall import (
    BLENDED,
    FALL,
    KNOTS,
    RESEMBLANCE,
    UNLIKE,
    WIDTH,
    Recall,
)
from synchresis.engines.training.voice.tables import BASIS, CODES, LEVEL, PHASES, SHAPES
from synchresis.engines.training.voice.writer import Array, Writer, numbers
from synchresis.engines.voice.copying import FLOOR
from synchresis.engines.voice.layout import BINS, RARITY
from synchresis.engines.voice.mel import MELS

QUARTER = np.array([[math.pi / 2], [0.0]])
"""Added to an angle: the sine of the rows is its cosine and its sine."""

BOTH = np.ones((1, 2))
"""Sum over real and imaginary part, as a product from the left: weights there stay as exact as
they are in half precision and cost one launch."""


@dataclass(frozen=True)
class Hints:
    """Of a hit in this hop: take [B, 16], code [B, K], phases [B, 1, 513] in radians."""

    take: str
    code: str
    phases: str


def recall_hit(w: Writer, recall: Recall, noise: str, strength: str) -> Hints:
    """Blend the recordings nearest to palette and strength [B, 1] by noise [B, 16]."""
    best, index = _nearest(w, recall, noise, strength)
    likeness = w.op("Gather", numbers(recall.likeness), index, axis=0)
    unlike = w.op("Sub", likeness, w.part(likeness, 0, 1))
    unlike = w.op("ReduceSum", w.op("Mul", unlike, unlike), np.array([2], np.int64), keepdims=0)
    first = w.part(index, 0, 1)
    rate = w.op("Gather", 1 / (UNLIKE**2 * numbers(recall.extent)), first, axis=0)
    score = w.op("Sub", best, w.op("Mul", unlike, rate))
    blend = w.longer(w.op("Softmax", score, axis=1), 1)
    codes = w.constant(numbers(nn.functional.pad(recall.codes, (0, 1))), CODES)
    take, code = (
        w.shorter(w.op("MatMul", blend, w.op("Gather", table, index, axis=0)), 1)
        for table in (numbers(recall.takes), codes)
    )
    take = w.op("Add", take, w.op("Mul", noise, numbers(recall.jitter)))
    last = np.arange(recall.width) == recall.width - 1
    code = w.op("Where", last, _level(w, recall, blend, index), code)
    kept = w.op("Gather", w.constant(recall.phases.numpy(), PHASES), first, axis=0)
    return Hints(take, code, w.cast(kept, TensorProto.FLOAT))


def _level(w: Writer, recall: Recall, blend: str, index: str) -> str:
    """Level [B, 1] that a blend is to lose, in logarithms of power."""
    kept = w.constant(numbers(recall.shapes), SHAPES)
    shapes = w.op("MatMul", blend, w.op("Gather", kept, index, axis=0))
    total = w.op("ReduceSum", w.op("Exp", shapes), np.array([2], np.int64), keepdims=0)
    return w.op("Log", total, to=LEVEL)


def _nearest(w: Writer, recall: Recall, noise: str, strength: str) -> tuple[str, str]:
    """Scores (but for what they have in common) and indices of the recordings blended, [B, 8]."""
    families = numbers(recall.families)[recall.family.numpy()]
    sharpness = float(recall.sharpness)
    rarity = sharpness * np.square(families).sum(1) + numbers(recall.rarity)
    near = w.op(
        "Add",
        w.op("MatMul", "palette", w.constant(2 * sharpness * families.T, "full.families")),
        w.op("MatMul", noise, w.constant(numbers(recall.places).T, "full.places")),
    )
    gap = w.op("Sub", strength, numbers(recall.strength))
    # log(1 + (gap / WIDTH)²) but for the logarithm of WIDTH, which all have in common.
    far = w.op("Log", w.op("Add", w.op("Mul", gap, gap), WIDTH**2))
    score = w.op("Sub", near, w.op("Mul", far, FALL))
    score = w.op("Sub", score, w.constant(rarity, RARITY))
    return w.largest(score, min(BLENDED, len(rarity)))


def correct(
    w: Writer, recall: Recall, code: str, *, known: tuple[str, str], painted: tuple[str, str]
) -> tuple[str, str]:
    """Mel as the recordings blended had it, and the share of given features [B, 1].

    Args:
        w: where to write.
        recall: the recordings.
        code: of the hit that sounds.
        known: its age, and whether friction or burst is asked for.
        painted: mel of the decoder, share of copy-synthesis.
    """
    age, sounding = known
    mel, share = painted
    active = w.op("Less", w.op("Where", sounding, OLD, age), OLD)
    right = w.op("Add", w.op("Clip", mel, math.log(FLOOR)), _correction(w, recall, code, age))
    given = w.op("Add", w.op("Mul", share, 1 - RESEMBLANCE), RESEMBLANCE)
    return w.op("Where", active, right, mel), w.op("Where", active, given, share)


def _correction(w: Writer, recall: Recall, code: str, age: str) -> str:
    """Correction of the log-mel [B, 80] at an age [B, 1] in hops."""
    hop = w.cast(w.op("Min", age, float(KNOTS[-1])), TensorProto.INT64)
    below, share = recall.knot.numpy(), numbers(recall.share)
    knots = w.op("Gather", np.stack([below, below + 1], axis=1), hop, axis=0)
    shares = w.op("Gather", np.stack([1 - share, share], axis=1), hop, axis=0)
    rows = w.op("Gather", w.constant(numbers(recall.basis), BASIS), knots, axis=0)
    rows = w.op("MatMul", w.shaped(rows, -1, 2 * MELS, recall.width), w.longer(code, 2))
    return w.shorter(w.op("MatMul", shares, w.shaped(rows, -1, 2, MELS)), 1)


def settle_attack(w: Writer, recall: Recall, magnitude: str, phases: str) -> str:
    """As `attack.settle`: unit phases [B, 2, 513] of magnitudes [B, 1, 513]."""
    unit = w.op("Sin", w.op("Add", phases, QUARTER))
    sides = np.ones((2, BINS + 2 * REACH))
    sides[1, :REACH] = sides[1, -REACH:] = -1.0
    signed = w.op("Mul", _mirrored(w, magnitude), sides)
    for _ in range(ROUNDS):
        kept = w.op("Mul", _mirrored(w, unit), signed)
        kept = w.op("Conv", kept, w.constant(numbers(recall.taps), "taps"))
        unit = unit_of(w, kept, TINY)
    return unit


def unit_of(w: Writer, pair: str, tiny: float) -> str:
    """Complex numbers [B, 2, 513] of size 1 with the same direction."""
    square = w.op("MatMul", BOTH, w.op("Mul", pair, pair))
    return w.op("Div", pair, w.op("Sqrt", w.op("Add", square, tiny)))


def _mirrored(w: Writer, x: str) -> str:
    """The spectrum goes on beyond its ends as it came."""
    pads: Array = np.array([0, 0, REACH, 0, 0, REACH], np.int64)
    return w.op("Pad", x, pads, mode="reflect")

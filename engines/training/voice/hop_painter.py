"""The painter in the graph of one hop: blocks with one history for all, and the head."""

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from synchresis.engines.training.voice.hop_recall import unit_of
from synchresis.engines.training.voice.network import Block, Painter, VoiceNetwork
from synchresis.engines.training.voice.writer import Array, Writer, numbers
from synchresis.engines.voice.layout import BINS
from synchresis.engines.voice.mel import MELS

_MEL_SCALE = 0.2
_LEAN = 0.3
_LOWEST, _HIGHEST = -12.0, 4.0
_EPSILON = 1e-5
_TINY = 1e-7


@dataclass(frozen=True)
class HeadParts:
    """What the head says, by name of its tensor [B, 1, 513].

    Attributes:
        log_magnitude: natural logarithm; magnitude.
        turn: real and imaginary part, of any size, of the turn in one hop.
        certainty: 0 to 1.
        attack: unit phases [B, 2, 513] where the head gives them, else "".
    """

    log_magnitude: str
    magnitude: str
    turn: tuple[str, str]
    certainty: str
    attack: str


def enter_painter(w: Writer, painter: Painter, mel: str, features: str) -> str:
    """What the first block takes in, without bias: [B, width]."""
    weights = numbers(painter.enter.weight).T
    scaled = w.op("MatMul", mel, _MEL_SCALE * weights[:MELS])
    return w.op("Add", scaled, w.op("MatMul", features, weights[MELS:]))


def paint(w: Writer, painter: Painter, x: str) -> str:
    """All blocks and the last norm: [B, width]; writes the state `history`.

    Biases that are added to x are left for the end: each block takes in x + `behind`.
    """
    blocks = [block for block in painter.blocks if isinstance(block, Block)]
    behind = [numbers(painter.enter.bias)]
    for block in blocks:
        behind.append(behind[-1] + numbers(block.scale) * numbers(block.reduce.bias))
    taps = [numbers(block.depthwise.weight)[:, 0] for block in blocks]
    biases = [
        numbers(block.depthwise.state_dict()["bias"]) + tap[:, -1] * late
        for block, tap, late in zip(blocks, taps, behind, strict=False)
    ]
    past = w.op("Mul", "history", np.concatenate(taps)[:, :-1].T)
    past = w.shorter(w.op("MatMul", np.ones((1, taps[0].shape[1] - 1)), past), 1)
    parts = w.split(w.op("Add", past, np.concatenate(biases)), len(blocks))
    taken = []
    for block, tap, part in zip(blocks, taps, parts, strict=True):
        taken.append(x)
        mixed = w.op("Add", part, w.op("Mul", x, tap[:, -1]))
        mixed = _normed(w, mixed, block.norm.weight, block.norm.bias)
        inner = w.op("MatMul", mixed, numbers(block.expand.weight).T)
        inner = w.op("Gelu", w.op("Add", inner, numbers(block.expand.bias)))
        scaled = numbers(block.scale)[:, None] * numbers(block.reduce.weight)
        x = w.op("Add", x, w.op("MatMul", inner, scaled.T))
    _remember(w, w.op("Add", w.op("Concat", *taken, axis=1), np.concatenate(behind[:-1])), taps[0])
    x = w.op("Add", x, behind[-1])
    return _normed(w, x, painter.norm.weight, painter.norm.bias)


def _remember(w: Writer, taken: str, tap: Array) -> None:
    """The history without its oldest row and with what the blocks took in: writes its state."""
    rows = tap.shape[1] - 1
    newest = np.arange(rows)[:, None] == rows - 1
    kept = w.op("Pad", w.part("history", 1, rows), np.array([0, 0, 0, 0, 1, 0], np.int64))
    w.op("Where", newest, w.longer(taken, 1), kept, to="history_next")


def _normed(w: Writer, x: str, scale: Tensor, bias: Tensor) -> str:
    both = numbers(scale), numbers(bias)
    return w.op("LayerNormalization", x, *both, axis=-1, epsilon=_EPSILON)


def head_of(w: Writer, network: VoiceNetwork, seen: tuple[str, str], *, attack: bool) -> HeadParts:
    """The head of mel and painted features; its attack only where nothing is recalled.

    What turns every bin in a hop whatever is played, and constant factors, are in the weights.
    """
    mel, last = seen
    weights, bias = _head_weights(network, attack=attack)
    parts = len(bias) // BINS
    said = w.op("MatMul", last, w.constant(weights.T, "full.head"))
    said = w.shaped(w.op("Add", said, bias), -1, parts, BINS)
    level, *turn, certainty = w.split(said, parts)[:4]
    raised = w.longer(w.op("MatMul", mel, numbers(network.painter.raise_mel)), 1)
    log_magnitude = w.op("Clip", w.op("Add", raised, level), _LOWEST, _HIGHEST)
    return HeadParts(
        log_magnitude=log_magnitude,
        magnitude=w.op("Exp", log_magnitude),
        turn=(turn[0], turn[1]),
        certainty=w.op("Sigmoid", certainty),
        attack=unit_of(w, w.part(said, 4, 6), _TINY) if attack else "",
    )


def _head_weights(network: VoiceNetwork, *, attack: bool) -> tuple[Array, Array]:
    """Level, turn (real, imaginary), certainty and, where asked for, attack: rows and biases."""
    head = network.painter.head
    rows = np.concatenate([numbers(head.weight), numbers(head.bias)[:, None]], axis=1)
    level, real, imag, *begun, certainty = np.split(rows, 6)
    real[:, -1] += _LEAN
    begun[0][:, -1] += _LEAN
    re, im = (numbers(part)[:, None] for part in (network.hop_turn_re, network.hop_turn_im))
    turn = [real * re - imag * im, real * im + imag * re]
    rows = np.concatenate([level, *turn, 2.0 * certainty, *(begun if attack else [])])
    return rows[:, :-1], rows[:, -1]

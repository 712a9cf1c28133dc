"""Phases and spectra in the graph of one hop: as `phase`, real and imaginary part together."""

import math
from dataclasses import dataclass

import numpy as np

from synchresis.engines.timebase import HOP
from synchresis.engines.training.voice.hop_painter import HeadParts
from synchresis.engines.training.voice.hop_recall import BOTH, QUARTER, unit_of
from synchresis.engines.training.voice.network import VoiceNetwork
from synchresis.engines.training.voice.phase import SETTLED_HOPS, SILENT, TINY
from synchresis.engines.training.voice.writer import Array, Writer, numbers
from synchresis.engines.voice.copying import SCALE
from synchresis.engines.voice.layout import BINS

Pair = tuple[str, str]

_FRESH = 1e-6
_LEAST_CERTAIN, _MOST_CERTAIN = 0.04, 0.9999
_EMPTY = 0.25


@dataclass(frozen=True)
class Moved:
    """What moves the phases, by name of its tensor.

    Attributes:
        magnitude: of this frame, [B, 1, 513].
        attack: phases of a hit in its place, [B, 2, 513].
        new: truth value [B, 1], whether a hit begins.
        first_age: of the hit that sounds, [B, 1] hops.
    """

    magnitude: str
    attack: str
    new: str
    first_age: str


def magnitudes(w: Writer, head: HeadParts, gate: str, network: VoiceNetwork) -> str:
    """As `phase.final_magnitude`: [B, 1, 513]; writes the state `loudness`.

    The gate [B, 1] includes what frames of no certainty are raised by.
    """
    spread = float(network.painter.spread.detach())
    lower = w.op("Sub", head.log_magnitude, w.op("Mul", head.certainty, spread))
    heard = w.op("Mul", w.op("Exp", lower), w.longer(gate, 2))
    return w.op("Relu", w.op("Sub", heard, SILENT), to="loudness_next")


def turned(w: Writer, network: VoiceNetwork, attack: str, place: str) -> str:
    """Unit phases [B, 2, 513] of an attack moved to its place [B, 1], a share of the hop."""
    begin = np.arctan2(numbers(network.rise_turn_im), numbers(network.rise_turn_re))
    moved = w.longer(w.op("Mul", place, HOP * numbers(network.omega)), 1)
    angle = w.op("Sub", begin + QUARTER, moved)
    return _times(w, w.split(attack, 2), w.op("Sin", angle), w.op("Cos", angle))


def advance(
    w: Writer, network: VoiceNetwork, head: HeadParts, moved: Moved, *, unrest: float
) -> None:
    """As `phase.advance` and `phase.spectrum`: writes the state `phases` and the outputs."""
    locked = _locked(w, head.certainty, moved.first_age)
    kept = _kept(w, locked, head.turn, _noise_angle(w, head.certainty, unrest))
    fresh = w.op("Relu", w.op("Sub", moved.magnitude, "loudness"))
    fresh = w.op("Mul", moved.attack, w.op("Add", fresh, _FRESH))
    begun = unit_of(w, w.op("Add", fresh, w.op("Mul", kept, "loudness")), TINY)
    phases = w.op("Where", w.longer(moved.new, 2), begun, kept, to="phases_next")
    re, im = numbers(network.from_centre_re), numbers(network.from_centre_im)
    one, other = SCALE * np.stack([re, im]), SCALE * np.stack([-im, re])
    frame = w.op("Mul", _times(w, w.split(phases, 2), one, other), moved.magnitude)
    w.split(w.shaped(frame, -1, 2 * BINS), 2, to=("real", "imag"))


def _noise_angle(w: Writer, certainty: str, unrest: float) -> str:
    """By how much noise turns the bins, [B, 1, 513] radians."""
    certain = w.op("Log", w.op("Clip", certainty, _LEAST_CERTAIN, _MOST_CERTAIN))
    spread = w.op("Sqrt", w.op("Mul", certain, -2.0 * unrest**2))
    return w.op("Mul", spread, w.longer(w.part("noise", 0, BINS), 1))


def _locked(w: Writer, certainty: str, age: str) -> str:
    """Phases [B, 2, 513] of the last frame, drawn to those of louder neighbours.

    Sums over neighbours are means here: what they differ by cancels.
    """
    square = w.op("Mul", certainty, certainty)
    settled = w.longer(w.op("GreaterOrEqual", age, SETTLED_HOPS), 2)
    lock = w.op("Where", settled, square, 0.0)
    power = w.op("Add", w.op("Mul", "loudness", "loudness"), TINY)
    near = w.op("Div", _mean_of_three(w, w.op("Mul", power, "phases")), _mean_of_three(w, power))
    return w.op("Add", "phases", w.op("Mul", lock, w.op("Sub", near, "phases")))


def _mean_of_three(w: Writer, x: str) -> str:
    """Mean of each bin and its two neighbours: [B, C, 513]."""
    line, sides = w.longer(x, 2), [0, 1, 0, 1]
    mean = w.op("AveragePool", line, kernel_shape=[1, 3], pads=sides, count_include_pad=1)
    return w.shorter(mean, 2)


def _kept(w: Writer, locked: str, turn: Pair, angle: str) -> str:
    """Phases [B, 2, 513] of frames without an onset: turned once more, of size 1 again.

    The turn is made by rows (real, imaginary, −imaginary, real), so that what it makes can turn the
    phases without being put together again; its size is taken out at the end.
    """
    angle = w.op("Add", angle, np.concatenate([QUARTER, QUARTER + math.pi / 2]))
    rows = _times(w, turn, w.op("Sin", angle), w.op("Cos", angle))
    one, other = w.split(rows, 2)
    moved = _times(w, w.split(locked, 2), one, other)
    size = w.op("MatMul", BOTH, w.op("Mul", locked, locked))
    length = w.op("Add", *(w.op("Mul", part, part) for part in turn))
    full = w.op("Mul", w.op("Add", size, TINY), w.op("Add", length, TINY))
    moved = w.op("Div", moved, w.op("Sqrt", full))
    empty = w.op("Less", w.op("Mul", size, length), w.op("Mul", full, _EMPTY))
    upright = w.op("Add", moved, np.array([[1.0], [0.0]]))
    return w.op("Where", empty, upright, moved)


def _times(w: Writer, factors: Pair | list[str], one: str | Array, other: str | Array) -> str:
    """Complex product: real part times `one` plus imaginary part times `other` (i times one)."""
    real, imag = factors
    return w.op("Add", w.op("Mul", real, one), w.op("Mul", imag, other))

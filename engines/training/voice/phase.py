"""Phases carried from hop to hop, and spectra from magnitudes and phases."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from synchresis.engines.timebase import HOP
from synchresis.engines.training.voice.latches import Drive
from synchresis.engines.training.voice.network import Head, VoiceNetwork
from synchresis.engines.voice.copying import FLOOR, SCALE

Pair = tuple[Tensor, Tensor]
"""Real and imaginary part."""

TINY = 1e-7  # the exporter takes 1e-8 and less for nothing and drops it
SETTLED_HOPS = 2.0
CLOSE = 0.9
SLACK_HOPS = 30.0

SILENT = 1.12 * FLOOR
"""Magnitudes up to this are silence: at rest the network paints up to 1.07 times the floor."""


@dataclass
class Carried:
    """Phase of every bin, referred to the window's centre, and magnitude, of the last frame."""

    real: Tensor
    imag: Tensor
    magnitude: Tensor


@dataclass
class Turn:
    """What moves the phases, Tensor[B, T, 513] each (`onset`: [B, T, 1]).

    Attributes:
        turn: rotation in one hop, noise included.
        attack: phase of a hit in its place.
        magnitude: of this frame.
        lock: how far bins follow their neighbours, 0 to 1.
        onset: 1 where a hit begins.
    """

    turn: Pair
    attack: Pair
    magnitude: Tensor
    lock: Tensor
    onset: Tensor

    def at(self, step: int) -> "Turn":
        """One hop of it: [B, 513]."""
        return Turn(
            (self.turn[0][:, step], self.turn[1][:, step]),
            (self.attack[0][:, step], self.attack[1][:, step]),
            self.magnitude[:, step],
            self.lock[:, step],
            self.onset[:, step],
        )


def times(a: Pair, b: Pair) -> Pair:
    """Complex product."""
    return a[0] * b[0] - a[1] * b[1], a[0] * b[1] + a[1] * b[0]


def unit(a: Pair) -> Pair:
    """Complex number of size 1 with the same direction."""
    scale = torch.rsqrt(a[0] * a[0] + a[1] * a[1] + TINY)
    return a[0] * scale, a[1] * scale


def make_turn(network: VoiceNetwork, head: Head, drive: Drive, noise: Tensor) -> Turn:
    """Rotations of whole sequences.

    Args:
        network: for its constants.
        head: what it said.
        drive: onsets, places and ages.
        noise: [B, T, 513] standard normal.
    """
    spread = torch.sqrt(-2.0 * torch.log(head.certainty.clamp(0.04, 0.9999)))
    angle = spread.detach() * noise
    turn = times(head.turn, (torch.cos(angle), torch.sin(angle)))
    turn = times(turn, (network.hop_turn_re, network.hop_turn_im))
    place = drive.hit[..., 1:2] * (HOP * network.omega)
    shift = times(
        (torch.cos(place), -torch.sin(place)), (network.rise_turn_re, network.rise_turn_im)
    )
    attack = times(head.attack, shift)
    settled = (drive.ages[..., :1] >= SETTLED_HOPS).float()
    lock = head.certainty.detach() ** 2 * settled
    magnitude = final_magnitude(network, head, drive)
    return Turn(turn, attack, magnitude, lock, (drive.onset > 0).float())


def final_magnitude(network: VoiceNetwork, head: Head, drive: Drive) -> Tensor:
    """Magnitudes after the gate: frames of uncertain phase louder, silence exactly 0."""
    louder = torch.exp(network.painter.spread * (1 - head.certainty.detach()))
    return F.relu(head.magnitude * louder * gate(network, drive) - SILENT)


def gate(network: VoiceNetwork, drive: Drive) -> Tensor:
    """1 while a hit or level may sound, then down 0.9 per hop; 0 before anything: [B, T, 1]."""
    quiet = drive.ages[..., 2:3]
    life = network.life_hops(drive.hit).detach()
    return torch.pow(torch.full_like(quiet, CLOSE), F.relu(quiet - 1.25 * life - SLACK_HOPS))


def advance(carried: Carried, turn: Turn) -> Carried:
    """Phases of the next frame ([B, 513] or, with shifted inputs, [B, T, 513])."""
    old = carried.magnitude
    power = old * old + TINY
    share = turn.lock / _smooth(power)
    kept = 1 - turn.lock
    locked = (
        kept * carried.real + share * _smooth(power * carried.real),
        kept * carried.imag + share * _smooth(power * carried.imag),
    )
    moved = times(unit(locked), turn.turn)
    empty = (moved[0] * moved[0] + moved[1] * moved[1] < 0.25).to(moved[0].dtype)
    moved = moved[0] + empty, moved[1]
    fresh = F.relu(turn.magnitude - old) + 1e-6
    begun = unit(
        (
            turn.attack[0] * fresh + moved[0] * old,
            turn.attack[1] * fresh + moved[1] * old,
        )
    )
    real = turn.onset * begun[0] + (1 - turn.onset) * moved[0]
    imag = turn.onset * begun[1] + (1 - turn.onset) * moved[1]
    return Carried(real, imag, turn.magnitude)


def spectrum(network: VoiceNetwork, carried: Carried) -> Pair:
    """Real and imaginary part of the frames."""
    centred = times((carried.real, carried.imag), (network.from_centre_re, network.from_centre_im))
    size = SCALE * carried.magnitude
    return size * centred[0], size * centred[1]


def unroll(turn: Turn, *, eager: bool = False) -> Carried:
    """Phases of whole sequences from silence; gradients reach magnitudes and attacks only."""
    still = Turn(*_detached(turn))
    past = Carried(*carry(still, eager=eager))
    return advance(past, Turn(still.turn, turn.attack, turn.magnitude, turn.lock, turn.onset))


def carry_eagerly(turn: Turn) -> tuple[Tensor, Tensor, Tensor]:
    """Phases (real, imaginary) and magnitudes that each hop starts from: [B, T, 513]."""
    start = torch.zeros_like(turn.magnitude[:, 0])
    carried, real, imag = Carried(start, start, start), [], []
    for step in range(turn.magnitude.shape[1]):
        real.append(carried.real)
        imag.append(carried.imag)
        carried = advance(carried, turn.at(step))
    magnitude = F.pad(turn.magnitude, (0, 0, 1, 0))[:, :-1]
    return torch.stack(real, 1), torch.stack(imag, 1), magnitude


_Captured = tuple[torch.cuda.CUDAGraph, list[Tensor], list[Tensor]]


class _Replay:
    """The loop over hops captured once per shape as a CUDA graph: thousands of small kernels."""

    def __init__(self) -> None:
        self._graphs: dict[torch.Size, _Captured] = {}

    def __call__(self, turn: Turn) -> tuple[Tensor, Tensor, Tensor]:
        parts = _parts(turn)
        key = turn.magnitude.shape
        if key not in self._graphs:
            self._graphs[key] = self._capture(parts)
        graph, inputs, outputs = self._graphs[key]
        for held, part in zip(inputs, parts, strict=True):
            held.copy_(part)
        graph.replay()
        real, imag, magnitude = (out.clone() for out in outputs)
        return real, imag, magnitude

    def _capture(self, parts: list[Tensor]) -> _Captured:
        inputs = [part.clone() for part in parts]
        turn = Turn((inputs[0], inputs[1]), (inputs[2], inputs[3]), *inputs[4:])
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            carry_eagerly(turn)
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            outputs = list(carry_eagerly(turn))
        return graph, inputs, outputs


_replay = _Replay()


def carry(turn: Turn, *, eager: bool = False) -> tuple[Tensor, Tensor, Tensor]:
    """`carry_eagerly` without gradients, replayed as a CUDA graph on a GPU unless `eager`."""
    with torch.no_grad():
        return carry_eagerly(turn) if eager or not turn.magnitude.is_cuda else _replay(turn)


def _parts(turn: Turn) -> list[Tensor]:
    return [*turn.turn, *turn.attack, turn.magnitude, turn.lock, turn.onset]


def _detached(turn: Turn) -> tuple[Pair, Pair, Tensor, Tensor, Tensor]:
    a, b, c, d, magnitude, lock, onset = (part.detach() for part in _parts(turn))
    return (a, b), (c, d), magnitude, lock, onset


def _smooth(x: Tensor) -> Tensor:
    """Sum of each bin and its two neighbours."""
    padded = F.pad(x, (1, 1))
    return padded[..., :-2] + x + padded[..., 2:]

"""The ONNX graph of one hop, written for few nodes: on a GPU each of them is a launch.

`streaming.HopNetwork` says in torch what is computed; this computes the same (tests compare them)
in fewer, larger operations. Real and imaginary parts stand in one tensor, factors that do not
change go into weights, parts nobody hears are left out, and tensors of unequal width are joined
once only: ONNX Runtime's CUDA provider copies four tables from the host for each such joint.
"""

import math
from dataclasses import dataclass

import numpy as np
from torch import nn

from synchresis.engines.timebase import HOP, SAMPLE_RATE
from synchresis.engines.training.voice.hop_painter import enter_painter, head_of, paint
from synchresis.engines.training.voice.hop_phase import Moved, advance, magnitudes, turned
from synchresis.engines.training.voice.hop_recall import correct, recall_hit, settle_attack
from synchresis.engines.training.voice.latches import EXCITED, OLD
from synchresis.engines.training.voice.network import TIMES, VoiceNetwork
from synchresis.engines.training.voice.phase import CLOSE, SLACK_HOPS
from synchresis.engines.training.voice.recall import Recall
from synchresis.engines.training.voice.writer import Array, Writer, numbers
from synchresis.engines.voice.layout import (
    BINS,
    CONTROL,
    COPYING,
    EMBEDDING,
    GRAPH_NOISE,
    NOISE,
    TAKE,
    TEXTURE,
)
from synchresis.engines.voice.mel import MELS

INPUTS = {"control": (CONTROL,), "palette": (EMBEDDING,), "noise": (GRAPH_NOISE,)}
OUTPUTS = {"real": (BINS,), "imag": (BINS,), "mel": (MELS,)}

_AGES = 3
_TIMES = len(TIMES)
_LOG_AGE = 9.3
_LIFE_HOPS = 1.25 * SAMPLE_RATE / HOP
_LEVEL = 2.0 * math.log(10.0)


@dataclass(frozen=True)
class Hit:
    """What is known of the hit that sounds, by name of its tensor [B, …].

    Attributes:
        new: truth value, whether it begins in this hop.
        loudest: the larger level asked for; sounding: whether that is more than nothing.
        struck: place and strength, and each alone; hue: palette; take; before: strength of the
            one before.
        ages: of the last hit, the last but one, and of anything asked for, in hops; age of the
            first, quiet: of the last.
    """

    new: str
    loudest: str
    sounding: str
    struck: str
    place: str
    strength: str
    hue: str
    take: str
    before: str
    ages: str
    age: str
    quiet: str


def graph_states(network: VoiceNetwork, recall: Recall | None = None) -> dict[str, tuple[int, ...]]:
    """Name → shape of every state of the graph without its batch axis; all begin as zeros.

    `ages` are stored one larger, so that 0 means never; `history` holds the last inputs of all
    blocks, oldest first; `phases` are (real, imaginary).
    """
    shape = network.shape
    code = {} if recall is None else {"code": (recall.width,)}
    return {
        "struck": (2,),
        "before": (1,),
        "hue": (EMBEDDING,),
        "take": (TAKE,),
        "ages": (_AGES,),
        "memory": (shape.recurrent,),
        **code,
        "history": (shape.kernel - 1, shape.blocks * shape.width),
        "phases": (2, BINS),
        "loudness": (1, BINS),
    }


def hop_graph(network: VoiceNetwork, recall: Recall | None = None, *, unrest: float = 1.0) -> bytes:
    """The graph of one hop, batch axis open, as ONNX; settings as of `HopNetwork`."""
    w = Writer()
    take_noise = w.part("noise", BINS, BINS + TAKE)
    asked = w.split("control", CONTROL)
    hints = None if recall is None else recall_hit(w, recall, take_noise, asked[2])
    hit = _latched(w, asked, take_noise if hints is None else hints.take)
    entered, life = _entered(w, network, hit)
    features, mel = _decoded(w, network, entered, hit)
    share = blend = asked[COPYING]
    if recall is not None and hints is not None:
        code = w.op("Where", hit.new, hints.code, "code", to="code_next")
        known = (hit.age, hit.sounding)
        mel, blend = correct(w, recall, code, known=known, painted=(mel, share))
    mel = _mixed(w, share, w.part("noise", NOISE, GRAPH_NOISE), mel, to="mel")
    features = _mixed(w, blend, numbers(network.painter.copying), features)
    last = paint(w, network.painter, enter_painter(w, network.painter, mel, features))
    head = head_of(w, network, (mel, last), attack=recall is None)
    heard = magnitudes(w, head, _gate(w, network, life, hit), network)
    attack = head.attack
    if hints is not None and recall is not None:
        attack = settle_attack(w, recall, head.magnitude, hints.phases)
    attack = turned(w, network, attack, hit.place)
    moved = Moved(heard, attack, new=hit.new, first_age=hit.age)
    advance(w, network, head, moved, unrest=unrest)
    states = graph_states(network, recall)
    following = {f"{name}_next": shape for name, shape in states.items()}
    return w.model({**INPUTS, **states}, {**OUTPUTS, **following})


def _latched(w: Writer, asked: list[str], take: str) -> Hit:
    """What the last hit was, of this hop or before, and ages; writes these states."""
    new = w.op("Greater", asked[0], 0.0)
    loudest = w.op("Max", asked[3], asked[4])
    sounding = w.op("Greater", loudest, EXCITED)
    earlier = w.part("struck", 1, 2)
    grown = w.op("Min", w.op("Add", "ages", w.op("Min", "ages", 1.0)), OLD)
    # A hit makes the last one the last but one; what begins is stored as 1.
    begun = w.op("Where", np.array([False, True, False]), w.part(grown, 0, 1), 1.0)
    fresh = w.op("Concat", new, new, w.op("Or", new, sounding), axis=1)
    stored = w.op("Where", fresh, begun, grown, to="ages_next")
    ages = w.op("Where", w.op("Less", stored, 0.5), OLD, w.op("Sub", stored, 1.0))
    age, _, quiet = w.split(ages, _AGES)
    struck = w.op("Where", new, w.part("control", 1, 3), "struck", to="struck_next")
    place, strength = w.split(struck, 2)
    return Hit(
        new=new,
        loudest=loudest,
        sounding=sounding,
        struck=struck,
        place=place,
        strength=strength,
        hue=w.op("Where", new, "palette", "hue", to="hue_next"),
        take=w.op("Where", new, take, "take", to="take_next"),
        before=w.op("Where", new, earlier, "before", to="before_next"),
        ages=ages,
        age=age,
        quiet=quiet,
    )


def _entered(w: Writer, network: VoiceNetwork, hit: Hit) -> tuple[str, str]:
    """Entrance of the decoder [B, width] and logarithm of the hit's life [B, 1], without bias."""
    times = -1.0 / np.array(TIMES)
    decays = w.op("Exp", w.op("Mul", w.longer(hit.ages, 2), times))
    seen = w.op(
        "Concat",
        "control",
        hit.struck,
        hit.hue,
        hit.take,
        w.shaped(decays, -1, _AGES * _TIMES),
        w.op("Log", w.op("Add", hit.ages, 1.0)),
        hit.before,
        "palette",
        w.part("noise", BINS + TAKE, NOISE),
        axis=1,
    )
    first, second = _layers(network.decoder.enter)
    one, other = _layers(network.life)
    weights = np.concatenate([_by_seen(numbers(first.weight)), _life_by_seen(numbers(one.weight))])
    bias = np.concatenate([numbers(first.bias), numbers(one.bias)])
    hidden = w.op("Gelu", w.op("Add", w.op("MatMul", seen, weights.T), bias))
    width, life = len(first.bias), len(one.bias)
    onward = np.pad(numbers(second.weight).T, ((0, life), (0, 0)))
    aside = np.pad(numbers(other.weight).T, ((width, 0), (0, 0)))
    entered = w.op("Add", w.op("MatMul", hidden, onward), numbers(second.bias))
    return entered, w.op("MatMul", hidden, aside)


def _by_seen(weights: Array) -> Array:
    """Weights of the decoder's entrance in the order of what is seen here: [width, seen]."""
    sizes = (1, 2, 1, 1, EMBEDDING, TAKE, _TIMES, 1, _TIMES, 1, 1, EMBEDDING, TEXTURE)
    parts = np.split(weights, np.cumsum(sizes)[:-1], axis=1)
    onset, levels, strength, place, hue, take, *ages, before, palette, texture = parts
    none = np.zeros((len(weights), 1))
    control = [onset, none, none, levels, np.zeros((len(weights), CONTROL - 5))]
    decays = [ages[0], ages[2], np.zeros((len(weights), _TIMES))]
    logs = [ages[1] / _LOG_AGE, ages[3] / _LOG_AGE, none]
    seen = [*control, place, strength, hue, take, *decays, *logs, before, palette, texture]
    return np.concatenate(seen, axis=1)


def _life_by_seen(weights: Array) -> Array:
    """Weights of the life's first layer, which sees hue and take only: [64, seen]."""
    after = _AGES * (_TIMES + 1) + 1 + EMBEDDING + TEXTURE
    return np.pad(weights, ((0, 0), (CONTROL + 2, after)))


def _decoded(w: Writer, network: VoiceNetwork, entered: str, hit: Hit) -> tuple[str, str]:
    """Features [B, width] and log-mel [B, 80] of the decoder; writes the state `memory`."""
    decoder = network.decoder
    memory = w.recurrent(
        w.longer(entered, 0), _memory_weights(network), w.longer("memory", 0),
        size=network.shape.recurrent,
    )  # fmt: skip
    remembered = w.shorter(memory, 0, to="memory_next")
    first, second = _layers(decoder.join)
    weights = numbers(first.weight).T
    width = network.shape.width
    parts = (w.op("MatMul", entered, weights[:width]), w.op("MatMul", remembered, weights[width:]))
    joined = w.op("Gelu", w.op("Add", w.op("Add", *parts), numbers(first.bias)))
    features = w.op("Add", w.op("MatMul", joined, numbers(second.weight).T), numbers(second.bias))
    third, fourth = _layers(decoder.mel)
    inner = w.op("MatMul", w.op("Gelu", features), numbers(third.weight).T)
    inner = w.op("Gelu", w.op("Add", inner, numbers(third.bias)))
    mel = w.op("MatMul", inner, numbers(fourth.weight).T)
    mel = w.op("Add", mel, numbers(fourth.bias) - _LEVEL)
    asked = w.op("Max", hit.strength, hit.loudest)
    return features, w.op("Add", mel, w.op("Mul", asked, _LEVEL))


def _memory_weights(network: VoiceNetwork) -> tuple[Array, Array, Array]:
    """Weights, recurrent weights and biases in ONNX's order of gates: update, reset, new."""
    found = network.decoder.memory.state_dict()
    ordered = []
    for name in ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"):
        reset, update, new = np.split(found[name].numpy(), 3)
        ordered.append(np.concatenate([update, reset, new])[None])
    return ordered[0], ordered[1], np.concatenate(ordered[2:], axis=1)


def _layers(sequence: nn.Sequential) -> list[nn.Linear]:
    """Its layers with weights."""
    return [layer for layer in sequence if isinstance(layer, nn.Linear)]


def _mixed(w: Writer, share: str, one: str | Array, other: str, to: str = "") -> str:
    """`share` of one and the rest of the other: other + share (one − other)."""
    return w.op("Add", other, w.op("Mul", share, w.op("Sub", one, other)), to=to)


def _gate(w: Writer, network: VoiceNetwork, life: str, hit: Hit) -> str:
    """Gate [B, 1] as `phase.gate`, times exp(spread): what frames of no certainty are raised by."""
    bias = numbers(_layers(network.life)[1].bias)
    hops = w.op("Exp", w.op("Clip", w.op("Add", life, bias), -4.0, 2.1))
    hops = w.op("Mul", hops, _LIFE_HOPS)
    raised = float(network.painter.spread.detach()) / math.log(CLOSE)
    late = w.op("Sub", w.op("Sub", hit.quiet, hops), SLACK_HOPS - raised)
    return w.op("Pow", CLOSE, w.op("Max", late, raised))

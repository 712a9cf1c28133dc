"""The networks in torch, as peers: the same sizes, untrained; as written, and compiled by torch."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import torch
from torch import nn

from synchresis.bench.case import Step
from synchresis.engines.packs.loading import Pack
from synchresis.engines.runtime.engine import Which
from synchresis.engines.training.motion.export import MotionGraph, tensors
from synchresis.engines.training.motion.network import MotionNetwork
from synchresis.engines.training.voice.export import voice_entry
from synchresis.engines.training.voice.network import VoiceNetwork
from synchresis.engines.training.voice.streaming import HopNetwork

EAGER: Final = "torch eager"
COMPILED: Final = "torch.compile"


@dataclass(frozen=True, slots=True)
class Peer:
    """A network and the shapes of its arguments without their batch axis."""

    network: nn.Module
    shapes: list[tuple[int | str, ...]]


def peer_module(which: Which) -> Peer:
    """One step of a network in evaluation mode: inputs and states in, outputs and states out."""
    if which == "motion":
        motion = MotionNetwork().eval()
        inputs, _, states = tensors(motion)
        return Peer(MotionGraph(motion).eval(), [spec.shape[1:] for spec in (*inputs, *states)])
    voice = VoiceNetwork().eval()
    entry = voice_entry(voice, {})
    shapes = [spec.shape[1:] for spec in (*entry.inputs, *entry.states)]
    return Peer(HopNetwork(voice).eval(), shapes)


def torch_steps(pack: Pack, which: Which, batch: int, *, compiled: bool) -> Mapping[str, Step]:
    """Steps of the same network in torch on one thread of a CPU, by name.

    Args:
        pack: whose network; one of another size has no peer.
        which: of its networks.
        batch: streams at once.
        compiled: whether to compile too, with torch's default settings; that takes a minute. It
            is left out where torch cannot compile here (it needs a C++ compiler).
    """
    peer = peer_module(which)
    entry = pack.motion if which == "motion" else pack.voice
    specs = (*entry.spec.inputs, *entry.spec.states)
    if peer.shapes != [spec.shape[1:] for spec in specs]:
        return {}
    torch.set_num_threads(1)
    arguments = [torch.rand(spec.sized(batch)) for spec in specs]
    steps: dict[str, Step] = {EAGER: _step(peer.network, arguments)}
    if compiled:
        step = _step(torch.compile(peer.network, dynamic=False), arguments)
        try:
            step()
        except (RuntimeError, ImportError):
            return steps
        steps[COMPILED] = step
    return steps


def _step(network: Callable[..., object], arguments: list[torch.Tensor]) -> Step:
    def step() -> object:
        with torch.inference_mode():
            return network(*arguments)

    return step

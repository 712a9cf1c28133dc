"""The networks in torch, as peers: the same sizes, untrained."""

from dataclasses import dataclass

from torch import nn

from synchresis.engines.runtime.engine import Which
from synchresis.engines.training.motion.export import MotionGraph, tensors
from synchresis.engines.training.motion.network import MotionNetwork
from synchresis.engines.training.voice.export import voice_entry
from synchresis.engines.training.voice.network import VoiceNetwork
from synchresis.engines.training.voice.streaming import HopNetwork


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

"""The networks in torch, as peers: the same sizes, untrained."""

from dataclasses import dataclass
from typing import Final

from torch import nn

from synchresis.engines.control import EMBEDDING
from synchresis.engines.runtime.engine import Which
from synchresis.engines.training.motion.export import MotionGraph, tensors
from synchresis.engines.training.motion.network import MotionNetwork
from synchresis.engines.training.voice.network import NOISE, VoiceNetwork
from synchresis.engines.training.voice.streaming import HopNetwork, state_shapes

CONTROL: Final = 8
"""Numbers per zone of the voice's `control` input."""


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
    given: list[tuple[int | str, ...]] = [(CONTROL,), (EMBEDDING,), (NOISE,)]
    return Peer(HopNetwork(voice).eval(), [*given, *state_shapes(voice).values()])

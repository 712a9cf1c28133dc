"""The networks in torch, as peers: the same sizes, untrained; as written, and compiled by torch."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import torch
from torch import nn
from torch._dynamo import config as dynamo

from synchresis.bench.case import Step
from synchresis.bench.options import Device
from synchresis.engines.control import EMBEDDING
from synchresis.engines.packs.loading import Pack
from synchresis.engines.runtime.engine import Which
from synchresis.engines.training.motion.export import MotionGraph, tensors
from synchresis.engines.training.motion.network import MotionNetwork, NetworkSettings
from synchresis.engines.training.voice.export import voice_entry
from synchresis.engines.training.voice.hop_graph import INPUTS
from synchresis.engines.training.voice.levels import SHAPE
from synchresis.engines.training.voice.network import VoiceNetwork
from synchresis.engines.training.voice.recall import KNOTS, Kept, Recall
from synchresis.engines.training.voice.streaming import HopNetwork, state_shapes
from synchresis.engines.voice.layout import BINS, TAKE
from synchresis.engines.voice.mel import MELS

EAGER: Final = "torch eager"
COMPILED: Final = "torch.compile"

FAMILIES: Final = 200
LIKENESS: Final = 16
"""Sizes of small tables that a pack does not tell; they are a small part of a step."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A network, and the shapes of its arguments and of its engine's, without their batch axis."""

    network: nn.Module
    shapes: list[tuple[int, ...]]
    exported: list[tuple[int | str, ...]]


def peer_module(pack: Pack, which: Which) -> Peer:
    """One step of a network in evaluation mode: inputs and states in, outputs and states out."""
    if which == "motion":
        motion = MotionNetwork().eval()
        if len(pack.motion.states) > len(motion.state_shapes()):
            motion = MotionNetwork(NetworkSettings(adapts=True)).eval()
        inputs, _, states = tensors(motion)
        arguments = [spec.sized(1)[1:] for spec in (*inputs, *states)]
        return Peer(MotionGraph(motion).eval(), arguments, list(arguments))
    voice, recall = VoiceNetwork().eval(), made_up_recall(pack)
    entry = voice_entry(voice, {}, recall)
    exported = [spec.shape[1:] for spec in (*entry.inputs, *entry.states)]
    arguments = [*INPUTS.values(), *state_shapes(voice, recall).values()]
    return Peer(HopNetwork(voice, recall).eval(), arguments, exported)


def made_up_recall(pack: Pack) -> Recall | None:
    """Tables of the sizes of those in the pack's voice, filled by chance; None if it has none."""
    recordings = int(str(pack.voice.meta.get("recordings", 0)))
    widths = [spec.shape[1] for spec in pack.voice.spec.states if spec.name == "code"]
    if not recordings or not widths:
        return None
    kept = Kept(
        families=torch.randn(FAMILIES, EMBEDDING),
        family=torch.randint(FAMILIES, (recordings,)),
        strength=torch.rand(recordings),
        takes=torch.randn(recordings, TAKE),
        codes=torch.randn(recordings, int(widths[0]) - 1),
        jitter=torch.rand(TAKE),
        likeness=torch.randn(recordings, LIKENESS),
        extent=1 + torch.rand(recordings),
        phases=torch.rand(recordings, BINS),
        basis=torch.randn(len(KNOTS), MELS, int(widths[0]) - 1),
        shapes=torch.randn(recordings, SHAPE),
    )
    return Recall(kept).eval()


def has_device(device: Device) -> bool:
    """Whether torch runs there."""
    return device == "cpu" or torch.cuda.is_available()


def torch_steps(
    pack: Pack, which: Which, batch: int, *, compiled: bool, device: Device = "cpu"
) -> Mapping[str, Step]:
    """Steps of the same network in torch, on one thread of a CPU or on a GPU, by name.

    Args:
        pack: whose network; one of another size has no peer.
        which: of its networks.
        batch: streams at once.
        compiled: whether to compile too, as torch recommends for this network; that takes a
            minute. It is left out where torch cannot compile here (it needs a C++ compiler).
        device: where the network and its states are; inputs and outputs are the host's.
    """
    peer = peer_module(pack, which)
    entry = pack.motion if which == "motion" else pack.voice
    specs = (*entry.spec.inputs, *entry.spec.states)
    if peer.exported != [spec.shape[1:] for spec in specs]:
        return {}
    torch.set_num_threads(1)
    network = peer.network.to(device)
    counts = len(entry.spec.inputs), len(entry.spec.outputs)
    arguments = [torch.rand(batch, *shape) for shape in peer.shapes]
    steps: dict[str, Step] = {EAGER: _step(network, arguments, counts, device)}
    if compiled:
        step = _step(torch.compile(network, dynamic=False), arguments, counts, device)
        try:
            with dynamo.patch(capture_scalar_outputs=True):  # a constant of the voice is no break
                step()
        except (RuntimeError, ImportError):
            return steps
        steps[COMPILED] = step
    return steps


def _step(
    network: Callable[..., Sequence[torch.Tensor]],
    arguments: list[torch.Tensor],
    counts: tuple[int, int],
    device: Device,
) -> Step:
    """One call; `counts` are the inputs that come from the host and the outputs that go there."""
    inputs, states = arguments[: counts[0]], [each.to(device) for each in arguments[counts[0] :]]

    def step() -> object:
        with torch.inference_mode():
            given = [each.to(device) for each in inputs]
            return [each.cpu() for each in network(*given, *states)[: counts[1]]]

    return step

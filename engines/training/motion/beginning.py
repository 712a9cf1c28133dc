"""What a motion training begins with."""

from dataclasses import replace
from pathlib import Path

import torch

from synchresis.engines.training.motion.checkpoint import load_network
from synchresis.engines.training.motion.network import MotionNetwork, NetworkSettings
from synchresis.engines.training.motion.unfold import is_folded
from synchresis.errors import ParameterError


def first_network(start: Path | None, sizes: NetworkSettings, *, played: bool) -> MotionNetwork:
    """The network of a file, or a fresh one.

    Statistics follow the stream in engines, by `export --adapts`, and in training as played.

    Args:
        start: checkpoint or weights, None for a fresh network.
        sizes: of a fresh one.
        played: trained as engines play, by statistics that stay or follow the stream, instead of
            by those of batches.

    Raises:
        InputError: `start` is no checkpoint and holds no weights.
        ParameterError: as played from nothing, or by statistics of batches from weights into which
            these were folded.
    """
    if start is None:
        if played:
            raise ParameterError("played=True goes on from trained weights: give start")
        return MotionNetwork(sizes)
    network = load_network(start)
    if not played and is_folded(network):
        raise ParameterError(
            f"{start}: its normalisations were folded into convolutions, so that statistics of "
            "batches would change what it hears; train as played, or mend it with "
            "`python -m synchresis.engines.training.motion.unfold`"
        )
    network.settings = replace(network.settings, adapts=played)
    return network


def in_place(network: MotionNetwork, device: torch.device) -> MotionNetwork:
    """The network on its device, with channels last."""
    return network.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]

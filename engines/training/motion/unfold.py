"""Normalisations taken out of the convolutions they were folded into.

Exporters fold batch normalisation into the convolution before it. Weights taken back from such a
graph hear the same, but their normalisations are empty (mean 0, variance 1), and what trains on
with statistics of batches normalises twice: the network is another one from the first step on.

`python -m synchresis.engines.training.motion.unfold IN.safetensors OUT.safetensors` mends a file.
"""

import argparse
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor, nn

from synchresis.engines.scenes.world import SimSettings, simulate
from synchresis.engines.training.motion.batch import Batch
from synchresis.engines.training.motion.checkpoint import load_network
from synchresis.engines.training.motion.feed import VALIDATION_SEED
from synchresis.engines.training.motion.film import film
from synchresis.engines.training.motion.network import MotionNetwork
from synchresis.engines.training.motion.validate import network_inputs
from synchresis.engines.training.motion.weights import write_weights
from synchresis.errors import InputError

WORLDS: Final = 64
"""Drawn to measure statistics, as many seeds from VALIDATION_SEED on."""

GROUP: Final = 8
"""Of them at once."""


def is_folded(network: MotionNetwork) -> bool:
    """Whether some normalisations are empty, but not all, as they are before training."""
    return 0 < len(empty_norms(network)) < len(norms_of(network))


def norms_of(network: MotionNetwork) -> list[nn.BatchNorm2d]:
    """Its normalisations."""
    return [part for part in network.modules() if isinstance(part, nn.BatchNorm2d)]


def empty_norms(network: MotionNetwork) -> list[nn.BatchNorm2d]:
    """Those of mean 0 and variance 1 throughout."""
    found = []
    for norm in norms_of(network):
        mean, variance = norm.running_mean, norm.running_var
        assert mean is not None and variance is not None
        if (mean == 0).all() and (variance == 1).all():
            found.append(norm)
    return found


@torch.no_grad()
def unfold(network: MotionNetwork, batches: list[Batch]) -> None:
    """Give empty normalisations the statistics of what they see; the network hears the same.

    Args:
        network: on the CPU, changed in place, in full precision.
        batches: of sequences, seen at lookahead 0.
    """
    sums: dict[nn.BatchNorm2d, list[Tensor]] = {norm: [] for norm in empty_norms(network)}

    def look(norm: Any, inputs: tuple[Tensor, ...]) -> None:
        x = inputs[0].double()
        sums[norm].append(torch.stack((x.mean((0, 2, 3)), (x * x).mean((0, 2, 3)))))

    hooks = [norm.register_forward_pre_hook(look) for norm in sums]
    try:
        network.eval()
        for batch in batches:
            flow, timing = network_inputs(batch, torch.zeros(len(batch.pixels)))
            network(batch.pixels.float()[:, :, None] / 255.0, flow, timing)
    finally:
        for hook in hooks:
            hook.remove()
    for norm, seen in sums.items():
        mean, square = torch.stack(seen).mean(0)
        refill(norm, mean, (square - mean * mean).clamp_min(1e-6))


def refill(norm: nn.BatchNorm2d, mean: Tensor, variance: Tensor) -> None:
    """Set statistics float[C] of an empty normalisation, and undo them by its weight and bias."""
    assert norm.running_mean is not None and norm.running_var is not None
    weight, bias = norm.weight.double() / (1.0 + norm.eps) ** 0.5, norm.bias.double()
    norm.running_mean.copy_(mean)
    norm.running_var.copy_(variance)
    norm.weight.copy_(weight * torch.sqrt(norm.running_var.double() + norm.eps))
    norm.bias.copy_(bias + weight * norm.running_mean.double())


def drawn(worlds: int) -> list[Batch]:
    """Held-out sequences of the usual training families."""
    settings = SimSettings()
    seeds = range(VALIDATION_SEED, VALIDATION_SEED + worlds)
    shots = [simulate(seed, settings) for seed in seeds]
    groups = [shots[first : first + GROUP] for first in range(0, worlds, GROUP)]
    return [film(group, torch.device("cpu")) for group in groups]


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("start", type=Path, help="weights or motion.pt")
    parser.add_argument("out", type=Path, help="weights.safetensors to write")
    parser.add_argument("--worlds", type=int, default=WORLDS, help="drawn to measure statistics")
    args = parser.parse_args()
    network = load_network(args.start)
    if not is_folded(network):
        raise InputError(f"{args.start}: nothing is folded in it")
    unfold(network, drawn(args.worlds))
    write_weights(network, args.out)


if __name__ == "__main__":
    main()

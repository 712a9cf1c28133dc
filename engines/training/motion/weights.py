"""Weights of a motion network as a file without code: what a pack's graph was exported from.

`python -m synchresis.engines.training.motion.weights motion.pt weights.safetensors` writes one; of
several checkpoints that began from the same weights, their mean.
"""

import argparse
import copy
import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Final

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from synchresis.engines.training.motion.network import MotionNetwork, NetworkSettings
from synchresis.errors import InputError, ParameterError

SHIPPED: Final = Path(__file__).with_name("default.safetensors")
"""Weights of the default pack's motion engine."""

SUFFIX: Final = ".safetensors"
"""Ending of such files."""


def write_weights(network: MotionNetwork, path: Path) -> None:
    """Write the weights and sizes of a network."""
    sizes = json.dumps(asdict(network.settings))
    content = {name: value.contiguous() for name, value in network.state_dict().items()}
    save_file(content, path, metadata={"sizes": sizes})


def read_weights(path: Path) -> MotionNetwork:
    """The network of a file, ready to run.

    Raises:
        InputError: not such a file.
    """
    try:
        with safe_open(path, "pt") as file:
            sizes = json.loads((file.metadata() or {})["sizes"])
            content = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  no dict
        network = MotionNetwork(NetworkSettings(**sizes))
        network.load_state_dict(content)
    except (OSError, SafetensorError, KeyError, TypeError, RuntimeError, ValueError) as err:
        raise InputError(f"{path} holds no weights of a motion network: {err}") from err
    return network.eval()


@torch.no_grad()
def mean_of(networks: Sequence[MotionNetwork]) -> MotionNetwork:
    """The network of mean weights and statistics, what follows the stream as in the first.

    Several trainings from the same weights on differ by their draws; the mean of their weights has
    less of that than any of them (Wortsman et al. 2022, "Model soups"). Statistics of a mean are
    the mean of statistics only where these stayed, as they do in training as played.

    Args:
        networks: at least one.

    Raises:
        ParameterError: they are of different sizes.
    """
    first = networks[0]
    sizes = replace(first.settings, adapts=False)
    for network in networks:
        if replace(network.settings, adapts=False) != sizes:
            raise ParameterError(f"sizes {network.settings} and {first.settings} have no mean")
    mean = copy.deepcopy(first).eval()
    states = [network.state_dict() for network in networks]
    for name, value in mean.state_dict().items():
        if value.is_floating_point():
            value.copy_(torch.stack([state[name] for state in states]).mean(0))
    return mean


def main() -> None:
    """Write the averaged network of a checkpoint, or the mean of several."""
    from synchresis.engines.training.motion.checkpoint import load_network

    parser = argparse.ArgumentParser(description="Weights of checkpoints as safetensors.")
    parser.add_argument("checkpoints", type=Path, nargs="+", help="motion.pt or .safetensors")
    parser.add_argument("out", type=Path)
    args = parser.parse_args()
    write_weights(mean_of([load_network(path) for path in args.checkpoints]), args.out)


if __name__ == "__main__":
    main()

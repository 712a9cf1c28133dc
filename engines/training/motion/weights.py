"""Weights of a motion network as a file without code: what a pack's graph was exported from.

`python -m synchresis.engines.training.motion.weights motion.pt weights.safetensors` writes one.
"""

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import Final

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from synchresis.engines.training.motion.network import MotionNetwork, NetworkSettings
from synchresis.errors import InputError

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


def main() -> None:
    """Write the averaged network of a checkpoint."""
    from synchresis.engines.training.motion.train import load_network

    parser = argparse.ArgumentParser(description="Weights of a checkpoint as safetensors.")
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("out", type=Path)
    args = parser.parse_args()
    write_weights(load_network(args.checkpoint), args.out)


if __name__ == "__main__":
    main()

"""Checkpoints of motion trainings, and the networks in them."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from synchresis.engines.training.motion.network import MotionNetwork, NetworkSettings
from synchresis.engines.training.motion.weights import SUFFIX, read_weights
from synchresis.errors import InputError


def write_checkpoint(path: Path, *, sizes: NetworkSettings, **content: object) -> None:
    """Write a checkpoint, whole or not at all."""
    fresh = path.with_suffix(".new")
    torch.save({"sizes": asdict(sizes), **content}, fresh)
    fresh.replace(path)


def load_network(checkpoint: Path) -> MotionNetwork:
    """The averaged network of a checkpoint, or of a file of weights, on the CPU, ready to run.

    Raises:
        InputError: the file is neither.
    """
    if checkpoint.suffix == SUFFIX:
        return read_weights(checkpoint)
    content = read_checkpoint(checkpoint, torch.device("cpu"))
    try:
        network = MotionNetwork(NetworkSettings(**content["sizes"]))
        network.load_state_dict(content["average"])
    except (KeyError, TypeError, RuntimeError) as err:
        raise InputError(f"{checkpoint} is no checkpoint of a motion training") from err
    return network.eval()


def read_checkpoint(path: Path, device: torch.device) -> dict[str, Any]:
    """What a checkpoint holds.

    Raises:
        InputError: it cannot be read, or is none.
    """
    try:
        content = torch.load(path, map_location=device, weights_only=True)
    except OSError as err:
        raise InputError(f"{path}: cannot be read ({err.strerror})") from err
    except Exception as err:  # torch raises what it comes across in files that are not its own
        raise InputError(f"{path} is no checkpoint of a motion training") from err
    if not isinstance(content, dict) or "sizes" not in content:
        raise InputError(f"{path} is no checkpoint of a motion training")
    return content

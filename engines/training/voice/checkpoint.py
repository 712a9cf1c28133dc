"""Checkpoints: averaged weights to export, and what is needed to go on."""

from dataclasses import asdict
from pathlib import Path

import torch

from synchresis.engines.training.voice.learner import Learned, Learner
from synchresis.engines.training.voice.network import Shape
from synchresis.engines.training.voice.recordings import Recordings

_VERSION = 1


def write_checkpoint(learner: Learner, path: Path) -> None:
    """Write averaged weights as half-precision-free float32; the file replaces an old one whole.

    The optimizer's moments are left out: they would treble the file, and a few hundred steps
    make them again.
    """
    content = {
        "version": _VERSION,
        "shape": asdict(learner.learned.network.shape),
        "steps": learner.steps,
        "mean": {name: value.cpu() for name, value in learner.mean.items()},
    }
    fresh = path.with_suffix(".part")
    torch.save(content, fresh)
    fresh.replace(path)


def read_checkpoint(learner: Learner, path: Path) -> None:
    """Go on from a checkpoint, if there is one."""
    if not path.is_file():
        return
    content = torch.load(path, map_location="cpu", weights_only=True)
    learner.learned.load_state_dict(content["mean"])
    device = learner.learned.palettes.device
    learner.mean = {name: value.to(device).clone() for name, value in content["mean"].items()}
    learner.steps = content["steps"]


def load_learned(path: Path, recordings: Recordings) -> Learned:
    """The averaged weights of a checkpoint, ready to play."""
    content = torch.load(path, map_location="cpu", weights_only=True)
    learned = Learned(recordings, Shape(**content["shape"]))
    learned.load_state_dict(content["mean"])
    return learned.eval()

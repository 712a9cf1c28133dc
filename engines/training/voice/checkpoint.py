"""Checkpoints: averaged weights to export, and what is needed to go on."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import torch

from synchresis.engines.training.voice.learner import Learned, Learner
from synchresis.engines.training.voice.network import Shape
from synchresis.engines.training.voice.recordings import Recordings

_VERSION = 1


def write_checkpoint(learner: Learner, folder: Path, seconds: float) -> None:
    """Write voice.pt (averaged weights, all that an export needs) and resume.pt (to go on).

    Args:
        learner: what has been learned.
        folder: where to; each file replaces an old one whole.
        seconds: time trained so far, which sets the learning rate when going on.
    """
    content = {
        "version": _VERSION,
        "shape": asdict(learner.learned.network.shape),
        "steps": learner.steps,
        "seconds": seconds,
        "mean": {name: value.cpu() for name, value in learner.mean.items()},
    }
    _write(content, folder / "voice.pt")
    running = {
        "weights": learner.learned.state_dict(),
        "optimizer": learner.optimizer.state_dict(),
    }
    _write(running, folder / "resume.pt")


def read_checkpoint(learner: Learner, folder: Path) -> float:
    """Go on from a checkpoint, if there is one; seconds trained before."""
    path = folder / "voice.pt"
    if not path.is_file():
        return 0.0
    content = torch.load(path, map_location="cpu", weights_only=True)
    learner.learned.load_state_dict(content["mean"])
    device = learner.learned.palettes.device
    learner.mean = {name: value.to(device).clone() for name, value in content["mean"].items()}
    learner.steps = content["steps"]
    resume = folder / "resume.pt"
    if resume.is_file():
        running = torch.load(resume, map_location=device, weights_only=True)
        learner.learned.load_state_dict(running["weights"])
        learner.optimizer.load_state_dict(running["optimizer"])
    return float(content["seconds"])


def _write(content: Mapping[str, object], path: Path) -> None:
    fresh = path.with_suffix(".part")
    torch.save(content, fresh)
    fresh.replace(path)


def load_learned(path: Path, recordings: Recordings) -> Learned:
    """The averaged weights of a checkpoint, ready to play."""
    content = torch.load(path, map_location="cpu", weights_only=True)
    learned = Learned(recordings, Shape(**content["shape"]))
    learned.load_state_dict(content["mean"])
    return learned.eval()

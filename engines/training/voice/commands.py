"""Options of `synchresis train voice` and `synchresis export voice`."""

import argparse
from pathlib import Path

from synchresis.engines.training.voice import __main__ as training
from synchresis.engines.training.voice import export
from synchresis.engines.training.voice.recordings import gather, save


def add_train_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of a training run; RECORDINGS is a folder with manifest.csv or a packed file."""
    training.add_arguments(parser)


def run_train(args: argparse.Namespace) -> int:
    """Pack the recordings if they are a folder still, then train."""
    args.recordings = packed(args.recordings, args.out)
    training.train(args)
    return 0


def add_export_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of an export."""
    export.add_arguments(parser)


def run_export(args: argparse.Namespace) -> int:
    """Export into a pack."""
    args.recordings = packed(args.recordings, args.checkpoint.parent)
    export.run(args)
    return 0


def packed(recordings: Path, folder: Path) -> Path:
    """The recordings as one file: as given, or packed into a folder from a folder."""
    if not recordings.is_dir():
        return recordings
    out = folder / "recordings.npz"
    if not out.exists():
        folder.mkdir(parents=True, exist_ok=True)
        save(gather(recordings), out)
    return out

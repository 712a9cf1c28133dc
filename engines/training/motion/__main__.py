"""Command line of motion training: `python -m synchresis.engines.training.motion --minutes 20`."""

import argparse
from pathlib import Path

import torch

from synchresis.engines.training.motion.network import NetworkSettings
from synchresis.engines.training.motion.train import Trainer, TrainSettings


def main() -> None:
    """Parse arguments and train."""
    parser = argparse.ArgumentParser(description="Train the motion network on scenes.")
    add_arguments(parser)
    run(parser.parse_args())


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of a training run."""
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--frames", type=int, default=64)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--films", type=int, default=8)
    parser.add_argument("--capacity", type=int, default=4096)
    parser.add_argument("--rate", type=float, default=1.5e-3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--report-s", type=float, default=120.0)
    parser.add_argument("--validation", type=int, default=64)
    parser.add_argument("--families", nargs="*", default=[])
    parser.add_argument("--sizes", type=int, nargs=4, help="pixel fine middle deep channels")
    parser.add_argument("--fresh", action="store_true", help="do not continue a checkpoint")


def run(args: argparse.Namespace) -> int:
    """Train as the arguments say."""
    sizes = dict(zip(("pixel", "fine", "middle", "deep"), args.sizes or (), strict=False))
    settings = TrainSettings(
        minutes=args.minutes,
        out=args.out,
        device=args.device,
        batch=args.batch,
        frames=args.frames,
        workers=args.workers,
        films=args.films,
        capacity=args.capacity,
        rate=args.rate,
        seed=args.seed,
        report_s=args.report_s,
        validation=args.validation,
        families=tuple(args.families),
        resume=not args.fresh,
        network=NetworkSettings(**sizes),
    )
    Trainer(settings).run()
    return 0


if __name__ == "__main__":
    main()

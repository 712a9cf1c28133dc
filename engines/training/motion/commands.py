"""Options of `synchresis train motion` and `synchresis export motion`."""

import argparse
from pathlib import Path

import torch

from synchresis.engines.training.heap import keep_freed_memory
from synchresis.engines.training.motion.network import NetworkSettings
from synchresis.engines.training.motion.train import Trainer, TrainSettings
from synchresis.engines.training.motion.weights import SHIPPED


def add_train_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of a training run."""
    add = parser.add_argument
    add("--out", type=Path, required=True, help="folder of motion.pt and motion.jsonl")
    text = "of learning; held-out sequences are drawn and scored beside that, minutes on a CPU"
    add("--minutes", type=float, default=20.0, help=text)
    add("--steps", type=int, default=0, help="of the optimiser, instead of minutes")
    add("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    add("--batch", type=int, default=32, help="sequences a step")
    add("--frames", type=int, default=64, help="frames a sequence")
    add("--workers", type=int, default=1, help="processes that simulate")
    add("--films", type=int, default=8, help="sequences drawn at once")
    add("--capacity", type=int, default=1024, help="sequences kept on the device")
    add("--repeats", type=float, default=4.0, help="how often a sequence is used on average")
    add("--rate", type=float, default=1.5e-3, help="highest learning rate")
    add("--seed", type=int, default=0)
    add("--report-s", type=float, default=120.0, help="seconds between reports")
    add("--validation", type=int, default=64, help="held-out sequences")
    add("--final", type=int, default=128, help="held-out sequences scored at the end")
    add("--videos", type=Path, metavar="DIR", help="learn from real videos with sound as well")
    add("--share", type=float, default=0.5, help="of a batch that comes from videos")
    add("--video-workers", type=int, default=1, help="processes that read videos")
    add("--families", nargs="*", default=[], help="families of scenes (default: all of training)")
    add("--askew", type=float, default=0.0, help="share of scenes filmed askew, 0 to 1")
    text = "share of scenes filmed by quiet cameras, 0 to 1"
    add("--clean", type=float, default=0.0, help=text)
    text = "of scenes that are silent, 0 to 1 (default: as usual, four in ten)"
    add("--silence-share", type=float, metavar="SHARE", help=text)
    text = "shares of scenes that are of these families; all others as usual"
    add("--family-shares", type=family_share, nargs="*", default=[], metavar="NAME=S", help=text)
    text = "as engines play, from --start on: early layers stay, their statistics follow the stream"
    add("--played", action="store_true", help=text)
    begin = parser.add_mutually_exclusive_group().add_argument
    text = "motion.pt or weights.safetensors to begin from, or 'shipped' (export with --adapts)"
    begin("--start", type=start_file, metavar="FILE", help=text)
    begin("--sizes", type=int, nargs=4, metavar="N", help="channels: pixel fine middle deep")
    text = "motion.pt, weights or 'shipped': where something sounds, hear what that network hears"
    add("--keep", type=start_file, metavar="FILE", help=text)
    text = "products of half precision on a CPU, too, where it has AVX-512 BF16 or AMX"
    add("--bfloat16", action="store_true", help=text)
    add("--compile", action="store_true", dest="compiled", help="use torch.compile")
    add("--fresh", action="store_true", help="do not go on from OUT/motion.pt")


def family_share(text: str) -> tuple[str, float]:
    """Family and share of NAME=SHARE."""
    name, _, share = text.partition("=")
    try:
        return name, float(share)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=SHARE, as puppet=0.2") from None


def start_file(text: str) -> Path:
    """Path of a file, or of the default pack's weights for 'shipped'."""
    path = SHIPPED if text == "shipped" else Path(text)
    if not path.is_file():
        raise argparse.ArgumentTypeError(f"no file {text!r}")
    return path


def add_refine_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of a refinement."""
    add = parser.add_argument
    add("start", type=start_file, help="motion.pt or weights.safetensors, or 'shipped'")
    add("--out", type=Path, required=True, help="folder of motion.pt and motion.jsonl")
    add("--minutes", type=float, default=60.0, help="wall time")
    add("--workers", type=int, default=1, help="processes that draw and encode scenes")
    add("--batch", type=int, default=16, help="sequences a step")
    add("--capacity", type=int, default=384, help="encoded sequences kept, 11 MB each")
    add("--rate", type=float, default=6e-4, help="highest learning rate")
    add("--seed", type=int, default=0)
    add("--report-s", type=float, default=300.0, help="seconds between reports")
    add("--validation", type=int, default=64, help="held-out sequences")
    add("--final", type=int, default=128, help="held-out sequences scored at the end")
    add("--families", nargs="*", default=[], help="families of scenes (default: all of training)")
    add("--silent", type=float, default=1.0, help="silent families, times as often as usual")


def run_refine(args: argparse.Namespace) -> int:
    """Refine as the arguments say."""
    from synchresis.engines.training.motion.refine import Refiner, RefineSettings

    names = RefineSettings.__dataclass_fields__.keys() & vars(args).keys()
    given = {name: getattr(args, name) for name in names}
    given["families"] = tuple(args.families)
    keep_freed_memory()
    Refiner(RefineSettings(**given)).run()
    return 0


def settings_of(args: argparse.Namespace) -> TrainSettings:
    """Settings of a training run from its arguments."""
    sizes = dict(zip(("pixel", "fine", "middle", "deep"), args.sizes or (), strict=False))
    names = TrainSettings.__dataclass_fields__.keys() & vars(args).keys()
    given = {name: getattr(args, name) for name in names}
    given |= {name: tuple(given[name]) for name in ("families", "family_shares")}
    return TrainSettings(**given, resume=not args.fresh, network=NetworkSettings(**sizes))


def run_train(args: argparse.Namespace) -> int:
    """Train as the arguments say."""
    if args.device == "cpu":
        keep_freed_memory()
    Trainer(settings_of(args)).run()
    return 0


def add_export_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of an export."""
    add = parser.add_argument
    add("checkpoint", type=start_file, help="motion.pt, or weights.safetensors, or 'shipped'")
    add("pack", type=Path, help="folder of the pack; what else is in it stays")
    add("--tracks", type=Path, metavar="NPZ", help="motion_tracks.npz of the run: no scenes now")
    add(
        "--worlds",
        type=int,
        default=96,
        help="validation scenes, for lookahead and a first threshold",
    )
    adapts = "early statistics follow the stream, and hits are doubted while nothing moves on"
    add("--adapts", action="store_true", help=adapts)
    add("--note", default="", help="how it was trained, for the manifest")


def run_export(args: argparse.Namespace) -> int:
    """Export, calibrate on validation scenes, write the pack."""
    from synchresis.engines.training.motion.publish import network_of, publish

    meta = {"training": args.note} if args.note else {}
    network = network_of(args.checkpoint, adapts=args.adapts, scored=args.tracks)
    publish(network, args.pack, tracks=args.tracks, worlds=args.worlds, meta=meta, progress=say)
    return 0


def say(text: str) -> None:
    """One line to standard output."""
    print(text, flush=True)  # noqa: T201  the command's output

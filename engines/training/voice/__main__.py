"""Train the voice: `python -m synchresis.engines.training.voice RECORDINGS.npz OUT --minutes N`.

RECORDINGS.npz comes from `python -m synchresis.engines.training.voice.pack`. Needs torch and NumPy.
Writes OUT/voice.pt every two minutes and at the end; run again, it goes on from there. The learning
rate falls over `--minutes` in all; `--stop-after` ends one run of several earlier.
"""

import argparse
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
import torch

from synchresis.engines.training.heap import keep_freed_memory
from synchresis.engines.training.voice.checkpoint import read_checkpoint, write_checkpoint
from synchresis.engines.training.voice.learner import Learned, Learner, Rates
from synchresis.engines.training.voice.losses import VoiceLoss
from synchresis.engines.training.voice.mixing import Mixer
from synchresis.engines.training.voice.network import Shape
from synchresis.engines.training.voice.planning import Planner
from synchresis.engines.training.voice.recordings import load

_SAVE_S = 120.0
_REPORT_S = 20.0


def parse() -> argparse.Namespace:
    """Read the arguments."""
    parser = argparse.ArgumentParser(prog="synchresis.engines.training.voice", description=__doc__)
    add_arguments(parser)
    return parser.parse_args()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of a training run."""
    parser.add_argument("recordings", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--minutes", type=float, default=18.0)
    parser.add_argument("--stop-after", type=float, default=1e9, metavar="MINUTES")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--batch", type=int, default=40)
    parser.add_argument("--hops", type=int, default=256)
    parser.add_argument("--recurrent", type=int, default=288)
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--blocks", type=int, default=6)
    parser.add_argument("--eager", action="store_true", help="no CUDA graphs")
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--seed", type=int, default=0)


def build(args: argparse.Namespace) -> tuple[Learner, Planner, Mixer, float]:
    """Everything on the device, resumed where a checkpoint is."""
    torch.manual_seed(args.seed)
    torch.set_float32_matmul_precision("high")
    device = torch.device(args.device)
    recordings = load(args.recordings)
    sizes = {name: getattr(args, name) for name in ("recurrent", "width", "blocks", "eager")}
    shape = Shape(**sizes)
    learned = Learned(recordings, shape).to(device)
    loss = VoiceLoss(torch.from_numpy(recordings.decay60_s)).to(device)
    learner = Learner(learned, loss, Rates(rate=args.rate))
    before = read_checkpoint(learner, args.out)
    rng = np.random.default_rng([args.seed, learner.steps])
    return learner, Planner(recordings, rng), Mixer(recordings, device), before


def train(args: argparse.Namespace) -> None:
    """Train until the time is over."""
    args.out.mkdir(parents=True, exist_ok=True)
    if args.device == "cpu":
        keep_freed_memory()
    learner, planner, mixer, before = build(args)
    begin = saved = told = time.monotonic()
    total, limit = 60.0 * args.minutes, 60.0 * args.stop_after
    sums: dict[str, torch.Tensor] = defaultdict(lambda: torch.zeros((), device=args.device))
    count = 0
    while (spent := (now := time.monotonic()) - begin) < min(limit, total - before):
        # Every fourth batch is long and narrow: decays of seconds.
        long = learner.steps % 4 == 3
        batch, hops = (max(args.batch // 4, 1), 3 * args.hops) if long else (args.batch, args.hops)
        terms = learner.step(
            mixer.mix(planner.plan(batch, hops)), progress=(before + spent) / total
        )
        for name, value in terms.items():
            sums[name] = sums[name] + value
        count += 1
        if now - told > _REPORT_S:
            told = now
            report(learner.steps, before + spent, {n: float(v) / count for n, v in sums.items()})
            sums.clear()
            count = 0
        if now - saved > _SAVE_S:
            saved = now
            write_checkpoint(learner, args.out, before + spent)
    write_checkpoint(learner, args.out, before + time.monotonic() - begin)


def report(steps: int, seconds: float, means: dict[str, float]) -> None:
    """Print one line of running means."""
    line = " ".join(f"{name}={value:.3f}" for name, value in means.items())
    print(f"step {steps} {seconds:.0f}s {line}", flush=True)  # noqa: T201


if __name__ == "__main__":
    train(parse())

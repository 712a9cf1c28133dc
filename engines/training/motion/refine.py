"""Refine: train the way up and the heads of a network further, its way down as it is.

What leads up to the features stays, with its statistics, so that pictures unlike the scenes look to
the heads as they did; and each sequence is encoded once and used several times, which makes an hour
on two CPU cores worth something.
"""

import argparse
import json
import math
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from synchresis.engines.evaluation.tracks import figures
from synchresis.engines.scenes.families import silent_families, train_families
from synchresis.engines.scenes.world import SimSettings
from synchresis.engines.training.motion.batch import Batch
from synchresis.engines.training.motion.checkpoint import load_network, write_checkpoint
from synchresis.engines.training.motion.commands import add_refine_arguments, run_refine
from synchresis.engines.training.motion.encoded import Encoded, Encoders, decode
from synchresis.engines.training.motion.feed import TRAIN_SEED, usual_odds, validation_worlds
from synchresis.engines.training.motion.film import film
from synchresis.engines.training.motion.labels import targets_of
from synchresis.engines.training.motion.losses import WEIGHTS, terms_of, total_loss
from synchresis.engines.training.motion.reel import Reel
from synchresis.engines.training.motion.train import (
    RUN_SEEDS,
    TAU_RANGE_S,
    RunningAverage,
)
from synchresis.engines.training.motion.validate import network_inputs, save_tracks, tracks_of

REFINE_SEEDS = TRAIN_SEED + 7_000 * RUN_SEEDS
"""Worlds of refinement have seeds from here on."""

WARM_STEPS = 20
"""Steps of rising learning rate."""


@dataclass(frozen=True, slots=True)
class RefineSettings:
    """Settings of a refinement.

    Attributes:
        start: checkpoint to begin from.
        out: folder of `motion.pt`, `motion.jsonl` and `motion_tracks.npz`.
        minutes: wall time of training; scoring at the end comes on top.
        batch: sequences per step.
        frames: frames per sequence.
        workers: processes that simulate, film and encode.
        capacity: encoded sequences kept (11 MB each at 64 frames).
        repeats: most uses of a sequence, on average.
        rate: highest learning rate.
        seed: of draws and worlds.
        report_s: seconds between reports and checkpoints.
        validation: held-out sequences of every report.
        final: held-out sequences scored at the end, at every lookahead, for the threshold.
        families: names to train on, all training families when empty.
        silent: how many times more often than usual silent families are drawn.
    """

    start: Path
    out: Path
    minutes: float
    batch: int = 16
    frames: int = 64
    workers: int = 1
    capacity: int = 384
    repeats: float = 6.0
    rate: float = 6e-4
    seed: int = 0
    report_s: float = 300.0
    validation: int = 64
    final: int = 128
    families: tuple[str, ...] = ()
    silent: float = 1.0

    def worlds(self) -> SimSettings:
        """What is simulated to learn from."""
        names = self.families or train_families()
        more = silent_families()
        odds = tuple(
            usual * (self.silent if name in more else 1.0)
            for name, usual in zip(names, usual_odds(names), strict=True)
        )
        return SimSettings(frames=self.frames, families=names, weights=odds)


class Refiner:
    """One refinement."""

    def __init__(self, settings: RefineSettings) -> None:
        torch.manual_seed(settings.seed)
        self.settings = settings
        settings.out.mkdir(parents=True, exist_ok=True)
        self.network = load_network(settings.start)
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.weights = self.network.only_upper()
        self.average = RunningAverage(self.network, most=0.99)
        self.optimizer = torch.optim.AdamW(self.weights, lr=settings.rate, weight_decay=0.02)
        self.draws = torch.Generator().manual_seed(settings.seed + 1)
        self.usual = SimSettings(frames=settings.frames, families=settings.families)
        self.reel: Reel[Encoded] = Reel(settings.capacity)
        self.steps = 0

    def run(self) -> None:
        """Train until the budget is spent, then score held-out sequences."""
        s = self.settings
        encoders = Encoders(
            s.start,
            s.worlds(),
            workers=s.workers,
            group=1,
            first_seed=REFINE_SEEDS + RUN_SEEDS * s.seed,
        )
        try:
            self.loop(encoders)
        finally:
            encoders.close()
        save_tracks(s.out / "motion_tracks.npz", self.average.network, self.held_out(s.final))

    def held_out(self, count: int) -> Batch:
        """Held-out sequences of the training families."""
        return film(validation_worlds(count, self.usual), torch.device("cpu"))

    def loop(self, encoders: Encoders) -> None:
        """Step and report until the budget is spent."""
        held_out = self.held_out(self.settings.validation)
        budget = 60.0 * self.settings.minutes
        terms: list[Tensor] = []
        self.report(0.0, terms, held_out)
        begin = last = time.monotonic()
        while (spent := time.monotonic() - begin) < budget:
            self.refill(encoders)
            terms.append(self.step(spent / budget))
            if time.monotonic() - last >= self.settings.report_s:
                self.report(spent / 60, terms, held_out)
                terms, last = [], time.monotonic()
        self.report(budget / 60, terms, held_out)

    def refill(self, encoders: Encoders) -> None:
        """Take in what is ready; wait where sequences would be used too often."""
        s = self.settings
        while True:
            used = self.steps * s.batch
            wait = self.reel.size < 2 * s.batch or used > s.repeats * self.reel.added
            fresh = encoders.take(wait=wait)
            if fresh is None:
                return
            self.reel.add(fresh)

    def step(self, progress: float) -> Tensor:
        """One step of the optimiser; the terms of the loss in the order of WEIGHTS."""
        s = self.settings
        rate = 0.5 * (1 + math.cos(math.pi * progress)) * 0.98 + 0.02
        for group in self.optimizer.param_groups:
            group["lr"] = s.rate * rate * min(1.0, (self.steps + 1) / WARM_STEPS)
        batch = self.reel.draw(s.batch, self.draws)
        toss = torch.rand(2, s.batch, generator=self.draws)
        low, high = TAU_RANGE_S
        tau_s = torch.where(toss[0] < 0.5, 0.0, low + (high - low) * toss[1])
        _, timing = network_inputs(batch, tau_s)
        terms = terms_of(decode(self.network, batch, timing), targets_of(batch, tau_s))
        self.optimizer.zero_grad(set_to_none=True)
        total_loss(terms).backward()
        torch.nn.utils.clip_grad_norm_(self.weights, 2.0)
        self.optimizer.step()
        self.steps += 1
        self.average.update(self.network, self.steps)
        return torch.stack([terms[name].detach() for name in WEIGHTS])

    def report(self, minutes: float, terms: list[Tensor], held_out: Batch) -> None:
        """Validate, print one line, append it to the log, save."""
        means = torch.stack(terms).mean(0).tolist() if terms else []
        found = figures(tracks_of(self.average.network, held_out))
        line = {
            "minutes": round(minutes, 2),
            "steps": self.steps,
            "worlds": self.reel.added,
            **{
                f"loss_{name}": round(value, 4) for name, value in zip(WEIGHTS, means, strict=False)
            },
            **{name: round(value, 3) for name, value in found.items()},
        }
        print(json.dumps(line), flush=True)  # noqa: T201  the report of a training run
        with (self.settings.out / "motion.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        write_checkpoint(
            self.settings.out / "motion.pt",
            average=self.average.network.state_dict(),
            sizes=self.network.settings,
            refined_steps=self.steps,
        )


def main() -> None:
    """`python -m synchresis.engines.training.motion.refine START --out OUT`."""
    parser = argparse.ArgumentParser(description="Train the upper part of a motion network on.")
    add_refine_arguments(parser)
    run_refine(parser.parse_args())


if __name__ == "__main__":
    main()

"""Repeat: how far a motion engine depends on its seed, and on having seen a family of scenes.

`python -m synchresis.engines.training.motion.repeat --out OUT --device cuda --minutes 3 --seeds 3
--without stick hammer drums …` trains as often, equally long and otherwise as `train` does: once
per seed on all training families, then once per family on all the others, with the first seed.
All runs are scored on the same held-out sequences of all training families; a left-out family also
alone, by the run that never saw it and by the first seed's, which did. Statistics follow the
stream, as in shipped engines.

With `--steps` all runs are equally long however busy the machine is. Runs made elsewhere by the
same options are taken as they are, and only scored.

OUT/repeat.json is written anew after every run. Runs that are in it are not made again, and one
that was broken off goes on, so the same command may be given until all are there.
"""

import argparse
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import torch

from synchresis.engines.evaluation.tracks import figures
from synchresis.engines.scenes.families import family, train_families
from synchresis.engines.scenes.world import SimSettings
from synchresis.engines.training.heap import keep_freed_memory
from synchresis.engines.training.motion.batch import Batch, together
from synchresis.engines.training.motion.checkpoint import load_network
from synchresis.engines.training.motion.commands import add_train_arguments, settings_of
from synchresis.engines.training.motion.feed import validation_worlds
from synchresis.engines.training.motion.film import film
from synchresis.engines.training.motion.network import MotionNetwork
from synchresis.engines.training.motion.train import Trainer, TrainSettings
from synchresis.engines.training.motion.validate import tracks_of
from synchresis.errors import ParameterError

REPORT: Final = "repeat.json"

SUMMARISED: Final = ("f1", "timing", "false_per_minute")
"""Figures whose mean and deviation over seeds are reported."""

Figures = dict[str, float]

Report = dict[str, dict[str, Any]]
"""Runs by name, mean and deviation over seeds, figures on families left out."""


@dataclass(frozen=True, slots=True)
class Run:
    """One training: its seed, and the family it never sees, if any."""

    seed: int
    without: str = ""

    @property
    def name(self) -> str:
        """Folder of the run, and its key in the report."""
        return f"without_{self.without}" if self.without else f"seed_{self.seed}"

    def settings(self, base: TrainSettings) -> TrainSettings:
        """Those of all runs, for this one."""
        families = tuple(name for name in train_families() if name != self.without)
        return replace(
            base,
            out=base.out / self.name,
            seed=self.seed,
            families=families if self.without else (),
        )


def runs_of(seeds: int, without: Sequence[str]) -> list[Run]:
    """All runs, those of the seeds first.

    Raises:
        ParameterError: a family is unknown.
    """
    for name in without:
        family(name)
    return [Run(seed) for seed in range(seeds)] + [Run(0, name) for name in without]


def repeat(base: TrainSettings, runs: Sequence[Run], ends_s: float = np.inf) -> Report:
    """Make the runs that are missing; the report so far.

    Args:
        base: settings of all runs; `out` holds their folders and the report.
        runs: of `runs_of`.
        ends_s: moment of `time.monotonic` by which every run that is begun must end; where steps
            are counted, a run is taken to last as long as the longest so far, the first no time.

    Raises:
        ParameterError: `out` has runs of another length; runs that begin from weights that have
            seen all families are to leave one out.
    """
    base.out.mkdir(parents=True, exist_ok=True)
    path = base.out / REPORT
    if base.start and any(run.without for run in runs):
        raise ParameterError(f"start={base.start} has seen the families that are left out")
    length = f"{base.steps} steps" if base.steps else f"{base.minutes} minutes"
    length += f" from {base.start}" if base.start else ""
    done = runs_in(path, length) if path.is_file() else {}
    judge = Judge(base)
    spent_s = [one["seconds"] for one in done.values()] if base.steps else [60.0 * base.minutes]
    for run in runs:
        if run.name in done:
            continue
        trainer = Trainer(run.settings(base))
        if base.steps and trainer.steps > base.steps:
            raise ParameterError(
                f"{trainer.checkpoint} has {trainer.steps} steps, not {base.steps}: give those, or "
                "another folder"
            )
        if trainer.progress() < 1.0:
            if time.monotonic() + max(spent_s, default=0.0) > ends_s:
                continue
            trainer.run()
        spent_s.append(trainer.spent_s)
        told = {"length": length, "steps": trainer.steps, "seconds": round(trainer.spent_s)}
        done[run.name] = {**told, **judge.figures_of(run, done)}
        fresh = path.with_suffix(".new")
        fresh.write_bytes(msgspec.json.format(msgspec.json.encode(summary(done)), indent=1) + b"\n")
        fresh.replace(path)
    return summary(done)


def runs_in(path: Path, length: str) -> dict[str, Any]:
    """Runs by name of a report, all of this length.

    Raises:
        ParameterError: they are of another, or the report of another version.
    """
    try:
        done: dict[str, Any] = msgspec.json.decode(path.read_bytes())["runs"]
        known = all({"length", "seconds"} <= one.keys() for one in done.values())
    except (msgspec.DecodeError, KeyError, TypeError):
        known = False
    if not known:
        raise ParameterError(f"{path} is of another version: give another folder")
    for name, one in done.items():
        if one["length"] != length:
            raise ParameterError(
                f"{path} has {name} of {one['length']}, not {length}: give those, or another folder"
            )
    return done


def summary(done: Mapping[str, Any]) -> Report:
    """The report of some runs by name."""
    families = {one["without"]: one["alone"] for one in done.values() if one["without"]}
    return {"runs": dict(done), "seeds": over_seeds(done), "families": families}


class Judge:
    """Scores runs on the same sequences, made when they are first needed.

    Args:
        base: settings of all runs.
    """

    def __init__(self, base: TrainSettings) -> None:
        self._base = base
        self._batches: dict[str, Batch] = {}

    def figures_of(self, run: Run, done: Mapping[str, Any]) -> dict[str, Any]:
        """Figures on all training families; on one left out, beside the first seed's if it is done.

        Those on a single family are at the run's own threshold for all.
        """
        network = self._network(run)
        everywhere = self._score(network, "", None)
        out: dict[str, Any] = {"seed": run.seed, "without": run.without, "held_out": everywhere}
        if run.without:
            out["alone"] = {"unseen": self._score(network, run.without, everywhere["bar"])}
            first = Run(run.seed)
            if first.name in done:
                bar = done[first.name]["held_out"]["bar"]
                out["alone"]["seen"] = self._score(self._network(first), run.without, bar)
        return out

    def _network(self, run: Run) -> MotionNetwork:
        network = load_network(self._base.out / run.name / "motion.pt")
        network.settings = replace(network.settings, adapts=True)
        return network.to(self._base.device)

    def _score(self, network: MotionNetwork, name: str, bar: float | None) -> Figures:
        """Figures on held-out sequences of one family, of all where it has no name."""
        if name not in self._batches:
            self._batches[name] = self._filmed((name,) if name else ())
        return figures(tracks_of(network, self._batches[name]), bar)

    def _filmed(self, families: tuple[str, ...]) -> Batch:
        s = self._base
        worlds = validation_worlds(s.final, SimSettings(frames=s.frames, families=families))
        groups = [worlds[k : k + s.films] for k in range(0, len(worlds), s.films)]
        return together([film(group, torch.device(s.device)) for group in groups])


def over_seeds(done: Mapping[str, Any]) -> dict[str, Figures]:
    """Mean and standard deviation of figures over seeds, with all families."""
    rows = [one["held_out"] for one in done.values() if not one["without"]]
    if not rows:
        return {}
    known = {name: [row[name] for row in rows] for name in SUMMARISED}
    values = {name: [np.nan if v is None else v for v in own] for name, own in known.items()}
    return {
        "mean": {name: float(np.mean(own)) for name, own in values.items()},
        "deviation": {
            name: float(np.std(own, ddof=1)) if len(own) > 1 else float("nan")
            for name, own in values.items()
        },
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Train again and again; print the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_train_arguments(parser)
    add = parser.add_argument
    add("--seeds", type=int, default=3, help="trainings on all families")
    add("--without", nargs="*", default=[], metavar="FAMILY", help="families to leave out in turn")
    add(
        "--budget",
        type=float,
        default=np.inf,
        metavar="MIN",
        help="begin no run that would end later (with --steps: as long as the longest so far)",
    )
    args = parser.parse_args(arguments)
    runs = runs_of(args.seeds, args.without)
    if args.device == "cpu":
        keep_freed_memory()
    report = repeat(settings_of(args), runs, time.monotonic() + 60.0 * args.budget)
    answer = {name: report[name] for name in ("seeds", "families")}
    print(msgspec.json.encode(answer).decode())  # noqa: T201  its answer


if __name__ == "__main__":
    main()

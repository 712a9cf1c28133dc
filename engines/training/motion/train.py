"""Training of the motion network: every batch new, on scenes only, within a time budget."""

import copy
import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from synchresis.engines.evaluation.tracks import figures
from synchresis.engines.training.motion.adaptation import HASTE
from synchresis.engines.training.motion.batch import Batch, mirrored, relit, rescaled
from synchresis.engines.training.motion.beginning import first_network, in_place
from synchresis.engines.training.motion.checkpoint import read_checkpoint, write_checkpoint
from synchresis.engines.training.motion.feed import (
    TRAIN_SEED,
    validation_worlds,
    worlds_to_draw,
)
from synchresis.engines.training.motion.film import film
from synchresis.engines.training.motion.forwarding import AudioForwarding
from synchresis.engines.training.motion.labels import targets_of
from synchresis.engines.training.motion.losses import WEIGHTS, terms_of, total_loss
from synchresis.engines.training.motion.material import Material, MaterialSettings
from synchresis.engines.training.motion.network import EARLY, MotionNetwork, NetworkSettings
from synchresis.engines.training.motion.reel import Reel
from synchresis.engines.training.motion.validate import network_inputs, save_tracks, tracks_of
from synchresis.errors import InputError, ParameterError

TAU_RANGE_S = (-0.05, 0.12)
"""Lookaheads trained; half of the sequences have 0."""

AVERAGE = 0.998
"""Share of the old in the running average of weights, per step."""

WARM_STEPS = 150
"""Steps of rising learning rate."""

RUN_SEEDS = 100_000_000
"""Seeds set apart for each resumed run, so that none sees a world again."""


@dataclass(frozen=True, slots=True)
class TrainSettings:
    """Settings of a training run.

    Attributes:
        minutes: wall time of learning, with earlier parts of a resumed run, without the drawing and
            scoring of held-out sequences.
        out: folder of `motion.pt` and `motion.jsonl`.
        device: "cpu" or "cuda".
        batch: sequences per step.
        frames: frames per sequence.
        workers: processes that simulate.
        films: sequences filmed at once.
        capacity: sequences kept for repetition.
        repeats: how often a sequence is drawn on average; new ones are filmed accordingly.
        rate: highest learning rate.
        seed: of weights, draws and worlds.
        report_s: seconds between reports and checkpoints.
        validation: held-out sequences of every report.
        videos: folder of videos with sound to learn from as well, None for scenes alone.
        share: of a batch that comes from videos.
        video_workers: processes that read videos.
        final: held-out sequences scored at the end, at every lookahead, for the threshold.
        families: names to train on, all training families when empty.
        silence_share: of scenes learned from that are silent, None for as many as usual.
        family_shares: names and shares of scenes learned from that are of each.
        bfloat16: whether products are of half precision on a CPU, too (on others always).
        compiled: whether the network goes through torch.compile (a minute once, then faster).
        resume: whether to continue from `out/motion.pt` where it is.
        network: sizes.
        steps: how long it is instead, where not 0: as long on a busy machine as on an idle one.
        start: checkpoint or file of weights to begin from, None for a fresh network of these sizes.
        askew: share of scenes filmed askew.
        clean: share of scenes filmed by quiet cameras.
        keep: checkpoint or file of weights whose hits are held to where something sounds.
        played: train as engines play, on from trained weights: early statistics follow the stream.
            The early layers themselves stay, and so do the running statistics of all others.
    """

    minutes: float
    out: Path
    device: str = "cpu"
    batch: int = 32
    frames: int = 64
    workers: int = 1
    films: int = 8
    capacity: int = 4096
    repeats: float = 4.0
    rate: float = 1.5e-3
    seed: int = 0
    report_s: float = 120.0
    validation: int = 64
    final: int = 128
    videos: Path | None = None
    share: float = 0.5
    video_workers: int = 1
    families: tuple[str, ...] = ()
    compiled: bool = False
    resume: bool = True
    network: NetworkSettings = field(default_factory=NetworkSettings)
    steps: int = 0
    start: Path | None = None
    keep: Path | None = None
    bfloat16: bool = False
    askew: float = 0.0
    clean: float = 0.0
    played: bool = False
    silence_share: float | None = None
    family_shares: tuple[tuple[str, float], ...] = ()


class RunningAverage:
    """Exponential average of a network's weights and statistics, short at first.

    Args:
        network: where it starts.
        most: share of the old, once there were enough steps.
    """

    def __init__(self, network: MotionNetwork, *, most: float = AVERAGE) -> None:
        self.network = copy.deepcopy(network).eval()
        self._most = most

    @torch.no_grad()
    def update(self, network: MotionNetwork, steps: int) -> None:
        """Take in the network after `steps` steps."""
        share = 1.0 - min(self._most, (1.0 + steps) / (10.0 + steps))
        own, new = (
            [value for value in module.state_dict().values() if value.is_floating_point()]
            for module in (self.network, network)
        )
        torch._foreach_lerp_(own, new, share)


class Trainer:
    """One training run."""

    def __init__(self, settings: TrainSettings) -> None:
        """Begin, or go on with the checkpoint of `out`.

        Raises:
            ParameterError: no length, a share out of range, trained as played from nothing or
                otherwise from folded weights, or the checkpoint is of another beginning or sizes.
            InputError: `start`, or what goes for the checkpoint, is none.
        """
        if settings.steps < 0 or (settings.steps == 0 and not settings.minutes > 0):
            raise ParameterError(
                f"steps={settings.steps}, minutes={settings.minutes}: one of them must be above 0"
            )
        for name in ("askew", "clean"):
            if not 0.0 <= (share := getattr(settings, name)) <= 1.0:
                raise ParameterError(f"{name}={share} is no share: give 0 to 1")
        self.settings = settings
        self.worlds, self.learned = worlds_to_draw(
            settings.frames, settings.families, settings.silence_share, settings.family_shares
        )
        torch.manual_seed(settings.seed)
        self.device = torch.device(settings.device)
        begun = first_network(settings.start, settings.network, played=settings.played)
        self.network = in_place(begun, self.device)
        self.earlier: Callable[..., dict[str, Tensor]] | None = None
        if settings.keep is not None:
            kept = first_network(settings.keep, settings.network, played=settings.played)
            self.earlier = in_place(kept, self.device).eval()
            if settings.compiled:
                self.earlier = torch.compile(self.earlier)
        on_cpu = self.device.type == "cpu"
        self.half = settings.bfloat16 or not on_cpu
        self.half_type = torch.bfloat16 if on_cpu else torch.float16
        self.run_network = torch.compile(self.network) if settings.compiled else self.network
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=not on_cpu)
        self.average = RunningAverage(self.network)
        self.forwarding = AudioForwarding().to(self.device)
        learning = self.network.only_beyond(EARLY if settings.played else ())
        weights = [*learning, *self.forwarding.parameters()]
        self.optimizer = torch.optim.AdamW(weights, lr=settings.rate, weight_decay=0.02)
        self.draws = torch.Generator(self.device).manual_seed(settings.seed + 1)
        self.material: Material | None = None
        self.steps = 0
        self.runs = 0
        self.spent_s = 0.0
        self.log = settings.out / "motion.jsonl"
        settings.out.mkdir(parents=True, exist_ok=True)
        if settings.resume and self.checkpoint.exists():
            self.load()

    @property
    def checkpoint(self) -> Path:
        """File of weights and optimiser."""
        return self.settings.out / "motion.pt"

    @property
    def begun(self) -> str:
        """What the run began from, "" for nothing."""
        return str(self.settings.start or "")

    @property
    def tracks(self) -> Path:
        """File of the scores of held-out sequences."""
        return self.settings.out / "motion_tracks.npz"

    def run(self) -> None:
        """Train until the budget is spent, reporting and saving on the way."""
        s = self.settings
        self.material = Material(self.material_settings(), self.device)
        self.runs += 1
        self.say({"run": self.runs, "steps": self.steps, "settings": asdict(s)})
        try:
            self.loop(self.held_out(s.validation))
        finally:
            self.material.close()
        save_tracks(self.tracks, self.average.network, self.held_out(s.final))

    def material_settings(self) -> MaterialSettings:
        """What this run trains on; a resumed run sees other worlds."""
        s = self.settings
        return MaterialSettings(
            worlds=self.learned,
            batch=s.batch,
            share=s.share,
            videos=s.videos,
            workers=s.workers,
            video_workers=s.video_workers,
            films=s.films,
            capacity=s.capacity,
            repeats=s.repeats,
            first_seed=TRAIN_SEED + RUN_SEEDS * (self.runs + 50 * s.seed),
            askew=s.askew,
            clean=s.clean,
        )

    def held_out(self, count: int) -> Batch:
        """Validation sequences, filmed in groups of one size."""
        size = self.settings.films
        shots = validation_worlds(-(-count // size) * size, self.worlds)
        reel: Reel[Batch] = Reel(len(shots))
        for start in range(0, len(shots), self.settings.films):
            reel.add(film(shots[start : start + self.settings.films], self.device))
        return reel.draw(len(shots), self.draws)

    def loop(self, held_out: Batch) -> None:
        """Step and report until the budget is spent."""
        mark, last = time.monotonic(), time.monotonic()
        terms: list[Tensor] = []
        while (progress := self.progress()) < 1.0:
            terms.append(self.step(progress))
            now = time.monotonic()
            self.spent_s, mark = self.spent_s + now - mark, now
            if now - last >= self.settings.report_s or self.progress() >= 1.0:
                means = torch.stack(terms).mean(0).tolist()
                self.report(dict(zip(WEIGHTS, means, strict=True)), held_out)
                terms, mark = [], time.monotonic()  # reports are beside the budget
                last = mark

    def progress(self) -> float:
        """Share of the budget that is spent."""
        s = self.settings
        return self.steps / s.steps if s.steps else self.spent_s / (60.0 * s.minutes)

    def step(self, progress: float) -> Tensor:
        """One step of the optimiser; the terms of the loss in the order of WEIGHTS."""
        rate = 0.5 * (1 + math.cos(math.pi * min(1.0, progress))) * 0.98 + 0.02
        rate *= min(1.0, (self.steps + 1) / WARM_STEPS)
        for group in self.optimizer.param_groups:
            group["lr"] = self.settings.rate * rate
        terms = self.terms()
        loss = total_loss(terms)
        self.optimizer.zero_grad(set_to_none=True)
        self.scaler.scale(loss).backward()
        self.scaler.unscale_(self.optimizer)
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 2.0)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.average.update(self.network, self.steps)
        self.steps += 1
        return torch.stack([terms[name].detach() for name in WEIGHTS])

    def terms(self) -> dict[str, Tensor]:
        """Loss terms of a drawn batch."""
        s = self.settings
        assert self.material is not None
        batch = self.material.draw(self.draws)
        toss = torch.rand(3, s.batch, generator=self.draws, device=self.device)
        batch = mirrored(batch, toss[0] < 0.5)
        low, high = TAU_RANGE_S
        tau_s = torch.where(toss[1] < 0.5, 0.0, low + (high - low) * toss[2])
        pixels = relit(batch.pixels, self.draws)
        flow, timing = network_inputs(batch, tau_s)
        self.network.train(not s.played)
        haste = None
        if s.played:
            haste = HASTE ** torch.rand(s.batch, generator=self.draws, device=self.device)
        with torch.autocast(self.device.type, self.half_type, enabled=self.half):
            seen = pixels, rescaled(flow, self.draws), timing, haste
            out = self.run_network(*seen)
            with torch.no_grad():
                earlier = None if self.earlier is None else self.earlier(*seen)
        elsewhere = self.forwarding(batch.sound, batch.located) if s.videos else None
        return terms_of(out, targets_of(batch, tau_s), elsewhere, earlier)

    def report(self, means: dict[str, float], held_out: Batch) -> None:
        """Validate, print one line, append it to the log, save."""
        found = figures(tracks_of(self.average.network, held_out))
        line = {
            "minutes": round(self.spent_s / 60, 2),
            "steps": self.steps,
            "worlds": self.material.reel.added if self.material else 0,
            "videos": self.material.video_reel.added if self.material else 0,
            **{f"loss_{name}": round(value, 4) for name, value in means.items()},
            **{name: round(value, 3) for name, value in found.items()},
        }
        self.say(line)
        self.save()

    def say(self, line: Mapping[str, object]) -> None:
        """Print a line of the log, and append it."""
        text = json.dumps(line, default=str)
        print(text, flush=True)  # noqa: T201  the report of a training run
        with self.log.open("a", encoding="utf-8") as file:
            file.write(text + "\n")

    def save(self) -> None:
        """Write the checkpoint, whole or not at all."""
        write_checkpoint(
            self.checkpoint,
            network=self.network.state_dict(),
            forwarding=self.forwarding.state_dict(),
            average=self.average.network.state_dict(),
            optimizer=self.optimizer.state_dict(),
            scaler=self.scaler.state_dict(),
            sizes=self.network.settings,
            start=self.begun,
            steps=self.steps,
            runs=self.runs,
            spent_s=self.spent_s,
        )

    def load(self) -> None:
        """Continue from the checkpoint.

        Raises:
            ParameterError: it is of another beginning or of other sizes.
            InputError: it is none of a training.
        """
        content = read_checkpoint(self.checkpoint, self.device)
        missing = {"network", "optimizer", "steps", "spent_s"} - content.keys()
        if missing:
            raise InputError(f"{self.checkpoint} holds no training that can be gone on with")
        begun = content.get("start", ""), content["sizes"]
        if begun != (self.begun, asdict(self.network.settings)):
            raise ParameterError(
                f"{self.checkpoint} began otherwise (from {begun[0] or 'nothing'}, sizes "
                f"{begun[1]}; adapts is --played): give another folder, or --fresh to write over it"
            )
        self.network.load_state_dict(content["network"])
        self.average.network.load_state_dict(content["average"])
        self.forwarding.load_state_dict(content["forwarding"])
        self.optimizer.load_state_dict(content["optimizer"])
        self.scaler.load_state_dict(content["scaler"])
        self.steps, self.runs = content["steps"], content["runs"]
        self.spent_s = content["spent_s"]

"""Material: the sequences a run trains on, drawn scenes and, if given, real videos."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch

from synchresis.engines.scenes.world import SimSettings
from synchresis.engines.training.motion.askew import askew
from synchresis.engines.training.motion.batch import Batch, together
from synchresis.engines.training.motion.clean import clean
from synchresis.engines.training.motion.feed import world_feed
from synchresis.engines.training.motion.film import film
from synchresis.engines.training.motion.reel import Reel
from synchresis.errors import InputError

FILL: Final = 4
"""Batches in a reel before sequences are repeated."""

PATIENCE_S: Final = 60.0
"""How long one wait for a worker may take, seconds."""


@dataclass(frozen=True, slots=True)
class MaterialSettings:
    """What to train on.

    Attributes:
        worlds: scenes.
        batch: sequences per draw.
        share: of them from videos, 0..1.
        videos: folder of videos, None for scenes alone.
        workers: processes that simulate scenes.
        video_workers: processes that read videos.
        films: sequences filmed at once.
        capacity: sequences kept of either kind.
        repeats: how often a sequence is drawn on average.
        first_seed: of the scenes of this run.
        askew: share of scenes filmed askew.
        clean: share of scenes filmed by quiet cameras.
    """

    worlds: SimSettings
    batch: int
    share: float
    videos: Path | None
    workers: int
    video_workers: int
    films: int
    capacity: int
    repeats: float
    first_seed: int
    askew: float = 0.0
    clean: float = 0.0


class Material:
    """Scenes from simulating processes and videos from reading ones; `close` ends them.

    Raises:
        InputError: the folder of videos holds none.
    """

    def __init__(self, settings: MaterialSettings, device: torch.device) -> None:
        s = self.settings = settings
        self.device = device
        self.reel: Reel[Batch] = Reel(s.capacity)
        self.video_reel: Reel[Batch] = Reel(s.capacity)
        self._from_videos = round(s.batch * s.share) if s.videos else 0
        self._drawn = 0
        self._videos = None
        if s.videos:
            from synchresis.engines.training.motion.videos import video_feed

            self._videos = video_feed(
                s.videos, frames=s.worlds.frames, workers=s.video_workers, seed=s.first_seed
            )
        self._worlds = world_feed(
            s.worlds, workers=s.workers, group=s.films, first_seed=s.first_seed
        )

    def draw(self, generator: torch.Generator) -> Batch:
        """The next batch; new sequences are taken in first where they are due."""
        from_scenes = self.settings.batch - self._from_videos
        self._refill(self.reel, from_scenes, self._film)
        parts = [self.reel.draw(from_scenes, generator)] if from_scenes else []
        if self._from_videos:
            self._refill(self.video_reel, self._from_videos, self._watch)
            parts.append(self.video_reel.draw(self._from_videos, generator))
        self._drawn += 1
        return together(parts) if len(parts) > 1 else parts[0]

    def close(self) -> None:
        """End the processes."""
        self._worlds.close()
        if self._videos:
            self._videos.close()

    def _refill(self, reel: Reel[Batch], count: int, take: Callable[[float | None], bool]) -> None:
        """Take in new sequences where they are due; wait while there are too few."""
        due = reel.added * self.settings.repeats <= self._drawn * count
        if due or reel.size < FILL * count:
            take(None)
        while reel.size < count:
            take(PATIENCE_S)

    def _film(self, wait_s: float | None) -> bool:
        worlds = self._worlds.take(wait_s)
        if worlds:
            share = self.settings
            seen = [clean(askew(world, share.askew), share.clean) for world in worlds]
            self.reel.add(film(seen, self.device))
        elif self._worlds.alive() == 0:
            raise RuntimeError("every simulating worker ended; see their messages above")
        return bool(worlds)

    def _watch(self, wait_s: float | None) -> bool:
        assert self._videos is not None
        cuts = self._videos.take(wait_s)
        if cuts:
            self.video_reel.add(together(cuts).to(self.device))
        elif self._videos.alive() == 0 and self.video_reel.size == 0:
            raise InputError(f"no video of {self.settings.videos} can be used; see the warnings")
        return bool(cuts)

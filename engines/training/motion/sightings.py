"""Sightings: what the live parser sees of drawn worlds, frame by frame, beside the truth."""

import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from synchresis.engines.evaluation.suites import SIZE
from synchresis.engines.frame import Frame
from synchresis.engines.motion.parser import MotionParser, picker_settings
from synchresis.engines.motion.picker import PickerSettings, moment
from synchresis.engines.motion.verifier import (
    FEATURES,
    NAMES,
    SCORE,
    Trees,
    Verifier,
    VerifierStage,
)
from synchresis.engines.packs import Pack, load_pack
from synchresis.engines.scenes.families import silent_families, train_families
from synchresis.engines.scenes.render import Film, PictureSize
from synchresis.engines.scenes.world import SimSettings, World, simulate
from synchresis.engines.teach.timing import picked
from synchresis.engines.timebase import NS_PER_S
from synchresis.engines.training.motion.askew import askew
from synchresis.engines.training.motion.feed import usual_odds

FRAMES: Final = 96
"""Frames of a world."""

ASKEW: Final = 0.5
"""Share of worlds filmed askew."""

SEED: Final = 800_000
"""Worlds have seeds from here to TRAIN_SEED of the feed."""

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Sighting:
    """One world as the parser saw it at lookahead 0; T frames that answer for something.

    Attributes:
        name: family.
        begin_s: float64[T], begin of each frame's interval, captured_s: float64[T], its end.
        numbers: float32[T, FEATURES], of the verifier.
        truth_s: float64[N], rising.
    """

    name: str
    begin_s: Array
    captured_s: Array
    numbers: NDArray[np.float32]
    truth_s: Array

    @property
    def log_odds(self) -> Array:
        """Log odds of the score without a verifier, float64[T]."""
        return self.numbers[:, SCORE].astype(np.float64)


def plan(sounding: int, silent: int) -> list[tuple[int, tuple[str, ...]]]:
    """Seeds and families of worlds: `sounding` of families that sound, `silent` of each other."""
    quiet = silent_families()
    loud = tuple(name for name in train_families() if name not in quiet)
    plans = [(SEED + k, loud) for k in range(sounding)]
    each = product(quiet, range(silent))
    return plans + [(SEED + sounding + k, (name,)) for k, (name, _) in enumerate(each)]


def drawn(seed: int, families: Sequence[str]) -> World:
    """The world of a plan."""
    names = tuple(families)
    settings = SimSettings(frames=FRAMES, families=names, weights=usual_odds(names))
    return askew(simulate(seed, settings), ASKEW)


def sightings(
    folder: Path, plans: Sequence[tuple[int, tuple[str, ...]]], *, workers: int
) -> Iterator[Sighting]:
    """See the worlds of plans through a pack's motion engine, in their order.

    Args:
        folder: of the pack.
        plans: of `plan`.
        workers: processes.
    """
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, _open, (folder,)) as pool:
        yield from pool.map(_see, plans, chunksize=4)


def opened(pack: Pack) -> MotionParser:
    """A parser that works out a verifier's numbers and asks none."""
    parser = MotionParser(pack, backend="onnx")
    entry = pack.motion
    whole = picker_settings(pack).whole
    parser.verifier = VerifierStage(UNASKED, whole, (entry.rows, entry.cols))
    parser.prepare()
    return parser


def see(world: World, parser: MotionParser) -> Sighting:
    """Run a parser of `opened` over a world from a fresh state."""
    state = parser.initial_state()
    state.aspect = world.aspect
    times = world.times - world.times[0]
    rows = np.zeros((len(times), FEATURES), np.float32)
    assert state.verifier is not None
    for index, picture in enumerate(Film(PictureSize(*SIZE)).pictures(world)):
        parser.step(Frame(picture, round(float(times[index]) * NS_PER_S), index), state)
        rows[index] = state.verifier.numbers
    truth = np.sort(np.array([event.t_s for event in world.events]) - world.times[0])
    return Sighting(world.name, times[:-1], times[1:], rows[1:], truth)


def events(
    seen: Sighting, score: Array, bar: float, settings: PickerSettings
) -> tuple[NDArray[np.intp], Array]:
    """Frames at which the live picker takes events, and when those are heard, seconds.

    A hit seen coming is heard when the next frame says.

    Args:
        seen: the world.
        score: float64[T], 0..1.
        bar: threshold.
        settings: of the pack's picker.
    """
    when = seen.numbers[:, NAMES.index("when")].astype(np.float64)
    edges = np.round(np.stack((seen.begin_s, seen.captured_s), 1) * NS_PER_S).astype(np.int64)
    times = [
        moment(begin, end, settings.times.straighten(late))
        for (begin, end), late in zip(edges.tolist(), when.tolist(), strict=True)
    ]
    t_s = np.array(times) / NS_PER_S
    at = picked(seen.captured_s, score, bar, t_s)
    span_s = seen.captured_s - seen.begin_s
    coming = t_s > seen.begin_s + settings.foretold * span_s
    told = np.minimum(at + coming[at], len(t_s) - 1)
    return at, np.asarray(np.maximum(t_s[told], seen.captured_s[told]))


_PARSER: list[MotionParser] = []

UNASKED: Final = Verifier(
    Trees(
        roots=np.zeros(1, np.int32),
        feature=np.full(1, -1, np.int32),
        value=np.zeros(1),
        low=np.zeros(1, np.int32),
        high=np.zeros(1, np.int32),
        bias=0.0,
    ),
    weight=0.0,
)
"""A verifier that leaves scores as they are."""


def _open(folder: Path) -> None:
    _PARSER.append(opened(load_pack(folder)))


def _see(planned: tuple[int, tuple[str, ...]]) -> Sighting:
    return see(drawn(*planned), _PARSER[0])

"""What teaching is evaluated on: real clips, and scene performers whose sound has a lag."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from synchresis.engines.evaluation.clips import Clip
from synchresis.engines.evaluation.score_onsets import Times
from synchresis.engines.frame import Frame
from synchresis.engines.packs import Pack
from synchresis.engines.scenes.evaluation import EvaluationScene, evaluation_scenes
from synchresis.engines.scenes.scene import Scene
from synchresis.engines.teach.soundtracks import Sound
from synchresis.engines.teach.watching import Watched, Watcher, film_frames, watch
from synchresis.engines.timebase import NS_PER_S, SAMPLE_RATE
from synchresis.errors import InputError, reason_of

SIZE: Final = (160, 120)
"""Width and height scenes are drawn at: the network's own pixels."""

LAG_S: Final = (-0.08, 0.18)
"""Range of the lag given to a performer's sound."""

NOISE_DB: Final = (-45.0, -28.0)
"""Range of the noise in a performer's sound, relative to its peak."""

ROOM_SEED: Final = 5
"""Of lag and noise, beside the scene's own."""


@dataclass(frozen=True, slots=True)
class Material:
    """A recording and its truth.

    Attributes:
        name: unique.
        seen: what the base pack's network saw.
        sound: float32[N] at 48 kHz, its first sample at 0 s.
        truth_s: onsets in the sound.
        duration_s: length.
    """

    name: str
    seen: Watched
    sound: Sound
    truth_s: Times
    duration_s: float


class Cache:
    """What a network saw, kept in a folder so that ways to teach can be tried again quickly.

    Args:
        folder: None keeps nothing.
        pack: whose network it is, and how it is read.
    """

    def __init__(self, folder: Path | None, pack: Pack) -> None:
        self._folder = folder
        made_by = pack.file_hash(pack.motion.file).encode() + msgspec.json.encode(pack.motion)
        self._key = hashlib.sha256(made_by).hexdigest()[:12]

    def watched(self, name: str, make: Callable[[], Watched]) -> Watched:
        """What was seen of a recording, looked at now if it was not before."""
        if self._folder is None:
            return make()
        path = self._folder / f"{name}-{self._key}.npz"
        if path.is_file():
            with np.load(path) as found:
                return Watched(**{field.name: found[field.name] for field in fields(Watched)})
        seen = make()
        self._folder.mkdir(parents=True, exist_ok=True)
        np.savez(path, **{field.name: getattr(seen, field.name) for field in fields(Watched)})
        return seen


def clip_material(clip: Clip, watcher: Watcher, cache: Cache) -> Material:
    """A real clip.

    Raises:
        InputError: its sound cannot be read.
    """
    import soundfile

    path = clip.path.with_suffix(".flac")
    try:
        sound, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, OSError) as err:
        raise InputError(f"{path} cannot be read: {reason_of(err)}") from err
    if rate != SAMPLE_RATE:
        raise InputError(f"{path} is sampled at {rate} Hz; it must be {SAMPLE_RATE}")
    seen = cache.watched(clip.name, lambda: watch(film_frames(clip.path, np.inf), watcher))
    return Material(clip.name, seen, sound.mean(1), clip.onsets_s, clip.duration_s)


def performers(watcher: Watcher, cache: Cache) -> Iterator[Material]:
    """The frozen scene performers, their sound late or early, in a noisy room."""
    for frozen in evaluation_scenes("performer"):
        yield performer(frozen, watcher, cache)


def performer(frozen: EvaluationScene, watcher: Watcher, cache: Cache) -> Material:
    """One scene performer; lag and noise are drawn from its seed."""
    scene = frozen.open(size=SIZE)
    seen = seen_scene(frozen, scene, watcher, cache)
    rng = np.random.default_rng([frozen.seed, ROOM_SEED])
    lag_s = float(rng.uniform(*LAG_S))
    sound = in_a_room(moved(scene.audio, lag_s), rng)
    truth = np.sort([event.t_s for event in scene.events]) + lag_s
    name = f"{frozen.name}_{frozen.seed}"
    return Material(name, seen, sound, truth, frozen.duration_s)


def silences(watcher: Watcher, cache: Cache) -> dict[str, list[Watched]]:
    """What the network sees of the frozen silent scenes, by family."""
    found: dict[str, list[Watched]] = {}
    for frozen in evaluation_scenes("silent_motion"):
        seen = seen_scene(frozen, frozen.open(size=SIZE), watcher, cache)
        found.setdefault(frozen.name, []).append(seen)
    return found


def seen_scene(frozen: EvaluationScene, scene: Scene, watcher: Watcher, cache: Cache) -> Watched:
    """What the network sees of a frozen scene."""
    name = f"{frozen.name}_{frozen.seed}"
    digest = hashlib.sha256(f"{name} {frozen.duration_s}".encode()).hexdigest()[:6]
    aspect = scene.stream.shot.aspect
    return cache.watched(
        f"{name}-{digest}", lambda: watch(scene_frames(scene), watcher, aspect=aspect)
    )


def scene_frames(scene: Scene) -> Iterator[Frame]:
    """Frames of a scene, times since it began."""
    for index, (picture, time_s) in enumerate(scene.frames()):
        yield Frame(picture, round(time_s * NS_PER_S), index)


def moved(sound: Sound, lag_s: float) -> Sound:
    """Sound later by a lag, or earlier, of the same length."""
    count = round(lag_s * SAMPLE_RATE)
    if count >= 0:
        return np.concatenate((np.zeros(count, np.float32), sound))[: len(sound)]
    return np.concatenate((sound[-count:], np.zeros(-count, np.float32)))


def in_a_room(sound: Sound, rng: np.random.Generator) -> NDArray[np.float32]:
    """Sound with noise of NOISE_DB under its peak."""
    peak = float(np.abs(sound).max()) or 0.1
    level = peak * 10 ** (rng.uniform(*NOISE_DB) / 20)
    return (sound + level * rng.standard_normal(len(sound))).astype(np.float32)

"""A simulated world: everything a renderer and a trainer need, as arrays."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from synchresis.engines.scenes import atlas, families
from synchresis.engines.scenes.path import Times, ringing
from synchresis.engines.scenes.play import Play, SceneEvent, Wardrobe
from synchresis.engines.scenes.primitives import Canvas
from synchresis.engines.scenes.shot import Conditions, Shot, draw_shot

TRAINING_WEAR: Final = Wardrobe(
    clutter=atlas.LEAVES, cloud=atlas.CLOUDS, wood=atlas.WOODS,
    cloth=atlas.WEAVES + atlas.PLAIDS + atlas.TILES, grain=atlas.GRAINS,
)  # fmt: skip

Family = Callable[[Play], None]


@dataclass(frozen=True, slots=True)
class SimSettings:
    """What `simulate` may draw.

    Attributes:
        frames: T, frames of a world.
        families: names to choose from, all training families when empty.
        weights: odds of the names; when empty even, or the usual ones of all training families.
        subs: S, sub-times per frame.
        conditions: how it may be filmed.
        wear: textures.
        fps: fixed frame rate, or None to draw one.
        aspect: fixed height over width, or None.
    """

    frames: int = 64
    families: tuple[str, ...] = ()
    weights: tuple[float, ...] = ()
    subs: int = 4
    conditions: Conditions = field(default_factory=Conditions)
    wear: Wardrobe = TRAINING_WEAR
    fps: float | None = None
    aspect: float | None = None


@dataclass(slots=True)
class World:
    """One simulated stretch of a scene.

    Attributes:
        name: family.
        seed: it was made from.
        aspect: height over width of the picture.
        times: float64[T], capture time of each frame, seconds.
        shown: int64[T], index of the frame whose picture is seen (a repeat shows an older one).
        pose: float32[T, S, P, POSE_SIZE].
        look: float32[P, LOOK_SIZE].
        camera: float32[T, S, 4].
        sensor: float32[T, SENSOR_SIZE].
        noise_keys: int64[T].
        exposure_s: shutter time, seconds.
        readout_s: rolling shutter time, seconds.
        events: true events in time order; those before the first frame's interval are left out.
        friction: float32[T], level 0..1.
        burst: float32[T], level 0..1.
        begin_s: the first frame answers for (begin_s, times[0]].
    """

    name: str
    seed: int
    aspect: float
    times: Times
    shown: NDArray[np.int64]
    pose: NDArray[np.float32]
    look: NDArray[np.float32]
    camera: NDArray[np.float32]
    sensor: NDArray[np.float32]
    noise_keys: NDArray[np.int64]
    exposure_s: float
    readout_s: float
    events: tuple[SceneEvent, ...]
    friction: NDArray[np.float32]
    burst: NDArray[np.float32]
    begin_s: float

    @property
    def silent(self) -> bool:
        """Whether nothing sounds."""
        return not self.events and not self.friction.any() and not self.burst.any()


def simulate(seed: int, settings: SimSettings | None = None) -> World:
    """Simulate one world for training: a random family, filmed in a random way.

    The action begins up to 2 s before the first frame, so worlds do not all start at rest.
    """
    settings = settings or SimSettings()
    rng = np.random.default_rng([seed, 1])
    names = settings.families or families.train_families()
    usual = np.ones(len(names)) if settings.families else families.train_odds()
    odds = np.asarray(settings.weights or usual, float)
    name = str(rng.choice(names, p=odds / odds.sum()))
    shot = draw_shot(rng, settings.conditions, fps=settings.fps, aspect=settings.aspect)
    lead = rng.uniform(0.0, 2.0)
    extra = int(settings.frames * 1.25) + 4
    times, shown = shot.clock(extra, 0)
    times, shown = times[: settings.frames] - times[0], shown[: settings.frames]
    duration = lead + float(times[-1]) + rng.uniform(0.1, 1.5)
    return act(name, seed, shot, Stretch(times, shown, lead, duration, 0, 0), settings)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Which part of an action is filmed.

    Attributes:
        times: float64[T], absolute frame times.
        shown: int64[T].
        lead_s: action time at absolute time 0.
        duration_s: length of the action.
        part: number of the action within the scene.
        first: number of the first frame.
    """

    times: Times
    shown: NDArray[np.int64]
    lead_s: float
    duration_s: float
    part: int
    first: int


def act(name: str, seed: int, shot: Shot, stretch: Stretch, settings: SimSettings) -> World:
    """Let family `name` act and film a stretch of it."""
    look = np.random.default_rng([seed, 2, crc32(name.encode())])
    subs, count = settings.subs, len(stretch.times)
    whole = shot.exposure_s + shot.readout_s
    offsets = ((np.arange(subs) + 0.5) / subs - 0.5) * whole
    moments = (stretch.times[:, None] + offsets).ravel()
    angle = look.uniform(-2.6, -0.5)
    play = Play(
        look=look,
        act=np.random.default_rng([seed, 3, stretch.part]),
        times=moments + stretch.lead_s,
        clock=moments,
        duration_s=stretch.duration_s,
        half_height=0.5 * shot.aspect,
        canvas=Canvas(count * subs, (float(np.cos(angle)), float(np.sin(angle)))),
        textures=settings.wear,
    )
    families.family(name)(play)
    pose, look_rows = play.canvas.finished()
    blows = np.array([hit[0] for hit in play.hits]) - stretch.lead_s
    sizes = shot.bump * np.array([hit[1] for hit in play.hits])
    camera = shot.camera(moments, ringing(moments, blows, sizes, rate_hz=9.0, decay_s=0.08))
    begin = float(stretch.times[0]) - 1.0 / shot.fps
    return World(
        name=name,
        seed=seed,
        aspect=shot.aspect,
        times=stretch.times,
        shown=stretch.shown,
        pose=pose.reshape(count, subs, *pose.shape[1:]),
        look=look_rows,
        camera=camera.reshape(count, subs, 4),
        sensor=shot.sensors(stretch.times, stretch.first),
        noise_keys=shot.noise_keys(count, stretch.first),
        exposure_s=shot.exposure_s,
        readout_s=shot.readout_s,
        events=_events(play, shot, stretch, begin),
        friction=_levels(play.friction, count),
        burst=_levels(play.burst, count),
        begin_s=begin,
    )


def _levels(values: Times, count: int) -> NDArray[np.float32]:
    return np.asarray(values.reshape(count, -1).mean(1), np.float32)


def _events(play: Play, shot: Shot, stretch: Stretch, begin: float) -> tuple[SceneEvent, ...]:
    """Events within the stretch, in picture coordinates."""
    last = float(stretch.times[-1])
    hits = [hit for hit in sorted(play.hits) if begin < hit[0] - stretch.lead_s <= last]
    if not hits:
        return ()
    moments = np.array([hit[0] for hit in hits]) - stretch.lead_s
    camera = shot.camera(moments, np.zeros_like(moments))
    found = []
    for (_, strength, x, y, material), t, (px, py, c, s) in zip(hits, moments, camera, strict=True):
        dx, dy, scale = x - px, y - py, c * c + s * s
        sx = float(np.clip((c * dx + s * dy) / scale + 0.5, 0.0, 1.0))
        sy = float(np.clip((c * dy - s * dx) / scale / shot.aspect + 0.5, 0.0, 1.0))
        found.append(SceneEvent(float(t), strength, sx, sy, "impact", material))
    return tuple(found)

"""People and things that move like strokes, with nothing there to strike."""

from collections.abc import Callable
from typing import Final

import numpy as np

from synchresis.engines.scenes import backdrop, body
from synchresis.engines.scenes.body import Limbs
from synchresis.engines.scenes.families.silent import distract
from synchresis.engines.scenes.path import Path, Times
from synchresis.engines.scenes.play import Play
from synchresis.engines.scenes.primitives import Look, Samples
from synchresis.engines.scenes.strokes import Manner, Striker

REST_S: Final = 0.5
"""Every movement is back at rest this long before the end."""


def somebody(play: Play, sizes: tuple[float, float] = (0.5, 1.3)) -> tuple[Samples, float, Limbs]:
    """A room with a person of a size within `sizes` in it: neck float64[N, 2], size, arms."""
    rng = play.look
    backdrop.room(play, clutter=int(rng.integers(3, 12)))
    distract(play)
    size = rng.uniform(*sizes)
    middle = (rng.uniform(-0.2, 0.2), play.half_height * rng.uniform(-0.5, 0.1))
    neck = body.torso(play, middle, size)
    return neck, size, Limbs.draw(play, rng.uniform(0.02, 0.045) * size)


def there_and_back(play: Play, period_s: tuple[float, float], snap: tuple[float, float]) -> Times:
    """Runs of going out and coming back, 0 at rest and about 1 outside: float64[N].

    Args:
        play: its generator and times are used.
        period_s: shortest and longest time of one there and back.
        snap: speed of turning round outside, in units of distance per way time; 0 is smooth.
    """
    rng, path = play.act, Path(1)
    path.knot(0.0, (0.0,))
    time = rng.uniform(0.05, 0.6)
    low, high = period_s
    while time < play.duration_s - REST_S - high:
        path.knot(time, (0.0,))
        period = low * (high / low) ** rng.random()
        for _ in range(rng.integers(1, 8)):
            if time + period > play.duration_s - REST_S:
                break
            out = period * rng.uniform(0.3, 0.6)
            turn = rng.uniform(*snap) / out
            path.knot(time + out, (rng.uniform(0.6, 1.2),), before=(turn,), after=(-turn,))
            time += period * rng.normal(1.0, 0.04)
            path.knot(time, (rng.uniform(0.0, 0.15),))
        time += rng.uniform(0.05, 1.2)
    path.knot(max(time, path.end_s + 0.2), (0.0,))
    return np.asarray(path.at(play.times)[:, 0])


def exercise(play: Play) -> None:
    """Somebody swings both arms up and down or sideways, in time."""
    rng = play.look
    neck, size, limbs = somebody(play)
    level = there_and_back(play, (0.35, rng.uniform(0.6, 1.6)), (0.0, 1.2))
    lag = rng.uniform(0.5, 1.0)
    low, high = rng.uniform(0.7, 1.2), rng.uniform(-1.4, -0.2)
    wide = rng.uniform(0.05, 0.35)
    for side in (-1.0, 1.0):
        own = level if side > 0 else lag * level
        drop = np.stack([side * wide * np.sin(np.pi * own), low + (high - low) * own], 1)
        shoulder = neck + np.array([side * 0.3, 0.2]) * size
        wrist = shoulder + 0.45 * size * drop
        fore = body.arm(play, limbs, shoulder, wrist, side=-side)
        body.fist(play, limbs, wrist, fore)


def shadow_boxing(play: Play) -> None:
    """Somebody punches the air, towards the camera or across."""
    rng = play.look
    neck, size, limbs = somebody(play)
    for side in (-1.0, 1.0):
        level = there_and_back(play, (0.22, rng.uniform(0.4, 1.0)), (0.0, 1.6))
        aim = np.array([rng.uniform(-0.4, 0.4), rng.uniform(-0.3, 0.3)])
        shoulder = neck + np.array([side * 0.3, 0.22]) * size
        guard = np.array([-side * 0.1, 0.1]) * size
        wrist = shoulder + guard + level[:, None] * (aim * size - guard)
        fore = body.arm(play, limbs, shoulder, wrist, side=-side)
        near = Limbs(limbs.skin, limbs.sleeve, limbs.size * rng.uniform(1.2, 2.2), 0.0)
        body.fist(play, near, wrist, fore)


def wave(play: Play) -> None:
    """Somebody waves a hand, or fans with something flat."""
    rng = play.look
    neck, size, limbs = somebody(play)
    side = float(rng.choice([-1.0, 1.0]))
    level = there_and_back(play, (0.25, rng.uniform(0.4, 0.9)), (0.0, 1.0))
    shoulder = neck + np.array([side * 0.3, 0.2]) * size
    home = np.array([side * rng.uniform(0.1, 0.4), rng.uniform(-0.35, 0.3)]) * size
    sweep = np.array([rng.uniform(0.05, 0.3), rng.uniform(-0.1, 0.1)]) * size
    wrist = shoulder + home + (level[:, None] - 0.5) * sweep
    fore = body.arm(play, limbs, shoulder, wrist, side=-side)
    turn = rng.uniform(-1.2, 1.2) * (level - 0.5)
    aim = body.turned(fore, turn)
    if rng.random() < 0.4:
        card = backdrop.material(rng, play.textures.cloth, backdrop.paint(rng))
        half = (rng.uniform(0.08, 0.16) * size, rng.uniform(0.05, 0.12) * size)
        angle = np.arctan2(aim[:, 1], aim[:, 0])
        play.canvas.box(wrist + aim * half[0] * 1.3, half, card, angle=angle)
        body.fist(play, limbs, wrist, fore)
    else:
        body.flat_hand(play, limbs, wrist, aim, splay=rng.uniform(0.05, 0.25), thumb=0.9 * side)


def air_drum(play: Play) -> None:
    """Somebody plays drums that are not there, with sticks or without."""
    rng = play.look
    neck, size, limbs = somebody(play)
    sticks = rng.random() < 0.6
    wood = Look(colour=backdrop.paint(rng, low=0.2, high=0.9, vivid=0.3), amplitude=0.1)
    for side in (-1.0, 1.0):
        how = Manner(
            reach=rng.uniform(0.06, 0.22) * size,
            period_s=(0.14, rng.uniform(0.3, 0.9)),
            rest=rng.uniform(0.02, 0.1),
            quiet=1.0,
        )
        strokes = Striker(play.act, how).plan(play.duration_s).path.at(play.times)
        home = neck + np.array([side * rng.uniform(0.1, 0.4), rng.uniform(0.6, 0.9)]) * size
        across = rng.uniform(0.02, 0.12) * size * strokes[:, 1]
        wrist = home + np.stack([across, -strokes[:, 0]], 1)
        shoulder = neck + np.array([side * 0.3, 0.2]) * size
        fore = body.arm(play, limbs, shoulder, wrist, side=-side)
        if sticks:
            tip = wrist + body.turned(fore, rng.normal(0, 0.4)) * rng.uniform(0.15, 0.35) * size
            play.canvas.capsule(wrist, tip, (0.007 * size, 0.005 * size), wood)
        body.fist(play, limbs, wrist, fore)


FAMILIES: Final[dict[str, Callable[[Play], None]]] = {
    "exercise": exercise,
    "shadow_boxing": shadow_boxing,
    "wave": wave,
    "air_drum": air_drum,
}

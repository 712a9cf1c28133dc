"""Silent families that only evaluate."""

from collections.abc import Callable
from typing import Final

import numpy as np

from synchresis.engines.scenes import backdrop, body
from synchresis.engines.scenes.body import Limbs
from synchresis.engines.scenes.path import Drift
from synchresis.engines.scenes.play import Play
from synchresis.engines.scenes.primitives import Look
from synchresis.engines.scenes.springs import Spring, swing, targets


def conductor(play: Play) -> None:
    """Somebody beats time with a baton, touching nothing: silent."""
    rng = play.look
    backdrop.room(play, clutter=8)
    neck = body.torso(
        play,
        (rng.uniform(-0.1, 0.1), -play.half_height * rng.uniform(0.1, 0.4)),
        rng.uniform(0.7, 1.1),
    )
    limbs = Limbs.draw(play, rng.uniform(0.02, 0.035))
    rod = Look(colour=backdrop.paint(rng, low=0.5, high=1.0, vivid=0.2), amplitude=0.05)
    for side in (-1.0, 1.0):
        spring = Spring(reach=0.2, quiet=1.0, period_s=(0.3, 0.9), rate_hz=rng.uniform(2.5, 5))
        plan = swing(targets(play.act, spring, play.duration_s), spring, play.duration_s)
        strokes = plan.path.at(play.times)
        home = np.array([side * 0.2, play.half_height * 0.7])
        wrist = home + np.stack([0.12 * strokes[:, 1], -strokes[:, 0]], 1)
        fore = body.arm(play, limbs, neck + np.array([side * 0.24, 0.15]), wrist, side=-side)
        if side > 0:
            tip = wrist + body.turned(fore, -0.6) * 0.25
            play.canvas.capsule(wrist, tip, (0.005, 0.003), rod)
        body.fist(play, limbs, wrist, fore)


def curtain(play: Play) -> None:
    """Curtains sway before a window and the light outside changes: silent."""
    rng, wear = play.look, play.textures
    backdrop.room(play, clutter=8)
    day = backdrop.material(
        rng, wear.clutter, backdrop.paint(rng, low=0.5, high=1.0, vivid=0.2), shade=0.0
    )
    light = 1.0 + Drift.draw(rng, 0.2, (0.05, 0.8)).at(play.clock)
    play.canvas.box((0.0, -0.1), (0.3, 0.3), day, gain=light)
    cloth = backdrop.material(
        rng, wear.cloth, backdrop.paint(rng, low=0.3, vivid=0.5), amplitude=0.3
    )
    for k in range(6):
        x = (k - 2.5) * 0.11
        wind = Drift.draw(rng, 0.025, (0.2, 1.6)).at(play.clock)
        middle = np.stack([x + wind, np.full_like(wind, -0.05)], 1)
        tone = cloth.tinted(0.85 + 0.1 * (k % 3))
        play.canvas.box(
            middle, (0.36, 0.06), tone, angle=np.pi / 2 + 0.6 * wind, bend=0.8 * wind, alpha=0.9
        )


def still_room(play: Play) -> None:
    """A room in which only the light changes."""
    backdrop.room(play, clutter=14)
    backdrop.table(play, play.half_height * play.look.uniform(0.0, 0.6))
    rng = play.look
    glow = Look(colour=(0.9, 0.95, 1.0), amplitude=0.0, shade=0.0, soft=0.2, cover=0.0)
    level = np.clip(0.12 + Drift.draw(rng, 0.05, (0.02, 0.5)).at(play.clock), 0, 0.4)
    play.canvas.ellipse((rng.uniform(-0.4, 0.4), -0.2), (0.5, 0.4), glow, alpha=level)


FAMILIES: Final[dict[str, Callable[[Play], None]]] = {
    "conductor": conductor,
    "curtain": curtain,
    "still_room": still_room,
}

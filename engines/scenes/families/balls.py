"""Balls that bounce."""

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from synchresis.engines.scenes import backdrop, body
from synchresis.engines.scenes.path import Path, pulses
from synchresis.engines.scenes.play import Play, strength_of

GRAVITY: Final = 5.0
"""Picture widths per second squared when two metres fill the picture."""


@dataclass(slots=True)
class Bouncer:
    """A ball's path of (x, y of its middle) over a floor.

    Attributes:
        floor: y of the middle at contact.
        gravity: picture widths per second squared.
        bounce: share of the speed left after a contact.
        path: where it is.
        blows: contacts as (t_s, speed, x).
    """

    floor: float
    gravity: float
    bounce: float
    path: Path = field(default_factory=lambda: Path(2))
    blows: list[tuple[float, float, float]] = field(default_factory=list)

    def throw(self, start_s: float, x: float, drop: float, velocity: float, end_s: float) -> float:
        """Let go at `drop` above the floor with sideways `velocity`; returns when it has left."""
        pull = (0.0, self.gravity)
        seconds = float(np.sqrt(2 * drop / self.gravity))
        time, speed = start_s, self.gravity * seconds
        self.path.knot(time, (x, self.floor - drop), before=(velocity, 0.0), pull=pull)
        while seconds > 0.035 and time < end_s and abs(x) < 0.8:
            time += seconds
            x += velocity * seconds
            up = -self.bounce * speed
            self.path.knot(
                time, (x, self.floor), before=(velocity, speed), after=(velocity, up), pull=pull
            )
            self.blows.append((time, speed, x))
            speed *= self.bounce
            seconds = 2 * speed / self.gravity
        self.path.knot(time + 0.001, (x + 0.001 * velocity, self.floor), before=(velocity, 0.0))
        away = float(np.copysign(1.0, velocity))
        if abs(x) < 0.8:
            self.path.knot(time + 0.5, (0.9 * away, self.floor), before=(2.0 * away, 0.0))
        self.path.knot(time + 0.6, (away, self.floor))
        return time + 0.6


def ball(play: Play) -> None:
    """A ball thrown in bounces on the floor until it rolls out of the picture, then another."""
    rng = play.look
    backdrop.room(play)
    floor = play.half_height * rng.uniform(-0.1, 0.75)
    backdrop.table(play, floor - rng.uniform(0.02, 0.2), front=False)
    radius = rng.uniform(0.02, 0.09)
    bouncer = Bouncer(floor - radius, GRAVITY * rng.uniform(0.5, 2.0), rng.uniform(0.5, 0.88))
    material = str(rng.choice(["wood", "dull", "glass"]))
    look = backdrop.material(
        rng,
        play.textures.cloth + play.textures.clutter,
        backdrop.paint(rng, low=0.15, high=0.95, vivid=1.0),
        shade=rng.uniform(0.2, 0.7),
        scale=rng.uniform(0.8, 2.5),
    )
    spin = rng.normal(0, 6.0)
    _throws(play, bouncer)
    for time, speed, x in bouncer.blows:
        if abs(x) < 0.6:
            play.hit(time, strength_of(speed, 4.0), (x, floor), material)
    place = bouncer.path.at(play.times)
    blows = np.array(bouncer.blows).reshape(-1, 3)
    squash = np.clip(pulses(play.times, blows[:, 0], 0.06 * blows[:, 1], decay_s=0.02), 0, 0.3)
    under = np.stack([place[:, 0], np.full(len(place), floor)], 1)
    body.shadow(play, under, (1.1 * radius, 0.35 * radius), bouncer.floor - place[:, 1])
    half = (radius * (1 + 0.5 * squash), radius)
    play.canvas.ellipse(place, half, look, angle=spin * play.times)


def _throws(play: Play, bouncer: Bouncer) -> None:
    rng = play.act
    time = rng.uniform(0.05, 0.4)
    bouncer.path.knot(0.0, (-1.0, bouncer.floor))
    while time < play.duration_s - 1.2:
        side = float(rng.choice([-1.0, 1.0]))
        drop = rng.uniform(0.2, 0.95) * max(bouncer.floor + play.half_height, 0.1)
        bouncer.path.knot(time - 0.002, bouncer.path.last)
        velocity = -side * rng.uniform(0.15, 0.9)
        time = bouncer.throw(time, side * 0.64, drop, velocity, play.duration_s - 1.0)
        time += rng.uniform(0.1, 0.8)


FAMILIES: Final = {"ball": ball}

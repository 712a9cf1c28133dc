"""Things struck: a stick on things, a hand on a table."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from synchresis.engines.scenes import backdrop, body
from synchresis.engines.scenes.path import pulses, ringing
from synchresis.engines.scenes.play import Play
from synchresis.engines.scenes.primitives import Samples
from synchresis.engines.scenes.strokes import Manner, Striker, Strokes


@dataclass(frozen=True, slots=True)
class View:
    """How the stroke lies in the picture.

    Attributes:
        contact: middle of where it strikes.
        along: vector from the middle to place = 1.
        up: direction in which height lifts things, its length is the foreshortening.
        nearer: growth of things per unit of height (seen from above they come nearer).
    """

    contact: Samples
    along: Samples
    up: Samples
    nearer: float

    @classmethod
    def draw(
        cls, play: Play, *, low: float = 0.1, high: float = 0.75, steep: float = 0.5
    ) -> "View":
        """Draw a view: from the side (strokes seen in full), from above or between."""
        rng = play.look
        above = rng.random() ** (1.0 / max(steep, 1e-3) - 1.0) if steep < 1 else 1.0
        contact = np.array([rng.uniform(-0.28, 0.28), play.half_height * rng.uniform(low, high)])
        lean = rng.normal(0.0, 0.25)
        up = np.array([np.sin(lean), -np.cos(lean)]) * (1.0 - 0.75 * above)
        spread = rng.uniform(0.02, 0.25)
        along = np.array([spread, spread * above * rng.uniform(-0.6, 0.6)])
        return cls(contact, along, up, 0.9 * above)

    def surface(self, strokes: Samples) -> Samples:
        """The point on the surface under each (height, place): float64[N, 2]."""
        return self.contact + strokes[:, 1:] * self.along

    def point(self, strokes: Samples) -> Samples:
        """The striking point of each (height, place): float64[N, 2]."""
        return self.surface(strokes) + strokes[:, :1] * self.up


def perform(play: Play, manner: Manner, view: View, material: str) -> tuple[Strokes, Samples]:
    """Plan strokes, note their hits; returns the plan and its (height, place) at the sampled times."""
    plan = Striker(play.act, manner).plan(play.duration_s)
    for time, strength, place in plan.hits:
        play.hit(time, strength, view.contact + place * view.along, material)
    return plan, plan.path.at(play.times)


def target(play: Play, view: View, plan: Strokes) -> str:
    """Draw the thing struck, giving way a little; returns its material."""
    rng = play.look
    kind = rng.integers(4)
    if kind == 0:
        return "wood"
    rate, decay = rng.uniform(4, 14), rng.uniform(0.05, 0.25)
    give = ringing(
        play.times,
        plan.hit_times,
        plan.hit_strengths * rng.uniform(0.0, 0.012),
        rate_hz=rate,
        decay_s=decay,
    )
    sink = np.stack([0.2 * give, give], 1)
    half = np.array([rng.uniform(0.08, 0.3), rng.uniform(0.03, 0.16)])
    wear = play.textures
    look = backdrop.material(
        rng,
        wear.cloth + wear.clutter + wear.cloud,
        backdrop.paint(rng),
        shade=rng.uniform(0.0, 0.5),
    )
    centre = view.contact + np.array([0.0, half[1]]) * rng.uniform(0.3, 1.0) + sink
    if kind == 1:
        play.canvas.box(
            centre, half, look, angle=rng.normal(0, 0.15) + 2 * give, corner=rng.uniform(0, 0.4)
        )
        return str(rng.choice(["wood", "metal", "dull"]))
    dent = pulses(
        play.times, plan.hit_times, plan.hit_strengths * rng.uniform(0.0, 0.02), decay_s=0.15
    )
    if kind == 2:
        play.canvas.box(centre, half, look, corner=0.8, bend=-dent)
        return "dull"
    play.canvas.ellipse(centre, half, look, angle=give)
    rim = look.tinted(1.3)
    play.canvas.ellipse(
        centre - np.array([0.0, 0.35 * half[1]]), half * np.array([1.0, 0.6]), rim, angle=give
    )
    return "drum"


def stick(play: Play) -> None:
    """A stick held by a hand strikes things, with all kinds of silent strokes between."""
    rng = play.look
    view, manner = _scene(play), _manner(play, rebound=rng.uniform(0.0, 0.5))
    plan = Striker(play.act, manner).plan(play.duration_s)
    material = target(play, view, plan)
    strokes = plan.path.at(play.times)
    for time, strength, place in plan.hits:
        play.hit(time, strength, view.contact + place * view.along, material)
    height = strokes[:, 0]
    body.shadow(play, view.surface(strokes), (0.06, 0.015), height, depth=rng.uniform(0.1, 0.6))
    side = float(rng.choice([-1.0, 1.0]))
    length = rng.uniform(0.2, 0.5)
    angle = rng.uniform(-0.2, 1.1)
    grip = view.contact + length * np.array(
        [side * np.cos(angle), -np.sin(angle) * rng.uniform(0.2, 1.0)]
    )
    follow = rng.uniform(0.15, 0.8)
    limbs = body.Limbs.draw(play, rng.uniform(0.018, 0.045))
    hand = grip + strokes[:, 1:] * view.along * 0.8 + height[:, None] * view.up * follow
    tip = view.point(strokes)
    rod = backdrop.material(
        rng,
        play.textures.wood + play.textures.cloud,
        backdrop.paint(rng, low=0.1, high=0.95),
        shade=0.5,
    )
    girth = rng.uniform(0.005, 0.014)
    grow = 1.0 + view.nearer * height
    play.canvas.capsule(
        hand + 0.15 * (hand - tip), tip, (1.3 * girth * grow, girth * grow), rod, grow=grow
    )
    shoulder = grip + np.array([side * rng.uniform(0.25, 0.6), rng.uniform(-0.1, 0.6)])
    wrist = hand + limbs.size * np.array([side * 0.9, 0.3])
    direction = body.arm(play, limbs, shoulder, wrist, side=side)
    body.fist(play, limbs, wrist, direction)


def hand(play: Play) -> None:
    """A hand slaps, knocks or taps on a table."""
    rng = play.look
    view, manner = _scene(play), _manner(play, rebound=float(rng.choice([0.0, 0.0, 0.15])))
    plan = Striker(play.act, manner).plan(play.duration_s)
    strokes = plan.path.at(play.times)
    height = strokes[:, 0]
    material = str(rng.choice(["wood", "dull", "drum", "body"]))
    for time, strength, place in plan.hits:
        play.hit(time, strength, view.contact + place * view.along, material)
    limbs = body.Limbs.draw(play, rng.uniform(0.025, 0.065))
    s = limbs.size
    side = float(rng.choice([-1.0, 1.0]))
    body.shadow(
        play, view.surface(strokes), (3.0 * s, 1.2 * s), height, depth=rng.uniform(0.1, 0.6)
    )
    hinge = rng.uniform(0.3, 1.0)
    reach = np.array([side * rng.uniform(1.5, 4.0) * s, rng.uniform(-0.5, 1.5) * s])
    wrist = view.surface(strokes) + reach + hinge * height[:, None] * view.up
    shoulder = view.contact + np.array([side * rng.uniform(0.25, 0.7), rng.uniform(0.0, 0.6)])
    body.arm(play, limbs, shoulder, wrist, side=side)
    aim = view.point(strokes) - wrist
    direction = aim / np.hypot(aim[:, 0], aim[:, 1])[:, None].clip(1e-4)
    if rng.random() < 0.35:
        body.fist(play, limbs, wrist, direction)
    else:
        body.flat_hand(
            play, limbs, wrist, direction, splay=rng.uniform(0.03, 0.2), thumb=0.9 * side
        )


def _scene(play: Play) -> View:
    """Room, maybe a person, a table under the contact; returns the view."""
    rng = play.look
    view = View.draw(play)
    backdrop.room(play)
    if rng.random() < 0.3:
        body.torso(
            play,
            (rng.uniform(-0.25, 0.25), play.half_height * rng.uniform(-0.5, 0.2)),
            rng.uniform(0.5, 1.1),
        )
    depth = rng.uniform(0.02, 0.35) if view.nearer < 0.45 else rng.uniform(0.3, 1.0)
    backdrop.table(play, float(view.contact[1]) - depth)
    return view


def _manner(play: Play, rebound: float) -> Manner:
    rng = play.look
    reach = rng.uniform(0.06, 0.38)
    fastest = rng.uniform(0.12, 0.35)
    return Manner(
        reach=reach, period_s=(fastest, fastest * rng.uniform(1.5, 6.0)), rebound=rebound,
        rest=rng.uniform(0.02, 1.0) * reach, quiet=rng.uniform(0.2, 0.6), full_speed=rng.uniform(4, 7),
    )  # fmt: skip


FAMILIES: Final = {"stick": stick, "hand": hand}

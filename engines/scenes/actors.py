"""Those who strike: an arm with a stick, a hammer or a bare hand, seen from some side."""

from dataclasses import dataclass

import numpy as np

from synchresis.engines.scenes import backdrop, body
from synchresis.engines.scenes.body import Limbs
from synchresis.engines.scenes.path import pulses, ringing
from synchresis.engines.scenes.play import Play
from synchresis.engines.scenes.primitives import Samples
from synchresis.engines.scenes.strokes import Strokes


@dataclass(frozen=True, slots=True)
class View:
    """How the stroke lies in the picture.

    Attributes:
        contact: float64[2], middle of where it strikes.
        along: float64[2], from the middle to place = 1.
        up: float64[2], where height lifts things; its length is the foreshortening.
        nearer: growth of things per unit of height (seen from above they come nearer).
    """

    contact: Samples
    along: Samples
    up: Samples
    nearer: float

    @classmethod
    def draw(
        cls, play: Play, *, low: float = 0.05, high: float = 0.8, above: float | None = None
    ) -> "View":
        """Draw a view; `above` 0 shows strokes from the side in full, 1 from straight above."""
        rng = play.look
        if above is None:
            above = rng.random() if rng.random() < 0.6 else 0.0
        depth = rng.uniform(low, high) if rng.random() < 0.93 else 1.1
        contact = np.array([rng.uniform(-0.3, 0.3), play.half_height * depth])
        lean = rng.normal(0.0, 0.3)
        up = np.array([np.sin(lean), -np.cos(lean)]) * (1.0 - 0.7 * above)
        spread = rng.uniform(0.02, 0.25)
        along = np.array([spread, spread * above * rng.uniform(-0.6, 0.6)])
        return cls(contact, along, up, 0.9 * above)

    def moved(self, offset: Samples) -> "View":
        """The same view of a place beside this one."""
        return View(self.contact + offset, self.along, self.up, self.nearer)

    def surface(self, strokes: Samples) -> Samples:
        """The point on the surface under each (height, place): float64[N, 2]."""
        return self.contact + strokes[:, 1:] * self.along

    def point(self, strokes: Samples) -> Samples:
        """The striking point of each (height, place): float64[N, 2]."""
        return self.surface(strokes) + strokes[:, :1] * self.up


def sound(play: Play, view: View, plan: Strokes, material: str) -> Samples:
    """Note the hits of a plan; returns its (height, place) at the sampled times, float64[N, 2]."""
    for time, strength, place in plan.hits:
        play.hit(time, strength, view.contact + place * view.along, material)
    return plan.path.at(play.times)


def stage(play: Play, view: View, *, person: float = 0.3) -> None:
    """A room, maybe somebody in it, and a table under the contact."""
    rng = play.look
    backdrop.room(play)
    if rng.random() < person:
        middle = (rng.uniform(-0.3, 0.3), play.half_height * rng.uniform(-0.6, 0.2))
        body.torso(play, middle, rng.uniform(0.5, 1.2))
    depth = rng.uniform(0.01, 0.3) if view.nearer < 0.4 else rng.uniform(0.25, 1.2)
    backdrop.table(play, float(view.contact[1]) - depth)


def struck(play: Play, view: View, plan: Strokes) -> str:
    """Draw the thing struck, which gives way a little; returns its material."""
    rng, wear = play.look, play.textures
    kind = rng.integers(5)
    if kind == 0:
        return str(rng.choice(["wood", "dull", "metal"]))
    rate, decay, size = (
        rng.uniform(4, 14),
        rng.uniform(0.05, 0.25),
        rng.choice([0.0, rng.uniform(0, 0.015)]),
    )
    give = ringing(
        play.times, plan.hit_times, size * plan.hit_strengths, rate_hz=rate, decay_s=decay
    )
    half = np.array([rng.uniform(0.08, 0.32), rng.uniform(0.03, 0.17)])
    look = backdrop.material(
        rng,
        wear.cloth + wear.clutter + wear.cloud,
        backdrop.paint(rng),
        shade=rng.uniform(0.0, 0.5),
    )
    share = 0.95 * (1.0 - view.nearer)
    centre = view.contact + np.array([0.0, half[1] * share]) + np.stack([0.2 * give, give], 1)
    if kind == 1:
        turn = rng.normal(0, 0.2) + 2 * give
        play.canvas.box(centre, (half[0], half[1]), look, angle=turn, corner=rng.uniform(0, 0.4))
        return str(rng.choice(["wood", "metal", "dull"]))
    if kind == 2:
        dent = pulses(
            play.times, plan.hit_times, rng.uniform(0, 0.025) * plan.hit_strengths, decay_s=0.15
        )
        play.canvas.box(centre, (half[0], half[1]), look, corner=0.8, bend=-dent)
        return "dull"
    drum(play, view.contact, half, give)
    return "drum"


def drum(play: Play, middle: Samples, half: Samples, give: Samples) -> None:
    """A drum with its skin's middle at `middle`, half width and height `half`, wobble `give`."""
    rng, wear = play.look, play.textures
    shell = backdrop.material(
        rng, wear.wood + wear.cloud, backdrop.paint(rng, vivid=1.0), shade=0.5
    )
    skin = backdrop.material(
        rng, wear.cloud, backdrop.paint(rng, low=0.4, high=0.95, vivid=0.2), shade=0.1
    )
    wobble = np.stack([0.1 * give, give], 1)
    below = np.array([0.0, rng.uniform(0.4, 1.4) * half[1]])
    play.canvas.box(middle + below + wobble, (half[0], 1.1 * half[1]), shell, corner=0.15)
    rim = shell.tinted(rng.choice([0.5, 1.6]))
    play.canvas.ellipse(middle + wobble, (1.04 * half[0], 0.62 * half[1]), rim, angle=give)
    play.canvas.ellipse(middle + wobble, (0.96 * half[0], 0.54 * half[1]), skin, angle=give)


@dataclass(frozen=True, slots=True)
class Grip:
    """How a tool is held.

    Attributes:
        side: ±1, the side the arm comes from.
        length: of the tool, picture widths.
        angle: of the tool above the horizon at contact, radians.
        follow: share of the tip's height the hand rises by (1 = from the shoulder, 0 = wrist only).
        girth: half width of the tool.
        head: half width and length of a hammer's head, or None.
    """

    side: float
    length: float
    angle: float
    follow: float
    girth: float
    head: tuple[float, float] | None = None

    @classmethod
    def draw(cls, play: Play, *, side: float | None = None) -> "Grip":
        """Draw a way of holding a stick."""
        rng = play.look
        chosen = float(rng.choice([-1.0, 1.0])) if side is None else side
        return cls(
            chosen,
            rng.uniform(0.15, 0.5),
            rng.uniform(-0.2, 1.1),
            rng.uniform(0.1, 0.85),
            rng.uniform(0.004, 0.016),
        )


def wield(play: Play, view: View, strokes: Samples, grip: Grip, limbs: Limbs) -> None:
    """An arm strikes with a tool whose tip follows `strokes` (height, place) float64[N, 2]."""
    rng, wear = play.look, play.textures
    height = strokes[:, 0]
    shade = rng.uniform(0.1, 0.6)
    body.shadow(play, view.surface(strokes), (0.06, 0.015), height, depth=shade)
    base = view.contact + grip.length * np.array(
        [grip.side * np.cos(grip.angle), -0.8 * np.sin(grip.angle)]
    )
    held = base + 0.8 * strokes[:, 1:] * view.along + grip.follow * height[:, None] * view.up
    tip = view.point(strokes)
    rod = backdrop.material(
        rng, wear.wood + wear.cloud, backdrop.paint(rng, low=0.1, high=0.95), shade=0.5
    )
    grow = 1.0 + view.nearer * height
    over = held + 0.15 * (held - tip)
    play.canvas.capsule(over, tip, (1.2 * grip.girth * grow, grip.girth * grow), rod, grow=grow)
    if grip.head is not None:
        _hammer_head(play, view, tip, held, grip.head)
    shoulder = base + np.array([grip.side * rng.uniform(0.25, 0.7), rng.uniform(-0.2, 0.6)])
    wrist = held + limbs.size * np.array([grip.side * 0.9, 0.3])
    direction = body.arm(play, limbs, shoulder, wrist, side=grip.side)
    body.fist(play, limbs, wrist, direction)


def _hammer_head(
    play: Play, view: View, tip: Samples, held: Samples, head: tuple[float, float]
) -> None:
    rng = play.look
    steel = backdrop.material(
        rng, play.textures.cloud, backdrop.paint(rng, low=0.08, high=0.7, vivid=0.4), shade=0.6
    )
    axis = tip - held
    angle = np.arctan2(axis[:, 1], axis[:, 0]) + np.pi / 2
    lift = view.up / max(float(np.hypot(*view.up)), 1e-3)
    play.canvas.box(tip + lift * head[1] * 0.5, (head[1], head[0]), steel, angle=angle, corner=0.3)


def bare_hand(
    play: Play,
    view: View,
    strokes: Samples,
    limbs: Limbs,
    *,
    side: float,
    closed: bool = False,
    hinge: float = 0.6,
) -> None:
    """An arm whose hand follows `strokes`; the wrist rises by `hinge` of the height."""
    rng, s = play.look, limbs.size
    height = strokes[:, 0]
    body.shadow(
        play, view.surface(strokes), (3.0 * s, 1.2 * s), height, depth=rng.uniform(0.1, 0.6)
    )
    reach = np.array([side * rng.uniform(1.5, 4.0) * s, rng.uniform(-0.5, 2.0) * s])
    wrist = view.surface(strokes) + reach + hinge * height[:, None] * view.up
    shoulder = view.contact + np.array([side * rng.uniform(0.25, 0.7), rng.uniform(-0.1, 0.7)])
    body.arm(play, limbs, shoulder, wrist, side=side)
    aim = view.point(strokes) - wrist
    direction = aim / np.hypot(aim[:, 0], aim[:, 1])[:, None].clip(1e-4)
    if closed:
        body.fist(play, limbs, wrist, direction)
    else:
        body.flat_hand(
            play, limbs, wrist, direction, splay=rng.uniform(0.03, 0.2), thumb=0.9 * side
        )

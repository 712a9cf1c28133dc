"""Families that only evaluate: other things, other people and another law of motion.

Training families move by minimum-jerk strokes; these are driven by springs (equilibrium-point
control): a hand is pulled towards a target that jumps, and what is in the way stops it. Contacts are
found by the simulation, not planned.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from synchresis.engines.scenes import backdrop, body
from synchresis.engines.scenes.actors import View
from synchresis.engines.scenes.body import Limbs
from synchresis.engines.scenes.path import Drift, Times, ringing
from synchresis.engines.scenes.play import Play, strength_of
from synchresis.engines.scenes.primitives import Look, Samples
from synchresis.engines.scenes.strokes import Strokes

STEP_S: Final = 0.002
"""Time step of the spring simulation."""

QUIETEST: Final = 0.12
"""Contacts slower than this (picture widths per second) make no sound."""


@dataclass(frozen=True, slots=True)
class Sampled:
    """Places on a regular grid of times, joined by straight lines; place is `[N, dimensions]`."""

    step_s: float
    values: NDArray[np.float64]

    def at(self, times: Times) -> NDArray[np.float64]:
        """Places float64[N, dimensions] at `times`."""
        grid = self.step_s * np.arange(len(self.values))
        columns = [np.interp(times, grid, column) for column in self.values.T]
        return np.stack(columns, 1)


@dataclass(frozen=True, slots=True)
class Spring:
    """How somebody moves.

    Attributes:
        rate_hz: natural frequency of the arm.
        damping: 1 is critical.
        bounce: share of speed kept at a contact.
        reach: usual height, picture widths.
        period_s: shortest and longest time between hits.
        quiet: share of strokes that stop short.
        full_speed: contact speed of strength 1.
    """

    rate_hz: float = 4.0
    damping: float = 0.8
    bounce: float = 0.2
    reach: float = 0.15
    period_s: tuple[float, float] = (0.25, 1.0)
    quiet: float = 0.35
    full_speed: float = 4.0


Target = tuple[float, float, float]
"""From t_s on the hand is pulled towards (height, place)."""


def targets(rng: np.random.Generator, spring: Spring, duration_s: float) -> list[Target]:
    """What the hand is pulled to: up, down through the surface (a hit), or down to just above it."""
    plan: list[Target] = [(0.0, spring.reach, 0.0)]
    time, place = rng.uniform(0.2, 0.9), 0.0
    low, high = spring.period_s
    while time < duration_s - 1.2:
        period = low * (high / low) ** rng.random()
        quiet = rng.random() < spring.quiet
        for _ in range(rng.integers(1, 7)):
            if time > duration_s - 1.2:
                break
            place = float(np.clip(place + rng.normal(0, 0.4), -1, 1))
            top = spring.reach * rng.uniform(0.5, 1.4)
            plan.append((time, top, place))
            down = time + 0.55 * period
            low_end = top * rng.uniform(0.45, 0.8) if quiet else -top * rng.uniform(0.2, 1.2)
            plan.append((down, low_end, place))
            time += period * rng.normal(1.0, 0.05)
            plan.append((down + 0.3 * period, spring.reach * rng.uniform(0.3, 1.0), place))
        time += rng.choice([0.1, rng.uniform(0.3, 1.8)])
    plan.append((max(duration_s - 1.0, plan[-1][0] + 0.01), spring.reach, 0.0))
    return plan


def swing(plan: list[Target], spring: Spring, duration_s: float) -> Strokes:
    """Run the springs: the path of (height, place) and the contacts found on the way."""
    steps = int(duration_s / STEP_S) + 2
    starts = np.array([t for t, _, _ in plan])
    index = np.searchsorted(starts, STEP_S * np.arange(steps), side="right") - 1
    wanted = np.array([(h, p) for _, h, p in plan])[index].tolist()
    omega = 2 * np.pi * spring.rate_hz
    pull, drag = omega * omega, 2 * spring.damping * omega
    values = np.empty((steps, 2))
    height, speed, place, drift = spring.reach, 0.0, 0.0, 0.0
    hits: list[tuple[float, float, float]] = []
    for k, (goal, where) in enumerate(wanted):
        speed += STEP_S * (pull * (goal - height) - drag * speed)
        drift += STEP_S * (0.3 * pull * (where - place) - 0.8 * drag * drift)
        fallen = height + STEP_S * speed
        if fallen < 0.0 and speed < 0.0:
            if -speed > QUIETEST:
                moment = STEP_S * (k - 1) + STEP_S * height / max(height - fallen, 1e-9)
                hits.append((moment, strength_of(-speed, spring.full_speed), place))
            speed, fallen = -spring.bounce * speed, 0.0
        height = fallen
        place += STEP_S * drift
        values[k] = height, place
    return Strokes(Sampled(STEP_S, values), _spaced(hits))


def _spaced(hits: list[tuple[float, float, float]]) -> list[tuple[float, float, float]]:
    """Drop contacts within 60 ms of a louder or earlier one (chatter)."""
    kept: list[tuple[float, float, float]] = []
    for hit in hits:
        if kept and hit[0] - kept[-1][0] < 0.06:
            continue
        kept.append(hit)
    return kept


def spring_of(play: Play, *, reach: tuple[float, float], bounce: float = 0.2, quiet: float = 0.35) -> Spring:
    """Draw a way of moving."""
    rng = play.look
    fast = rng.uniform(0.18, 0.4)
    return Spring(
        rate_hz=rng.uniform(3.0, 6.5), damping=rng.uniform(0.55, 1.0), bounce=bounce, reach=rng.uniform(*reach),
        period_s=(fast, fast * rng.uniform(1.5, 4.0)), quiet=quiet, full_speed=rng.uniform(3.0, 5.0),
    )  # fmt: skip


def acted(play: Play, spring: Spring, view: View, material: str) -> tuple[Strokes, Samples]:
    """Plan, swing, note the hits; returns the plan and (height, place) at the sampled times."""
    plan = swing(targets(play.act, spring, play.duration_s), spring, play.duration_s)
    for time, strength, place in plan.hits:
        play.hit(time, strength, view.contact + place * view.along, material)
    return plan, plan.path.at(play.times)


def bench(play: Play, view: View, *, depth: float) -> None:
    """Room and table."""
    backdrop.room(play, clutter=10)
    backdrop.table(play, float(view.contact[1]) - depth)


def front(play: Play, *, above: float, low: float = 0.1, high: float = 0.6) -> View:
    """A view for evaluation scenes."""
    rng = play.look
    contact = np.array([rng.uniform(-0.22, 0.22), play.half_height * rng.uniform(low, high)])
    up = np.array([rng.normal(0, 0.2), -1.0 + 0.6 * above])
    return View(contact, np.array([rng.uniform(0.04, 0.2), 0.05 * above]), up, 0.8 * above)


def mallets(play: Play) -> None:
    """Two mallets with round heads on a row of bars."""
    rng, wear = play.look, play.textures
    view = front(play, above=rng.uniform(0.2, 0.9))
    bench(play, view, depth=rng.uniform(0.1, 0.4))
    bars = backdrop.material(rng, wear.wood, backdrop.paint(rng, low=0.3, vivid=1.0), shade=0.3)
    count, wide = int(rng.integers(4, 8)), rng.uniform(0.05, 0.09)
    for k in range(count):
        x = float(view.contact[0]) + (k - 0.5 * (count - 1)) * wide
        tone = bars.tinted(0.8 + 0.1 * (k % 4))
        play.canvas.box((x, float(view.contact[1])), (0.14 - 0.008 * k, 0.42 * wide), tone, angle=np.pi / 2, corner=0.2)
    limbs = Limbs.draw(play, rng.uniform(0.02, 0.04))
    head = backdrop.material(rng, wear.cloud, backdrop.paint(rng, vivid=1.0), shade=0.6)
    for side in (-1.0, 1.0):
        part = view.moved(np.array([0.3 * side * wide * count, 0.0]))
        spring = spring_of(play, reach=(0.05, 0.18), bounce=rng.uniform(0.2, 0.5))
        _, strokes = acted(play, spring, part, "wood")
        tip = part.point(strokes) - np.array([0.0, 0.018])
        grip = part.surface(strokes) * 0.3 + part.contact * 0.7 + np.array([side * 0.18, 0.1]) + 0.4 * strokes[:, :1] * part.up
        body.shadow(play, part.surface(strokes), (0.03, 0.012), strokes[:, 0])
        play.canvas.capsule(grip, tip, (0.006, 0.005), head.tinted(0.6))
        play.canvas.ellipse(tip, (0.02, 0.018), head)
        shoulder = part.contact + np.array([side * 0.5, 0.5])
        fore = body.arm(play, limbs, shoulder, grip + np.array([side * limbs.size, limbs.size]), side=side)
        body.fist(play, limbs, grip + np.array([side * limbs.size, limbs.size]), fore)


def chop(play: Play) -> None:
    """A knife chops on a board."""
    rng, wear = play.look, play.textures
    view = front(play, above=rng.uniform(0.0, 0.4))
    bench(play, view, depth=rng.uniform(0.05, 0.25))
    board = backdrop.material(rng, wear.wood, backdrop.paint(rng, low=0.35, vivid=0.4))
    play.canvas.box(view.contact + np.array([0.0, 0.06]), (0.3, 0.06), board, corner=0.2)
    food = backdrop.material(rng, wear.cloud, backdrop.paint(rng, low=0.2, vivid=1.2), shade=0.5)
    play.canvas.ellipse(view.contact + np.array([-0.12, 0.0]), (0.1, 0.035), food)
    _, strokes = acted(play, spring_of(play, reach=(0.05, 0.15), bounce=0.0), view, "wood")
    side = float(rng.choice([-1.0, 1.0]))
    heel = view.surface(strokes) + strokes[:, :1] * view.up
    length = rng.uniform(0.16, 0.28)
    tilt = 0.5 * strokes[:, 0] / length
    tip = heel - side * length * np.stack([np.cos(tilt), side * 0 + np.sin(-tilt)], 1)
    steel = backdrop.material(rng, wear.cloud, backdrop.paint(rng, low=0.5, high=0.95, vivid=0.1), shade=0.3)
    body.shadow(play, view.surface(strokes) - np.array([side * 0.1, 0.0]), (0.12, 0.015), strokes[:, 0])
    play.canvas.capsule(heel - np.array([0.0, 0.025]), tip - np.array([0.0, 0.01]), (0.025, 0.008), steel)
    limbs = Limbs.draw(play, rng.uniform(0.025, 0.045))
    grip = heel + np.array([side * 0.06, -0.03])
    play.canvas.capsule(heel - np.array([0.0, 0.03]), grip, (0.012, 0.014), steel.tinted(0.2))
    wrist = grip + side * np.array([1.5 * limbs.size, 0.0])
    fore = body.arm(play, limbs, view.contact + np.array([side * 0.6, -0.1]), wrist, side=side)
    body.fist(play, limbs, wrist - 0.5 * fore * limbs.size, -fore * np.sign(1.0))


def cups(play: Play) -> None:
    """A hand lifts a cup and sets it down, hard or softly, here and there."""
    rng, wear = play.look, play.textures
    view = front(play, above=rng.uniform(0.0, 0.3))
    bench(play, view, depth=rng.uniform(0.05, 0.25))
    spring = Spring(
        rate_hz=rng.uniform(2.2, 4.0), damping=rng.uniform(0.7, 1.0), bounce=0.05, reach=rng.uniform(0.05, 0.14),
        period_s=(0.6, 1.6), quiet=0.3, full_speed=2.5,
    )  # fmt: skip
    _, strokes = acted(play, spring, view, str(rng.choice(["glass", "wood"])))
    foot = view.surface(strokes) + strokes[:, :1] * view.up
    size = rng.uniform(0.04, 0.09)
    cup = backdrop.material(rng, wear.cloud + wear.cloth, backdrop.paint(rng, low=0.2, high=1.0, vivid=0.9), shade=0.6)
    body.shadow(play, view.surface(strokes), (size, 0.25 * size), strokes[:, 0])
    middle = foot - np.array([0.0, size])
    play.canvas.box(middle, (size, 0.7 * size), cup, angle=np.pi / 2, corner=0.2, taper=0.85)
    play.canvas.ellipse(foot - np.array([0.0, 2 * size]), (0.68 * size, 0.2 * size), cup.tinted(0.5))
    side = float(rng.choice([-1.0, 1.0]))
    limbs = Limbs.draw(play, rng.uniform(0.025, 0.05))
    wrist = middle + np.array([side * (0.7 * size + 2.6 * limbs.size), 0.3 * limbs.size])
    body.arm(play, limbs, view.contact + np.array([side * 0.55, 0.3]), wrist, side=side)
    aim = np.broadcast_to(np.array([-side * 1.0, -0.1]), wrist.shape)
    body.flat_hand(play, limbs, wrist, aim, curl=0.15 * side, splay=0.06, thumb=-0.9 * side)


def pot(play: Play) -> None:
    """A spoon on pots and pans, while a second person gestures behind."""
    rng, wear = play.look, play.textures
    view = front(play, above=rng.uniform(0.0, 0.6))
    backdrop.room(play, clutter=8)
    _bystander(play)
    backdrop.table(play, float(view.contact[1]) - rng.uniform(0.0, 0.2))
    metal = backdrop.material(rng, wear.cloud, backdrop.paint(rng, low=0.3, high=0.9, vivid=0.3), shade=0.6)
    spring = spring_of(play, reach=(0.08, 0.22), bounce=rng.uniform(0.1, 0.4))
    plan, strokes = acted(play, spring, view, "metal")
    ring = ringing(play.times, plan.hit_times, 0.006 * plan.hit_strengths, rate_hz=11, decay_s=0.15)
    half = rng.uniform(0.1, 0.18)
    base = view.contact + np.array([0.0, 0.07])
    play.canvas.box(base + np.stack([ring, 0.5 * ring], 1), (half, 0.07), metal, corner=0.3, taper=0.9)
    play.canvas.ellipse(view.contact + np.stack([ring, 0.5 * ring], 1), (half, 0.025), metal.tinted(0.5))
    tip = view.point(strokes)
    side = float(rng.choice([-1.0, 1.0]))
    grip = view.contact + np.array([side * rng.uniform(0.18, 0.3), -0.12]) + 0.5 * strokes[:, :1] * view.up
    wood = backdrop.material(rng, wear.wood, backdrop.paint(rng, low=0.35, high=0.8, vivid=0.5), shade=0.4)
    play.canvas.capsule(grip, tip, (0.009, 0.007), wood)
    angle = np.arctan2(*(tip - grip).T[::-1])
    play.canvas.ellipse(tip, (0.03, 0.018), wood, angle=angle)
    limbs = Limbs.draw(play, rng.uniform(0.025, 0.045))
    wrist = grip + np.array([side * limbs.size, 0.4 * limbs.size])
    fore = body.arm(play, limbs, view.contact + np.array([side * 0.6, 0.35]), wrist, side=side)
    body.fist(play, limbs, wrist, fore)


def _bystander(play: Play) -> None:
    rng = play.look
    x = float(rng.choice([-1.0, 1.0])) * rng.uniform(0.2, 0.35)
    neck = body.torso(play, (x, -play.half_height * rng.uniform(0.3, 0.6)), rng.uniform(0.4, 0.6))
    limbs = Limbs.draw(play, 0.016)
    wave = np.stack([Drift.draw(rng, 0.05, (0.3, 2.5)).at(play.clock) for _ in range(2)], 1)
    wrist = neck + np.array([0.12, 0.18]) + wave
    fore = body.arm(play, limbs, neck + np.array([0.12, 0.08]), wrist, side=1.0)
    body.flat_hand(play, limbs, wrist, fore)


def dribble(play: Play) -> None:
    """A hand dribbles a ball on the floor: it sounds at the floor; catches are silent."""
    rng, act, wear = play.look, play.act, play.textures
    backdrop.room(play, clutter=6)
    floor = play.half_height * rng.uniform(0.5, 0.9)
    backdrop.table(play, floor - rng.uniform(0.1, 0.3), front=False)
    radius, waist = rng.uniform(0.05, 0.09), rng.uniform(0.2, 0.4)
    place, blows = _dribbled(act, play.duration_s, waist - 2 * radius)
    x = rng.uniform(-0.25, 0.25)
    for time, speed in blows:
        play.hit(time, strength_of(speed, 3.5), (x, floor), "dull")
    height = place.at(play.times)[:, 0]
    sway = Drift.draw(rng, 0.02, (0.2, 0.8)).at(play.clock)
    middle = np.stack([x + sway, floor - radius - height], 1)
    look = backdrop.material(rng, wear.cloth + wear.grain, backdrop.paint(rng, low=0.25, vivid=1.2), shade=0.5)
    body.shadow(play, np.stack([x + sway, np.full_like(sway, floor)], 1), (1.2 * radius, 0.3 * radius), height)
    play.canvas.ellipse(middle, (radius, radius), look, angle=3.0 * play.clock)
    limbs = Limbs.draw(play, rng.uniform(0.025, 0.04))
    low = floor - waist + 0.08
    palm = np.minimum(floor - 2 * radius - height, low) - 0.5 * limbs.size
    side = float(rng.choice([-1.0, 1.0]))
    wrist = np.stack([x + sway + side * 2.6 * limbs.size, palm], 1)
    body.arm(play, limbs, np.array([x + side * 0.3, floor - waist - 0.25]), wrist, side=-side)
    aim = np.broadcast_to(np.array([-side, 0.12]), wrist.shape)
    body.flat_hand(play, limbs, wrist, aim, thumb=0.9 * side)


def _dribbled(act: np.random.Generator, duration_s: float, top: float) -> tuple[Sampled, list[tuple[float, float]]]:
    """Height of a ball that a hand pushes down and catches: samples, and floor contacts (t_s, speed)."""
    steps = int(duration_s / STEP_S) + 2
    heights = np.full((steps, 1), top)
    blows: list[tuple[float, float]] = []
    k = int(act.uniform(0.2, 0.8) / STEP_S)
    while k * STEP_S < duration_s - 1.5:
        push, rise = act.uniform(0.14, 0.3), 0.0
        for _ in range(act.integers(2, 10)):
            down, rise = int(push / STEP_S), int(push * act.uniform(1.1, 1.35) / STEP_S)
            if (k + down + rise) * STEP_S > duration_s - 0.8:
                break
            fall = np.linspace(0, 1, down, endpoint=False)
            heights[k : k + down, 0] = top * (1 - fall**1.4)
            k += down
            blows.append((k * STEP_S, 1.4 * top / push))
            back = np.linspace(0, 1, rise, endpoint=False)
            heights[k : k + rise, 0] = top * (1 - (1 - back) ** 1.7)
            k += rise + int(act.uniform(0.01, 0.12) / STEP_S)
        k += int(act.uniform(0.2, 1.2) / STEP_S)
    return Sampled(STEP_S, heights), blows


def sweep(play: Play) -> None:
    """A broom sweeps the floor, lifted between the strokes."""
    rng, act, wear = play.look, play.act, play.textures
    view = front(play, above=0.3, low=0.4, high=0.8)
    bench(play, view, depth=0.4)
    steps = int(play.duration_s / STEP_S) + 2
    values = np.zeros((steps, 2))
    values[:, 1] = 0.06
    k = int(act.uniform(0.2, 0.8) / STEP_S)
    while k * STEP_S < play.duration_s - 2.2:
        count, lift = int(act.uniform(0.4, 0.9) / STEP_S), int(0.4 / STEP_S)
        ramp = np.linspace(0, np.pi, count)
        values[k : k + count, 0] = 0.2 * np.cos(ramp) - 0.2
        values[k : k + count, 1] = 0.06 * np.clip(1 - np.minimum(ramp, np.pi - ramp) * 6, 0, 1)
        k += count
        values[k : k + lift, 0] = -0.4 + 0.4 * (0.5 - 0.5 * np.cos(np.linspace(0, np.pi, lift)))
        values[k : k + lift, 1] = 0.06
        k += lift + int(act.uniform(0.0, 0.8) / STEP_S)
    path = Sampled(STEP_S, values)
    now, soon = path.at(play.times), path.at(play.times + STEP_S)
    speed = np.abs(soon[:, 0] - now[:, 0]) / STEP_S
    level = np.clip(1.0 + 0.5 * np.log10(np.maximum(speed, 1e-6) / 3.0), 0, 1)
    play.rub(level * (now[:, 1] < 1e-3) * (speed > 0.06))
    foot = view.contact + np.stack([now[:, 0] + 0.2, -now[:, 1]], 1)
    straw = backdrop.material(rng, wear.grain, backdrop.paint(rng, low=0.3, vivid=0.7), amplitude=0.5)
    top = foot + np.array([0.12, -0.6])
    body.shadow(play, foot, (0.08, 0.015), now[:, 1])
    play.canvas.capsule(top, foot - np.array([0.0, 0.05]), (0.01, 0.01), straw.tinted(0.6))
    play.canvas.box(foot - np.array([0.0, 0.035]), (0.045, 0.07), straw, angle=np.pi / 2, corner=0.1)
    limbs = Limbs.draw(play, 0.03)
    grip = foot + 0.75 * (top - foot)
    fore = body.arm(play, limbs, view.contact + np.array([0.5, -0.7]), grip, side=1.0)
    body.fist(play, limbs, grip - fore * limbs.size, fore)


def conductor(play: Play) -> None:
    """Somebody beats time with a baton, touching nothing: silent."""
    rng = play.look
    backdrop.room(play, clutter=8)
    neck = body.torso(play, (rng.uniform(-0.1, 0.1), -play.half_height * rng.uniform(0.1, 0.4)), rng.uniform(0.7, 1.1))
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
    day = backdrop.material(rng, wear.clutter, backdrop.paint(rng, low=0.5, high=1.0, vivid=0.2), shade=0.0)
    light = 1.0 + Drift.draw(rng, 0.2, (0.05, 0.8)).at(play.clock)
    play.canvas.box((0.0, -0.1), (0.3, 0.3), day, gain=light)
    cloth = backdrop.material(rng, wear.cloth, backdrop.paint(rng, low=0.3, vivid=0.5), amplitude=0.3)
    for k in range(6):
        x = (k - 2.5) * 0.11
        wind = Drift.draw(rng, 0.025, (0.2, 1.6)).at(play.clock)
        middle = np.stack([x + wind, np.full_like(wind, -0.05)], 1)
        tone = cloth.tinted(0.85 + 0.1 * (k % 3))
        play.canvas.box(middle, (0.36, 0.06), tone, angle=np.pi / 2 + 0.6 * wind, bend=0.8 * wind, alpha=0.9)


def still_room(play: Play) -> None:
    """A room in which only the light changes."""
    backdrop.room(play, clutter=14)
    backdrop.table(play, play.half_height * play.look.uniform(0.0, 0.6))
    rng = play.look
    glow = Look(colour=(0.9, 0.95, 1.0), amplitude=0.0, shade=0.0, soft=0.2, cover=0.0)
    level = np.clip(0.12 + Drift.draw(rng, 0.05, (0.02, 0.5)).at(play.clock), 0, 0.4)
    play.canvas.ellipse((rng.uniform(-0.4, 0.4), -0.2), (0.5, 0.4), glow, alpha=level)


FAMILIES: Final[dict[str, Callable[[Play], None]]] = {
    "mallets": mallets,
    "chop": chop,
    "cups": cups,
    "pot": pot,
    "dribble": dribble,
    "sweep": sweep,
    "conductor": conductor,
    "curtain": curtain,
    "still_room": still_room,
}

"""Families that only evaluate: other things and another law of motion (springs.py)."""

from collections.abc import Callable
from typing import Final

import numpy as np

from synchresis.engines.scenes import backdrop, body
from synchresis.engines.scenes.actors import View
from synchresis.engines.scenes.body import Limbs
from synchresis.engines.scenes.path import Drift, ringing
from synchresis.engines.scenes.play import Play, strength_of
from synchresis.engines.scenes.primitives import Samples
from synchresis.engines.scenes.springs import (
    STEP_S,
    Sampled,
    Spring,
    swing,
    targets,
)
from synchresis.engines.scenes.strokes import Strokes


def spring_of(
    play: Play, *, reach: tuple[float, float], bounce: float = 0.2, quiet: float = 0.35
) -> Spring:
    """Draw a way of moving."""
    rng = play.look
    fast = rng.uniform(0.18, 0.4)
    return Spring(
        rate_hz=rng.uniform(3.0, 6.5),
        damping=rng.uniform(0.55, 1.0),
        bounce=bounce,
        reach=rng.uniform(*reach),
        period_s=(fast, fast * rng.uniform(1.5, 4.0)),
        quiet=quiet,
        full_speed=rng.uniform(3.0, 5.0),
    )


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
        play.canvas.box(
            (x, float(view.contact[1])),
            (0.14 - 0.008 * k, 0.42 * wide),
            tone,
            angle=np.pi / 2,
            corner=0.2,
        )
    limbs = Limbs.draw(play, rng.uniform(0.02, 0.04))
    head = backdrop.material(rng, wear.cloud, backdrop.paint(rng, vivid=1.0), shade=0.6)
    for side in (-1.0, 1.0):
        part = view.moved(np.array([0.3 * side * wide * count, 0.0]))
        spring = spring_of(play, reach=(0.05, 0.18), bounce=rng.uniform(0.2, 0.5))
        _, strokes = acted(play, spring, part, "wood")
        tip = part.point(strokes) - np.array([0.0, 0.018])
        grip = (
            part.surface(strokes) * 0.3
            + part.contact * 0.7
            + np.array([side * 0.18, 0.1])
            + 0.4 * strokes[:, :1] * part.up
        )
        body.shadow(play, part.surface(strokes), (0.03, 0.012), strokes[:, 0])
        play.canvas.capsule(grip, tip, (0.006, 0.005), head.tinted(0.6))
        play.canvas.ellipse(tip, (0.02, 0.018), head)
        shoulder = part.contact + np.array([side * 0.5, 0.5])
        fore = body.arm(
            play, limbs, shoulder, grip + np.array([side * limbs.size, limbs.size]), side=side
        )
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
    tip = heel - length * np.stack([side * np.cos(tilt), -np.sin(tilt)], 1)
    steel = backdrop.material(
        rng, wear.cloud, backdrop.paint(rng, low=0.5, high=0.95, vivid=0.1), shade=0.3
    )
    body.shadow(
        play, view.surface(strokes) - np.array([side * 0.1, 0.0]), (0.12, 0.015), strokes[:, 0]
    )
    play.canvas.capsule(
        heel - np.array([0.0, 0.025]), tip - np.array([0.0, 0.01]), (0.025, 0.008), steel
    )
    limbs = Limbs.draw(play, rng.uniform(0.025, 0.045))
    grip = heel + np.array([side * 0.06, -0.03])
    play.canvas.capsule(heel - np.array([0.0, 0.03]), grip, (0.012, 0.014), steel.tinted(0.2))
    wrist = grip + side * np.array([1.5 * limbs.size, 0.0])
    fore = body.arm(play, limbs, view.contact + np.array([side * 0.6, -0.1]), wrist, side=side)
    body.fist(play, limbs, wrist - 0.5 * fore * limbs.size, fore)


def cups(play: Play) -> None:
    """A hand lifts a cup and sets it down, hard or softly, here and there."""
    rng, wear = play.look, play.textures
    view = front(play, above=rng.uniform(0.0, 0.3))
    bench(play, view, depth=rng.uniform(0.05, 0.25))
    spring = Spring(
        rate_hz=rng.uniform(2.2, 4.0),
        damping=rng.uniform(0.7, 1.0),
        bounce=0.05,
        reach=rng.uniform(0.05, 0.14),
        period_s=(0.6, 1.6),
        quiet=0.3,
        full_speed=2.5,
    )
    _, strokes = acted(play, spring, view, str(rng.choice(["glass", "wood"])))
    foot = view.surface(strokes) + strokes[:, :1] * view.up
    size = rng.uniform(0.04, 0.09)
    cup = backdrop.material(
        rng, wear.cloud + wear.cloth, backdrop.paint(rng, low=0.2, high=1.0, vivid=0.9), shade=0.6
    )
    body.shadow(play, view.surface(strokes), (size, 0.25 * size), strokes[:, 0])
    middle = foot - np.array([0.0, size])
    side = float(rng.choice([-1.0, 1.0]))
    limbs = Limbs.draw(play, rng.uniform(0.025, 0.05))
    wrist = middle + np.array([side * (0.7 * size + 2.6 * limbs.size), 0.3 * limbs.size])
    body.arm(play, limbs, view.contact + np.array([side * 0.55, 0.3]), wrist, side=side)
    aim = np.broadcast_to(np.array([-side * 1.0, -0.1]), wrist.shape)
    body.flat_hand(play, limbs, wrist, aim, curl=0.15 * side, splay=0.06, thumb=-0.9 * side)
    play.canvas.box(middle, (size, 0.7 * size), cup, angle=np.pi / 2, corner=0.2, taper=0.85)
    play.canvas.ellipse(
        foot - np.array([0.0, 2 * size]), (0.68 * size, 0.2 * size), cup.tinted(0.5)
    )


def pot(play: Play) -> None:
    """A spoon on pots and pans, while a second person gestures behind."""
    rng, wear = play.look, play.textures
    view = front(play, above=rng.uniform(0.0, 0.6))
    backdrop.room(play, clutter=8)
    _bystander(play)
    backdrop.table(play, float(view.contact[1]) - rng.uniform(0.0, 0.2))
    metal = backdrop.material(
        rng, wear.cloud, backdrop.paint(rng, low=0.3, high=0.9, vivid=0.3), shade=0.6
    )
    spring = spring_of(play, reach=(0.08, 0.22), bounce=rng.uniform(0.1, 0.4))
    plan, strokes = acted(play, spring, view, "metal")
    ring = ringing(play.times, plan.hit_times, 0.006 * plan.hit_strengths, rate_hz=11, decay_s=0.15)
    half = rng.uniform(0.1, 0.18)
    base = view.contact + np.array([0.0, 0.07])
    play.canvas.box(
        base + np.stack([ring, 0.5 * ring], 1), (half, 0.07), metal, corner=0.3, taper=0.9
    )
    play.canvas.ellipse(
        view.contact + np.stack([ring, 0.5 * ring], 1), (half, 0.025), metal.tinted(0.5)
    )
    tip = view.point(strokes)
    side = float(rng.choice([-1.0, 1.0]))
    grip = (
        view.contact
        + np.array([side * rng.uniform(0.18, 0.3), -0.12])
        + 0.5 * strokes[:, :1] * view.up
    )
    wood = backdrop.material(
        rng, wear.wood, backdrop.paint(rng, low=0.35, high=0.8, vivid=0.5), shade=0.4
    )
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
    look = backdrop.material(
        rng, wear.cloth + wear.grain, backdrop.paint(rng, low=0.25, vivid=1.2), shade=0.5
    )
    body.shadow(
        play,
        np.stack([x + sway, np.full_like(sway, floor)], 1),
        (1.2 * radius, 0.3 * radius),
        height,
    )
    play.canvas.ellipse(middle, (radius, radius), look, angle=3.0 * play.clock)
    limbs = Limbs.draw(play, rng.uniform(0.025, 0.04))
    low = floor - waist + 0.08
    palm = np.minimum(floor - 2 * radius - height, low) - 0.5 * limbs.size
    side = float(rng.choice([-1.0, 1.0]))
    wrist = np.stack([x + sway + side * 2.6 * limbs.size, palm], 1)
    body.arm(play, limbs, np.array([x + side * 0.3, floor - waist - 0.25]), wrist, side=-side)
    aim = np.broadcast_to(np.array([-side, 0.12]), wrist.shape)
    body.flat_hand(play, limbs, wrist, aim, thumb=0.9 * side)


def _dribbled(
    act: np.random.Generator, duration_s: float, top: float
) -> tuple[Sampled, list[tuple[float, float]]]:
    """Height of a ball pushed down and caught: samples, and floor contacts (t_s, speed)."""
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
    straw = backdrop.material(
        rng, wear.grain, backdrop.paint(rng, low=0.3, vivid=0.7), amplitude=0.5
    )
    top = foot + np.array([0.12, -0.6])
    body.shadow(play, foot, (0.08, 0.015), now[:, 1])
    play.canvas.capsule(top, foot - np.array([0.0, 0.05]), (0.01, 0.01), straw.tinted(0.6))
    play.canvas.box(
        foot - np.array([0.0, 0.035]), (0.045, 0.07), straw, angle=np.pi / 2, corner=0.1
    )
    limbs = Limbs.draw(play, 0.03)
    grip = foot + 0.75 * (top - foot)
    fore = body.arm(play, limbs, view.contact + np.array([0.5, -0.7]), grip, side=1.0)
    body.fist(play, limbs, grip - fore * limbs.size, fore)


FAMILIES: Final[dict[str, Callable[[Play], None]]] = {
    "mallets": mallets,
    "chop": chop,
    "cups": cups,
    "pot": pot,
    "dribble": dribble,
    "sweep": sweep,
}

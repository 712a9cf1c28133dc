"""Sustained and granular sounds: scraping, sawing, rolling, tearing, splashing, bursting."""

from typing import Final

import numpy as np

from synchresis.engines.scenes import backdrop, body
from synchresis.engines.scenes.actors import View, bare_hand, sound, stage
from synchresis.engines.scenes.body import Limbs
from synchresis.engines.scenes.families.silent import distract
from synchresis.engines.scenes.path import Path, Times, pulses
from synchresis.engines.scenes.play import Play
from synchresis.engines.scenes.primitives import Look, Samples
from synchresis.engines.scenes.strokes import Manner, Striker


def level_of(speed: Times, full: float) -> Times:
    """Level 0..1 of rubbing at `speed`: amplitude follows speed, silent below 2 % of `full`."""
    level = 1.0 + 0.5 * np.log10(np.maximum(np.abs(speed), 1e-6) / full)
    return np.where(np.abs(speed) > 0.02 * full, np.clip(level, 0.0, 1.0), 0.0)


def speed_of(values: Times, path: Path, times: Times) -> Times:
    """Speed of a one-coordinate path (per second) at `times`, `values` being its places there."""
    return np.asarray((path.at(times + 0.002)[:, 0] - values) / 0.002)


def rubbing(play: Play, reach: float, period_s: tuple[float, float]) -> tuple[Path, Path]:
    """To-and-fro along one coordinate, and height: 0 while it rubs, more while it hovers."""
    act = play.act
    along, height = Path(1), Path(1)
    along.knot(0.0, (0.0,))
    height.knot(0.0, (0.1,))
    time, end = act.uniform(0.1, 0.5), play.duration_s - 0.8
    while time < end:
        touch = act.random() < 0.7
        height.knot(time, height.last)
        height.knot(time + 0.3, (0.0 if touch else act.uniform(0.03, 0.15),))
        time += 0.35
        along.knot(time, along.last)
        period = act.uniform(*period_s)
        for k in range(act.integers(1, 10)):
            time += period * act.normal(1, 0.06)
            if time > end:
                break
            along.knot(time, ((1.0 if k % 2 == 0 else -1.0) * reach * act.uniform(0.6, 1.1),))
        time += 0.05
        if act.random() < 0.6:
            height.knot(time, height.last)
            height.knot(time + 0.25, (0.1,))
            time += act.uniform(0.3, 0.9)
    along.knot(time, along.last)
    along.knot(time + 0.5, (0.0,))
    height.knot(max(time, height.end_s + 0.01), height.last)
    height.knot(height.end_s + 0.4, (0.1,))
    return along, height


def scrape(play: Play) -> None:
    """A hand, brush or blade rubs to and fro over a surface, or hovers over it."""
    rng, wear = play.look, play.textures
    view = View.draw(play)
    stage(play, view)
    distract(play)
    fast = rng.uniform(0.12, 0.4)
    along, height = rubbing(play, rng.uniform(0.06, 0.3), (fast, fast * 3))
    x, h = along.at(play.times)[:, 0], height.at(play.times)[:, 0]
    play.rub(level_of(speed_of(x, along, play.times), 4.0) * (h < 1e-3))
    turn = rng.normal(0, 0.5)
    way = np.array([np.cos(turn), np.sin(turn) * 0.5])
    point = view.contact + x[:, None] * way + h[:, None] * view.up
    limbs = Limbs.draw(play, rng.uniform(0.025, 0.06))
    side = float(rng.choice([-1.0, 1.0]))
    body.shadow(play, view.contact + x[:, None] * way, (2.5 * limbs.size, limbs.size), h)
    tool = rng.integers(3)
    look = backdrop.material(rng, wear.cloth + wear.wood, backdrop.paint(rng), shade=0.4)
    if tool == 0:
        half = (rng.uniform(0.03, 0.1), rng.uniform(0.015, 0.04))
        play.canvas.box(point - np.array([0.0, half[1]]), half, look, angle=turn, corner=0.3)
    elif tool == 1:
        blade = np.array([np.cos(turn), np.sin(turn)]) * rng.uniform(0.12, 0.3)
        play.canvas.capsule(point - blade, point + 0.3 * blade, (0.014, 0.01), look)
    wrist = point + np.array([side * 2.5, -1.8]) * limbs.size
    shoulder = view.contact + np.array([side * 0.5, rng.uniform(-0.3, 0.5)])
    fore = body.arm(play, limbs, shoulder, wrist, side=side)
    if tool == 2:
        body.flat_hand(play, limbs, wrist, body.turned(fore, 0.2), thumb=0.9 * side)
    else:
        body.fist(play, limbs, wrist, fore)


def saw(play: Play) -> None:
    """A saw or knife goes to and fro in a piece of wood."""
    rng, wear = play.look, play.textures
    view = View.draw(play, low=0.0, high=0.6, above=0.0)
    stage(play, view)
    along, height = rubbing(play, rng.uniform(0.06, 0.2), (0.18, rng.uniform(0.3, 0.8)))
    x, h = along.at(play.times)[:, 0], 0.5 * height.at(play.times)[:, 0]
    play.rub(level_of(speed_of(x, along, play.times), 3.0) * (h < 1e-3))
    wood = backdrop.material(rng, wear.wood, backdrop.paint(rng, low=0.3, vivid=0.4), shade=0.3)
    block = view.contact + np.array([0.0, 0.06])
    play.canvas.box(block, (rng.uniform(0.1, 0.3), 0.05), wood, corner=0.1)
    lean = rng.uniform(-0.4, 0.4)
    way = np.array([np.cos(lean), np.sin(lean)])
    side = float(rng.choice([-1.0, 1.0]))
    middle = view.contact + x[:, None] * way - np.stack([np.zeros_like(h), h], 1)
    steel = backdrop.material(
        rng, wear.cloud, backdrop.paint(rng, low=0.3, high=0.9, vivid=0.1), shade=0.2
    )
    back = middle + side * way * rng.uniform(0.15, 0.25)
    play.canvas.capsule(back, middle - side * way * 0.2, (0.035, 0.015), steel)
    play.canvas.box(view.contact + np.array([0.0, 0.05]), (0.05, 0.045), wood, corner=0.05)
    limbs = Limbs.draw(play, rng.uniform(0.025, 0.05))
    wrist = back + side * way * limbs.size * 2
    fore = body.arm(play, limbs, view.contact + np.array([side * 0.6, -0.2]), wrist, side=side)
    body.fist(play, limbs, wrist - fore * limbs.size, fore)


def roll(play: Play) -> None:
    """A ball or can rolls over the table, slows and comes back."""
    rng, wear = play.look, play.textures
    view = View.draw(play, above=0.3)
    stage(play, view, person=0.1)
    distract(play)
    radius = rng.uniform(0.02, 0.09)
    path = Path(1)
    path.knot(0.0, (-0.7,))
    time, here = play.act.uniform(0.1, 0.4), -0.7
    while time < play.duration_s - 1.6:
        there = (
            float(play.act.uniform(-0.4, 0.4))
            if play.act.random() < 0.6
            else -0.7 * float(np.sign(here))
        )
        seconds = max(abs(there - here) / play.act.uniform(0.3, 1.5), 0.3)
        path.knot(time, (here,))
        path.knot(time + seconds, (there,))
        time, here = time + seconds + play.act.uniform(0.05, 0.8), there
    path.knot(time, (here,))
    path.knot(time + 1.2, (-0.7,))
    x = path.at(play.times)[:, 0]
    play.rub(level_of(speed_of(x, path, play.times), 5.0) * (np.abs(x) < 0.6))
    look = backdrop.material(
        rng, wear.cloth + wear.clutter, backdrop.paint(rng, vivid=1.0), shade=0.5, amplitude=0.5
    )
    place = np.stack([x, np.full_like(x, float(view.contact[1]) - radius)], 1)
    body.shadow(
        play, place + np.array([0.0, radius]), (1.1 * radius, 0.3 * radius), np.zeros_like(x)
    )
    play.canvas.ellipse(place, (radius, radius), look, angle=x / radius)


def tear(play: Play) -> None:
    """Two hands tear paper or cloth, bit by bit, or only move it."""
    rng, wear = play.look, play.textures
    backdrop.room(play)
    if rng.random() < 0.6:
        body.torso(
            play,
            (rng.uniform(-0.1, 0.1), -play.half_height * rng.uniform(0.1, 0.5)),
            rng.uniform(0.9, 1.6),
        )
    middle = np.array([rng.uniform(-0.15, 0.15), play.half_height * rng.uniform(0.0, 0.5)])
    gap, sway = _tears(play)
    g = gap.at(play.times)[:, 0]
    opening = np.maximum(speed_of(g, gap, play.times), 0.0)
    play.spray(level_of(opening, 1.2))
    place = middle + sway.at(play.times)
    paper = backdrop.material(
        rng, wear.cloud + wear.cloth, backdrop.paint(rng, low=0.4, high=1.0), amplitude=0.1
    )
    size = rng.uniform(0.08, 0.2)
    limbs = Limbs.draw(play, rng.uniform(0.025, 0.05))
    for side in (-1.0, 1.0):
        centre = place + np.stack([side * (0.5 * g + 0.45 * size), 0.4 * g], 1)
        play.canvas.box(
            centre,
            (0.5 * size, size),
            paper.tinted(1.0 + 0.08 * side),
            angle=side * 1.5 * g,
            corner=0.03,
            bend=side * 0.2 * g,
        )
        wrist = centre + np.array([side * 1.5 * limbs.size, 1.0 * limbs.size])
        fore = body.arm(play, limbs, middle + np.array([side * 0.45, 0.35]), wrist, side=-side)
        body.fist(play, limbs, wrist - limbs.size * fore, fore)


def _tears(play: Play) -> tuple[Path, Path]:
    """Pull by pull: paths of the opening and of where the paper is held."""
    act = play.act
    gap, sway = Path(1), Path(2)
    gap.knot(0.0, (0.0,))
    sway.knot(0.0, (0.0, 0.0))
    time = act.uniform(0.2, 0.8)
    while time < play.duration_s - 2.0:
        for _ in range(act.integers(1, 5)):
            seconds = act.uniform(0.1, 0.7)
            gap.knot(time, gap.last)
            gap.knot(time + seconds, (gap.last[0] + act.uniform(0.02, 0.1),))
            time += seconds + act.uniform(0.05, 0.3)
        sway.knot(time, sway.last)
        sway.knot(time + 0.5, (float(act.normal(0, 0.08)), float(act.normal(0, 0.05))))
        time += 0.6
        if gap.last[0] > 0.25 or act.random() < 0.3:
            gap.knot(time, gap.last)
            gap.knot(time + 0.6, (0.0,))
            time += 0.8
    gap.knot(max(time, gap.end_s + 0.01), gap.last)
    gap.knot(gap.end_s + 0.6, (0.0,))
    sway.knot(max(time, sway.end_s + 0.01), (0.0, 0.0))
    return gap, sway


def particles(
    play: Play,
    starts: list[tuple[float, float, Samples]],
    look: Look,
    *,
    count: int,
    gravity: float,
    fade_s: float,
) -> None:
    """Bits that fly from bursts (t_s, speed, place) and fall; they serve every burst in turn."""
    rng = play.look
    times = np.array([t for t, _, _ in starts])
    if len(times) == 0:
        times, starts = np.array([1e9]), [(1e9, 0.0, np.zeros(2))]
    index = np.clip(np.searchsorted(times, play.times, side="right") - 1, 0, len(times) - 1)
    age = play.times - times[index]
    alive = np.clip(age, 0.0, 10.0)
    speeds = np.array([s for _, s, _ in starts])[index]
    origin = np.stack([p for _, _, p in starts])[index]
    for _ in range(count):
        angle = rng.uniform(0, 2 * np.pi) if gravity < 1 else rng.uniform(-2.8, -0.3)
        pace = speeds * rng.uniform(0.2, 1.0)
        x = pace * np.cos(angle) * alive * np.exp(-alive)
        y = pace * np.sin(angle) * alive * np.exp(-alive) + 0.5 * gravity * alive**2
        alpha = np.where(age > 0, np.exp(-alive / fade_s), 0.0)
        alpha[alpha < 0.02] = 0.0
        half = (rng.uniform(0.003, 0.016), rng.uniform(0.003, 0.012))
        play.canvas.ellipse(
            origin + np.stack([x, y], 1),
            half,
            look.tinted(rng.uniform(0.8, 1.3)),
            angle=rng.uniform(0, 3) + 9 * alive,
            alpha=alpha,
        )


def splash(play: Play) -> None:
    """A hand slaps water, or breaks something brittle: an impact, and bits flying."""
    rng = play.look
    view = View.draw(play, above=rng.uniform(0, 0.6))
    stage(play, view)
    distract(play)
    how = Manner(reach=rng.uniform(0.1, 0.35), period_s=(0.5, 1.5), rest=0.15, run=3, quiet=0.4)
    plan = Striker(play.act, how).plan(play.duration_s)
    strokes = sound(play, view, plan, "dull")
    for time, strength, _ in plan.hits:
        fall = np.clip(strength - 0.3 * np.maximum(play.times - time, 0.0) / 0.25, 0.0, 1.0)
        play.spray(np.where(play.times >= time, fall, 0.0))
    bits = backdrop.material(
        rng, play.textures.cloud, backdrop.paint(rng, low=0.5, high=1.0, vivid=0.3), amplitude=0.1
    )
    starts = [(t, 0.4 + 1.5 * s, view.contact + p * view.along) for t, s, p in plan.hits]
    limbs = Limbs.draw(play, rng.uniform(0.025, 0.06))
    bare_hand(
        play,
        view,
        strokes,
        limbs,
        side=float(rng.choice([-1.0, 1.0])),
        closed=bool(rng.random() < 0.5),
    )
    particles(play, starts, bits, count=14, gravity=3.0, fade_s=0.4)


def firework(play: Play) -> None:
    """Rockets rise and burst with a flash."""
    rng, act = play.look, play.act
    sky = backdrop.material(
        rng, play.textures.cloud, backdrop.paint(rng, low=0.02, high=0.15), amplitude=0.5
    )
    play.canvas.box((0.0, 0.0), (1.6, 1.6), sky)
    for _ in range(rng.integers(0, 5)):
        backdrop.thing(play, play.half_height)
    path = Path(2)
    path.knot(0.0, (0.0, play.half_height + 0.3))
    starts: list[tuple[float, float, Samples]] = []
    time = act.uniform(0.1, 0.5)
    while time < play.duration_s - 1.5:
        x, top = act.uniform(-0.35, 0.35), act.uniform(-0.8, 0.1) * play.half_height
        path.knot(time, (x, play.half_height + 0.3))
        seconds = act.uniform(0.4, 1.0)
        path.knot(time + seconds, (x + act.normal(0, 0.05), top))
        path.knot(time + seconds + 0.001, (0.0, play.half_height + 0.3))
        strength = act.uniform(0.4, 1.0)
        play.hit(time + seconds, strength, (x, top), "drum")
        starts.append((time + seconds, 0.5 + strength, np.array([x, top])))
        time += seconds + act.uniform(0.2, 1.2)
    path.knot(path.end_s + 0.01, (0.0, play.half_height + 0.3))
    blows = np.array([t for t, _, _ in starts])
    sizes = np.array([0.6 * s for _, s, _ in starts])
    flash = np.clip(pulses(play.times, blows, sizes, decay_s=rng.uniform(0.04, 0.2)), 0, 1)
    play.spray(np.clip(pulses(play.times, blows, sizes, decay_s=0.4), 0, 1) * (flash > 1e-3))
    glow = Look(colour=(0.8, 0.9, 1.0), amplitude=0.0, shade=0.0, soft=0.2, cover=0.0)
    place = path.at(play.times)
    index = np.clip(np.searchsorted(blows, play.times, side="right") - 1, 0, max(len(blows) - 1, 0))
    spots = np.stack([p for _, _, p in starts])[index] if starts else np.zeros((len(play.times), 2))
    play.canvas.ellipse(spots, (0.35, 0.3), glow, alpha=0.8 * flash)
    spark = Look(
        colour=backdrop.paint(rng, low=0.7, high=1.0, vivid=1.0),
        amplitude=0.0,
        shade=0.0,
        cover=0.0,
    )
    play.canvas.ellipse(place, (0.008, 0.004), spark)
    particles(play, starts, spark, count=20, gravity=0.15, fade_s=0.6)


def gun(play: Play) -> None:
    """A long thing held in the hands recoils with a flash and smoke."""
    rng, act, wear = play.look, play.act, play.textures
    backdrop.room(play)
    side = float(rng.choice([-1.0, 1.0]))
    muzzle = np.array([-side * rng.uniform(0.1, 0.35), play.half_height * rng.uniform(-0.4, 0.3)])
    aim, times = _shots(play)
    shots = np.array(times)
    strength = rng.uniform(0.8, 1.0)
    at = aim.at(play.times)
    kick = pulses(play.times, shots, rng.uniform(0.01, 0.04), decay_s=0.08)
    flash = np.clip(pulses(play.times, shots, 1.0, decay_s=0.02), 0, 1)
    tip = muzzle + at + kick[:, None] * np.array([side, -0.5])
    lean = 0.3 * at[:, 1] - 2.0 * kick
    back = tip + side * 0.4 * np.stack([np.cos(lean), np.sin(lean)], 1)
    spots = (
        np.stack([np.interp(shots, play.times, tip[:, k]) for k in (0, 1)], 1)
        if times
        else np.zeros((0, 2))
    )
    for shot, spot in zip(times, spots, strict=True):
        play.hit(shot, float(np.clip(strength * act.normal(1, 0.03), 0, 1)), spot, "drum")
    steel = backdrop.material(
        rng, wear.cloud, backdrop.paint(rng, low=0.03, high=0.4, vivid=0.2), shade=0.5
    )
    limbs = Limbs.draw(play, rng.uniform(0.025, 0.04))
    fire = Look(colour=(0.4, 0.8, 1.0), amplitude=0.0, shade=0.0, soft=0.03, cover=0.0)
    smoke = Look(colour=(0.7, 0.7, 0.7), amplitude=0.2, shade=0.0, soft=0.05)
    if rng.random() < 0.7:
        play.canvas.ellipse(tip - np.array([side * 0.04, 0.0]), (0.05, 0.03), fire, alpha=flash)
    haze = 0.4 * np.clip(pulses(play.times, shots, 0.6, decay_s=0.5), 0, 1)
    play.canvas.ellipse(tip - np.array([side * 0.06, 0.03]), (0.07, 0.05), smoke, alpha=haze)
    play.canvas.capsule(tip, back, (0.01, 0.02), steel)
    play.canvas.box(
        back - side * np.array([0.1, 0.0]), (0.12, 0.03), steel.tinted(0.8), angle=lean, corner=0.2
    )
    for share in (0.45, 0.9):
        wrist = tip + share * (back - tip) + np.array([side * 0.02, 0.03])
        fore = body.arm(play, limbs, muzzle + np.array([side * 0.55, 0.15]), wrist, side=side)
        body.fist(play, limbs, wrist - fore * limbs.size, fore)


def _shots(play: Play) -> tuple[Path, list[float]]:
    """Aiming, and volleys: the path of the aim and the times of the shots."""
    act = play.act
    aim = Path(2)
    aim.knot(0.0, (0.0, 0.3))
    times: list[float] = []
    time = act.uniform(0.1, 0.4)
    while time < play.duration_s - 1.5:
        aim.knot(time, aim.last)
        aim.knot(time + 0.5, (float(act.normal(0, 0.03)), float(act.normal(0, 0.05))))
        time += act.uniform(0.6, 1.2)
        gap = act.uniform(0.09, 0.8)
        for _ in range(act.integers(0, 6)):
            if time < play.duration_s - 1.0:
                times.append(time)
                time += gap * act.uniform(0.95, 1.1)
        time += 0.3
    aim.knot(max(time, aim.end_s + 0.01), aim.last)
    aim.knot(aim.end_s + 0.4, (0.0, 0.3))
    return aim, times


FAMILIES: Final = {
    "scrape": scrape,
    "saw": saw,
    "roll": roll,
    "tear": tear,
    "splash": splash,
    "firework": firework,
    "gun": gun,
}

"""Hands that clap, tap, type, pluck and shake."""

from dataclasses import replace
from typing import Final

import numpy as np

from synchresis.engines.scenes import backdrop, body
from synchresis.engines.scenes.actors import View, sound, stage
from synchresis.engines.scenes.body import Limbs
from synchresis.engines.scenes.families.silent import distract, drift2
from synchresis.engines.scenes.path import Path, ringing
from synchresis.engines.scenes.play import Play, strength_of
from synchresis.engines.scenes.primitives import Samples
from synchresis.engines.scenes.strokes import Manner, Striker, rhythm


def clap(play: Play) -> None:
    """Two hands clap before a body or close to the camera."""
    rng = play.look
    backdrop.room(play)
    middle = np.array([rng.uniform(-0.2, 0.2), play.half_height * rng.uniform(-0.2, 0.6)])
    if rng.random() < 0.6:
        body.torso(
            play,
            (float(middle[0]), float(middle[1]) - rng.uniform(0.15, 0.5)),
            rng.uniform(0.7, 1.4),
        )
    distract(play)
    limbs = Limbs.draw(play, rng.uniform(0.025, 0.08))
    how = Manner(
        reach=rng.uniform(0.05, 0.25),
        period_s=(0.16, rng.uniform(0.4, 1.2)),
        rebound=float(rng.choice([0.0, 0.3])),
        rest=rng.uniform(0.03, 0.15),
        quiet=rng.uniform(0.2, 0.5),
        full_speed=3.5,
    )
    still_hand = rng.random() < 0.25
    view = View(middle, np.array([0.0, 0.02]), np.array([1.0, rng.normal(0, 0.3)]), 0.0)
    plan = Striker(play.act, how).plan(play.duration_s)
    strokes = sound(play, view, plan, "body")
    place = middle + drift2(play, 0.008, (0.2, 1.5))
    tilt = rng.uniform(0.2, 1.4)
    for side in (-1.0, 1.0):
        share = 0.15 if still_hand and side < 0 else 1.0
        palm = place + side * (strokes[:, :1] * view.up * share + np.array([0.6 * limbs.size, 0.0]))
        aim = np.array([-0.25 * side * np.cos(tilt), -np.sin(tilt)])
        direction = np.broadcast_to(aim / np.hypot(*aim), palm.shape)
        direction = body.turned(direction, side * 0.8 * strokes[:, 0])
        wrist = palm - direction * (2.0 * limbs.size)
        shoulder = middle + np.array([side * rng.uniform(0.2, 0.5), rng.uniform(0.1, 0.6)])
        body.arm(play, limbs, shoulder, wrist, side=-side)
        body.flat_hand(
            play, limbs, wrist, direction, splay=rng.uniform(0.02, 0.15), thumb=-0.9 * side
        )


def _fingers(
    play: Play, limbs: Limbs, wrist: Samples, aim: Samples, lifts: list[Samples]
) -> list[Samples]:
    """A hand whose fingers rise by `lifts` (float64[N] each); returns their tips at rest."""
    s = limbs.size
    direction = np.broadcast_to(aim, wrist.shape)
    across = body.turned(direction, np.pi / 2)
    middle = wrist + direction * (1.5 * s)
    tips = []
    for k, lift in enumerate(lifts):
        root = middle + across * ((k - 1.5) * 0.62 * s) + direction * (0.8 * s)
        rest = root + body.turned(direction, (k - 1.5) * 0.1) * ((2.0, 2.4, 2.3, 1.8)[k] * s)
        tip = rest - direction * (0.7 * lift[:, None]) - np.array([0.0, 1.0]) * lift[:, None]
        knuckle = (
            root
            + 0.5 * (rest - root)
            - np.array([0.0, 0.35 * s])
            - np.array([0.0, 0.8]) * lift[:, None]
        )
        play.canvas.capsule(root, knuckle, (0.46 * s, 0.42 * s), limbs.skin.tinted(0.97))
        play.canvas.capsule(knuckle, tip, (0.42 * s, 0.34 * s), limbs.skin.tinted(1.02 - 0.04 * k))
        tips.append(rest)
    angle = float(np.arctan2(aim[1], aim[0]))
    play.canvas.box(middle, (1.5 * s, 1.3 * s), limbs.skin, angle=angle, corner=0.55)
    return tips


def finger_plans(
    play: Play, beats: list[tuple[float, float]], how: Manner, fingers: int
) -> list[tuple[Samples, list[tuple[float, float, float]]]]:
    """Deal beats to fingers at random; per finger its height float64[N] and its hits."""
    dealt: list[list[tuple[float, float]]] = [[] for _ in range(fingers)]
    for beat in beats:
        dealt[int(play.act.integers(fingers))].append(beat)
    plans = [Striker(play.act, how).keep(share, play.duration_s) for share in dealt]
    return [(plan.path.at(play.times)[:, 0], plan.hits) for plan in plans]


def tapping(play: Play) -> None:
    """The fingers of a resting hand drum on the table."""
    rng = play.look
    view = View.draw(play, above=rng.uniform(0.3, 1.0))
    stage(play, view)
    distract(play)
    limbs = Limbs.draw(play, rng.uniform(0.03, 0.08))
    beats = rhythm(play.act, play.duration_s, (0.09, rng.uniform(0.25, 0.6)))
    plans = finger_plans(play, beats, _light(play, limbs), 4)
    material = str(rng.choice(["wood", "dull", "metal"]))
    _tap_hand(play, view.contact, limbs, plans, material)


def _light(play: Play, limbs: Limbs) -> Manner:
    return Manner(
        reach=limbs.size * play.look.uniform(0.5, 1.4),
        rest=0.15 * limbs.size,
        rebound=0.0,
        quiet=0.3,
        full_speed=2.0,
    )


def _tap_hand(
    play: Play,
    contact: Samples,
    limbs: Limbs,
    plans: list[tuple[Samples, list[tuple[float, float, float]]]],
    material: str,
) -> None:
    rng = play.look
    side = float(np.sign(rng.normal()))
    aim = np.array([-side * rng.uniform(0.0, 0.8), -1.0 if rng.random() < 0.7 else 0.4])
    aim = aim / np.hypot(*aim)
    wander = drift2(play, 0.15 * limbs.size, (0.2, 1.5))
    wrist = contact - aim * (4.5 * limbs.size) + wander
    shoulder = wrist.mean(0) - aim * 0.5 + np.array([side * 0.3, 0.1])
    body.shadow(play, contact + wander, (3 * limbs.size, 2 * limbs.size), np.zeros(len(play.times)))
    body.arm(play, limbs, shoulder, wrist, side=side)
    tips = _fingers(play, limbs, wrist, aim, [height for height, _ in plans])
    for tip, (_, hits) in zip(tips, plans, strict=True):
        for time, strength, _ in hits:
            play.hit(time, strength, tip.mean(0), material)


def typing(play: Play) -> None:
    """Fingers type on a keyboard seen from above."""
    rng = play.look
    view = View.draw(play, low=-0.2, high=0.6, above=1.0)
    backdrop.room(play, clutter=4)
    backdrop.table(play, -play.half_height - 0.1)
    wear = play.textures
    turn = rng.normal(0, 0.3)
    keys = backdrop.material(
        rng,
        wear.cloth,
        backdrop.paint(rng, low=0.05, high=0.85, vivid=0.6),
        amplitude=0.5,
        scale=rng.uniform(1.2, 3.0),
    )
    play.canvas.box(
        view.contact,
        (rng.uniform(0.25, 0.5), rng.uniform(0.09, 0.18)),
        keys,
        angle=turn,
        corner=0.1,
    )
    limbs = Limbs.draw(play, rng.uniform(0.02, 0.045))
    beats = rhythm(play.act, play.duration_s, (0.1, rng.uniform(0.2, 0.5)))
    plans = finger_plans(
        play, [(t, 0.5 * a) for t, a in beats], replace(_light(play, limbs), full_speed=5.0), 8
    )
    for hand_, offset in ((plans[:4], -0.13), (plans[4:], 0.13)):
        if rng.random() < 0.9:
            _tap_hand(
                play, view.contact + np.array([offset, rng.normal(0, 0.02)]), limbs, hand_, "dull"
            )


def pluck(play: Play) -> None:
    """A hand strums or plucks strings, which quiver."""
    rng = play.look
    backdrop.room(play)
    wear = play.textures
    if rng.random() < 0.5:
        body.torso(
            play,
            (rng.uniform(-0.1, 0.1), -play.half_height * rng.uniform(0.2, 0.8)),
            rng.uniform(0.9, 1.5),
        )
    lean = rng.normal(0, 0.25)
    along, across = np.array([np.cos(lean), np.sin(lean)]), np.array([-np.sin(lean), np.cos(lean)])
    middle = np.array([rng.uniform(-0.15, 0.15), play.half_height * rng.uniform(-0.1, 0.5)])
    wood = backdrop.material(
        rng, wear.wood, backdrop.paint(rng, low=0.2, high=0.8, vivid=0.5), shade=0.3
    )
    play.canvas.ellipse(middle, (rng.uniform(0.2, 0.35), rng.uniform(0.15, 0.25)), wood, angle=lean)
    play.canvas.ellipse(middle, (0.06, 0.06), wood.tinted(0.25))
    play.canvas.box(middle + along * 0.4, (0.3, 0.035), wood.tinted(0.6), angle=lean, corner=0.1)
    path, hits = _strums(play, rng.uniform(0.02, 0.1))
    times, sizes = np.array([t for t, _ in hits]), np.array([0.006 * s for _, s in hits])
    steel = replace(wood, colour=(0.75, 0.8, 0.85), amplitude=0.0)
    for k in range(4):
        quiver = ringing(
            play.times, times, sizes, rate_hz=rng.uniform(7, 24), decay_s=rng.uniform(0.2, 0.6)
        )
        root = middle + across * ((k - 1.5) * 0.014)
        play.canvas.capsule(
            root - along * 0.2, root + along * 0.65, (0.0015, 0.0015), steel, bend=quiver
        )
    for time, strength in hits:
        play.hit(time, strength, middle, "string")
    limbs = Limbs.draw(play, rng.uniform(0.025, 0.05))
    y = path.at(play.times)
    wrist = middle + across * y[:, :1] - along * (1.5 * limbs.size) - across * (2.5 * limbs.size)
    direction = body.turned(np.broadcast_to(across + 0.6 * along, wrist.shape), 2.0 * y[:, 0])
    body.arm(play, limbs, middle + np.array([-0.4, -rng.uniform(0.1, 0.4)]), wrist, side=1.0)
    body.flat_hand(
        play, limbs, wrist, direction / np.hypot(*direction.T)[:, None], curl=0.5, splay=0.05
    )


def _strums(play: Play, reach: float) -> tuple[Path, list[tuple[float, float]]]:
    """Swings across the strings: a path of one coordinate and (t_s, strength) of the crossings."""
    act = play.act
    path = Path(1)
    path.knot(0.0, (-reach,))
    hits: list[tuple[float, float]] = []
    time, here = 0.1, -reach
    while time < play.duration_s - 1.0:
        period = act.uniform(0.12, 0.7)
        for _ in range(act.integers(1, 9)):
            there = -float(np.sign(here)) * reach * act.uniform(0.5, 1.4)
            seconds = period * act.uniform(0.4, 0.6)
            if time + seconds > play.duration_s - 0.6:
                break
            path.knot(time, (here,))
            path.knot(time + seconds, (there,))
            fine = np.linspace(time, time + seconds, 65)
            crossing = float(np.interp(0.0, *_rising(path.at(fine)[:, 0], fine)))
            hits.append((crossing, strength_of(1.9 * abs(there - here) / seconds, 3.0)))
            time, here = time + seconds, there
        rest = act.uniform(0.1, 1.0)
        if act.random() < 0.3:
            path.knot(time, (here,))
            time += 0.3
            here = float(np.sign(here)) * reach * act.uniform(0.5, 1.5)
            path.knot(time, (here,))
        time += rest
    path.knot(time, (here,))
    path.knot(time + 0.4, (-reach,))
    return path, hits


def _rising(values: Samples, times: Samples) -> tuple[Samples, Samples]:
    return (values, times) if values[-1] > values[0] else (-values, times)


def shaker(play: Play) -> None:
    """A hand shakes a shaker or tambourine: it sounds where the hand turns round."""
    rng, act = play.look, play.act
    backdrop.room(play)
    if rng.random() < 0.6:
        body.torso(
            play,
            (rng.uniform(-0.2, 0.2), play.half_height * rng.uniform(-0.6, 0.1)),
            rng.uniform(0.7, 1.4),
        )
    distract(play)
    limbs = Limbs.draw(play, rng.uniform(0.025, 0.05))
    home = np.array([rng.uniform(-0.2, 0.2), play.half_height * rng.uniform(-0.1, 0.5)])
    way = np.array([rng.normal(0, 0.5), 1.0])
    path = Path(1)
    path.knot(0.0, (0.0,))
    time, end = act.uniform(0.1, 0.6), play.duration_s - 0.8
    while time < end:
        period, reach = act.uniform(0.1, 0.4), act.uniform(0.03, 0.1)
        path.knot(time, path.last)
        for k in range(act.integers(2, 16)):
            time += period * act.normal(1.0, 0.04)
            if time > end:
                break
            place = reach if k % 2 == 0 else -reach
            path.knot(time, (place,))
            strength = strength_of(reach * 1.9 / period, 2.5)
            play.hit(time, strength * (1.0 if k % 2 == 0 else 0.9), home + way * place, "metal")
        time += act.uniform(0.3, 1.4)
    path.knot(time, path.last)
    path.knot(time + 0.4, (0.0,))
    grip = home + path.at(play.times) * way
    look = backdrop.material(rng, play.textures.cloth, backdrop.paint(rng, vivid=1.0), shade=0.5)
    side = float(rng.choice([-1.0, 1.0]))
    fore = body.arm(play, limbs, home + np.array([side * 0.4, 0.35]), grip, side=side)
    body.fist(play, limbs, grip, fore)
    if rng.random() < 0.5:
        play.canvas.ellipse(
            grip + fore * 0.09, (0.11, rng.uniform(0.03, 0.1)), look, angle=rng.uniform(0, 3)
        )
    else:
        play.canvas.box(
            grip + fore * 0.05, (0.07, 0.025), look, angle=rng.uniform(0, 3), corner=0.6
        )


FAMILIES: Final = {
    "clap": clap,
    "tapping": tapping,
    "typing": typing,
    "pluck": pluck,
    "shaker": shaker,
}

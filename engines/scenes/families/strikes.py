"""Things struck by sticks, hammers and hands."""

from dataclasses import replace
from typing import Final

import numpy as np

from synchresis.engines.scenes import backdrop
from synchresis.engines.scenes.actors import (
    Grip,
    View,
    bare_hand,
    drum,
    sound,
    stage,
    struck,
    wield,
)
from synchresis.engines.scenes.body import Limbs, torso
from synchresis.engines.scenes.families.silent import distract
from synchresis.engines.scenes.path import ringing
from synchresis.engines.scenes.play import Play
from synchresis.engines.scenes.strokes import Manner, Striker, Strokes, rhythm, shared


def manner(play: Play, *, rebound: float, reach: tuple[float, float] = (0.06, 0.38)) -> Manner:
    """Draw a way of striking."""
    rng = play.look
    top = rng.uniform(*reach)
    fastest = rng.uniform(0.11, 0.35)
    return Manner(
        reach=top,
        period_s=(fastest, fastest * rng.uniform(1.5, 6.0)),
        rebound=rebound,
        rest=rng.uniform(0.05, 1.0) * top,
        quiet=rng.uniform(0.2, 0.6),
        full_speed=rng.uniform(4.0, 7.0),
    )


def stick(play: Play) -> None:
    """A stick held by a hand strikes things, with all kinds of silent strokes between."""
    view = View.draw(play)
    stage(play, view)
    distract(play)
    plan = Striker(play.act, manner(play, rebound=play.look.uniform(0, 0.5))).plan(play.duration_s)
    strokes = sound(play, view, plan, struck(play, view, plan))
    wield(play, view, strokes, Grip.draw(play), Limbs.draw(play, play.look.uniform(0.018, 0.05)))


def hammer(play: Play) -> None:
    """A hammer on an anvil, a nail, a box."""
    rng = play.look
    view = View.draw(play, above=rng.uniform(0, 0.5))
    stage(play, view)
    distract(play)
    how = replace(manner(play, rebound=rng.uniform(0, 0.35), reach=(0.1, 0.4)), run=6)
    slowest = max(how.period_s[1], 0.5)
    how = replace(how, period_s=(max(how.period_s[0], 0.28), slowest))
    plan = Striker(play.act, how).plan(play.duration_s)
    struck(play, view, plan)
    strokes = sound(play, view, plan, str(rng.choice(["metal", "wood"])))
    grip = Grip.draw(play)
    grip = replace(
        grip,
        head=(rng.uniform(0.02, 0.05), rng.uniform(0.03, 0.09)),
        girth=rng.uniform(0.008, 0.018),
    )
    wield(play, view, strokes, grip, Limbs.draw(play, rng.uniform(0.02, 0.06)))


def hand(play: Play) -> None:
    """A hand slaps or a fist knocks on a table."""
    rng = play.look
    view = View.draw(play)
    stage(play, view)
    distract(play)
    how = manner(play, rebound=float(rng.choice([0.0, 0.0, 0.15])))
    plan = Striker(play.act, how).plan(play.duration_s)
    strokes = sound(play, view, plan, str(rng.choice(["wood", "dull", "drum", "body"])))
    limbs = Limbs.draw(play, rng.uniform(0.025, 0.07))
    side = float(rng.choice([-1.0, 1.0]))
    closed = bool(rng.random() < 0.35)
    bare_hand(play, view, strokes, limbs, side=side, closed=closed, hinge=rng.uniform(0.3, 1.0))


def cushion(play: Play) -> None:
    """A hand or a stick beats something soft that fills much of the picture."""
    rng = play.look
    view = View.draw(play, low=-0.2, high=0.5, above=rng.uniform(0.2, 1.0))
    backdrop.room(play, clutter=4)
    plan = Striker(play.act, manner(play, rebound=0.05)).plan(play.duration_s)
    dent = ringing(
        play.times,
        plan.hit_times,
        0.03 * plan.hit_strengths,
        rate_hz=rng.uniform(2, 6),
        decay_s=0.15,
    )
    wear = play.textures
    look = backdrop.material(
        rng, wear.cloth + wear.clutter, backdrop.paint(rng, vivid=0.8), shade=rng.uniform(0, 0.5)
    )
    half = (rng.uniform(0.25, 0.5), rng.uniform(0.18, 0.4))
    centre = view.contact + np.array([0.0, 0.6 * half[1]])
    play.canvas.box(
        centre, half, look, corner=0.6, angle=rng.normal(0, 0.2), bend=-dent, grow=1 - dent
    )
    strokes = sound(play, view, plan, "dull")
    limbs = Limbs.draw(play, rng.uniform(0.025, 0.07))
    if rng.random() < 0.5:
        wield(play, view, strokes, Grip.draw(play), limbs)
    else:
        side = float(rng.choice([-1.0, 1.0]))
        bare_hand(play, view, strokes, limbs, side=side, closed=bool(rng.random() < 0.5))


def knock(play: Play) -> None:
    """A fist knocks on a door: the strokes go sideways."""
    rng = play.look
    side = float(rng.choice([-1.0, 1.0]))
    backdrop.room(play, clutter=4)
    wear = play.textures
    wood = backdrop.material(
        rng, wear.wood + wear.cloud, backdrop.paint(rng, low=0.2, vivid=0.4), amplitude=0.2
    )
    edge = rng.uniform(-0.05, 0.25) * side
    plan = Striker(play.act, _knocking(play)).plan(play.duration_s)
    give = ringing(play.times, plan.hit_times, 0.003 * plan.hit_strengths, rate_hz=14, decay_s=0.08)
    centre = np.stack([edge - side * 0.5 + give, np.zeros_like(give)], 1)
    play.canvas.box(centre, (0.5, 1.2), wood, corner=0.02)
    panel = wood.tinted(rng.choice([0.8, 1.15]))
    play.canvas.box(centre - np.array([side * 0.05, 0.1]), (0.3, 0.25), panel, corner=0.05)
    above = rng.uniform(0.0, 1.0)
    view = View(
        np.array([edge - side * above * 0.3, play.half_height * rng.uniform(-0.5, 0.4)]),
        np.array([0.0, 0.05]),
        np.array([side * (1.0 - 0.5 * above), -0.2 * rng.random()]),
        0.7 * above,
    )
    strokes = sound(play, view, plan, str(rng.choice(["wood", "wood", "metal"])))
    bare_hand(
        play,
        view,
        strokes,
        Limbs.draw(play, rng.uniform(0.03, 0.06)),
        side=side,
        closed=True,
        hinge=0.8,
    )


def _knocking(play: Play) -> Manner:
    rng = play.look
    return Manner(
        reach=rng.uniform(0.05, 0.2),
        period_s=(0.13, 0.5),
        rebound=0.25,
        rest=rng.uniform(0.1, 0.3),
        run=6,
        quiet=rng.uniform(0.2, 0.5),
        full_speed=4.0,
    )


def two_plans(play: Play, how: Manner, *, together: float = 0.1) -> tuple[Strokes, Strokes]:
    """Plans of two hands that share a rhythm."""
    beats = shared(play.act, rhythm(play.act, play.duration_s, how.period_s), together=together)
    left, right = (Striker(play.act, how).keep(share, play.duration_s) for share in beats)
    return left, right


def drums(play: Play) -> None:
    """Two sticks on one or several drums, a body behind or the drums from above."""
    rng = play.look
    view = View.draw(play, low=0.0, high=0.7)
    backdrop.room(play)
    if rng.random() < 0.6:
        torso(
            play,
            (rng.uniform(-0.15, 0.15), play.half_height * rng.uniform(-0.7, 0.1)),
            rng.uniform(0.7, 1.3),
        )
    distract(play)
    how = manner(play, rebound=rng.uniform(0.2, 0.6), reach=(0.05, 0.3))
    plans = two_plans(play, how)
    half = np.array([rng.uniform(0.1, 0.25), rng.uniform(0.05, 0.2)])
    apart = half[0] * rng.choice([0.4, 1.1, 1.4])
    same = apart < half[0]
    limbs = Limbs.draw(play, rng.uniform(0.018, 0.04))
    offsets = (np.array([-apart, 0.0]), np.array([apart, rng.normal(0, 0.05)]))
    for number, (plan, offset) in enumerate(zip(plans, offsets, strict=True)):
        if number == 0 or not same:
            give = ringing(
                play.times, plan.hit_times, 0.006 * plan.hit_strengths, rate_hz=9, decay_s=0.1
            )
            drum(play, view.contact + (0 * offset if same else offset), half, give)
    for plan, offset, side in zip(plans, offsets, (-1.0, 1.0), strict=True):
        place = view.moved(offset)
        wield(play, place, sound(play, place, plan, "drum"), Grip.draw(play, side=side), limbs)


def hand_drums(play: Play) -> None:
    """Two bare hands on drums: bongos, congas, a table."""
    rng = play.look
    view = View.draw(play, low=0.1, high=0.8)
    stage(play, view, person=0.6)
    how = manner(play, rebound=float(rng.choice([0.0, 0.2])), reach=(0.03, 0.2))
    plans = two_plans(play, how, together=0.15)
    half = np.array([rng.uniform(0.08, 0.17), rng.uniform(0.05, 0.15)])
    limbs = Limbs.draw(play, rng.uniform(0.02, 0.05))
    offsets = (np.array([-1.1 * half[0], 0.0]), np.array([1.1 * half[0], 0.0]))
    with_drums = rng.random() < 0.75
    for plan, offset in zip(plans, offsets, strict=True):
        give = ringing(
            play.times, plan.hit_times, 0.004 * plan.hit_strengths, rate_hz=9, decay_s=0.1
        )
        if with_drums:
            drum(play, view.contact + offset, half, give)
    for plan, offset, side in zip(plans, offsets, (-1.0, 1.0), strict=True):
        place = view.moved(offset)
        strokes = sound(play, place, plan, "drum" if with_drums else "wood")
        bare_hand(play, place, strokes, limbs, side=side, hinge=rng.uniform(0.3, 1.0))


FAMILIES: Final = {
    "stick": stick,
    "hammer": hammer,
    "hand": hand,
    "cushion": cushion,
    "knock": knock,
    "drums": drums,
    "hand_drums": hand_drums,
}

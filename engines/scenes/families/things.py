"""Things that fall, shut and fly: lids and doors, dropped objects, balls and rackets."""

from typing import Final

import numpy as np

from synchresis.engines.scenes import backdrop, body
from synchresis.engines.scenes.actors import View, sound, stage
from synchresis.engines.scenes.body import Limbs
from synchresis.engines.scenes.families.balls import GRAVITY
from synchresis.engines.scenes.families.silent import distract, drift2
from synchresis.engines.scenes.path import Path, ringing
from synchresis.engines.scenes.play import Play, strength_of
from synchresis.engines.scenes.primitives import Samples
from synchresis.engines.scenes.strokes import Manner, Striker


def lid(play: Play) -> None:
    """A lid, book cover or door swings shut: hard, softly, or not quite."""
    rng, wear = play.look, play.textures
    view = View.draw(play, low=0.1, high=0.7, above=0.0)
    stage(play, view)
    distract(play)
    length = rng.uniform(0.15, 0.45)
    how = Manner(
        reach=0.8 * length,
        period_s=(0.45, 1.6),
        rebound=rng.uniform(0.0, 0.2),
        rest=0.5 * length,
        run=3,
        quiet=rng.uniform(0.3, 0.6),
        full_speed=5.0,
    )
    plan = Striker(play.act, how).plan(play.duration_s)
    side = float(rng.choice([-1.0, 1.0]))
    strokes = sound(play, view, plan, str(rng.choice(["wood", "metal", "dull"])))
    angle = np.arcsin(np.clip(strokes[:, 0] / length, 0.0, 0.999))
    hinge = view.contact + np.array([side * length, 0.0])
    edge = hinge + length * np.stack([-side * np.cos(angle), -np.sin(angle)], 1)
    look = backdrop.material(
        rng, wear.wood + wear.cloud + wear.cloth, backdrop.paint(rng), shade=0.3
    )
    box = look.tinted(rng.uniform(0.5, 1.4))
    depth = rng.uniform(0.05, 0.2)
    wobble = ringing(
        play.times, plan.hit_times, 0.006 * plan.hit_strengths, rate_hz=10, decay_s=0.1
    )
    shake = np.stack([0.3 * wobble, wobble], 1)
    middle = view.contact + np.array([side * 0.5 * length, 0.5 * depth]) + shake
    play.canvas.box(middle, (0.5 * length, 0.5 * depth), box, corner=0.08)
    thick = rng.uniform(0.008, 0.05)
    play.canvas.capsule(
        hinge - np.array([0.0, thick]), edge - np.array([0.0, thick]), (thick, thick), look
    )
    if rng.random() < 0.7:
        limbs = Limbs.draw(play, rng.uniform(0.02, 0.05))
        wrist = edge + np.array([-side * 1.2 * limbs.size, -2.0 * limbs.size])
        fore = body.arm(play, limbs, view.contact + np.array([-side * 0.5, 0.1]), wrist, side=-side)
        body.fist(play, limbs, wrist, fore)


def drop(play: Play) -> None:
    """A hand drops something, which bounces and lies; the hand fetches it and lets go again."""
    rng, wear = play.look, play.textures
    view = View.draw(play, low=0.2, high=0.85, above=0.0)
    stage(play, view)
    distract(play)
    half = (rng.uniform(0.02, 0.08), rng.uniform(0.015, 0.05))
    floor = float(view.contact[1]) - half[1]
    material = str(rng.choice(["wood", "metal", "dull", "glass"]))
    thing, holder, tumble = _fetch_and_drop(play, (float(view.contact[0]), floor), material)
    place, hand = thing.at(play.times), holder.at(play.times)
    turn = tumble.at(play.times)[:, 0]
    look = backdrop.material(
        rng, wear.cloth + wear.clutter, backdrop.paint(rng, vivid=0.9), shade=0.4
    )
    under = np.stack([place[:, 0], np.full(len(place), floor + half[1])], 1)
    body.shadow(play, under, (1.2 * half[0], 0.4 * half[1]), floor - place[:, 1])
    if rng.random() < 0.5:
        play.canvas.box(place, half, look, angle=turn, corner=rng.uniform(0, 0.6))
    else:
        play.canvas.ellipse(place, half, look, angle=turn)
    limbs = Limbs.draw(play, rng.uniform(0.02, 0.05))
    side = float(rng.choice([-1.0, 1.0]))
    wrist = hand + np.array([side * 2.6 * limbs.size, -1.2 * limbs.size])
    shoulder = view.contact + np.array([side * 0.55, -rng.uniform(0.0, 0.5)])
    body.arm(play, limbs, shoulder, wrist, side=side)
    aim = np.broadcast_to(np.array([-side * 0.8, 0.6]), wrist.shape)
    body.flat_hand(play, limbs, wrist, aim, splay=0.08, thumb=-0.9 * side)


def _fetch_and_drop(
    play: Play, lying: tuple[float, float], material: str
) -> tuple[Path, Path, Path]:
    """Paths of the thing, of the hand, and of the thing's turning."""
    act, (x, floor) = play.act, lying
    gravity, bounce = GRAVITY * play.look.uniform(0.5, 1.5), play.look.uniform(0.05, 0.45)
    thing, hand, turn = Path(2), Path(2), Path(1)
    thing.knot(0.0, (x, floor))
    hand.knot(0.0, (x + 0.5, floor - 0.3))
    turn.knot(0.0, (0.0,))
    time = act.uniform(0.05, 0.4)
    while time < play.duration_s - 2.2:
        here = thing.last[0]
        reach, lift = act.uniform(0.25, 0.6), act.uniform(0.3, 0.8)
        hand.knot(time, hand.last)
        hand.knot(time + reach, (here, floor))
        time += reach + act.uniform(0.05, 0.3)
        high = floor - act.uniform(0.08, 0.5)
        for path in (hand, thing):
            path.knot(time, (here, floor))
            path.knot(time + lift, (x + act.normal(0, 0.02), high))
        time += lift
        if act.random() < 0.3:
            for path in (hand, thing):
                path.knot(time + 0.8, (here, floor))
            time += 1.0
            hand.knot(time, (here, floor))
            continue
        wait = act.uniform(0.05, 0.6)
        hand.knot(time + wait, hand.last)
        hand.knot(time + wait + 0.35, (hand.last[0] + act.normal(0, 0.04), high - 0.04))
        time = _tumble(play, (thing, turn), time + wait, (floor, gravity, bounce), material)
        time += act.uniform(0.1, 0.7)
    hand.knot(max(time, hand.end_s + 0.01), hand.last)
    hand.knot(hand.end_s + 0.5, (x + 0.5, floor - 0.3))
    thing.knot(thing.end_s + 0.01, thing.last)
    return thing, hand, turn


def _tumble(
    play: Play,
    paths: tuple[Path, Path],
    time: float,
    physics: tuple[float, float, float],
    material: str,
) -> float:
    """Fall from the last place of the thing, bounce, come to rest; returns when."""
    thing, turn = paths
    act, (floor, gravity, bounce) = play.act, physics
    x, y = thing.last
    velocity = act.normal(0, 0.05)
    pull = (0.0, gravity)
    turn.knot(time, turn.last)
    thing.knot(time, (x, y), before=(0.0, 0.0), after=(velocity, 0.0), pull=pull)
    seconds = float(np.sqrt(2 * max(floor - y, 0.01) / gravity))
    speed = gravity * seconds
    for _ in range(6):
        time, x = time + seconds, x + velocity * seconds
        play.hit(time, strength_of(speed, 3.5), (x, floor), material)
        thing.knot(
            time, (x, floor), before=(velocity, speed), after=(velocity, -bounce * speed), pull=pull
        )
        turn.knot(time, (turn.last[0] + act.normal(0, 0.5),))
        speed *= bounce
        velocity *= 0.6
        seconds = 2 * speed / gravity
        if seconds < 0.06:
            break
    thing.knot(time + 0.05, (x, floor))
    turn.knot(time + 0.15, (float(np.round(turn.last[0] / np.pi) * np.pi),))
    return time


def paddle(play: Play) -> None:
    """A ball is kept in the air on a paddle, or against a racket."""
    rng = play.look
    backdrop.room(play)
    if rng.random() < 0.6:
        middle = (rng.uniform(-0.2, 0.2), play.half_height * rng.uniform(-0.6, -0.1))
        body.torso(play, middle, rng.uniform(0.6, 1.2))
    distract(play)
    radius, gravity = rng.uniform(0.012, 0.035), GRAVITY * rng.uniform(0.4, 1.2)
    home = np.array([rng.uniform(-0.2, 0.2), play.half_height * rng.uniform(0.0, 0.6)])
    ball, bat = _kept_up(play, home, gravity)
    wander = home + drift2(play, 0.02, (0.2, 1.0))
    rise = bat.at(play.times)[:, 0]
    place = ball.at(play.times)
    resting = (place[:, 1] > -1e-6) * np.maximum(0.0, rise)
    place = wander + place + np.stack([np.zeros_like(resting), resting], 1)
    blade = wander + np.stack([np.zeros_like(rise), rise], 1) + np.array([0.0, radius])
    _paddler(play, home, (place, blade), radius)


def _kept_up(play: Play, home: Samples, gravity: float) -> tuple[Path, Path]:
    """Rallies of bounces, thrown up from rest: paths of the ball (x, y) and the paddle (y)."""
    act = play.act
    ball, bat = Path(2), Path(1)
    ball.knot(0.0, (0.0, 0.0))
    bat.knot(0.0, (0.0,))
    time, pull = act.uniform(0.1, 0.8), (0.0, gravity)
    while time < play.duration_s - 1.2:
        count, up = act.integers(1, 9), float(np.sqrt(2 * gravity * act.uniform(0.04, 0.35)))
        ball.knot(time, (0.0, 0.0), before=(0.0, 0.0), after=(0.0, -up), pull=pull)
        bat.knot(time, (0.0,), before=(-0.4 * up,))
        play.hit(time, strength_of(0.4 * up, 3.0), home, "wood")
        for _ in range(count):
            seconds = 2 * up / gravity
            if time + seconds > play.duration_s - 0.9:
                break
            bat.knot(time + 0.45 * seconds, (act.uniform(0.0, 0.03),))
            time += seconds
            again = up * act.uniform(0.85, 1.15)
            ball.knot(time, (0.0, 0.0), before=(0.0, up), after=(0.0, -again), pull=pull)
            bat.knot(time, (0.0,), before=(-0.3 * up,))
            play.hit(time, strength_of(up * 1.2, 3.0), home, "wood")
            up = again
        seconds = 2 * up / gravity
        bat.knot(time + 0.5 * seconds, (0.0,))
        time += seconds
        ball.knot(time, (0.0, 0.0), before=(0.0, up), after=(0.0, 0.0))
        bat.knot(time, (0.0,), after=(0.3 * up,))
        play.hit(time, strength_of(0.6 * up, 3.0), home, "wood")
        bat.knot(time + 0.15, (0.02,))
        bat.knot(time + 0.4, (0.0,))
        time += act.uniform(0.5, 1.5)
    return ball, bat


def _paddler(play: Play, home: Samples, moves: tuple[Samples, Samples], radius: float) -> None:
    """Draw the ball, the paddle and the arm that holds it; `moves` are ball and paddle [N, 2]."""
    rng, wear = play.look, play.textures
    place, blade = moves
    paint = backdrop.paint(rng, vivid=1.0)
    look = backdrop.material(rng, wear.cloud, paint, amplitude=0.1)
    paint = backdrop.paint(rng, low=0.6, high=1.0, vivid=0.6)
    white = backdrop.material(rng, wear.cloud, paint, shade=0.4)
    side = float(rng.choice([-1.0, 1.0]))
    size = rng.uniform(0.05, 0.1)
    limbs = Limbs.draw(play, rng.uniform(0.02, 0.04))
    play.canvas.ellipse(place, (radius, radius), white)
    near, far = np.array([side * size, 0.0]), np.array([side * 1.8 * size, 0.02])
    play.canvas.capsule(blade + near, blade + far, (0.012, 0.012), look.tinted(0.6))
    flat = size * rng.uniform(0.1, 0.35)
    play.canvas.ellipse(blade + np.array([0.0, 0.01]), (size, flat), look)
    wrist = blade + np.array([side * (1.9 * size + limbs.size), 0.03])
    shoulder = home + np.array([side * 0.45, rng.uniform(-0.1, 0.4)])
    fore = body.arm(play, limbs, shoulder, wrist, side=side)
    body.fist(play, limbs, wrist, fore)


def racket(play: Play) -> None:
    """Balls come flying and are struck back with a racket, or missed."""
    rng, act = play.look, play.act
    backdrop.room(play)
    floor = play.half_height * rng.uniform(0.3, 0.9)
    backdrop.table(play, floor - rng.uniform(0.1, 0.5), front=False)
    distract(play)
    side = float(rng.choice([-1.0, 1.0]))
    size = rng.uniform(0.04, 0.12)
    spot = np.array([side * rng.uniform(0.05, 0.3), play.half_height * rng.uniform(-0.3, 0.4)])
    ball, swing = Path(2), Path(1)
    away = (-side * 0.8, float(spot[1]) - 0.2)
    ball.knot(0.0, away)
    swing.knot(0.0, (1.0,))
    time = act.uniform(0.2, 0.8)
    while time < play.duration_s - 1.6:
        flight, gravity = act.uniform(0.25, 0.7), GRAVITY * 0.4
        hit_at = time + flight
        speed = (float(spot[0]) - away[0]) / flight
        rise = (float(spot[1]) - away[1] - 0.5 * gravity * flight**2) / flight
        pull = (0.0, gravity)
        ball.knot(time, away, before=(0.0, 0.0), after=(speed, rise), pull=pull)
        windup = act.uniform(0.15, 0.4)
        swing.knot(max(hit_at - windup - 0.3, swing.end_s + 0.01), swing.last)
        missed = act.random() < 0.25
        late = act.uniform(0.1, 0.2) if missed else 0.0
        swing.knot(hit_at - 0.12 + late, (1.0 + act.uniform(0.1, 0.6),))
        pace = act.uniform(4.0, 9.0)
        swing.knot(hit_at + late, (0.0,), before=(-pace,))
        swing.knot(hit_at + late + 0.25, (-act.uniform(0.6, 1.2),))
        swing.knot(hit_at + late + 0.8, (1.0,))
        arrival = (speed, rise + gravity * flight)
        place = (float(spot[0]), float(spot[1]))
        if missed:
            ball.knot(hit_at, place, before=arrival, pull=pull)
            ball.knot(
                hit_at + 0.4, (place[0] + 0.4 * speed, place[1] + 0.4 * arrival[1]), before=arrival
            )
        else:
            play.hit(hit_at, strength_of(abs(speed) + 0.2 * pace, 6.0), spot, "wood")
            back = -speed * act.uniform(0.8, 1.5)
            ball.knot(
                hit_at, place, before=arrival, after=(back, -act.uniform(0.2, 0.8)), pull=pull
            )
            ball.knot(hit_at + 0.6, (place[0] + 0.6 * back, place[1]), before=(back, 0.5))
        ball.knot(ball.end_s + 0.001, away)
        time = swing.end_s + act.uniform(0.1, 0.9)
    _racket_player(play, spot, (ball.at(play.times), swing.at(play.times)[:, 0]), size, side)


def _racket_player(
    play: Play, spot: Samples, moves: tuple[Samples, Samples], size: float, side: float
) -> None:
    rng, wear = play.look, play.textures
    place, swing = moves
    limbs = Limbs.draw(play, rng.uniform(0.015, 0.035))
    frame = backdrop.material(rng, wear.cloth, backdrop.paint(rng, vivid=0.8), shade=0.2)
    middle = spot + np.stack(
        [side * (0.02 + 0.16 * swing), 0.06 * swing**2 - 0.05 * np.abs(swing)], 1
    )
    lean = side * (0.9 * swing + 0.3)
    shaft = body.turned(np.broadcast_to(np.array([0.0, 1.0]), middle.shape), -lean)
    grip = middle + shaft * (2.2 * size)
    shoulder = spot + np.array([side * 0.22, 0.05 + rng.uniform(-0.1, 0.15)])
    body.torso(
        play, (float(shoulder[0]) + side * 0.08, float(shoulder[1]) - 0.05), rng.uniform(0.4, 0.7)
    )
    body.arm(play, limbs, shoulder, grip, side=side)
    play.canvas.capsule(grip, middle, (0.01, 0.006), frame.tinted(0.6))
    play.canvas.ellipse(middle, (1.2 * size, 0.85 * size), frame, angle=np.pi / 2 - lean)
    ball = backdrop.material(
        rng, wear.cloud, backdrop.paint(rng, low=0.6, high=1.0, vivid=0.7), shade=0.3
    )
    radius = rng.uniform(0.008, 0.03)
    play.canvas.ellipse(place, (radius, radius), ball)


FAMILIES: Final = {"lid": lid, "drop": drop, "paddle": paddle, "racket": racket}

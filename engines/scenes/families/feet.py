"""Feet: walking, stomping, jumping."""

from typing import Final

import numpy as np

from synchresis.engines.scenes import backdrop, body
from synchresis.engines.scenes.actors import View, sound
from synchresis.engines.scenes.families.silent import distract
from synchresis.engines.scenes.path import Path
from synchresis.engines.scenes.play import Play, strength_of
from synchresis.engines.scenes.primitives import Look, Samples
from synchresis.engines.scenes.strokes import Manner, Striker


def _ground(play: Play) -> float:
    """Room and floor; returns the y feet stand on."""
    rng = play.look
    backdrop.room(play)
    floor = play.half_height * rng.uniform(0.2, 0.85)
    backdrop.table(play, floor - rng.uniform(0.0, 0.4), front=False)
    return float(floor)


def _cloths(play: Play) -> tuple[Look, Look]:
    """Looks of trousers and shoe."""
    rng, wear = play.look, play.textures
    trousers = backdrop.material(
        rng, wear.cloth + wear.cloud, backdrop.paint(rng, low=0.03, high=0.7), shade=0.35
    )
    shoe = backdrop.material(rng, wear.cloud, backdrop.paint(rng, low=0.03, high=0.9), shade=0.4)
    return trousers, shoe


def leg(
    play: Play,
    hip: Samples,
    ankle: Samples,
    pitch: Samples,
    size: float,
    looks: tuple[Look, Look],
    *,
    facing: float,
) -> None:
    """A leg from `hip` to `ankle` (float64[N, 2]), its shoe tipped by `pitch` (radians, toe up)."""
    trousers, shoe = looks
    span = float(np.max(np.hypot(*(ankle - hip).T))) * 0.505 + 0.005
    knee = body.elbow(hip, ankle, (span, span), -facing)
    play.canvas.capsule(hip, knee, (1.6 * size, 1.15 * size), trousers)
    play.canvas.capsule(knee, ankle, (1.15 * size, 0.7 * size), trousers)
    angle = -facing * pitch
    toe = np.stack([facing * np.cos(angle), facing * np.sin(angle)], 1)
    middle = ankle + toe * (0.9 * size) + np.array([0.0, 0.55 * size])
    play.canvas.box(middle, (1.9 * size, 0.6 * size), shoe, angle=angle, corner=0.8)


def walk(play: Play) -> None:
    """Somebody walks across the picture or on the spot: feet alone, or the whole person."""
    rng = play.look
    floor = _ground(play)
    distract(play)
    size = rng.uniform(0.02, 0.07)
    tall = rng.uniform(11, 14) * size
    facing = float(rng.choice([-1.0, 1.0]))
    period = rng.uniform(0.32, 0.8)
    stride = rng.choice([0.0, rng.uniform(2.5, 5.0)]) * size
    looks = _cloths(play)
    feet, hits = _gait(play, facing * stride, period, size)
    x = np.stack([foot[:, 0] for foot in feet]).mean(0)
    bob = 0.15 * size * np.abs(np.sin(np.pi * play.times / period))
    hip = np.stack([x, floor - tall + bob], 1)
    for number, foot in enumerate(feet):
        ankle = np.stack([foot[:, 0], floor - 1.15 * size - foot[:, 1]], 1)
        shade = (looks[0].tinted(0.8), looks[1].tinted(0.8)) if number == 0 else looks
        body.shadow(
            play,
            np.stack([foot[:, 0], np.full(len(x), floor)], 1),
            (2.2 * size, 0.5 * size),
            foot[:, 1],
        )
        leg(play, hip, ankle, foot[:, 2], size, shade, facing=facing)
    if rng.random() < 0.5:
        coat = looks[0].tinted(rng.uniform(0.6, 1.8))
        play.canvas.box(
            hip - np.array([0.0, 3.5 * size]),
            (5.5 * size, 2.3 * size),
            coat,
            angle=1.57,
            corner=0.6,
        )
    material = str(rng.choice(["dull", "wood", "body"]))
    loud = rng.uniform(0.3, 0.8)
    for time, x_hit in hits:
        if abs(x_hit) < 0.6:
            play.hit(
                time,
                float(np.clip(loud * play.act.normal(1, 0.1), 0.05, 1)),
                (x_hit, floor),
                material,
            )


def _gait(
    play: Play, stride: float, period: float, size: float
) -> tuple[list[Samples], list[tuple[float, float]]]:
    """Two feet (x, height, pitch) float64[N, 3] each, and heel strikes as (t_s, x)."""
    act = play.act
    paths = [Path(3), Path(3)]
    start = -np.sign(stride) * 0.65 if stride else act.uniform(-0.1, 0.1)
    time, x = 0.2, float(start)
    gap = 0.0 if stride else 1.6 * size
    hits: list[tuple[float, float]] = []
    for k, path in enumerate(paths):
        path.knot(0.0, (x + k * gap, 0.0, 0.0))
    turn = 0
    while time + period < play.duration_s - 0.3:
        if act.random() < 0.07:
            time += act.uniform(0.3, 1.2)
        path = paths[turn]
        here = path.last[0]
        there = here + stride * (1.0 if len(hits) == 0 else 2.0)
        swing = period * act.uniform(0.75, 0.95)
        lift = size * act.uniform(0.5, 2.0)
        path.knot(time, (here, 0.0, 0.0))
        path.knot(time + 0.35 * swing, (here + 0.25 * (there - here), lift, -0.5))
        path.knot(
            time + swing,
            (there, 0.0, 0.25),
            before=(0.8 * stride / period, -2.0 * lift / swing, 0.0),
            after=(0.0, 0.0, 0.0),
        )
        path.knot(time + swing + 0.08, (there, 0.0, 0.0))
        hits.append((time + swing, there))
        time += swing + 0.09
        turn = 1 - turn
    return [path.at(play.times) for path in paths], hits


def stomp(play: Play) -> None:
    """A foot stamps, taps or works a pedal."""
    rng = play.look
    floor = _ground(play)
    distract(play)
    size = rng.uniform(0.03, 0.09)
    facing = float(rng.choice([-1.0, 1.0]))
    view = View(np.array([rng.uniform(-0.3, 0.3), floor]), np.zeros(2), np.array([0.0, -1.0]), 0.0)
    how = Manner(
        reach=rng.uniform(0.8, 4.0) * size, period_s=(0.2, rng.uniform(0.5, 1.3)), rebound=0.0,
        rest=rng.choice([0.0, 0.4]) * size, quiet=rng.uniform(0.2, 0.5), full_speed=4.0,
    )  # fmt: skip
    plan = Striker(play.act, how).plan(play.duration_s)
    strokes = sound(play, view, plan, str(rng.choice(["dull", "wood"])))
    looks = _cloths(play)
    heel = rng.random() < 0.5
    pitch = (1.0 if heel else -0.5) * strokes[:, 0] / (4 * size)
    rise = strokes[:, 0] * (0.3 if heel else 1.0)
    ankle = view.contact + np.stack([np.zeros_like(rise), -rise - 1.15 * size], 1)
    hip = np.broadcast_to(
        view.contact + np.array([-facing * size, -13 * size]), ankle.shape
    ) - 0.3 * rise[:, None] * np.array([0.0, 1.0])
    body.shadow(play, np.broadcast_to(view.contact, ankle.shape), (2.2 * size, 0.5 * size), rise)
    if rng.random() < 0.6:
        other = view.contact + np.array([facing * 2.5 * size * rng.choice([-1, 1]), -1.15 * size])
        leg(
            play,
            hip,
            np.broadcast_to(other, ankle.shape),
            np.zeros_like(rise),
            size,
            (looks[0].tinted(0.8), looks[1].tinted(0.8)),
            facing=facing,
        )
    leg(play, hip, ankle, pitch, size, looks, facing=facing)


def jump(play: Play) -> None:
    """A body jumps and lands."""
    rng, act = play.look, play.act
    floor = _ground(play)
    distract(play)
    size = rng.uniform(0.02, 0.05)
    gravity = rng.uniform(1.5, 4.0)
    path = Path(2)
    path.knot(0.0, (0.0, 0.0))
    time = act.uniform(0.2, 0.8)
    x = rng.uniform(-0.25, 0.25)
    while time < play.duration_s - 1.8:
        path.knot(time, path.last)
        dip, height = act.uniform(0.15, 0.4), act.uniform(1.0, 5.0) * size
        up = float(np.sqrt(2 * gravity * height))
        if act.random() < 0.3:
            path.knot(time + dip, (0.0, -2.5 * size))
            path.knot(time + dip + act.uniform(0.2, 0.5), (0.0, 0.0))
            time = path.end_s + act.uniform(0.1, 0.6)
            continue
        path.knot(time + 0.6 * dip, (0.0, -2.5 * size))
        leave = time + dip
        path.knot(leave, (0.0, 0.0), before=(0.0, up), pull=(0.0, -gravity))
        land = leave + 2 * up / gravity
        path.knot(land, (0.0, 0.0), before=(0.0, -up), pull=(0.0, -gravity))
        play.hit(land, strength_of(up, 2.5), (x, floor), "dull")
        path.knot(land + act.uniform(0.08, 0.2), (0.0, -act.uniform(1.0, 3.0) * size))
        path.knot(land + act.uniform(0.35, 0.6), (0.0, 0.0))
        time = path.end_s + act.uniform(0.05, 1.0)
    path.knot(max(time, path.end_s + 0.01), (0.0, 0.0))
    _jumper(play, path.at(play.times)[:, 1], (x, floor), size)


def _jumper(play: Play, height: Samples, foot: tuple[float, float], size: float) -> None:
    """A person whose middle is `height` above standing: feet leave the floor only above 0."""
    looks = _cloths(play)
    x, floor = foot
    air = np.maximum(height, 0.0)
    zero = np.zeros_like(air)
    hip = np.stack([x + zero, floor - 12.5 * size - height], 1)
    body.shadow(play, np.stack([x + zero, floor + zero], 1), (3 * size, 0.6 * size), air)
    for side in (-1.0, 1.0):
        ankle = np.stack([x + side * 1.1 * size + zero, floor - 1.15 * size - air], 1)
        leg(play, hip, ankle, -0.5 * air, size, looks, facing=1.0)
    coat = looks[0].tinted(1.6)
    chest = hip - np.array([0.0, 4.5 * size])
    play.canvas.box(chest, (5.0 * size, 2.6 * size), coat, angle=1.57, corner=0.6)
    limbs = body.Limbs.draw(play, 0.55 * size)
    for side in (-1.0, 1.0):
        shoulder = chest + np.array([side * 2.4 * size, -3.5 * size])
        swing = 1.5 * height
        wrist = shoulder + np.stack([side * 2.0 * size + side * swing, 6.0 * size - 2.0 * swing], 1)
        body.arm(play, limbs, shoulder, wrist, side=side)
    play.canvas.ellipse(
        chest - np.array([0.0, 7.5 * size]), (2.2 * size, 1.7 * size), limbs.skin, angle=1.57
    )


FAMILIES: Final = {"walk": walk, "stomp": stomp, "jump": jump}

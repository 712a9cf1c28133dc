"""More silent families that only evaluate, with ways of moving of their own."""

from collections.abc import Callable
from typing import Final

import numpy as np

from synchresis.engines.scenes import backdrop, body
from synchresis.engines.scenes.body import Limbs
from synchresis.engines.scenes.path import Drift
from synchresis.engines.scenes.play import Play
from synchresis.engines.scenes.primitives import Look, Samples

STEP_S: Final = 0.005
"""Time step of the mobile's simulation."""


def glides(play: Play, every_s: float, width_s: float) -> Samples:
    """Places taken one after the other, each way a logistic curve: float64[N], 0 at both ends."""
    act, end = play.act, play.duration_s - 1.0
    value = np.zeros_like(play.times)
    time, place = act.uniform(0.2, 0.8), 0.0
    while time < end:
        aim = 0.0 if time > end - 1.0 else float(np.clip(act.normal(0, 0.7), -1.3, 1.3))
        slow = width_s * act.uniform(0.5, 2.0)
        value += (aim - place) / (1.0 + np.exp(-np.clip((play.times - time) / slow, -40, 40)))
        place = aim
        time += every_s * act.uniform(0.5, 1.8) + (act.uniform(0.3, 1.2) if aim > 0.8 else 0.0)
    return value - place / (1.0 + np.exp(-np.clip((play.times - end) / width_s, -40, 40)))


def signer(play: Play) -> None:
    """Somebody speaks in signs, both hands before the chest: silent."""
    rng = play.look
    backdrop.room(play, clutter=7)
    size = rng.uniform(0.7, 1.2)
    at = (rng.uniform(-0.12, 0.12), -play.half_height * rng.uniform(0.0, 0.5))
    neck = body.torso(play, at, size)
    limbs = Limbs.draw(play, rng.uniform(0.022, 0.036) * size)
    every, width = rng.uniform(0.25, 0.55), rng.uniform(0.02, 0.05)
    for side in (-1.0, 1.0):
        across, up = (glides(play, every, width) for _ in range(2))
        home = np.array([side * 0.16, 0.5]) * size
        wrist = neck + home + 0.13 * size * np.stack([across, up], 1)
        fore = body.arm(play, limbs, neck + np.array([side * 0.27, 0.17]) * size, wrist, side=-side)
        turn = 0.7 * glides(play, every, width)
        curl = 0.5 + 0.5 * glides(play, every, width)
        body.flat_hand(play, limbs, wrist, body.turned(fore, turn), curl=curl, thumb=0.9 * side)


def crane(play: Play) -> None:
    """A robot's arm turns at constant speeds and stops dead, carrying something: silent."""
    rng, act = play.look, play.act
    backdrop.room(play, clutter=10)
    joints = int(rng.integers(2, 4))
    angle = np.full_like(play.times, rng.uniform(-2.6, -0.5))
    at: Samples = np.array([rng.uniform(-0.35, 0.35), play.half_height * rng.uniform(0.4, 1.0)])
    look = backdrop.material(rng, play.textures.cloud, backdrop.paint(rng, vivid=0.9), shade=0.4)
    for joint in range(joints):
        knots, values = [0.0], [0.0]
        while knots[-1] < play.duration_s - 2.0:
            way = act.uniform(-0.9, 0.9)
            knots += [knots[-1] + act.uniform(0.1, 0.9)]
            knots += [knots[-1] + max(abs(way), 0.1) / act.uniform(0.7, 2.5)]
            values += [values[-1], float(np.clip(values[-1] + way, -0.8, 0.8))]
        angle = angle + np.interp(play.times, [*knots, knots[-1] + 0.8], [*values, 0.0])
        end = at + rng.uniform(0.18, 0.32) * np.stack([np.cos(angle), np.sin(angle)], 1)
        width = 0.03 - 0.007 * joint
        play.canvas.capsule(at, end, (width, 0.85 * width), look.tinted(1.0 - 0.15 * joint))
        at, angle = end, angle + rng.uniform(-1.0, 1.0)
    load = backdrop.material(rng, play.textures.clutter, backdrop.paint(rng), shade=0.3)
    play.canvas.box(at, (rng.uniform(0.02, 0.06), rng.uniform(0.02, 0.05)), load, angle=angle)


def swings(play: Play, rate_hz: float) -> Samples:
    """Angle of a pendulum in gusts: float64[N], radians; it hangs still at the beginning."""
    steps = int(play.duration_s / STEP_S) + 2
    wind = play.act.normal(0.0, 1.0, steps // 40 + 2).repeat(40)[:steps]
    fade = np.clip((play.duration_s - STEP_S * np.arange(steps)) / 2.0, 0.0, 1.0)
    pull, drag = (2 * np.pi * rate_hz) ** 2, 0.5
    angles, angle, speed = np.empty(steps), 0.0, 0.0
    for k, push in enumerate((1.2 * pull**0.75 * wind).tolist()):
        speed += STEP_S * (push - pull * np.sin(angle) - drag * speed)
        angle += STEP_S * speed
        angles[k] = angle
    hung = np.clip(angles, -1.2, 1.2) * fade
    return np.asarray(np.interp(play.times, STEP_S * np.arange(steps), hung))


def mobile(play: Play) -> None:
    """Shapes hang on strings and swing in gusts of wind: silent."""
    rng, wear = play.look, play.textures
    backdrop.room(play, clutter=8)
    string = Look(colour=backdrop.paint(rng), amplitude=0.05)
    for k in range(5):
        hook = np.array([(k - 2) * 0.19 + rng.normal(0, 0.02), -play.half_height - 0.05])
        length = rng.uniform(0.2, 1.2) * play.half_height
        angle = swings(play, rng.uniform(0.6, 1.3))
        end = hook + length * np.stack([np.sin(angle), np.cos(angle)], 1)
        play.canvas.capsule(hook, end, (0.002, 0.002), string)
        look = backdrop.material(rng, wear.cloth + wear.clutter, backdrop.paint(rng, vivid=0.9))
        half = (rng.uniform(0.03, 0.08), rng.uniform(0.02, 0.07))
        spin = Drift.draw(rng, 0.6, (0.05, 0.6)).at(play.clock)
        if k % 2:
            play.canvas.ellipse(end, half, look, angle=spin - angle)
        else:
            play.canvas.box(end, half, look, angle=spin - angle, corner=0.2)


def fish(play: Play) -> None:
    """Fish swim to and fro in an aquarium, their tails beating: silent."""
    rng, wear = play.look, play.textures
    backdrop.room(play, clutter=5)
    glass = Look(colour=(0.75, 0.6, 0.3), amplitude=0.1, cover=0.4, soft=0.01)
    play.canvas.box((0.0, 0.0), (0.46, 0.85 * play.half_height), glass, alpha=0.5)
    for _ in range(int(rng.integers(3, 8))):
        scales = backdrop.material(rng, wear.grain, backdrop.paint(rng, low=0.3, vivid=1.0))
        rate, phase = rng.uniform(0.04, 0.16), rng.uniform(0, 6.3)
        along = 2 * np.pi * rate * play.clock + phase
        deep = play.half_height * rng.uniform(-0.6, 0.6)
        bob = deep + Drift.draw(rng, 0.02, (0.05, 0.4)).at(play.clock)
        at = np.stack([0.36 * np.sin(along), bob], 1)
        facing = np.tanh(6.0 * np.cos(along))
        size = rng.uniform(0.03, 0.08)
        beat = np.sin(2 * np.pi * rng.uniform(1.5, 4.0) * play.clock + phase)
        tail = at - np.stack([1.2 * size * facing, -0.1 * size * beat], 1)
        tip = tail - np.stack([0.8 * size * facing, -0.7 * size * beat], 1)
        play.canvas.capsule(tail, tip, (0.1 * size, 0.45 * size), scales.tinted(0.8))
        play.canvas.ellipse(at, (size, 0.45 * size), scales, bend=0.12 * size * beat)


def candles(play: Play) -> None:
    """Flames of candles flicker and lean in the draught, and the light with them: silent."""
    rng = play.look
    backdrop.room(play, clutter=8)
    backdrop.table(play, play.half_height * rng.uniform(0.2, 0.6))
    draught = Drift.draw(rng, 0.25, (0.3, 5.0)).at(play.clock)
    glow = Look(colour=(0.4, 0.7, 1.0), amplitude=0.0, shade=0.0, soft=0.15, cover=0.0)
    for _ in range(int(rng.integers(2, 6))):
        foot = np.array([rng.uniform(-0.4, 0.4), play.half_height * rng.uniform(0.3, 0.8)])
        tall, thick = rng.uniform(0.08, 0.3), rng.uniform(0.012, 0.035)
        wax = Look(colour=backdrop.paint(rng, low=0.5, vivid=0.3), amplitude=0.08, shade=0.4)
        wick = foot - np.array([0.0, 2 * tall])
        play.canvas.box(foot - np.array([0.0, tall]), (tall, thick), wax, angle=np.pi / 2)
        lean = draught + Drift.draw(rng, 0.1, (1.0, 8.0)).at(play.clock)
        level = np.clip(1.0 + 0.6 * lean, 0.3, 1.6)
        up = 1.2 * thick * level[:, None] * np.stack([lean, -np.ones_like(lean)], 1)
        play.canvas.ellipse(wick + up, (0.16, 0.16), glow, alpha=0.25 * level)
        flame = Look(colour=(0.5, 0.85, 1.0), amplitude=0.0, shade=0.0, soft=0.006, cover=0.2)
        half = (1.6 * thick * level, 0.55 * thick)
        play.canvas.ellipse(wick + up, half, flame, angle=lean - np.pi / 2, bend=0.3 * thick * lean)


FAMILIES: Final[dict[str, Callable[[Play], None]]] = {
    "signer": signer,
    "crane": crane,
    "mobile": mobile,
    "fish": fish,
    "candles": candles,
}

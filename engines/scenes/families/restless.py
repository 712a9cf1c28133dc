"""Wind, water, machines, and people who take up postures: much motion, sharp turns, no sound."""

from collections.abc import Callable
from typing import Final

import numpy as np

from synchresis.engines.scenes import backdrop, body
from synchresis.engines.scenes.families.air import REST_S, somebody
from synchresis.engines.scenes.families.silent import distract
from synchresis.engines.scenes.path import Drift, Path
from synchresis.engines.scenes.play import Play
from synchresis.engines.scenes.primitives import Look, Samples

FAR: Final = (0.35, 0.85)
"""Sizes of people whose arms need room."""


def gusts(play: Play) -> Samples:
    """Strength of the wind: float64[N], about 1, now and then nearly 0."""
    return np.clip(1.0 + Drift.draw(play.look, 0.6, (0.05, 0.6)).at(play.clock), 0.05, 2.5)


def waves(play: Play, rate_hz: float) -> Samples:
    """Phase of waves that come at about `rate_hz`, now faster, now slower: float64[N], radians."""
    uneven = Drift.draw(play.look, 0.25, (0.05, 0.5)).at(play.clock)
    return np.asarray(2 * np.pi * rate_hz * (play.clock + uneven))


def cloth_of(play: Play) -> Look:
    """A piece of cloth, plain or patterned."""
    rng, wear = play.look, play.textures
    layers = wear.cloth if rng.random() < 0.6 else wear.cloud + wear.clutter
    return backdrop.material(rng, layers, backdrop.paint(rng, low=0.15, vivid=0.7))


def flag(play: Play) -> None:
    """A flag or banner of strips, through which waves travel outwards."""
    rng = play.look
    backdrop.room(play, clutter=8)
    look, wind = cloth_of(play), gusts(play)
    strips = int(rng.integers(5, 11))
    width, half = rng.uniform(0.03, 0.07), rng.uniform(0.08, 0.3)
    way = float(rng.choice([-1.0, 1.0]))
    root = np.array([-way * rng.uniform(0.1, 0.4), play.half_height * rng.uniform(-0.6, 0.3)])
    swing, rate = rng.uniform(0.005, 0.03), rng.uniform(0.6, 3.0)
    phase = waves(play, rate)
    pole = Look(colour=backdrop.paint(rng), amplitude=0.1)
    for k in range(strips):
        out = (k + 1.0) / strips
        lift = swing * wind * out * np.sin(phase - 5.0 * out)
        turn = swing * wind * out * np.cos(phase - 5.0 * out)
        at = np.stack([root[0] + way * (width * 1.8 * k) + 0.4 * lift, root[1] + lift], 1)
        tone = look.tinted(0.85 + 0.15 * (k % 2))
        play.canvas.box(
            at, (half, width), tone, angle=np.pi / 2 + 4 * turn, gain=1.0 + 4.0 * turn, bend=turn
        )
    low = root + np.array([0.0, play.half_height + 0.6])
    play.canvas.capsule(root - np.array([0.0, half]), low, (0.008, 0.008), pole)


def washing(play: Play) -> None:
    """Washing on a line: every piece hangs, swings and bulges for itself."""
    rng = play.look
    backdrop.room(play, clutter=8)
    line = play.half_height * rng.uniform(-0.9, -0.2)
    wind, sag = gusts(play), Drift.draw(rng, 0.006, (0.2, 1.5)).at(play.clock)
    for _ in range(int(rng.integers(2, 7))):
        x, half = rng.uniform(-0.5, 0.5), rng.uniform(0.05, 0.22)
        angle = 0.15 * wind * Drift.draw(rng, 0.7, (0.5, 2.0)).at(play.clock)
        hang = np.stack([x + half * np.sin(angle), line + sag + half * np.cos(angle)], 1)
        bulge = 0.02 * wind * Drift.draw(rng, 0.7, (0.6, 3.0)).at(play.clock)
        play.canvas.box(
            hang, (half, rng.uniform(0.03, 0.12)), cloth_of(play), angle=np.pi / 2 - angle,
            bend=bulge, gain=1.0 + 3.0 * bulge,
        )  # fmt: skip
    string = Look(colour=backdrop.paint(rng), amplitude=0.05)
    left, right = (np.stack([np.full_like(sag, x), line + 0.5 * sag], 1) for x in (-0.7, 0.7))
    play.canvas.capsule(left, right, (0.003, 0.003), string)


def reeds(play: Play) -> None:
    """Grass, reeds or branches bend in gusts that run through them."""
    rng, wear = play.look, play.textures
    backdrop.room(play, clutter=6)
    tint = backdrop.paint(rng, low=0.15, high=0.7, vivid=0.4)
    wind, above = gusts(play), rng.random() < 0.3
    rate, swing = rng.uniform(0.5, 2.5), rng.uniform(0.02, 0.1)
    phase = waves(play, rate)
    for _ in range(int(rng.integers(10, 34))):
        x, length = rng.uniform(-0.6, 0.6), rng.uniform(0.15, 0.6)
        sway = swing * wind * (0.6 + np.sin(phase - 4.0 * x + rng.normal(0, 0.4)))
        down = 1.0 if above else -1.0
        root = np.array([x, -down * (play.half_height + 0.02)])
        lean = 3.0 * sway
        tip = root + length * np.stack([np.sin(lean), down * np.cos(lean)], 1)
        look = backdrop.material(rng, wear.grain, tint).tinted(rng.uniform(0.7, 1.3))
        radii = (rng.uniform(0.004, 0.014), rng.uniform(0.002, 0.006))
        play.canvas.capsule(root, tip, radii, look, bend=0.3 * sway)


def water(play: Play) -> None:
    """Waves and glitter run over water."""
    rng, wear = play.look, play.textures
    backdrop.room(play, clutter=4)
    tint = backdrop.paint(rng, low=0.1, high=0.5, vivid=0.6)
    shore = play.half_height * rng.uniform(-0.7, 0.4)
    speed, slow = rng.uniform(-0.25, 0.25), Drift.draw(rng, 0.3, (0.1, 0.6)).at(play.clock)
    rows = int(rng.integers(5, 12))
    for k in range(rows):
        near = (k + 1.0) / rows
        y = shore + near * (play.half_height + 0.1 - shore)
        run = 0.3 * np.sin(2 * np.pi * (speed * near * play.clock + 0.37 * k) + slow)
        heave = 0.015 * near * Drift.draw(rng, 1.0, (0.3, 1.4)).at(play.clock)
        band = backdrop.material(
            rng, wear.cloud + wear.grain, tint, amplitude=rng.uniform(0.2, 0.6)
        )
        middle = np.stack([run, y + heave], 1)
        play.canvas.box(middle, (1.2, 0.02 + 0.06 * near), band, bend=heave, gain=1.0 + 6.0 * heave)
    light = Look(colour=(1, 1, 1), amplitude=0.0, shade=0.0, soft=0.01, cover=0.0)
    for _ in range(int(rng.integers(0, 14))):
        at = (rng.uniform(-0.5, 0.5), rng.uniform(shore, play.half_height))
        glint = Drift.draw(rng, 0.4, (0.8, 5.0)).at(play.clock).clip(0.0, 0.9)
        play.canvas.ellipse(at, (rng.uniform(0.005, 0.03), 0.006), light, alpha=glint)


def machine(play: Play) -> None:
    """Pendulums, wipers, rockers and wheels go to and fro, gently or with a snap."""
    rng = play.look
    backdrop.room(play, clutter=8)
    distract(play)
    for _ in range(int(rng.integers(1, 4))):
        angle = 2 * np.pi * rng.uniform(0.3, 2.2) * play.clock + rng.uniform(0, 6)
        turning = rng.random() < 0.3
        sharp = rng.uniform(0.0, 0.98)
        back = np.arcsin(sharp * np.sin(angle)) / max(np.arcsin(sharp), 1e-3)
        spread = rng.uniform(0.1, 1.1)
        turn = rng.uniform(0, 6.3) + (0.6 * angle if turning else spread * back)
        pivot = np.array([rng.uniform(-0.4, 0.4), play.half_height * rng.uniform(-1.0, 1.0)])
        length, size = rng.uniform(0.1, 0.5), rng.uniform(0.006, 0.03)
        end = pivot + length * np.stack([np.cos(turn), np.sin(turn)], 1)
        look = cloth_of(play)
        play.canvas.capsule(pivot, end, (size, size * rng.uniform(0.5, 2.0)), look)
        if rng.random() < 0.6:
            half = (rng.uniform(0.02, 0.1), rng.uniform(0.02, 0.06))
            play.canvas.box(end, half, look.tinted(1.2), angle=turn)


def postures(play: Play, period_s: tuple[float, float], spring: float) -> Path:
    """Swift ways from one posture to another, each kept for a while: angle -1..1, reach .3..1.

    Args:
        play: its generator and length are used.
        period_s: shortest and longest time a posture is kept.
        spring: most overshoot of a movement, as a share of its way, taken back at once.

    Returns:
        A path that ends at rest, at least `REST_S` before the end of the play.
    """
    rng, path = play.act, Path(2)
    path.knot(0.0, (0.0, 0.5))
    time = rng.uniform(0.05, 0.5)
    while time < play.duration_s - REST_S - 1.2:
        path.knot(time, path.last)
        aim = np.array([rng.uniform(-1.0, 1.0), rng.uniform(0.3, 1.0)])
        way = aim - np.array(path.last)
        time += rng.uniform(0.09, 0.4)
        over = rng.uniform(0.0, spring)
        for share in (over, -0.4 * over, 0.0):
            x, y = aim + share * way
            path.knot(time, (float(x), float(y)))
            if over < 0.02:
                break
            time += rng.uniform(0.05, 0.1)
        time += rng.uniform(*period_s) if rng.random() < 0.7 else 0.02
    path.knot(path.end_s + 0.2, path.last)
    path.knot(path.end_s + 0.3, (0.0, 0.5))
    return path


def semaphore(play: Play) -> None:
    """Somebody signals with flags, paddles or bare arms that stop as if they had struck."""
    rng = play.look
    neck, size, limbs = somebody(play, FAR)
    held, cloth = rng.random() < 0.7, cloth_of(play)
    for side in (-1.0, 1.0):
        shoulder = neck + np.array([side * 0.3, 0.2]) * size
        pose = postures(play, (0.05, 1.2), rng.choice([0.0, 0.25])).at(play.times)
        angle = np.pi / 2 - side * (0.3 + 1.3 * (pose[:, 0] + 1.0))
        reach = size * (0.3 + 0.3 * pose[:, 1])[:, None]
        wrist = shoulder + reach * np.stack([np.cos(angle), np.sin(angle)], 1)
        fore = body.arm(play, limbs, shoulder, wrist, side=-side)
        body.fist(play, limbs, wrist, fore)
        if held:
            tip = wrist + fore * 0.3 * size
            play.canvas.capsule(wrist, tip, (0.006 * size, 0.005 * size), cloth.tinted(0.5))
            leaf = np.arctan2(fore[:, 1], fore[:, 0]) + 0.3 * side
            half = (0.12 * size, rng.uniform(0.04, 0.1) * size)
            play.canvas.box(tip - fore * 0.1 * size, half, cloth, angle=leaf)


def fencer(play: Play) -> None:
    """Somebody thrusts, parries and swings with a rod or blade that meets nothing."""
    rng = play.look
    neck, size, limbs = somebody(play, FAR)
    side = float(rng.choice([-1.0, 1.0]))
    shoulder = neck + np.array([side * 0.25, 0.2]) * size
    pose = postures(play, (0.02, 0.8), 0.3).at(play.times)
    turn = postures(play, (0.02, 0.6), 0.4).at(play.times)[:, 0]
    lean = rng.uniform(0.0, np.pi)
    angle = lean + rng.uniform(0.3, 1.0) * pose[:, 0]
    reach = size * (0.25 + 0.4 * pose[:, 1])[:, None]
    wrist = shoulder + reach * np.stack([np.cos(angle), np.sin(angle)], 1)
    fore = body.arm(play, limbs, shoulder, wrist, side=-side)
    long = rng.uniform(0.15, 0.9) * size
    tip = wrist + long * body.turned(fore, rng.normal(0, 0.4) + rng.uniform(0.2, 1.2) * turn)
    steel = Look(colour=backdrop.paint(rng, low=0.2, high=1.0, vivid=0.3), amplitude=0.1)
    play.canvas.capsule(wrist, tip, (rng.uniform(0.004, 0.012), 0.004), steel)
    body.fist(play, limbs, wrist, fore)


def dancer(play: Play) -> None:
    """Somebody sways and throws the arms about to a beat that is not heard."""
    rng = play.look
    neck, size, limbs = somebody(play)
    beat = 2 * np.pi * rng.uniform(0.7, 2.2) * play.clock + rng.uniform(0, 6)
    sharp = rng.uniform(0.2, 0.95)
    for side in (-1.0, 1.0):
        shoulder = neck + np.array([side * 0.3, 0.2]) * size
        own = beat * rng.choice([0.5, 1.0, 1.0, 2.0]) + rng.choice([0.0, np.pi, 1.5])
        snap = np.arcsin(sharp * np.sin(own)) / np.arcsin(sharp)
        home = np.array([side * rng.uniform(0.25, 0.45), rng.uniform(-0.4, 0.4)])
        across = rng.uniform(0.02, 0.2) * Drift.draw(rng, 1.0, (0.2, 1.2)).at(play.clock)
        swing = np.stack([across, rng.uniform(0.05, 0.3) * snap], 1)
        wrist = shoulder + size * (home + body.turned(swing, rng.normal(0, 0.7)))
        fore = body.arm(play, limbs, shoulder, wrist, side=-side)
        if rng.random() < 0.5:
            body.flat_hand(play, limbs, wrist, body.turned(fore, 0.4 * snap), thumb=0.9 * side)
        else:
            body.fist(play, limbs, wrist, fore)


FAMILIES: Final[dict[str, Callable[[Play], None]]] = {
    "flag": flag,
    "washing": washing,
    "reeds": reeds,
    "water": water,
    "machine": machine,
    "semaphore": semaphore,
    "fencer": fencer,
    "dancer": dancer,
}

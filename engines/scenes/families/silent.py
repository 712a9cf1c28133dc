"""What moves and makes no sound."""

from typing import Final

import numpy as np

from synchresis.engines.scenes import backdrop, body
from synchresis.engines.scenes.actors import Grip, View, bare_hand, sound, stage, wield
from synchresis.engines.scenes.body import Limbs
from synchresis.engines.scenes.path import Drift, Path
from synchresis.engines.scenes.play import Play
from synchresis.engines.scenes.primitives import Look, Samples
from synchresis.engines.scenes.strokes import Manner, Striker


def distract(play: Play, share: float = 0.2) -> None:
    """Sometimes, something silent goes on in the background."""
    if play.look.random() < share:
        (_passer, _leaves, _screen, _swinging, _lamp)[play.look.integers(5)](play)


def drift2(play: Play, size: float, band_hz: tuple[float, float]) -> Samples:
    """A point wandering by `size` picture widths: float64[N, 2]."""
    pair = [Drift.draw(play.look, size, band_hz).at(play.clock) for _ in range(2)]
    return np.stack(pair, 1)


def _passer(play: Play) -> None:
    """Somebody walks by, bobbing."""
    rng = play.look
    speed, size = rng.choice([-1, 1]) * rng.uniform(0.1, 0.6), rng.uniform(0.4, 1.6)
    span = 1.0 + size
    x = (rng.random() * span + speed * play.clock) % span - 0.5 * span
    y = play.half_height * rng.uniform(-0.3, 0.3) + 0.015 * size * np.abs(np.sin(5.5 * play.clock))
    middle = np.stack([x, y], 1)
    cloth = backdrop.material(
        rng, play.textures.cloth + play.textures.cloud, backdrop.paint(rng, low=0.04)
    )
    flesh = backdrop.material(rng, play.textures.cloud, backdrop.skin(rng), shade=0.4)
    play.canvas.ellipse(
        middle + np.array([0.0, -0.42 * size]), (0.12 * size, 0.09 * size), flesh, angle=1.57
    )
    play.canvas.box(middle, (0.35 * size, 0.16 * size), cloth, angle=1.57, corner=0.6)
    swing = np.sin(5.5 * play.clock)[:, None] * np.array([0.12 * size, 0.0])
    low = middle + np.array([0.0, 0.05 * size])
    play.canvas.capsule(
        middle - np.array([0.0, 0.25 * size]),
        low + swing,
        (0.05 * size, 0.035 * size),
        cloth.tinted(0.85),
    )


def _leaves(play: Play) -> None:
    """Foliage in the wind."""
    rng = play.look
    side = rng.choice([-0.45, 0.45])
    tint = backdrop.paint(rng, low=0.1, high=0.5, vivid=0.3)
    green = (0.6 * tint[0], min(1.0, 1.3 * tint[1]), 0.8 * tint[2])
    look = backdrop.material(rng, play.textures.clutter + play.textures.grain, green, amplitude=0.7)
    for _ in range(rng.integers(2, 6)):
        at = np.array([side + rng.normal(0, 0.15), play.half_height * rng.uniform(-1, 1)])
        wind = drift2(play, rng.uniform(0.002, 0.02), (0.4, 4.0))
        half = (rng.uniform(0.06, 0.2), rng.uniform(0.03, 0.12))
        play.canvas.ellipse(at + wind, half, look, angle=rng.uniform(0, 3) + 8 * wind[:, 0])


def _screen(play: Play) -> None:
    """A screen whose picture changes and flickers."""
    rng = play.look
    at = (rng.uniform(-0.4, 0.4), play.half_height * rng.uniform(-0.8, 0.3))
    half = (rng.uniform(0.08, 0.25), rng.uniform(0.05, 0.16))
    frame = Look(colour=(0.05, 0.05, 0.05), amplitude=0.05)
    play.canvas.box(at, (half[0] * 1.08, half[1] * 1.1), frame)
    cuts = np.floor(play.clock * rng.uniform(0.4, 3.0))
    tone = 0.35 + 0.65 * np.mod(np.sin(cuts * 12.9898) * 43758.5453, 1.0)
    tone = tone * (1.0 + 0.1 * np.sign(np.sin(2 * np.pi * rng.uniform(3, 12) * play.clock)))
    look = backdrop.material(
        rng, play.textures.clutter, backdrop.paint(rng, low=0.3), amplitude=0.6, shade=0.0
    )
    play.canvas.box(at, half, look, gain=tone)
    bar = np.mod(cuts * 0.37, 1.0)[:, None] * np.array([half[0], 0.0])
    play.canvas.box(
        np.asarray(at) + bar - np.array([half[0] * 0.5, 0]),
        (0.3 * half[0], 0.6 * half[1]),
        look.tinted(1.5),
        gain=tone,
    )


def _swinging(play: Play) -> None:
    """A lamp, pendulum or ribbon that swings."""
    rng = play.look
    hook = np.array([rng.uniform(-0.45, 0.45), -play.half_height - rng.uniform(0, 0.3)])
    length, rate = rng.uniform(0.2, 0.8), rng.uniform(0.3, 1.2)
    angle = rng.uniform(0.05, 0.5) * np.sin(2 * np.pi * rate * play.clock)
    end = hook + length * np.stack([np.sin(angle), np.cos(angle)], 1)
    look = backdrop.material(rng, play.textures.cloth, backdrop.paint(rng), shade=0.4)
    play.canvas.capsule(hook, end, (0.004, 0.004), look.tinted(0.5))
    play.canvas.ellipse(end, (rng.uniform(0.02, 0.09), rng.uniform(0.02, 0.09)), look, angle=angle)


def _lamp(play: Play) -> None:
    """A patch of light that comes and goes."""
    rng = play.look
    on = 0.5 + 0.5 * np.tanh(
        6 * np.sin(2 * np.pi * rng.uniform(0.1, 0.9) * play.clock + rng.uniform(0, 6))
    )
    light = Look(colour=(1, 1, 1), amplitude=0.0, shade=0.0, soft=0.1, cover=0.0)
    at = (rng.uniform(-0.5, 0.5), play.half_height * rng.uniform(-1, 1))
    play.canvas.ellipse(at, (0.3, 0.25), light, alpha=rng.uniform(0.05, 0.3) * on)


def still(play: Play) -> None:
    """A room in which nothing moves."""
    backdrop.room(play, clutter=12)
    if play.look.random() < 0.6:
        backdrop.table(play, play.half_height * play.look.uniform(-0.5, 0.8))


def lights(play: Play) -> None:
    """Lamps are switched, clouds pass, a torch wanders; nothing is touched."""
    still(play)
    rng, act = play.look, play.act
    for _ in range(rng.integers(1, 3)):
        path = Path(1)
        path.knot(0.0, (0.0,))
        time = act.uniform(0.1, 1.0)
        while time < play.duration_s - 0.5:
            swift = act.choice([0.02, 0.1, 0.5])
            path.knot(time, path.last)
            path.knot(time + swift, (float(act.choice([0.0, act.uniform(0.1, 0.6)])),))
            time += swift + act.uniform(0.1, 1.5)
        path.knot(max(time, play.duration_s - 0.1), (0.0,))
        level = path.at(play.times)[:, 0]
        bright = rng.random() < 0.5
        at = np.array([rng.uniform(-0.5, 0.5), play.half_height * rng.uniform(-1, 1)])
        light = Look(
            colour=(1, 1, 1),
            amplitude=0.0,
            shade=0.0,
            soft=0.15,
            cover=0.0 if bright else 1.0,
            add=float(bright),
        )
        wander = drift2(play, float(rng.choice([0.0, 0.1])), (0.1, 1.0))
        play.canvas.ellipse(
            at + wander, (rng.uniform(0.2, 1.2), rng.uniform(0.2, 1.2)), light, alpha=level
        )


def scenery(play: Play) -> None:
    """Foliage, screens, passers-by, swinging things: the background alone."""
    still(play)
    for _ in range(play.look.integers(1, 4)):
        distract(play, 1.0)


def gesturing(play: Play) -> None:
    """Somebody talks with their hands, touching nothing."""
    rng = play.look
    backdrop.room(play)
    neck = body.torso(
        play,
        (rng.uniform(-0.15, 0.15), play.half_height * rng.uniform(-0.5, 0.0)),
        rng.uniform(0.7, 1.4),
    )
    limbs = Limbs.draw(play, rng.uniform(0.025, 0.05))
    for side in (-1.0, 1.0):
        if rng.random() < 0.15:
            continue
        home = np.array([side * rng.uniform(0.12, 0.3), play.half_height * rng.uniform(0.2, 0.8)])
        path = Path(2)
        path.knot(0.0, (float(home[0]), float(home[1])))
        time = 0.1
        while time < play.duration_s - 0.8:
            time += play.act.uniform(0.12, 0.7)
            if play.act.random() < 0.2:
                path.knot(time, path.last)
            else:
                x, y = home + play.act.normal(0, 0.12, 2)
                path.knot(time, (float(x), float(min(y, play.half_height))))
        path.knot(time + 0.4, (float(home[0]), float(home[1])))
        wrist = path.at(play.times)
        shoulder = neck + np.array([side * 0.28, 0.18])
        fore = body.arm(play, limbs, shoulder, wrist, side=-side)
        body.flat_hand(play, limbs, wrist, body.turned(fore, rng.normal(0, 0.5)), thumb=0.9 * side)


def mime(play: Play) -> None:
    """Strokes with a hand or stick that stop in the air, turn back or land without a sound."""
    rng = play.look
    view = View.draw(play)
    stage(play, view)
    distract(play)
    how = Manner(
        reach=rng.uniform(0.08, 0.38),
        period_s=(0.14, rng.uniform(0.4, 1.2)),
        rest=rng.uniform(0.05, 0.3),
        quiet=1.0,
    )
    plan = Striker(play.act, how).plan(play.duration_s)
    strokes = sound(play, view, plan, "dull")
    limbs = Limbs.draw(play, rng.uniform(0.02, 0.07))
    if rng.random() < 0.5:
        wield(play, view, strokes, Grip.draw(play), limbs)
    else:
        bare_hand(
            play,
            view,
            strokes,
            limbs,
            side=float(rng.choice([-1.0, 1.0])),
            closed=bool(rng.random() < 0.3),
        )


def face(play: Play) -> None:
    """A head close to the camera that nods, turns and blinks."""
    rng = play.look
    backdrop.room(play)
    size = rng.uniform(1.0, 2.4)
    neck = body.torso(
        play, (rng.uniform(-0.15, 0.15), play.half_height * rng.uniform(0.1, 0.7)), size
    )
    dark = Look(colour=(0.08, 0.07, 0.1), amplitude=0.1)
    sway = drift2(play, 0.01, (0.2, 2.0))
    blink = 1.0 - (np.mod(play.clock, rng.uniform(1.5, 4.0)) < 0.15) * 0.85
    for side in (-1.0, 1.0):
        eye = neck + sway + np.array([side * 0.055, -0.32]) * size
        play.canvas.ellipse(eye, (0.022 * size, 0.012 * size * blink), dark)
    open_ = 0.004 + 0.012 * np.clip(Drift.draw(rng, 1.0, (1.0, 5.0)).at(play.clock), 0, 2)
    play.canvas.ellipse(
        neck + sway + np.array([0, -0.2 * size]), (0.045 * size, open_ * size), dark
    )


FAMILIES: Final = {
    "still": still,
    "lights": lights,
    "scenery": scenery,
    "gesturing": gesturing,
    "mime": mime,
    "face": face,
}

"""What stands behind and under the action: rooms, clutter, table tops, colours."""

import numpy as np

from synchresis.engines.scenes.play import Play
from synchresis.engines.scenes.primitives import Look


def paint(
    rng: np.random.Generator, *, low: float = 0.08, high: float = 0.9, vivid: float = 0.5
) -> tuple[float, float, float]:
    """A random colour (BGR), its brightness within low..high."""
    value = rng.uniform(low, high)
    tint = 1.0 + vivid * rng.uniform(-0.6, 0.6, 3)
    b, g, r = np.clip(value * tint, 0.02, 1.0)
    return float(b), float(g), float(r)


def skin(rng: np.random.Generator) -> tuple[float, float, float]:
    """A skin colour (BGR)."""
    fair = np.array([0.62, 0.72, 0.92])
    dark = np.array([0.12, 0.17, 0.28])
    b, g, r = dark + rng.random() ** 0.7 * (fair - dark)
    return float(b), float(g), float(r)


def material(
    rng: np.random.Generator,
    layers: tuple[int, ...],
    colour: tuple[float, float, float],
    **changes: float,
) -> Look:
    """A look of a textured material with a random piece of one of `layers`."""
    fields = {
        "amplitude": rng.uniform(0.08, 0.45),
        "scale": rng.uniform(0.6, 2.2),
        "shade": rng.uniform(0.0, 0.25),
    }
    fields.update(changes)
    return Look(
        colour=colour,
        texture=int(rng.choice(layers)),
        offset=(rng.random(), rng.random()),
        **fields,
    )


def room(play: Play, *, clutter: int = 8) -> None:
    """The far background: a wall or cluttered room filling the picture, and things in it."""
    rng, wear = play.look, play.textures
    layers = wear.clutter if rng.random() < 0.65 else wear.cloud + wear.cloth
    wall = material(rng, layers, paint(rng, low=0.1, high=0.8), amplitude=rng.uniform(0.1, 0.8))
    play.canvas.box((0.0, 0.0), (1.6, 1.6), wall, angle=rng.choice([0.0, 0.03, -0.05, 1.57]))
    for _ in range(rng.integers(0, clutter + 1)):
        thing(play, play.half_height)


def thing(play: Play, half_height: float) -> None:
    """One piece of clutter somewhere in the picture."""
    rng, wear = play.look, play.textures
    layers = wear.clutter + wear.cloth + wear.cloud
    look = material(
        rng, layers, paint(rng), shade=rng.uniform(0, 0.5), soft=rng.choice([0.0, 0.004, 0.012])
    )
    centre = (rng.uniform(-0.55, 0.55), rng.uniform(-half_height, half_height))
    half = (rng.uniform(0.02, 0.22), rng.uniform(0.02, 0.18))
    if rng.random() < 0.3:
        play.canvas.ellipse(centre, half, look, angle=rng.uniform(0, 3.1))
    else:
        angle = rng.normal(0, 0.12) if rng.random() < 0.7 else rng.uniform(0, 3.1)
        play.canvas.box(
            centre, half, look, angle=angle, corner=rng.uniform(0, 0.5), taper=rng.uniform(0.7, 1.0)
        )


def table(play: Play, top_y: float, *, front: bool = True) -> Look:
    """A table top from `top_y` (world y of its far edge) to the lower border; returns its look."""
    rng, wear = play.look, play.textures
    layers = wear.wood + wear.cloth + wear.cloud + wear.grain
    look = material(rng, layers, paint(rng, low=0.12, high=0.85, vivid=0.35))
    depth = play.half_height - top_y + 0.3
    angle = np.pi / 2 + rng.normal(0, 0.04)
    centre = (rng.uniform(-0.1, 0.1), top_y + 0.5 * depth)
    half_far = rng.uniform(0.45, 1.2)
    play.canvas.box(
        centre, (0.5 * depth, half_far), look, angle=angle, corner=0.02, taper=rng.uniform(1.0, 1.5)
    )
    if front and top_y < play.half_height and rng.random() < 0.6:
        for _ in range(rng.integers(1, 4)):
            lying(play, top_y)
    return look


def lying(play: Play, top_y: float) -> None:
    """A thing lying on the table."""
    rng, wear = play.look, play.textures
    look = material(rng, wear.clutter + wear.cloth, paint(rng), shade=rng.uniform(0, 0.4))
    centre = (rng.uniform(-0.5, 0.5), rng.uniform(top_y, play.half_height))
    half = (rng.uniform(0.02, 0.14), rng.uniform(0.015, 0.08))
    play.canvas.box(centre, half, look, angle=rng.uniform(-0.7, 0.7), corner=rng.uniform(0, 1))

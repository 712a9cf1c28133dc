"""Figures and cloths that move by any law, in the air; and the same figures striking something.

Other silent families show one trade each, and a network learns to tell the trade. These vary
everything: who moves, from where, how many joints, what is held, by which law, and what hangs.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from synchresis.engines.scenes import backdrop, body
from synchresis.engines.scenes.actors import View, sound
from synchresis.engines.scenes.body import Limbs
from synchresis.engines.scenes.families.laws import any_law, spread
from synchresis.engines.scenes.families.restless import cloth_of
from synchresis.engines.scenes.families.silent import distract, drift2
from synchresis.engines.scenes.path import Drift
from synchresis.engines.scenes.play import Play
from synchresis.engines.scenes.primitives import Look, Samples
from synchresis.engines.scenes.strokes import Manner, Striker


@dataclass(frozen=True, slots=True)
class Figure:
    """Somebody, or something with arms.

    Attributes:
        middle: where the neck is at rest, picture widths.
        neck: float64[N, 2], None where nobody is seen.
        size: of a person, 1 fills most of the picture.
        limbs: looks of the arms.
    """

    middle: tuple[float, float]
    neck: Samples | None
    size: float
    limbs: Limbs

    @classmethod
    def draw(cls, play: Play) -> "Figure":
        """Draw a room with somebody in it, or nobody."""
        rng = play.look
        backdrop.room(play, clutter=int(rng.integers(3, 11)))
        distract(play, 0.15)
        size = spread(rng, 0.35, 1.4)
        middle = (rng.uniform(-0.25, 0.25), play.half_height * rng.uniform(-0.7, 0.2))
        limbs = Limbs.draw(play, spread(rng, 0.015, 0.05) * size)
        neck = body.torso(play, middle, size) if rng.random() < 0.75 else None
        return cls(middle, neck, size, limbs)

    def shoulder(self, play: Play, side: float) -> Samples:
        """Where an arm begins: float64[N, 2]; without a person somewhere at or in the picture."""
        rng = play.look
        if self.neck is not None:
            return (
                self.neck
                + np.array([side * rng.uniform(0.22, 0.32), rng.uniform(0.12, 0.25)]) * self.size
            )
        places = (
            (side * 0.6, rng.uniform(-0.5, 0.5)),
            (rng.uniform(-0.5, 0.5), play.half_height + 0.1),
            (rng.uniform(-0.4, 0.4), rng.uniform(-0.3, 0.3)),
        )
        return np.array(places[rng.integers(3)]) + drift2(
            play, spread(rng, 0.002, 0.02), (0.1, 1.0)
        )


def puppet(play: Play) -> None:
    """Somebody or something with jointed arms that swing, gesture, beat or sway in the air."""
    rng = play.look
    figure = Figure.draw(play)
    common = any_law(play)
    arms = int(rng.choice([1, 2, 2, 2])) if figure.neck is not None else int(rng.integers(1, 4))
    for index in range(arms):
        side = (-1.0, 1.0)[index % 2]
        own = common * rng.choice([1.0, 1.0, -1.0]) if rng.random() < 0.45 else any_law(play)
        root = figure.shoulder(play, side)
        if rng.random() < 0.5:
            wrist, fore = _reach(play, figure, root, side, own)
        else:
            wrist, fore = _joints(play, figure, root, side, own)
        _hold(play, figure, wrist, fore, side)


def _reach(
    play: Play, figure: Figure, root: Samples, side: float, own: Samples
) -> tuple[Samples, Samples]:
    """The hand goes about and the elbow follows: wrist and direction of the forearm."""
    rng, size = play.look, figure.size
    home = np.array([side * rng.uniform(-0.1, 0.5), rng.uniform(-0.4, 0.9)])
    way = np.array([rng.uniform(-0.25, 0.25), rng.uniform(-0.35, 0.35)])
    beside = np.outer(any_law(play), rng.normal(0, 0.05, 2))
    wrist = root + size * (home + own[:, None] * way + beside)
    bend = -side if rng.random() < 0.8 else side
    return wrist, body.arm(play, figure.limbs, root, wrist, side=bend)


def _joints(
    play: Play, figure: Figure, root: Samples, side: float, own: Samples
) -> tuple[Samples, Samples]:
    """Every joint turns for itself: wrist and direction of the last piece."""
    rng, limbs = play.look, figure.limbs
    down = rng.uniform(-0.6, 2.4)
    angle = (down if side > 0 else np.pi - down) + spread(rng, 0.05, 0.9) * own
    at, width, fore = root, 2.0 * limbs.size, root
    joints = int(rng.integers(1, 4))
    for joint in range(joints):
        fore = np.stack([np.cos(angle), np.sin(angle)], 1)
        end = at + rng.uniform(0.16, 0.36) * figure.size * fore
        bare = joint + 1 == joints and rng.random() < 0.6
        look = limbs.skin if bare else limbs.sleeve
        play.canvas.capsule(at, end, (width, 0.8 * width), look)
        at, width = end, 0.8 * width
        turn = any_law(play) if rng.random() < 0.6 else own
        angle = angle + rng.uniform(-1.2, 1.2) + spread(rng, 0.05, 0.9) * turn
    return at, fore


def _hold(play: Play, figure: Figure, wrist: Samples, fore: Samples, side: float) -> None:
    """A hand, closed or open, with a rod, a card or nothing in it."""
    rng, size, limbs = play.look, figure.size, figure.limbs
    kind = rng.integers(5)
    if kind == 1:
        aim = body.turned(fore, rng.uniform(-0.6, 0.6))
        body.flat_hand(play, limbs, wrist, aim, splay=rng.uniform(0.05, 0.25), thumb=0.9 * side)
        return
    if kind in (2, 3):
        turn = rng.uniform(-1.2, 1.2)
        lean = turn + rng.uniform(0, 0.8) * any_law(play) if rng.random() < 0.5 else turn
        tip = wrist + spread(rng, 0.08, 0.6) * size * body.turned(fore, lean)
        _rod(play, wrist, tip)
        if rng.random() < 0.25:
            half = (spread(rng, 0.01, 0.07), spread(rng, 0.01, 0.07))
            play.canvas.ellipse(tip, half, cloth_of(play), angle=np.arctan2(fore[:, 1], fore[:, 0]))
    if kind == 4:
        half = (spread(rng, 0.04, 0.2) * size, spread(rng, 0.03, 0.14) * size)
        angle = np.arctan2(fore[:, 1], fore[:, 0]) + rng.uniform(-0.8, 0.8)
        corner = rng.uniform(0, 1)
        play.canvas.box(wrist + fore * half[0], half, cloth_of(play), angle=angle, corner=corner)
    body.fist(play, limbs, wrist, fore)


def _rod(play: Play, start: Samples, end: Samples) -> None:
    """A stick or baton, thick or thin."""
    rng = play.look
    thick = spread(rng, 0.003, 0.02)
    look = Look(colour=backdrop.paint(rng, low=0.1, high=1.0, vivid=0.4), amplitude=0.1)
    play.canvas.capsule(start, end, (thick, thick * rng.uniform(0.5, 1.2)), look)


def drapes(play: Play) -> None:
    """Pieces of cloth, paper or foil that hang, sway, flutter, drift and turn."""
    rng = play.look
    backdrop.room(play, clutter=8)
    if rng.random() < 0.2:
        backdrop.table(play, play.half_height * rng.uniform(0.0, 0.9))
    if rng.random() < 0.4:
        _bright(play)
    count, row = int(rng.integers(1, 12)), int(rng.integers(3))
    tall, wide = spread(rng, 0.02, 0.45), spread(rng, 0.02, 0.25)
    step = wide * rng.uniform(0.7, 2.5) * np.array([row == 0, row == 1])
    middle = np.array([rng.uniform(-0.3, 0.3), play.half_height * rng.uniform(-0.6, 0.6)])
    look = cloth_of(play) if rng.random() < 0.6 else None
    hung = Hung.draw(play)
    for k in range(count):
        at = middle + ((k - (count - 1) / 2) * step if row < 2 else rng.uniform(-0.4, 0.4, 2))
        half = (tall * rng.uniform(0.8, 1.2), 0.5 * wide * rng.uniform(0.8, 1.3))
        tone = (look or cloth_of(play)).tinted(rng.uniform(0.75, 1.2))
        hung.piece(play, at, half, tone)


def _bright(play: Play) -> None:
    """A window, lamp or screen behind."""
    rng = play.look
    tint = backdrop.paint(rng, low=0.4, high=1.0, vivid=0.3)
    look = backdrop.material(rng, play.textures.clutter, tint, shade=0.0)
    gain = 1.0 + Drift.draw(rng, rng.uniform(0, 0.3), (0.05, 1.0)).at(play.clock)
    half = (spread(rng, 0.1, 0.5), spread(rng, 0.1, 0.4))
    play.canvas.box((rng.uniform(-0.3, 0.3), rng.uniform(-0.3, 0.2)), half, look, gain=gain)


@dataclass(frozen=True, slots=True)
class Hung:
    """How pieces of one hanging move.

    Attributes:
        common: float64[N], what moves all of them.
        share: of the common movement, 0 to 1; the rest is a piece's own.
        way: float64[2], where and how far it moves them, picture widths.
        turn: how far it turns them, radians.
        alpha: how opaque they are, 0 to 1.
    """

    common: Samples
    share: float
    way: Samples
    turn: float
    alpha: float

    @classmethod
    def draw(cls, play: Play) -> "Hung":
        """Draw a way of hanging."""
        rng = play.look
        size, turn = spread(rng, 0.004, 0.08), spread(rng, 0.02, 0.6)
        lean = rng.uniform(0, 2 * np.pi) if rng.random() < 0.5 else 0.0
        alpha = rng.uniform(0.5, 1.0) if rng.random() < 0.4 else 1.0
        way = size * np.array([np.cos(lean), np.sin(lean)])
        return cls(any_law(play), rng.uniform(0, 1), way, turn, alpha)

    def piece(self, play: Play, at: Samples, half: tuple[float, float], look: Look) -> None:
        """Draw one piece that hangs at `at`, float64[2]."""
        rng, size = play.look, float(np.hypot(*self.way))
        own = self.share * self.common + (1.0 - self.share) * any_law(play)
        place = at + own[:, None] * self.way
        if rng.random() < 0.4:
            place = place + 0.5 * size * np.stack([any_law(play), any_law(play)], 1)
        turned = rng.choice([0.0, 1.0, 1.0]) * self.turn
        turn = turned * (own if rng.random() < 0.6 else any_law(play))
        angle = np.pi / 2 + rng.uniform(-0.1, 0.1) + turn
        gain = 1.0 + rng.uniform(0, 0.25) * own if rng.random() < 0.4 else 1.0
        bend = spread(rng, 0.05, 1.0) * size * own if rng.random() < 0.6 else 0.0
        if rng.random() < 0.8:
            play.canvas.box(
                place, half, look, angle=angle, corner=rng.uniform(0, 0.6),
                bend=bend, alpha=self.alpha, gain=gain,
            )  # fmt: skip
        else:
            play.canvas.ellipse(place, half, look, angle=angle, alpha=self.alpha, gain=gain)


def puppet_hits(play: Play) -> None:
    """The figures of `puppet` strike something before them, with hands or sticks."""
    rng = play.look
    figure = Figure.draw(play)
    for side in ((-1.0,), (1.0,), (-1.0, 1.0), (-1.0, 1.0))[rng.integers(4)]:
        place = np.array([side * rng.uniform(-0.05, 0.5), rng.uniform(0.2, 0.95)]) * figure.size
        low, high = np.array([-0.5, -play.half_height]), np.array([0.5, 1.05 * play.half_height])
        contact = np.clip(np.array(figure.middle) + place, low, high)
        lean = rng.normal(0, 0.5)
        up = np.array([np.sin(lean), -np.cos(lean)]) * rng.uniform(0.5, 1.0)
        view = View(contact, np.array([rng.uniform(0.01, 0.1) * figure.size, 0.0]), up, 0.0)
        how = Manner(
            reach=rng.uniform(0.08, 0.35) * figure.size,
            period_s=(0.16, rng.uniform(0.4, 1.2)),
            rebound=rng.uniform(0, 0.5),
            rest=rng.uniform(0.03, 0.2) * figure.size,
            quiet=0.35,
        )
        material = str(rng.choice(["wood", "dull", "metal", "drum", "glass", "body"]))
        strokes = sound(play, view, Striker(play.act, how).plan(play.duration_s), material)
        _struck(play, view, figure.size, float(lean))
        _strike(play, figure, view.point(strokes), contact, side)


def _struck(play: Play, view: View, size: float, lean: float) -> None:
    """What is struck: a box or something round; now and then nothing that can be seen."""
    rng, wear = play.look, play.textures
    kind = rng.integers(4)
    half = (spread(rng, 0.04, 0.3) * size, spread(rng, 0.02, 0.15) * size)
    layers = wear.wood + wear.cloth + wear.clutter
    look = backdrop.material(rng, layers, backdrop.paint(rng), shade=rng.uniform(0, 0.5))
    if kind < 2:
        under = view.contact - half[1] * view.up
        play.canvas.box(under, half, look, angle=lean, corner=rng.uniform(0, 0.6))
    elif kind == 2:
        play.canvas.ellipse(view.contact - 0.3 * half[1] * view.up, half, look, angle=lean)


def _strike(play: Play, figure: Figure, tip: Samples, contact: Samples, side: float) -> None:
    """An arm whose hand, or the stick in it, is at `tip` float64[N, 2]."""
    rng, limbs = play.look, figure.limbs
    root = figure.shoulder(play, side)
    if rng.random() < 0.5:
        tilt, long = rng.uniform(0.3, 1.2), spread(rng, 0.1, 0.5) * figure.size
        grip = long * np.array([0.6 * side * np.cos(tilt), -np.sin(tilt)])
        wrist = contact + grip + rng.uniform(0.2, 0.9) * (tip - contact)
        _rod(play, wrist, tip)
    else:
        wrist = tip + limbs.size * np.array([side * rng.uniform(0.2, 1.5), -rng.uniform(0.5, 2.0)])
    fore = body.arm(play, limbs, root, wrist, side=-side)
    if rng.random() < 0.6:
        body.fist(play, limbs, wrist, fore)
    else:
        body.flat_hand(play, limbs, wrist, fore, thumb=0.9 * side)


FAMILIES: Final[dict[str, Callable[[Play], None]]] = {"puppet_hits": puppet_hits}
SILENT: Final[dict[str, Callable[[Play], None]]] = {"puppet": puppet, "drapes": drapes}

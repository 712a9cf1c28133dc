"""People in parts: arms with hands, and the torso and head they hang on."""

from dataclasses import dataclass

import numpy as np

from synchresis.engines.scenes.backdrop import material, paint, skin
from synchresis.engines.scenes.path import Drift
from synchresis.engines.scenes.play import Play
from synchresis.engines.scenes.primitives import SHADOW, Look, Samples


@dataclass(frozen=True, slots=True)
class Limbs:
    """Looks and sizes of one person's arms, picture widths.

    Attributes:
        skin: look of hands.
        sleeve: look of the upper arm and, when long, of the forearm.
        size: half width of the wrist.
        sleeve_share: how much of the forearm the sleeve covers, from the elbow.
    """

    skin: Look
    sleeve: Look
    size: float
    sleeve_share: float

    @classmethod
    def draw(cls, play: Play, size: float) -> "Limbs":
        """Draw somebody's arms."""
        rng, wear = play.look, play.textures
        hide = material(
            rng,
            wear.cloud,
            skin(rng),
            amplitude=rng.uniform(0.04, 0.18),
            shade=rng.uniform(0.2, 0.6),
        )
        cloth = material(
            rng, wear.cloth + wear.cloud + wear.clutter, paint(rng, low=0.04, high=0.8)
        )
        return cls(hide, cloth, size, float(rng.choice([0.0, 0.3, 0.75, 0.9])))


def elbow(shoulder: Samples, hand: Samples, lengths: tuple[float, float], side: float) -> Samples:
    """Elbow of a two-piece arm: float64[N, 2]; `side` ±1 chooses which way it bends."""
    reach = hand - shoulder
    distance = np.clip(np.hypot(reach[:, 0], reach[:, 1]), 1e-4, sum(lengths) * 0.999)
    upper, lower = lengths
    along = (distance**2 + upper**2 - lower**2) / (2 * distance)
    across = np.sqrt(np.maximum(upper**2 - along**2, 0.0))
    unit = reach / np.hypot(reach[:, 0], reach[:, 1])[:, None].clip(1e-4)
    normal = np.stack([-unit[:, 1], unit[:, 0]], 1)
    return np.asarray(shoulder + unit * along[:, None] + side * normal * across[:, None])


def arm(
    play: Play, limbs: Limbs, shoulder: Samples, wrist: Samples, *, side: float = 1.0
) -> Samples:
    """Draw an arm from `shoulder` to `wrist` (float64[N, 2]); returns the forearm's direction."""
    span = float(np.max(np.hypot(*(wrist - shoulder).T)))
    upper = 0.52 * span * 1.04 + 0.01
    joint = elbow(np.broadcast_to(shoulder, wrist.shape), wrist, (upper, upper), side)
    s = limbs.size
    play.canvas.capsule(shoulder, joint, (2.0 * s, 1.6 * s), limbs.sleeve)
    play.canvas.capsule(joint, wrist, (1.6 * s, s), limbs.skin)
    if limbs.sleeve_share > 0:
        cuff = joint + limbs.sleeve_share * (wrist - joint)
        play.canvas.capsule(
            joint, cuff, (1.75 * s, (1.75 - 0.5 * limbs.sleeve_share) * s), limbs.sleeve
        )
    fore = wrist - joint
    return np.asarray(fore / np.hypot(fore[:, 0], fore[:, 1])[:, None].clip(1e-5))


def turned(direction: Samples, angle: Samples | float) -> Samples:
    """Unit directions float64[N, 2] turned by `angle` radians (screen: positive is clockwise)."""
    c, s = np.cos(angle), np.sin(angle)
    x, y = direction[..., 0], direction[..., 1]
    return np.stack([c * x - s * y, s * x + c * y], -1)


def fist(play: Play, limbs: Limbs, wrist: Samples, direction: Samples) -> None:
    """A closed hand in front of the wrist."""
    s = limbs.size
    angle = np.arctan2(direction[:, 1], direction[:, 0])
    middle = wrist + direction * s
    play.canvas.box(middle, (1.35 * s, 1.15 * s), limbs.skin, angle=angle, corner=0.8)
    across = turned(direction, np.pi / 2)
    for k in range(3):
        knuckle = middle + direction * (0.7 * s) + across * ((k - 1) * 0.75 * s)
        play.canvas.capsule(
            knuckle,
            knuckle + direction * 0.4 * s,
            (0.42 * s, 0.4 * s),
            limbs.skin.tinted(0.93 + 0.05 * k),
        )


def flat_hand(
    play: Play,
    limbs: Limbs,
    wrist: Samples,
    direction: Samples,
    *,
    curl: Samples | float = 0.0,
    splay: float = 0.12,
    thumb: float = 0.9,
) -> Samples:
    """An open hand; `curl` bends its fingers (radians). Returns the middle finger's tip [N, 2]."""
    s = limbs.size
    angle = np.arctan2(direction[:, 1], direction[:, 0])
    middle = wrist + direction * (1.5 * s)
    across = turned(direction, np.pi / 2)
    play.canvas.capsule(
        wrist + across * (thumb * s),
        wrist + turned(direction, 0.6 * np.sign(thumb)) * (2.0 * s) + across * (thumb * s),
        (0.55 * s, 0.4 * s),
        limbs.skin.tinted(0.95),
    )
    tip = middle
    for k in range(4):
        lean = (k - 1.5) * splay
        root = middle + across * ((k - 1.5) * 0.62 * s) + direction * (0.9 * s)
        length = (2.2, 2.6, 2.5, 2.0)[k] * s
        end = root + turned(direction, lean + np.asarray(curl)) * length
        play.canvas.capsule(
            root, end, (0.42 * s, 0.34 * s), limbs.skin.tinted((0.96, 1.03, 0.99, 0.93)[k])
        )
        if k == 1:
            tip = end
    play.canvas.box(middle, (1.5 * s, 1.3 * s), limbs.skin, angle=angle, corner=0.55)
    return tip


def shadow(
    play: Play, place: Samples, half: tuple[float, float], height: Samples, *, depth: float = 0.4
) -> None:
    """Soft shadow on the surface under a thing at `height` (picture widths) above `place`."""
    away = np.clip(height, 0.0, 1.0)
    offset = np.stack([0.35 * away, 0.2 * away], 1)
    grow = 1.0 + 2.0 * away
    play.canvas.ellipse(
        place + offset, (half[0] * grow, half[1] * grow), SHADOW, alpha=depth / (1.0 + 6.0 * away)
    )


def torso(play: Play, middle: tuple[float, float], size: float) -> Samples:
    """Somebody's upper body and head, swaying a little; returns the neck float64[N, 2]."""
    rng, wear = play.look, play.textures
    sway = np.stack(
        [
            Drift.draw(rng, 0.012 * size, (0.1, 0.8)).at(play.clock),
            Drift.draw(rng, 0.006 * size, (0.2, 1.0)).at(play.clock),
        ],
        1,
    )
    neck = np.asarray(middle) + sway
    cloth = material(
        rng,
        wear.cloth + wear.cloud + wear.clutter,
        paint(rng, low=0.04, high=0.85),
        shade=rng.uniform(0.1, 0.4),
    )
    flesh = material(rng, wear.cloud, skin(rng), amplitude=0.15, shade=0.45)
    hair = material(
        rng, wear.grain + wear.cloud, paint(rng, low=0.03, high=0.35, vivid=0.3), amplitude=0.35
    )
    down = np.array([0.0, 1.0])
    play.canvas.capsule(
        neck + down * 0.02, neck - down * 0.12 * size, (0.09 * size, 0.08 * size), flesh
    )
    play.canvas.box(
        neck + down * 0.55 * size,
        (0.55 * size, 0.33 * size),
        cloth,
        angle=np.pi / 2,
        corner=0.45,
        taper=0.85,
    )
    nod = Drift.draw(rng, 0.05, (0.1, 0.7)).at(play.clock)
    head = neck - down * (0.3 * size) + 0.6 * sway
    play.canvas.ellipse(
        head - down * 0.06 * size, (0.22 * size, 0.175 * size), hair, angle=np.pi / 2 + nod
    )
    play.canvas.ellipse(
        head + down * 0.02 * size, (0.2 * size, 0.145 * size), flesh, angle=np.pi / 2 + nod
    )
    return neck

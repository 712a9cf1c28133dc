"""Ways of moving that belong to no trade: swaying, swinging, wandering, beating, holding."""

import numpy as np

from synchresis.engines.scenes.path import Drift, Path
from synchresis.engines.scenes.play import Play
from synchresis.engines.scenes.primitives import Samples


def spread(rng: np.random.Generator, low: float, high: float) -> float:
    """A number within low..high, all magnitudes alike (log-uniform)."""
    return float(low * (high / low) ** rng.random())


def any_law(play: Play) -> Samples:
    """How something moves, drawn at random: float64[N], most of it within ±1."""
    return (swaying, swinging, wandering, holding, beating)[play.look.integers(5)](play)


def swaying(play: Play) -> Samples:
    """Slow or quivering wandering without end."""
    rng = play.look
    return Drift.draw(rng, 0.7, (spread(rng, 0.1, 0.8), spread(rng, 1.0, 4.0))).at(play.clock)


def swinging(play: Play) -> Samples:
    """To and fro, from a sine to a saw's sharp turns, more or less evenly."""
    rng = play.look
    sharp, rate = rng.uniform(0.02, 0.97), spread(rng, 0.3, 2.8)
    uneven = Drift.draw(rng, rng.uniform(0, 0.12), (0.1, 0.7)).at(play.clock)
    phase = 2 * np.pi * rate * (play.clock + uneven) + rng.uniform(0, 6)
    size = 0.8 + Drift.draw(rng, rng.uniform(0, 0.4), (0.05, 0.5)).at(play.clock)
    return np.asarray(np.arcsin(sharp * np.sin(phase)) / np.arcsin(sharp) * np.clip(size, 0, 1.6))


def wandering(play: Play) -> Samples:
    """A smooth way through random places, through most of them at speed."""
    rng = play.look
    return _through(play, spread(rng, 0.12, 0.8), rng.uniform(0, 0.35), rng.uniform(0, 1.2))


def holding(play: Play) -> Samples:
    """From place to place without haste or in a jerk, each kept for a while."""
    rng = play.look
    return _through(play, spread(rng, 0.08, 0.3), rng.uniform(0.3, 0.8), 0.0)


def _through(play: Play, every_s: float, holds: float, speed: float) -> Samples:
    """Random places about every `every_s`, held with a chance of `holds`; 0 at both ends."""
    act, path = play.act, Path(1)
    path.knot(0.0, (0.0,))
    time = act.uniform(0.05, 0.5)
    while time < play.duration_s - 1.2:
        step = every_s * spread(act, 0.45, 2.2)
        aim = float(np.clip(act.normal(0, 0.8), -1.6, 1.6))
        if act.random() < holds:
            path.knot(time, path.last)
            time += act.uniform(0.05, 0.9)
            path.knot(time, path.last)
        way = (aim - path.last[0]) / step
        past = speed * act.normal() * way if act.random() < 0.7 else 0.0
        time += step
        path.knot(time, (aim,), before=(float(past),))
    path.knot(time + 0.5, (0.0,))
    return np.asarray(path.at(play.times)[:, 0])


def beating(play: Play) -> Samples:
    """Down and up in runs, turning softly or sharply below where nothing is: 0 to about -1."""
    rng, act, path = play.look, play.act, Path(1)
    path.knot(0.0, (0.0,))
    time = act.uniform(0.05, 0.6)
    share, back = rng.uniform(0.25, 0.6), rng.uniform(0.2, 1.0)
    sharp = rng.choice([0.0, rng.uniform(0, 1.0), rng.uniform(0, 1.6)])
    while time < play.duration_s - 1.8:
        path.knot(time, path.last)
        period = spread(act, 0.22, 1.1)
        for _ in range(act.integers(1, 9)):
            if time + period > play.duration_s - 1.0:
                break
            down, depth = period * share, -act.uniform(0.5, 1.2)
            speed = sharp * depth / down
            path.knot(time + down, (depth,), before=(speed,), after=(-back * speed,))
            time += period * act.normal(1.0, 0.05)
            path.knot(time, (act.uniform(-0.3, 0.15),))
        time += act.uniform(0.05, 1.3)
    path.knot(path.end_s + 0.3, (0.0,))
    return np.asarray(path.at(play.times)[:, 0])

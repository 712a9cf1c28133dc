"""Strokes of another kind: a hand on springs, for evaluation.

Training families move by minimum-jerk strokes; here a hand is pulled towards a target that jumps
(equilibrium-point control) and what is in the way stops it. Contacts are found, not planned.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from synchresis.engines.scenes.path import Times
from synchresis.engines.scenes.play import strength_of
from synchresis.engines.scenes.strokes import Strokes

STEP_S: Final = 0.002
"""Time step of the spring simulation."""

QUIETEST: Final = 0.12
"""Contacts slower than this (picture widths per second) make no sound."""


@dataclass(frozen=True, slots=True)
class Sampled:
    """Places on a regular grid of times, joined by straight lines; place is `[N, dimensions]`."""

    step_s: float
    values: NDArray[np.float64]

    def at(self, times: Times) -> NDArray[np.float64]:
        """Places float64[N, dimensions] at `times`."""
        grid = self.step_s * np.arange(len(self.values))
        columns = [np.interp(times, grid, column) for column in self.values.T]
        return np.stack(columns, 1)


@dataclass(frozen=True, slots=True)
class Spring:
    """How somebody moves.

    Attributes:
        rate_hz: natural frequency of the arm.
        damping: 1 is critical.
        bounce: share of speed kept at a contact.
        reach: usual height, picture widths.
        period_s: shortest and longest time between hits.
        quiet: share of strokes that stop short.
        full_speed: contact speed of strength 1.
    """

    rate_hz: float = 4.0
    damping: float = 0.8
    bounce: float = 0.2
    reach: float = 0.15
    period_s: tuple[float, float] = (0.25, 1.0)
    quiet: float = 0.35
    full_speed: float = 4.0


LEAST_RISE: Final = 0.006
"""A hand that rose less than this (picture widths) since a contact was pressing, not hitting."""

Target = tuple[float, float, float]
"""From t_s on the hand is pulled towards (height, place)."""


def targets(rng: np.random.Generator, spring: Spring, duration_s: float) -> list[Target]:
    """What the hand is pulled to: up, down through the surface (a hit), or to just above it."""
    plan: list[Target] = [(0.0, spring.reach, 0.0)]
    time, place = rng.uniform(0.2, 0.9), 0.0
    low, high = spring.period_s
    while time < duration_s - 1.2:
        period = low * (high / low) ** rng.random()
        quiet = rng.random() < spring.quiet
        for _ in range(rng.integers(1, 7)):
            if time > duration_s - 1.2:
                break
            place = float(np.clip(place + rng.normal(0, 0.4), -1, 1))
            top = spring.reach * rng.uniform(0.5, 1.4)
            plan.append((time, top, place))
            down = time + 0.55 * period
            low_end = top * rng.uniform(0.45, 0.8) if quiet else -top * rng.uniform(0.2, 1.2)
            plan.append((down, low_end, place))
            time += period * rng.normal(1.0, 0.05)
            plan.append((down + 0.3 * period, spring.reach * rng.uniform(0.3, 1.0), place))
        time += rng.choice([0.1, rng.uniform(0.3, 1.8)])
    plan.append((max(duration_s - 1.0, plan[-1][0] + 0.01), spring.reach, 0.0))
    return plan


def swing(plan: list[Target], spring: Spring, duration_s: float) -> Strokes:
    """Run the springs: the path of (height, place) and the contacts found on the way."""
    steps = int(duration_s / STEP_S) + 2
    starts = np.array([t for t, _, _ in plan])
    index = np.searchsorted(starts, STEP_S * np.arange(steps), side="right") - 1
    wanted = np.array([(h, p) for _, h, p in plan])[index].tolist()
    omega = 2 * np.pi * spring.rate_hz
    pull, drag = omega * omega, 2 * spring.damping * omega
    values = np.empty((steps, 2))
    height, speed, place, drift = spring.reach, 0.0, 0.0, 0.0
    risen = height
    hits: list[tuple[float, float, float]] = []
    for k, (goal, where) in enumerate(wanted):
        speed += STEP_S * (pull * (goal - height) - drag * speed)
        drift += STEP_S * (0.3 * pull * (where - place) - 0.8 * drag * drift)
        fallen = height + STEP_S * speed
        if fallen < 0.0 and speed < 0.0:
            if -speed > QUIETEST and risen > LEAST_RISE:
                moment = STEP_S * (k - 1) + STEP_S * height / max(height - fallen, 1e-9)
                hits.append((moment, strength_of(-speed, spring.full_speed), place))
            speed, fallen, risen = -spring.bounce * speed, 0.0, 0.0
        height = fallen
        risen = max(risen, height)
        place += STEP_S * drift
        values[k] = height, place
    return Strokes(Sampled(STEP_S, values), _spaced(hits))


def _spaced(hits: list[tuple[float, float, float]]) -> list[tuple[float, float, float]]:
    """Drop contacts within 60 ms of a louder or earlier one (chatter)."""
    kept: list[tuple[float, float, float]] = []
    for hit in hits:
        if kept and hit[0] - kept[-1][0] < 0.06:
            continue
        kept.append(hit)
    return kept

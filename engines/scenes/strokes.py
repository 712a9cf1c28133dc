"""How a hand, stick or foot goes about striking: hits, and silent movements that look like hits.

A stroke plan is a path of (height, place): height above the thing struck (0 = contact, in picture
widths) and a place along it (-1..1). Hits lift, accelerate into the contact and rebound or stay;
the look-alikes stop short, turn round on the way, hover, or touch down too slowly to be heard.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from synchresis.engines.scenes.path import Path, Times
from synchresis.engines.scenes.play import strength_of

RETURN_S: Final = 0.45
"""No action goes on later than this before the end: time to go back to rest."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How somebody strikes.

    Attributes:
        reach: usual height of the top of a stroke, picture widths.
        period_s: shortest and longest time between hits of a run.
        rebound: share of the contact speed that is left upwards; 0 stays on the surface.
        rest: height at rest.
        quiet: share of actions that are silent look-alikes.
        run: most hits in a run.
        stay_s: longest time on the surface after a hit without rebound.
        full_speed: contact speed of strength 1, picture widths per second.
    """

    reach: float = 0.25
    period_s: tuple[float, float] = (0.16, 1.1)
    rebound: float = 0.3
    rest: float = 0.12
    quiet: float = 0.4
    run: int = 8
    stay_s: float = 0.12
    full_speed: float = 6.0


class Placed(Protocol):
    """Something with a place at any time."""

    def at(self, times: Times) -> NDArray[np.float64]:
        """Places float64[N, dimensions] at `times`."""


@dataclass(slots=True)
class Strokes:
    """A plan: the path of (height, place) and the hits as (t_s, strength, place)."""

    path: Placed
    hits: list[tuple[float, float, float]] = field(default_factory=list)

    @property
    def hit_times(self) -> Times:
        """float64[E]: times of the hits."""
        return np.array([t for t, _, _ in self.hits])

    @property
    def hit_strengths(self) -> Times:
        """float64[E]: strengths of the hits."""
        return np.array([s for _, s, _ in self.hits])


class Striker:
    """Plans strokes one action after another."""

    def __init__(self, rng: np.random.Generator, manner: Manner, *, start_s: float = 0.0) -> None:
        self._rng = rng
        self._manner = manner
        self._path = Path(2)
        self._plan = Strokes(self._path)
        self._time = start_s
        self._place = 0.0
        self._last_s = float("inf")
        self._path.knot(start_s, (manner.rest, 0.0))

    def plan(self, duration_s: float) -> Strokes:
        """Act until `duration_s`, ending where it began."""
        rng, quiet = self._rng, self._manner.quiet
        end = duration_s - 0.7
        self._last_s = duration_s - RETURN_S
        self._pause(0.05, 0.6)
        silent: list[Callable[[], None]] = [
            self._air, self._withdraw, self._hover, self._shift, self._touch, self._gesture,
        ]  # fmt: skip
        while self._time < end:
            if rng.random() >= quiet:
                self._run(end)
            else:
                silent[rng.integers(len(silent))]()
            if rng.random() < 0.45:
                self._pause(0.05, 1.2)
        return self._rested(duration_s)

    def keep(self, beats: list[tuple[float, float]], duration_s: float) -> Strokes:
        """Hit on the given beats (t_s, accent 0..1), with look-alikes in long gaps."""
        rng, manner = self._rng, self._manner
        self._last_s = duration_s - RETURN_S
        for time, accent in beats:
            if time - self._time > 3.5 and rng.random() < manner.quiet:
                (self._air, self._withdraw, self._hover, self._gesture)[rng.integers(4)]()
            gap = time - self._time
            if gap < 0.08:
                continue
            if gap > 0.7:
                self._move(gap - rng.uniform(0.3, 0.6), max(self._height(), 0.3 * manner.rest), 0.0)
                gap = time - self._time
            reach = manner.reach * (0.25 + accent) * min(1.0, 0.3 + gap / 0.4)
            self._hit(gap, reach, float(np.clip(rng.normal(0, 0.25), -1, 1)))
        return self._rested(duration_s)

    def _rested(self, duration_s: float) -> Strokes:
        """Go back to rest just before the end; whatever was planned for later is left out."""
        self._last_s = float("inf")
        begin = self._path.end_s
        if duration_s - begin > 1.0:
            self._time = duration_s - 0.8
            self._knot(self._height(), self._place)
        self._time = max(duration_s - 0.02, begin + 0.1)
        self._knot(self._manner.rest, 0.0)
        return self._plan

    def _height(self) -> float:
        return self._path.last[0]

    def _knot(
        self, height: float, place: float, before: float = 0.0, after: float | None = None
    ) -> None:
        if self._time > self._last_s:
            return
        leaving = before if after is None else after
        self._path.knot(self._time, (height, place), before=(before, 0.0), after=(leaving, 0.0))
        self._place = place

    def _move(self, seconds: float, height: float, place: float) -> None:
        self._time += seconds
        self._knot(height, place)

    def _pause(self, shortest: float, longest: float) -> None:
        self._move(self._rng.uniform(shortest, longest), self._height(), self._place)

    def _run(self, end: float) -> None:
        rng, manner = self._rng, self._manner
        low, high = manner.period_s
        period = low * (high / low) ** rng.random()
        reach = manner.reach * rng.uniform(0.25, 1.25) * min(1.0, 0.35 + period / 0.4)
        wander = rng.random() < 0.5
        for _ in range(rng.integers(1, manner.run + 1)):
            if self._time > end:
                return
            place = np.clip(self._place + wander * rng.normal(0.0, 0.5), -1, 1)
            self._hit(period * rng.normal(1.0, 0.05), reach * rng.uniform(0.7, 1.2), float(place))

    def _hit(self, period: float, top: float, place: float) -> None:
        """Lift to `top`, come down on `place` exactly a period later, rebound or stay."""
        rng, manner = self._rng, self._manner
        period = max(period, 0.08)
        contact = self._time + period
        down = min(period * rng.uniform(0.3, 0.5), rng.uniform(0.1, 0.3))
        dwell = rng.uniform(0.0, 0.3) * max(period - down - 0.25, 0.0)
        top = max(top, 0.02)
        self._move(period - down - dwell, top, 0.5 * (self._place + place))
        if dwell > 0.02:
            self._move(dwell, top * rng.uniform(0.95, 1.1), self._place)
            top = self._height()
        speed = rng.uniform(1.6, 2.4) * top / (contact - self._time)
        self._time = contact
        rebound = manner.rebound * rng.uniform(0.5, 1.2)
        self._knot(0.0, place, -speed, rebound * speed)
        loudness = strength_of(speed * rng.uniform(0.8, 1.25), manner.full_speed)
        if contact <= self._last_s:
            self._plan.hits.append((contact, loudness, place))
        self._after_hit(rebound * speed, top)

    def _after_hit(self, leaving: float, top: float) -> None:
        rng = self._rng
        if leaving < 0.05:
            if rng.random() < 0.7:
                self._move(rng.uniform(0.01, max(self._manner.stay_s, 0.011)), 0.0, self._place)
            return
        seconds = rng.uniform(0.04, 0.1)
        self._move(seconds, min(0.4 * leaving * seconds, 0.6 * top), self._place)

    def _air(self) -> None:
        """Strokes that stop above the surface."""
        rng, manner = self._rng, self._manner
        low, high = manner.period_s
        for _ in range(rng.integers(1, 5)):
            period = max(low * (high / low) ** rng.random(), 0.12)
            top = manner.reach * rng.uniform(0.4, 1.3)
            gap = max(top * rng.uniform(0.15, 0.6), 0.025)
            self._move(period * 0.55, top, self._place)
            self._move(period * rng.uniform(0.25, 0.45), gap, self._place)

    def _withdraw(self) -> None:
        """A stroke that begins and thinks better of it."""
        rng, manner = self._rng, self._manner
        top = manner.reach * rng.uniform(0.5, 1.3)
        self._move(rng.uniform(0.15, 0.5), top, self._place)
        self._move(rng.uniform(0.06, 0.2), top * rng.uniform(0.4, 0.8), self._place)
        self._move(rng.uniform(0.08, 0.3), top * rng.uniform(0.8, 1.2), self._place)

    def _hover(self) -> None:
        rng = self._rng
        height = max(self._height(), 0.04)
        for _ in range(rng.integers(2, 6)):
            near = max(height * rng.uniform(0.8, 1.25), 0.03)
            self._move(
                rng.uniform(0.15, 0.5),
                near,
                float(np.clip(self._place + rng.normal(0, 0.15), -1, 1)),
            )

    def _shift(self) -> None:
        rng = self._rng
        height = max(self._manner.reach * rng.uniform(0.3, 1.0), 0.03)
        self._move(rng.uniform(0.2, 0.7), height, float(rng.uniform(-1, 1)))

    def _touch(self) -> None:
        """Put down softly, without a sound, and lift again."""
        rng = self._rng
        self._move(rng.uniform(0.45, 0.9), 0.0, self._place)
        self._pause(0.1, 0.8)
        self._move(rng.uniform(0.2, 0.6), self._manner.rest, self._place)

    def _gesture(self) -> None:
        """Wave about well above the surface."""
        rng, reach = self._rng, self._manner.reach
        for _ in range(rng.integers(2, 7)):
            self._move(
                rng.uniform(0.1, 0.4), reach * rng.uniform(0.5, 1.6), float(rng.uniform(-1, 1))
            )


def rhythm(
    rng: np.random.Generator, duration_s: float, period_s: tuple[float, float]
) -> list[tuple[float, float]]:
    """Beats (t_s, accent 0..1) in phrases of a steady tempo with rests between."""
    beats: list[tuple[float, float]] = []
    time = rng.uniform(0.3, 0.9)
    low, high = period_s
    while time < duration_s - 0.8:
        period = low * (high / low) ** rng.random()
        loud = rng.uniform(0.2, 0.9)
        for _ in range(rng.integers(2, 14)):
            if time > duration_s - 0.8:
                break
            beats.append((time, float(np.clip(loud * rng.uniform(0.6, 1.5), 0.05, 1.0))))
            skip = 2 if rng.random() < 0.15 else 1
            time += period * skip * rng.normal(1.0, 0.03)
        time += rng.choice([period, rng.uniform(0.3, 2.0)])
    return beats


def shared(
    rng: np.random.Generator, beats: list[tuple[float, float]], *, together: float = 0.1
) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
    """Deal beats to two hands: mostly turn by turn, sometimes the same again, sometimes both."""
    hands: tuple[list[tuple[float, float]], list[tuple[float, float]]] = ([], [])
    turn = int(rng.integers(2))
    for beat in beats:
        hands[turn].append(beat)
        if rng.random() < together:
            hands[1 - turn].append((beat[0] + float(rng.normal(0, 0.006)), beat[1]))
        if rng.random() < 0.8:
            turn = 1 - turn
    return hands

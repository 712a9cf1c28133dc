"""Paths in time: knots joined by quintics, drifts, and what a blow leaves behind.

A knot has a place and a velocity before and after it, so a contact is a knot whose velocity jumps.
With zero acceleration at the knots (the default) a rest-to-rest piece is the minimum-jerk movement
of a human arm (Flash and Hogan 1985); with gravity and matching speeds it is an exact parabola.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

Times = NDArray[np.float64]
"""float64[N]: seconds."""


@dataclass(slots=True)
class Path:
    """A path through knots of `dimensions` coordinates, built in time order.

    Before the first knot and after the last one it stands still.
    """

    dimensions: int
    _t: list[float] = field(default_factory=list)
    _p: list[tuple[float, ...]] = field(default_factory=list)
    _before: list[tuple[float, ...]] = field(default_factory=list)
    _after: list[tuple[float, ...]] = field(default_factory=list)
    _pull: list[tuple[float, ...]] = field(default_factory=list)

    @property
    def end_s(self) -> float:
        """Time of the last knot."""
        return self._t[-1]

    @property
    def last(self) -> tuple[float, ...]:
        """Place of the last knot."""
        return self._p[-1]

    def knot(
        self,
        t_s: float,
        place: tuple[float, ...],
        *,
        before: tuple[float, ...] | None = None,
        after: tuple[float, ...] | None = None,
        pull: tuple[float, ...] | None = None,
    ) -> None:
        """Add a knot; velocities (1/s) default to rest, `after` to `before`, acceleration to 0."""
        rest = (0.0,) * self.dimensions
        before = rest if before is None else before
        self._t.append(t_s)
        self._p.append(place)
        self._before.append(before)
        self._after.append(before if after is None else after)
        self._pull.append(rest if pull is None else pull)

    def at(self, times: Times) -> NDArray[np.float64]:
        """Places float64[N, dimensions] at `times`."""
        t, p = np.array(self._t), np.array(self._p)
        if len(t) == 1:
            return np.repeat(p, len(times), axis=0)
        coefficients = self._coefficients(t, p)
        index = np.clip(np.searchsorted(t, times, side="right") - 1, 0, len(t) - 2)
        span = t[1:] - t[:-1]
        x = np.clip((times - t[index]) / span[index], 0.0, 1.0)[:, None]
        c = coefficients[:, index]
        return np.asarray(c[0] + x * (c[1] + x * (c[2] + x * (c[3] + x * (c[4] + x * c[5])))))

    def _coefficients(self, t: Times, p: NDArray[np.float64]) -> NDArray[np.float64]:
        span = (t[1:] - t[:-1])[:, None]
        v0 = np.array(self._after)[:-1] * span
        v1 = np.array(self._before)[1:] * span
        pull = np.array(self._pull)
        a0, a1 = pull[:-1] * span**2, pull[1:] * span**2
        step = p[1:] - p[:-1]
        return np.stack(
            [
                p[:-1],
                v0,
                0.5 * a0,
                10 * step - 6 * v0 - 4 * v1 - 1.5 * a0 + 0.5 * a1,
                -15 * step + 8 * v0 + 7 * v1 + 1.5 * a0 - a1,
                6 * step - 3 * v0 - 3 * v1 - 0.5 * a0 + 0.5 * a1,
            ]
        )


@dataclass(frozen=True, slots=True)
class Drift:
    """Slow wandering without end: a sum of sines with random phases.

    Attributes:
        amplitude: root mean square.
        rates_hz: frequency of each sine.
        phases: radians.
        weights: amplitude of each sine.
    """

    amplitude: float
    rates_hz: NDArray[np.float64]
    phases: NDArray[np.float64]
    weights: NDArray[np.float64]

    @classmethod
    def draw(
        cls,
        rng: np.random.Generator,
        amplitude: float,
        band_hz: tuple[float, float],
        *,
        sines: int = 5,
    ) -> "Drift":
        """Draw a drift with its power in `band_hz`, falling with frequency."""
        rates = np.exp(rng.uniform(np.log(band_hz[0]), np.log(band_hz[1]), sines))
        weights = rates**-0.5 * rng.uniform(0.5, 1.5, sines)
        weights *= amplitude * np.sqrt(2.0 / np.sum(weights**2))
        return cls(amplitude, rates, rng.uniform(0, 2 * np.pi, sines), weights)

    def at(self, times: Times) -> Times:
        """Values float64[N] at `times`."""
        if self.amplitude == 0.0:
            return np.zeros_like(times)
        angle = times[:, None] * (2 * np.pi * self.rates_hz) + self.phases
        return np.asarray(np.sin(angle) @ self.weights)


def ringing(
    times: Times, blows: Times, sizes: ArrayLike, *, rate_hz: float, decay_s: float
) -> Times:
    """Sum of damped sines started by blows at `blows` seconds: float64[N]."""
    if len(blows) == 0:
        return np.zeros_like(times)
    age = times[:, None] - blows[None, :]
    alive = np.clip(age, 0.0, None)
    wave = np.sin(2 * np.pi * rate_hz * alive) * np.exp(-alive / decay_s)
    return np.asarray(wave @ np.broadcast_to(np.asarray(sizes, float), blows.shape))


def pulses(times: Times, blows: Times, sizes: ArrayLike, *, decay_s: float) -> Times:
    """Sum of decaying exponentials started by blows: float64[N], 0 before each."""
    if len(blows) == 0:
        return np.zeros_like(times)
    age = times[:, None] - blows[None, :]
    wave = np.where(age >= 0.0, np.exp(-np.clip(age, 0.0, None) / decay_s), 0.0)
    return np.asarray(wave @ np.broadcast_to(np.asarray(sizes, float), blows.shape))

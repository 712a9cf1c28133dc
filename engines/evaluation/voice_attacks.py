"""When a hit rises: how far apart in time a made and a real one do; settings are fixed here.

All times are read off the level of the last 4 ms, within 60 ms of the sample asked for. Errors are
in milliseconds, signed: positive is late. A hit shifted by d ms reads d ms in each of them.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from synchresis.engines.evaluation.voice_measures import envelope, fit_length
from synchresis.engines.timebase import SAMPLE_RATE

Floats = NDArray[np.float32]
Levels = NDArray[np.float64]

WITHIN_S: Final = 0.060

RISEN: Final = 0.9
"""Share of a level at which a rise has reached it."""

BEGUN: Final = 0.1
"""Share of a hit's loudest at which it has begun."""

FIRST_RISE_S: Final = 0.005
"""From where a hit has begun, how long its first rise may take."""

FAR_MS: Final = 8.0
"""An error beyond this is counted as far; a rise within it as short."""


def early_levels(sound: Floats) -> Levels:
    """Envelope of the first 60 ms, as long where the sound is shorter: float64[2880]."""
    return envelope(fit_length(sound, int(WITHIN_S * SAMPLE_RATE)))


def reached(heard: Levels, level: float) -> int:
    """First sample at or above a level; the length where there is none, as in silence."""
    above = (heard >= level) & (heard > 0)
    return int(np.argmax(above)) if above.any() else len(heard)


def begin_of(heard: Levels) -> int:
    """Sample at which a hit has begun: its level is 20 dB below its loudest (Rasch 1979)."""
    return reached(heard, BEGUN * float(heard.max(initial=0.0)))


def first_rise(heard: Levels) -> float:
    """Level to which a hit first rises: its loudest within 5 ms of where it has begun."""
    begun = begin_of(heard)
    return float(heard[begun : begun + int(FIRST_RISE_S * SAMPLE_RATE)].max(initial=0.0))


def attack_error_ms(made: Floats, real: Floats) -> float:
    """How far apart both come to 90 % of the real one's first rise.

    That level is carried to the made hit in proportion to each one's loudest. So a knock after
    the first one, louder or not, does not count; a shift, a fade-in and a smeared attack do.
    """
    target, heard = early_levels(real), early_levels(made)
    level = RISEN * first_rise(target)
    same = level * heard.max() / max(target.max(), 1e-30)
    return _apart_ms(reached(heard, same), reached(target, level))


def loudest_error_ms(made: Floats, real: Floats) -> float:
    """How far apart both come to 90 % of their own loudest, be it a second knock."""
    return _own_share_ms(made, real, RISEN)


def onset_error_ms(made: Floats, real: Floats) -> float:
    """How far apart both come to 10 % of their own loudest; smeared attacks are not seen."""
    return _own_share_ms(made, real, BEGUN)


def attack_ms(real: Floats) -> float:
    """From the start to 90 % of the first rise, milliseconds."""
    heard = early_levels(real)
    return _apart_ms(reached(heard, RISEN * first_rise(heard)), 0)


def rise_ms(real: Floats) -> float:
    """From the start to 90 % of the loudest, milliseconds."""
    heard = early_levels(real)
    return _apart_ms(reached(heard, RISEN * heard.max()), 0)


ERRORS: Final[Mapping[str, Callable[[Floats, Floats], float]]] = {
    "attack": attack_error_ms,
    "loudest": loudest_error_ms,
    "onset": onset_error_ms,
}
"""By the name they have in reports."""


def errors_ms(made: Floats, real: Floats) -> dict[str, float]:
    """All errors of one hit, by name: `attack_ms` and so on."""
    return {f"{name}_ms": error(made, real) for name, error in ERRORS.items()}


def spread_ms(rows: list[dict[str, Any]], prefix: str = "") -> dict[str, float]:
    """Median and 95th percentile of the sizes of errors, whatever their sign."""
    out = {}
    for name in ERRORS if rows else ():
        size = np.abs([row[f"{prefix}{name}_ms"] for row in rows])
        out[f"{prefix}{name}_median_ms"] = float(np.median(size))
        out[f"{prefix}{name}_p95_ms"] = float(np.percentile(size, 95))
    return out


def rises(sounds: Sequence[Floats]) -> dict[str, float]:
    """When hits rise, from the sample asked for: percentiles of `attack_ms`.

    Also the share of hits whose loudest comes more than FAR_MS later still.
    """
    first = np.array([attack_ms(sound) for sound in sounds])
    loudest = np.array([rise_ms(sound) for sound in sounds])
    p5, median, p95 = (float(value) for value in np.percentile(first, [5, 50, 95]))
    far = float((loudest - first > FAR_MS).mean())
    return {
        "first_rise_p5_ms": p5,
        "first_rise_median_ms": median,
        "first_rise_p95_ms": p95,
        "knocks_later": far,
    }


def _own_share_ms(made: Floats, real: Floats, share: float) -> float:
    ends = [
        reached(heard, share * heard.max()) for heard in (early_levels(made), early_levels(real))
    ]
    return _apart_ms(*ends)


def _apart_ms(made: int, real: int) -> float:
    return 1e3 * (made - real) / SAMPLE_RATE

"""Lessons: what came of teaching, and whether there was anything to see."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from synchresis.engines.teach.checking import Check
from synchresis.engines.teach.fitting import Taught
from synchresis.engines.teach.watching import Watched

STILL: Final = 0.004
"""Frame difference of the liveliest cell, grey 0..1, under which nothing moves."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """What came of teaching.

    Attributes:
        taught: what was learned from the whole recording.
        way: "readout", or "threshold" where a readout did not help; "silence" of silence alone.
        checks: on parts held back: "shipped", "threshold", "readout"; or "shipped", "silence".
        hits: heard.
        seconds: of the recording.
    """

    taught: Taught
    way: str
    checks: Mapping[str, Check]
    hits: int
    seconds: float

    def report(self) -> dict[str, Any]:
        """The same, ready for JSON."""
        return {
            "way": self.way,
            "lag_ms": round(1e3 * self.taught.lag_s, 1),
            "threshold": round(self.taught.threshold, 3),
            "hits": self.hits,
            "seconds": round(self.seconds, 1),
            "held_back": {name: asdict(check) for name, check in self.checks.items()},
        }


def moving(seen: Watched) -> float:
    """Difference between frames in the liveliest cell, grey 0..1, in lively moments."""
    liveliest = seen.flow[:, 3].max(1).astype(np.float64)
    return float(np.quantile(liveliest, 0.95))

"""Evaluation of shown silence: half of a silent scene is taught, alone or beside a lesson of hits.

False events are counted on the other half and on another scene of the same family that was not
shown; hits on the part of the performer that was not taught, as in `teaching`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from synchresis.engines.evaluation.rates import FalseRate
from synchresis.engines.evaluation.score_onsets import Times, evaluate
from synchresis.engines.evaluation.teaching import SPLIT, Way, inside
from synchresis.engines.evaluation.teaching_material import Material
from synchresis.engines.onsets import find_onsets
from synchresis.engines.teach.fitting import Taught
from synchresis.engines.teach.silence import quiet_bar
from synchresis.engines.teach.watching import Watched, joined
from synchresis.engines.timebase import SAMPLE_RATE

SHOWN: Final = 0.5
"""Share of a silent scene that is taught."""

WAYS: Final = ("nothing", "silence", "hits", "hits and silence")
"""What was taught; of nothing and of silence alone the lag is the performer's, too."""


@dataclass(frozen=True, slots=True)
class Silence:
    """A silent scene, and another one of its family."""

    family: str
    seen: Watched
    other: Watched


@dataclass(frozen=True, slots=True)
class Shown:
    """One performer, taught with and without one silent scene.

    Attributes:
        family: of the silent scene.
        truth_s: onsets of the performer's scored part, from its begin.
        span_s: its length.
        heard_s: events there by way.
        later: false events in the rest of the silent scene by way.
        elsewhere: false events in another scene of the family by way.
    """

    family: str
    truth_s: Times
    span_s: float
    heard_s: dict[str, Times]
    later: dict[str, FalseRate]
    elsewhere: dict[str, FalseRate]


def shown_silences(
    performers: Sequence[Material],
    silences: Mapping[str, Sequence[Watched]],
    fits: Mapping[str, Way],
) -> Iterator[Shown]:
    """Every silent scene with one of the performers, in turn.

    Args:
        performers: with the sound they are taught by.
        silences: what was seen of silent scenes by family, two or more of each.
        fits: ways to teach, of `synchresis.engines.teach.motion.ways_of`.
    """
    count = 0
    for family, scenes in silences.items():
        for index, seen in enumerate(scenes):
            performer, other = performers[count % len(performers)], scenes[index - 1]
            count += 1
            yield shown(performer, Silence(family, seen, other), fits)


def shown(performer: Material, silence: Silence, fits: Mapping[str, Way]) -> Shown:
    """Teach on the first part of a performer and of a silent scene, count on what is left."""
    cut = SPLIT * performer.duration_s
    sound = np.ascontiguousarray(performer.sound[: round(cut * SAMPLE_RATE)])
    onsets_s = find_onsets(sound, SAMPLE_RATE).time_s
    lesson = performer.seen.between(0.0, cut)
    first, second = halves(silence.seen)
    both, heard_s = joined([lesson, first], [onsets_s, np.zeros(0)])
    plain = fits["shipped"](lesson, onsets_s)
    taught = {
        "nothing": plain,
        "silence": replace(plain, threshold=quiet_bar(first, plain.threshold)),
        "hits": fits["readout"](lesson, onsets_s),
        "hits and silence": fits["readout"](both, heard_s),
    }
    scored = (cut, performer.duration_s)
    return Shown(
        family=silence.family,
        truth_s=inside(performer.truth_s, scored),
        span_s=scored[1] - scored[0],
        heard_s={way: inside(one.heard_s(performer.seen), scored) for way, one in taught.items()},
        later={way: false_events(one, second) for way, one in taught.items()},
        elsewhere={way: false_events(one, silence.other) for way, one in taught.items()},
    )


def halves(seen: Watched) -> tuple[Watched, Watched]:
    """What is taught of a silent scene, and the rest."""
    begin, end = float(seen.captured_s[0]), float(seen.captured_s[-1])
    middle = begin + SHOWN * (end - begin)
    return seen.between(begin, middle), seen.between(middle, np.inf)


def false_events(taught: Taught, seen: Watched) -> FalseRate:
    """Events where none should be."""
    return FalseRate(len(taught.heard_s(seen)), seen.seconds / 60)


def report(found: Sequence[Shown]) -> dict[str, Any]:
    """Per way: timing skill and F1 of hits at ±50 ms, and false events by family."""
    families = sorted({one.family for one in found})
    truths, spans = [one.truth_s for one in found], [one.span_s for one in found]
    ways: dict[str, Any] = {}
    for way in WAYS:
        row = evaluate([one.heard_s[way] for one in found], truths, spans, fit=False)[0.05]
        ways[way] = {
            "f1": float(np.asarray(row[2])),
            "timing": float(np.asarray(row[4])),
            "later": {name: rate(found, name, way, "later") for name in families},
            "elsewhere": {name: rate(found, name, way, "elsewhere") for name in families},
        }
    return {"scenes": len(found), "onsets": sum(map(len, truths)), "ways": ways}


def rate(found: Sequence[Shown], family: str, way: str, where: str) -> dict[str, float]:
    """False events of all scenes of a family."""
    rates = [getattr(one, where)[way] for one in found if one.family == family]
    return sum(rates, FalseRate(0, 0.0)).report()

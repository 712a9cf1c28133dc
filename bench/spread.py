"""Whose are the milliseconds? The scene of motion-to-sound on the virtual clock, part by part.

There D is 0 and nothing is late, so what is left between a contact and its sound is the parser's
error of time and the voice's attack. It needs no sound server and comes out the same every time.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from synchresis.bench.findings import Findings
from synchresis.bench.memory_camera import Footage
from synchresis.bench.motion_to_sound import FLOOR, LEAST
from synchresis.bench.pairing import Pairing, pair_onsets, phase_unevenness
from synchresis.bench.result import Figure, Histogram, Lines, Result, distribution_results, thinned
from synchresis.engines.frame import Frame
from synchresis.engines.gesture import Event
from synchresis.engines.instrument import Instrument
from synchresis.engines.pipeline import Pipeline, bind_parser
from synchresis.engines.timebase import NS_PER_S, SAMPLE_RATE
from synchresis.realtime.hearing import hear_onsets

NAME: Final = "latency.spread"

TAIL_S: Final = 0.8
"""Played after the last picture."""


@dataclass(frozen=True, slots=True)
class Spread:
    """What a run on the virtual clock gave.

    Attributes:
        events: contacts and the moments the parser gave them.
        voice: moments the parser gave and the sounds that answered them.
        whole: contacts and sounds.
        decided: float64[N] by contact in `events`: capture of the frame that decided it, minus the
            contact, in frame intervals. Below 0 the contact was foretold: its moment lies after
            the interval that the frame answers for.
        phases: float64[N] by contact in `events`: its place between two frames, 0 to 1.
        unevenness: of the phases of all contacts, see `phase_unevenness`.
    """

    events: Pairing
    voice: Pairing
    whole: Pairing
    decided: NDArray[np.float64]
    phases: NDArray[np.float64]
    unevenness: float


def run_spread(instrument: Instrument, footage: Footage) -> Spread:
    """Play footage on the virtual clock.

    Args:
        instrument: prepared, with τ = 0.
        footage: begins at 0.
    """
    playout = instrument.playout(nominal_fps=footage.fps)
    pipeline = Pipeline(bind_parser(instrument.parser), playout)
    events: list[Event] = []
    blocks = []
    for index, (picture, time_ns) in enumerate(
        zip(footage.pictures, footage.times_ns, strict=True)
    ):
        gesture, hops = pipeline.feed(Frame(picture, time_ns, index))
        events += gesture.events
        blocks += [hop.copy() for hop in hops]
    end_ns = footage.times_ns[-1] + round(TAIL_S * NS_PER_S)
    blocks += [hop.copy() for hop in pipeline.finish(end_ns)]
    return compare_times(footage, events, np.concatenate(blocks).mean(axis=1))


def compare_times(footage: Footage, events: list[Event], sound: NDArray[np.float32]) -> Spread:
    """Contacts, events and sounds against each other.

    Args:
        footage: knows the contacts.
        events: of the parser, in order.
        sound: float32[N], heard from the first picture on.
    """
    contacts = list(footage.contacts_s)
    given = [event.t_ns / NS_PER_S for event in events]
    loudest = float(np.abs(sound).max(initial=0.0))
    onsets = hear_onsets(sound, floor=max(LEAST, FLOOR * loudest))
    heard = [float(onset) / SAMPLE_RATE for onset in onsets]
    pairing = pair_onsets(contacts, given)
    moments = pairing.contacts + pairing.differences_ms / 1e3
    chosen = [int(np.abs(np.array(given) - moment).argmin()) for moment in moments]
    decided = np.array([events[index].decided_ns / NS_PER_S for index in chosen])
    return Spread(
        events=pairing,
        voice=pair_onsets(given, heard),
        whole=pair_onsets(contacts, heard),
        decided=(decided - pairing.contacts) * footage.fps,
        phases=np.mod(pairing.contacts * footage.fps, 1.0),
        unevenness=phase_unevenness(contacts, footage.fps),
    )


def spread_findings(spread: Spread) -> Findings:
    """Errors of time as results and figures."""
    results: list[Result] = []
    parts = {"event_error": spread.events, "attack": spread.voice, "whole": spread.whole}
    for name, pairing in parts.items():
        results += distribution_results(f"{NAME}.{name}", list(pairing.differences_ms))
        results.append(Result(f"{NAME}.{name}.missed", pairing.missed, "count"))
        results.append(Result(f"{NAME}.{name}.extra", pairing.extra, "count"))
    early = spread.decided < 0
    for name, chosen in (("foretold", early), ("after_contact", ~early)):
        errors = list(spread.events.differences_ms[chosen])
        results += distribution_results(f"{NAME}.event_error.{name}", errors)
    results.append(Result(f"{NAME}.phase_unevenness", round(spread.unevenness, 4), "1"))
    return Findings(results, _figures(spread, early))


_CAPTION: Final = (
    "The scene of motion-to-sound on the virtual clock: D = 0, no sound server, nothing late. "
    "Parser: its moment minus the contact. Voice: where its sound begins (20 dB under its peak) "
    "minus that moment; below 0 something sounds in the onset's hop before the onset."
)

_PHASES: Final = (
    "0: the contact falls on a frame. Foretold: decided on a frame before it, so that its moment "
    "lies after the interval that frame answers for."
)


def _figures(spread: Spread, early: NDArray[np.bool_]) -> list[Figure]:
    parts = {"parser": spread.events, "voice": spread.voice, "both": spread.whole}
    series = {name: thinned(pairing.differences_ms) for name, pairing in parts.items()}
    errors = spread.events.differences_ms
    points = {
        name: list(zip(spread.phases[chosen].tolist(), errors[chosen].tolist(), strict=True))
        for name, chosen in (("foretold", early), ("after the contact", ~early))
    }
    phases = Lines(
        "The parser's error of time by the contact's phase",
        "place of the contact between two frames",
        "ms",
        points,
        caption=_PHASES,
        joined=False,
    )
    return [Histogram("Errors of time, part by part", "ms", series, _CAPTION), phases]

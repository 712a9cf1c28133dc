"""What a soak writes down: in bounded memory, however long it runs."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Self

import numpy as np
import psutil  # type: ignore[import-untyped]

from synchresis.bench.faults import Fault, Kind
from synchresis.engines.timebase import NS_PER_S
from synchresis.realtime.links import Delivery
from synchresis.realtime.messages import Sighting

NORMAL_NS: Final = 100_000_000
"""News is normal when it answers for new time and comes at most this late after its frame."""

KEPT: Final = 20_000
"""Ages kept, drawn evenly from all."""

MEMORY_EVERY_NS: Final = NS_PER_S
_MIB: Final = 2**20


@dataclass(slots=True)
class Incident:
    """A fault, and when news was normal again.

    Attributes:
        kind: what happened.
        begin_ns: when, process clock.
        end_ns: when the cause was gone; news before that does not count as recovery.
        recovered_ns: when the first normal news came, for a killed speaker at the new one that has
            measured D by then; None if none has.
    """

    kind: Kind
    begin_ns: int
    end_ns: int
    recovered_ns: int | None = None

    @classmethod
    def of(cls, fault: Fault, begin_ns: int) -> Self:
        """A planned fault of a run that began at `begin_ns`."""
        begin, end = (begin_ns + round(t * NS_PER_S) for t in (fault.begin_s, fault.end_s))
        return cls(fault.kind, begin, end)

    @property
    def recovery_s(self) -> float | None:
        """From the cause gone to normal news, seconds."""
        return None if self.recovered_ns is None else (self.recovered_ns - self.end_ns) / NS_PER_S


@dataclass(slots=True)
class SoakLog:
    """All that is kept of a soak.

    Attributes:
        incidents: the faults, in time order.
        ages_ms: of news outside incidents: capture → here; a fair sample of all.
        news: how many there were in all.
        memory: seconds since the begin; MiB of this process, of the parser's and of the killed
            speaker's (0 while they are dead).
        counts: events, losses, empty rings.
    """

    incidents: list[Incident] = field(default_factory=list)
    ages_ms: list[float] = field(default_factory=list)
    news: int = 0
    memory: list[tuple[float, float, float, float]] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    _done: int = 0
    _sampled_ns: int = -MEMORY_EVERY_NS
    _rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(0))

    def hear(self, delivery: Delivery) -> None:
        """Take one message that came to the speaker; its thread only."""
        if not isinstance(delivery.body, Sighting):
            return
        age_ns = delivery.received_ns - delivery.body.gesture.captured_ns
        if is_normal(delivery):
            self._recover(delivery.received_ns)
        if not self._troubled(delivery.received_ns):
            self._keep(age_ns / 1e6)

    def hear_speaker(self, playing_ns: int) -> None:
        """The killed speaker's newest process plays since then; from any thread."""
        for incident in self.incidents:
            waits = incident.kind == "kill_speaker" and incident.recovered_ns is None
            if waits and playing_ns >= incident.end_ns:
                incident.recovered_ns = playing_ns

    def unrecovered(self) -> int:
        """Incidents after which not all has been well yet."""
        return sum(incident.recovered_ns is None for incident in self.incidents)

    def sample(self, elapsed_ns: int, parser: int | None, speaker: int | None) -> None:
        """Note the memory, once a second.

        Args:
            elapsed_ns: since the begin.
            parser: its process, None while it is dead.
            speaker: process of the one that is killed, None while it is dead.
        """
        if elapsed_ns - self._sampled_ns < MEMORY_EVERY_NS:
            return
        self._sampled_ns = elapsed_ns
        theirs, killed = (0.0 if pid is None else memory_mib(pid) for pid in (parser, speaker))
        self.memory.append((elapsed_ns / NS_PER_S, memory_mib(None), theirs, killed))

    def _open(self) -> Iterator[Incident]:
        """Incidents not yet recovered from, those to come too, in time order; one thread only."""
        while self._done < len(self.incidents) and self.incidents[self._done].recovered_ns:
            self._done += 1
        rest = range(self._done, len(self.incidents))
        return (self.incidents[i] for i in rest if self.incidents[i].recovered_ns is None)

    def _recover(self, now_ns: int) -> None:
        """All is well on the way from the camera to here: put away what was before."""
        for incident in self._open():
            if now_ns < incident.end_ns:
                return
            if incident.kind != "kill_speaker":
                incident.recovered_ns = now_ns

    def _troubled(self, now_ns: int) -> bool:
        """Whether an incident is on or not yet recovered from."""
        incident = next(self._open(), None)
        return incident is not None and now_ns >= incident.begin_ns

    def _keep(self, age_ms: float) -> None:
        """Reservoir sampling."""
        self.news += 1
        if len(self.ages_ms) < KEPT:
            self.ages_ms.append(age_ms)
        elif (place := int(self._rng.integers(self.news))) < KEPT:
            self.ages_ms[place] = age_ms


def is_normal(delivery: Delivery) -> bool:
    """Whether it is news: it answers for new time and came soon after its frame."""
    if not isinstance(delivery.body, Sighting):
        return False
    gesture = delivery.body.gesture
    age_ns = delivery.received_ns - gesture.captured_ns
    return gesture.end_ns > gesture.begin_ns and 0 <= age_ns <= NORMAL_NS


def memory_mib(process: int | None) -> float:
    """Resident memory of a process, of this one if None; 0 if it is gone."""
    try:
        return float(psutil.Process(process).memory_info().rss) / _MIB
    except psutil.Error:
        return 0.0

"""Findings: results and figures of one part of a benchmark."""

from dataclasses import dataclass, field

from synchresis.bench.result import Figure, Result


@dataclass(frozen=True, slots=True)
class Findings:
    """Results and figures of one part."""

    results: list[Result] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)

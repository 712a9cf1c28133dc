"""One thing the doctor looked at."""

from collections.abc import Callable, Iterator
from typing import Literal

import msgspec

from synchresis.errors import SynchresisError

Verdict = Literal["ok", "absent", "broken"]
"""Works; is not here and is not needed; should work and does not."""


class Finding(msgspec.Struct, frozen=True):
    """What was found.

    Attributes:
        name: what was looked at.
        verdict: whether it works.
        text: what was found, with figures.
        remedy: what to do where it does not work; empty where it does.
    """

    name: str
    verdict: Verdict
    text: str
    remedy: str = ""


def examine(name: str, test: Callable[[], str], *, remedy: str) -> Finding:
    """Run a test that returns what it found and raises one of our errors where it fails."""
    try:
        return Finding(name, "ok", test())
    except SynchresisError as err:
        return Finding(name, "broken", str(err), remedy)


def split_remedy(name: str, err: SynchresisError) -> Finding:
    """Finding of an optional thing that is absent; the error's own words end with the remedy."""
    text, _, remedy = str(err).rpartition(": ")
    return Finding(name, "absent", text, remedy)


Findings = Iterator[Finding]
"""Findings as they are made, so that they can be printed at once."""

"""Things on the device that are dear to make: lent with a state, lent again when it is gone."""

import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

Thing = TypeVar("Thing")


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Loan(Generic[Thing]):
    """What is lent; it goes back to its pool when nobody holds the loan any more."""

    thing: Thing


class Pool(Generic[Thing]):
    """Makes a thing where none is idle; memory of a device is given back only when it closes."""

    def __init__(self, make: Callable[[], Thing]) -> None:
        self._make = make
        self._idle: list[Thing] = []

    def lend(self) -> Loan[Thing]:
        """Lend a thing; what it was used for before must be undone."""
        thing = self._idle.pop() if self._idle else self._make()
        loan = Loan(thing)
        weakref.finalize(loan, self._idle.append, thing).atexit = False
        return loan

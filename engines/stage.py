"""Stage: a pure streaming step, the shape shared by everything between camera and speaker.

The contract, tested on every stage:

* A stage holds frozen settings and loaded weights, never anything that changes with its input.
* `initial_state()` allocates everything; `step(x, state)` writes into the state in place, never
  rebinds its arrays, and allocates nothing it can avoid.
* Streamed equals whole: stepping a signal in any chunking gives what one shot gives, and a fresh
  state gives what the first run gave.
* `latency_samples` is the delay the stage itself adds, in samples at `SAMPLE_RATE` (0 for stages
  at video rate, whose waiting is a named part of the playout delay instead).
* Causal: changing input after a moment changes no output before that moment less the latency.
* A stage touches no socket, clock, thread or file. One state belongs to one thread at a time.

What a step returns may be a view into the state: it is valid until the next step.
"""

from typing import Protocol, TypeVar, runtime_checkable

X = TypeVar("X", contravariant=True)
"""What a stage takes each step."""

S = TypeVar("S")
"""Its state."""

Y = TypeVar("Y", covariant=True)
"""What it gives each step."""


@runtime_checkable
class Stage(Protocol[X, S, Y]):
    """A streaming step with explicit state; see the module for the contract."""

    @property
    def latency_samples(self) -> int:
        """Delay added by the stage, samples at `SAMPLE_RATE`."""
        ...

    def initial_state(self) -> S:
        """Allocate the state of a stream that has not begun."""
        ...

    def step(self, x: X, state: S, /) -> Y:
        """Take one input, change the state in place, give one output."""
        ...

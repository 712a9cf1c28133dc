"""What a sink offers, and the one that keeps nothing."""

from typing import Protocol

from synchresis.engines.playout import Block


class Sink(Protocol):
    """Takes sound in order, block by block."""

    def write(self, block: Block) -> None:
        """Take float32[N, 2]; the array may be reused afterwards."""
        ...

    def close(self) -> None:
        """Finish: only now does a file get its name."""
        ...

    def abort(self) -> None:
        """Stop and leave nothing half-written under the file's name; no effect after `close`."""
        ...


class NullSink:
    """Sound that nobody hears.

    Attributes:
        samples: how many it was given.
    """

    def __init__(self) -> None:
        self.samples = 0

    def write(self, block: Block) -> None:
        """Count."""
        self.samples += len(block)

    def close(self) -> None:
        """Nothing to finish."""

    def abort(self) -> None:
        """Nothing to leave behind."""

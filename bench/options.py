"""Options: what every benchmark is told; each is a module `synchresis.bench.NAME` with `run`.

`run(options: Options) -> Report` measures everything it has and leaves out, with a result that says
so, what this machine cannot do.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from synchresis.errors import ParameterError

Device = Literal["cpu", "cuda"]

BENCHES = ("latency", "glass", "kernels", "engines", "sync", "voice", "soak")
"""Names of the benchmarks."""


PARTS: Final[Mapping[str, tuple[str, ...]]] = {
    "latency": ("start", "service", "age", "spread", "sound"),
    "kernels": ("flow", "overlap-add"),
    "engines": ("start", "engines", "memory", "flow", "paths"),
    "sync": ("scenes", "clips"),
}
"""Parts of benchmarks that have some; `flow` and `paths` of engines are those of a GPU."""


def check(bench: str, options: "Options") -> None:
    """Refuse what a benchmark would pass over in silence.

    Raises:
        ParameterError: a part that it has not, or a GPU where it measures the CPU alone.
    """
    known = PARTS.get(bench, ())
    for part in options.parts:
        if part not in known:
            there = f"its parts are {', '.join(known)}" if known else "it has no parts"
            raise ParameterError(f"bench {bench} has no part {part!r}: {there}")
    if options.device == "cuda" and bench != "engines":
        raise ParameterError(
            f"bench {bench} measures the CPU; a GPU is measured by `bench engines --device cuda`"
        )


@dataclass(frozen=True, slots=True)
class Options:
    """Options shared by all benchmarks.

    Attributes:
        device: where engines run.
        seed: seed of everything random.
        quick: fewer repeats and sizes, for a first look or a test; figures carry more noise.
        pack: name or path of the pack.
        parts: names of the parts to run; empty runs all of them.
        clips: folder of real clips, for `sync`; None skips what needs them.
        sounds: folder of real recordings, for `voice`; None skips what needs them.
        camera: camera device or source, for `glass`.
        hours: length of a soak.
        audio: audio device to play on and to listen to, for `latency`: one that gives back what is
            played, by loopback, cable or microphone; None for the system's choice.
    """

    device: Device = "cpu"
    seed: int = 0
    quick: bool = False
    pack: str = "default"
    parts: tuple[str, ...] = ()
    clips: str | None = None
    sounds: str | None = None
    camera: str = "0"
    hours: float = 2 / 60
    audio: str | None = None

    def repeats(self, full: int) -> int:
        """Repeats to use where a full run makes `full`."""
        return max(10, full // 10) if self.quick else full

    def wants(self, part: str) -> bool:
        """Whether a part of the benchmark is to run."""
        return not self.parts or part in self.parts

"""Options: what every benchmark is told; each is a module `synchresis.bench.NAME` with `run`.

`run(options: Options) -> Report` measures everything it has and leaves out, with a result that says
so, what this machine cannot do.
"""

from dataclasses import dataclass
from typing import Literal

Device = Literal["cpu", "cuda"]

BENCHES = ("latency", "glass", "kernels", "engines", "sync", "voice", "soak")
"""Names of the benchmarks."""


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

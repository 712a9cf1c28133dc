"""Memory of an engine: what a fresh process grows by when it opens one and steps it.

On the host the library of its runtime is in the figure, on a GPU the driver's too; the interpreter
and our own modules are not. On the card it is what opening and stepping took of its free memory,
the context and our own kernels apart.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from synchresis.bench.child import Child, Say
from synchresis.bench.soak_log import memory_mib
from synchresis.engines.gpu.parity_inputs import motion_steps, voice_steps
from synchresis.engines.packs import load_pack
from synchresis.engines.runtime.engine import GPU_BACKENDS, Which, open_on
from synchresis.errors import EngineError

if TYPE_CHECKING:
    from synchresis.engines.gpu.cuda_device import CudaDevice

STEPS = 20
"""Steps made, so that what is allocated on first use is there."""

_PATIENCE_S = 300.0


@dataclass(frozen=True, slots=True)
class Grown:
    """What one open engine holds.

    Attributes:
        host_mib: resident memory of the process, MiB.
        card_mib: memory of the card, MiB; None on a CPU.
    """

    host_mib: float
    card_mib: float | None = None


def measure_memory(pack: str, backend: str, which: Which, *, batch: int) -> Grown:
    """Memory of one open engine and its runtime, in a process of its own.

    Raises:
        EngineError: the engine does not open there.
    """
    child = Child(occupy, pack, backend, which, batch)
    grown = child.hear(_PATIENCE_S)
    child.join(1.0)
    if not isinstance(grown, Grown):
        raise EngineError(f"memory of {which} on {backend}, batch {batch}: the process failed")
    return grown


def occupy(say: Say, name: str, backend: str, which: Which, batch: int) -> None:
    """Open an engine, step it, and say what that took, as `Grown`."""
    pack = load_pack(name)
    make = motion_steps if which == "motion" else voice_steps
    before = memory_mib(None)
    card = _open_card() if backend in GPU_BACKENDS else None
    free = card.free_bytes() if card else 0
    engine = open_on(backend, pack, which, batch=batch)
    engine.prepare()
    state = engine.initial_state()
    for inputs in make(engine.spec, batch, STEPS):
        engine.step(inputs, state)
    taken = (free - card.free_bytes()) / 2**20 if card else None
    say(Grown(memory_mib(None) - before, taken))
    engine.close()
    if card:
        card.close()


def _open_card() -> "CudaDevice":
    """Context and kernels, which all engines of a process share."""
    from synchresis.engines.gpu.cuda_device import CudaDevice

    return CudaDevice()

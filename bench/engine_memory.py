"""Memory of an engine: what a fresh process grows by when it opens one and steps it.

The library of its runtime is in the figure, the interpreter and our own modules are not.
"""

from synchresis.bench.child import Child, Say
from synchresis.bench.soak_log import memory_mib
from synchresis.engines.gpu.parity_inputs import motion_steps, voice_steps
from synchresis.engines.packs import load_pack
from synchresis.engines.runtime.engine import Which, open_on
from synchresis.errors import EngineError

STEPS = 20
"""Steps made, so that what is allocated on first use is there."""

_PATIENCE_S = 300.0


def measure_memory(pack: str, backend: str, which: Which, *, batch: int) -> float:
    """Resident memory of one open engine and its runtime, MiB.

    Raises:
        EngineError: the engine does not open there.
    """
    child = Child(occupy, pack, backend, which, batch)
    grown = child.hear(_PATIENCE_S)
    child.join(1.0)
    if grown is None:
        raise EngineError(f"memory of {which} on {backend}, batch {batch}: the process failed")
    return float(grown)


def occupy(say: Say, name: str, backend: str, which: Which, batch: int) -> None:
    """Open an engine, step it, and say by how many MiB this process grew."""
    pack = load_pack(name)
    make = motion_steps if which == "motion" else voice_steps
    before = memory_mib(None)
    engine = open_on(backend, pack, which, batch=batch)
    engine.prepare()
    state = engine.initial_state()
    for inputs in make(engine.spec, batch, STEPS):
        engine.step(inputs, state)
    say(memory_mib(None) - before)

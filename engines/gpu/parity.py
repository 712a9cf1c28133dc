"""Parity: an engine's outputs against those of ONNX Runtime on the CPU, step by step."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Final

import numpy as np
from numpy.typing import NDArray

from synchresis.engines.gpu.parity_inputs import motion_steps, voice_steps
from synchresis.engines.packs.loading import Pack
from synchresis.engines.runtime.engine import Engine, Which, open_on
from synchresis.engines.runtime.tensorrt_build import Precision
from synchresis.errors import EngineError

Steps = Iterable[Mapping[str, NDArray[np.generic]]]
"""Inputs of one step after the other, by name."""

LOAD_STEPS: Final = 64
"""Steps compared when an engine is opened."""

FULL_STEPS: Final = 1_000
"""Steps compared by `bench engines` and by the tests on a GPU."""

TOLERANCE: Final[Mapping[Precision, Mapping[str, float]]] = {
    "fp32": {
        "impact": 1e-3,
        "map": 1e-3,
        "strength": 1e-3,
        "when": 1e-3,
        "friction": 1e-3,
        "burst": 1e-3,
        "total": 1e-3,
        "embedding": 1e-3,
        "doubt": 1e-3,
        "real": 3e-4,
        "imag": 3e-4,
        "mel": 1e-3,
    },
    "fp16": {
        "impact": 5e-2,
        "map": 5e-2,
        "strength": 5e-2,
        "when": 5e-2,
        "friction": 5e-2,
        "burst": 5e-2,
        "total": 5e-2,
        "embedding": 5e-2,
        "doubt": 5e-2,
        "real": 5e-2,  # phases add up: rounding makes them drift, magnitudes do not
        "imag": 5e-2,
        "mel": 2e-2,
    },
}
"""Largest error allowed, as a share of max(1, largest value of the reference), per output."""

UNKNOWN_OUTPUT: Final[Mapping[Precision, float]] = {"fp32": 1e-3, "fp16": 5e-2}
"""The same for outputs without a line of their own."""


@dataclass(frozen=True, slots=True)
class OutputParity:
    """How far one output is from the reference.

    Attributes:
        name: the output.
        error: largest absolute difference over all steps; NaN where it is not a number.
        allowed: largest difference that is accepted.
    """

    name: str
    error: float
    allowed: float

    @property
    def agrees(self) -> bool:
        """Whether it is within its tolerance; NaN never is."""
        return bool(self.error <= self.allowed)


@dataclass(frozen=True, slots=True)
class ParityReport:
    """One engine against the reference.

    Attributes:
        backend: of the engine that was checked.
        steps: how many were compared.
        outputs: one entry per output.
    """

    backend: str
    steps: int
    outputs: tuple[OutputParity, ...]

    @property
    def agrees(self) -> bool:
        """Whether every output is within its tolerance."""
        return all(output.agrees for output in self.outputs)

    def describe(self) -> str:
        """The outputs that differ, else the worst of those that agree."""
        wrong = [o for o in self.outputs if not o.agrees] or [
            max(self.outputs, key=lambda o: o.error / o.allowed)
        ]
        parts = (f"{o.name} {o.error:.2g} (allowed {o.allowed:.2g})" for o in wrong)
        verdict = "agrees" if self.agrees else "disagrees"
        return f"{self.backend} {verdict} over {self.steps} steps: {', '.join(parts)}"


def check_parity(
    engine: Engine, reference: Engine, steps: Steps, *, precision: Precision = "fp32"
) -> ParityReport:
    """Step both engines through the same inputs, each with its own state, and compare."""
    state, reference_state = engine.initial_state(), reference.initial_state()
    names = [output.name for output in engine.spec.outputs]
    errors, peaks = dict.fromkeys(names, 0.0), dict.fromkeys(names, 1.0)
    count = 0
    for inputs in steps:
        count += 1
        want = reference.step(inputs, reference_state)
        got = engine.step(inputs, state)
        _refuse_wrong_reference(reference.backend, want)
        for name in names:
            worst = float(np.abs(got[name] - want[name]).max())
            errors[name] = float(np.maximum(errors[name], worst))  # keeps NaN
            peaks[name] = max(peaks[name], float(np.abs(want[name]).max()))
    table, other = TOLERANCE[precision], UNKNOWN_OUTPUT[precision]
    outputs = tuple(OutputParity(n, errors[n], table.get(n, other) * peaks[n]) for n in names)
    return ParityReport(engine.backend, count, outputs)


def _refuse_wrong_reference(backend: str, outputs: Mapping[str, NDArray[np.float32]]) -> None:
    for name, values in outputs.items():
        if not np.isfinite(values).all():
            raise EngineError(
                f"output {name} of {backend} is not a number: the pack's engine is broken, "
                "use another --pack"
            )


def pack_parity(
    engine: Engine,
    pack: Pack,
    which: Which,
    *,
    steps: int,
    inputs: Steps | None = None,
    precision: Precision = "fp32",
) -> ParityReport:
    """Compare an opened engine with the pack's engine on the CPU.

    Args:
        engine: what is checked.
        pack: whose engine it is.
        which: of its engines.
        steps: how many are compared.
        inputs: what both are given; random streams by default.
        precision: of the engine.
    """
    reference = open_on("onnx", pack, which, batch=engine.batch)
    reference.prepare()
    if inputs is None:
        make = motion_steps if which == "motion" else voice_steps
        inputs = make(engine.spec, engine.batch, steps)
    report = check_parity(engine, reference, islice(inputs, steps), precision=precision)
    reference.close()
    return report


def refuse_wrong_numbers(
    engine: Engine, pack: Pack, which: Which, *, precision: Precision = "fp32"
) -> None:
    """Raise EngineError where a freshly opened engine disagrees with the CPU."""
    report = pack_parity(engine, pack, which, steps=LOAD_STEPS, precision=precision)
    if not report.agrees:
        raise EngineError(f"{which} engine refused, {report.describe()}; use --engine onnx")

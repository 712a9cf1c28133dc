"""Inputs for parity checks: streams that behave like gestures and frames, seeded."""

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from synchresis.engines.runtime.tensors import EngineSpec

Inputs = Mapping[str, NDArray[np.generic]]

ONSET_SHARE: Final = 0.03
"""Share of hops with an onset: about six hits a second and zone."""

MEMORY: Final = 0.9
"""How much of a picture or level stays from step to step."""


def voice_steps(spec: EngineSpec, batch: int, steps: int, *, seed: int = 1) -> Iterator[Inputs]:
    """Hops of random hits over slowly changing levels, with noise, for `batch` zones."""
    rng = np.random.default_rng(seed)
    shapes = {tensor.name: tensor.sized(batch) for tensor in spec.inputs}
    palette = rng.normal(size=shapes["palette"]).astype(np.float32)
    levels = np.zeros((batch, 2))
    for _ in range(steps):
        levels = MEMORY * levels + (1 - MEMORY) * rng.uniform(-1, 2, levels.shape)
        yield {
            "control": _control(rng, np.clip(levels, 0, 1), shapes["control"]),
            "palette": palette,
            "noise": rng.normal(size=shapes["noise"]).astype(np.float32),
        }


def motion_steps(spec: EngineSpec, batch: int, steps: int, *, seed: int = 1) -> Iterator[Inputs]:
    """Frames that change smoothly, with flow, residual, difference and timing to match."""
    rng = np.random.default_rng(seed)
    shapes = {tensor.name: tensor.sized(batch) for tensor in spec.inputs}
    pixels = rng.uniform(size=shapes["pixels"])
    flow = np.zeros(shapes["flow"])
    for _ in range(steps):
        pixels = MEMORY * pixels + (1 - MEMORY) * rng.uniform(size=pixels.shape)
        flow = MEMORY * flow + (1 - MEMORY) * rng.normal(size=flow.shape)
        seen = flow.copy()
        seen[:, 2:] = 0.1 * np.abs(seen[:, 2:])
        yield {
            "pixels": pixels.astype(np.float32),
            "flow": seen.astype(np.float32),
            "timing": _timing(rng, shapes["timing"]),
        }


def _control(
    rng: np.random.Generator, levels: NDArray[np.float64], shape: tuple[int, ...]
) -> NDArray[np.float32]:
    control = np.zeros(shape, np.float32)
    onset = rng.uniform(size=len(control)) < ONSET_SHARE
    control[:, 0] = onset
    control[:, 1] = onset * rng.uniform(size=len(control))
    control[:, 2] = onset * rng.uniform(0.2, 1.0, size=len(control))
    control[:, 3:5] = levels
    return control


def _timing(rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float32]:
    timing = 0.02 * rng.normal(size=shape)
    timing[:, 0] = rng.uniform(1 / 60, 1 / 24, size=len(timing))
    timing[:, 1] = 0.0
    return timing.astype(np.float32)

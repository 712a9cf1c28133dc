"""Encoded sequences: what the way down of a network that stays as it is makes of scenes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor

from synchresis.engines.scenes.world import SimSettings, World, simulate
from synchresis.engines.training.motion.adaptation import HASTE
from synchresis.engines.training.motion.batch import Batch, mirrored, relit, rescaled
from synchresis.engines.training.motion.checkpoint import load_network
from synchresis.engines.training.motion.film import film
from synchresis.engines.training.motion.network import MotionNetwork
from synchresis.engines.training.motion.validate import network_inputs
from synchresis.engines.training.motion.workers import Workers

AHEAD: Final = 6
"""Groups of encoded sequences kept ready, all encoders together."""

FEATURES: Final = ("x1", "x2", "x3", "context", "memory")
"""What `MotionNetwork.encode` gives, in its order."""


@dataclass(slots=True)
class Encoded(Batch):
    """Sequences with their features; pixels and flow are left empty.

    Attributes:
        x1: float16[B, T, fine, rows, cols].
        x2: float16[B, T, middle, rows / 2, cols / 2].
        x3: float16[B, T, deep, rows / 4, cols / 4].
        context: float16[B, T, deep].
        memory: float16[B, T, 3 deep].
    """

    x1: Tensor
    x2: Tensor
    x3: Tensor
    context: Tensor
    memory: Tensor


def encode(network: MotionNetwork, worlds: Sequence[World], draws: torch.Generator) -> Encoded:
    """Film worlds, change their look as training does, run the way down over them."""
    batch = film(worlds, torch.device("cpu"))
    batch = mirrored(batch, torch.rand(len(worlds), generator=draws) < 0.5)
    flow, _ = network_inputs(batch, torch.zeros(len(worlds)))
    haste = HASTE ** torch.rand(len(worlds), generator=draws)
    return encode_batch(network, batch, relit(batch.pixels, draws), rescaled(flow, draws), haste)


@torch.no_grad()
def encode_batch(
    network: MotionNetwork,
    batch: Batch,
    pixels: Tensor,
    flow: Tensor,
    haste: Tensor | None = None,
) -> Encoded:
    """Run the way down over a batch, seen as pixels and flow say; see `MotionNetwork.encode`.

    What adapts does so as at lookahead 0, whatever lookahead the heads are asked for later.
    """
    _, timing = network_inputs(batch, torch.zeros(len(batch.pixels)))
    with torch.autocast("cpu", torch.bfloat16, enabled=half_is_fast()):
        features = network.encode(pixels, flow, timing, haste)
    shape = batch.captured_s.shape
    named = {
        name: value.half().unflatten(0, shape)
        for name, value in zip(FEATURES, features, strict=True)
    }
    own = {f.name: getattr(batch, f.name) for f in fields(Batch)}
    own["pixels"], own["flow"] = batch.pixels[:, :, :0, :0], batch.flow[:, :, :, :0, :0]
    return Encoded(**own, **named)


def half_is_fast() -> bool:
    """Whether this processor multiplies bfloat16 itself; elsewhere float32 is twice as fast."""
    asked = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(getattr(torch.cpu, name, bool)() for name in asked)


def channels_last(x: Tensor) -> Tensor:
    """Features as float32, pictures in the order in which convolutions on CPUs are fastest."""
    if x.dim() != 4:
        return x.float()
    return x.float().contiguous(memory_format=torch.channels_last)


def decode(network: MotionNetwork, batch: Encoded, timing: Tensor) -> dict[str, Tensor]:
    """The way up over encoded sequences; timing float32[B, T, 8], the output as `forward` gives."""
    features = tuple(channels_last(getattr(batch, name).flatten(0, 1)) for name in FEATURES)
    with torch.autocast("cpu", torch.bfloat16, enabled=half_is_fast()):
        out = network.decode(features, timing.flatten(0, 1))
    return {name: value.unflatten(0, timing.shape[:2]) for name, value in out.items()}


class Encoders:
    """Processes that simulate, film and encode; `close` ends them.

    Args:
        checkpoint: whose averaged network encodes.
        settings: what is simulated.
        workers: processes.
        group: sequences per message.
        first_seed: of this run.
    """

    def __init__(
        self, checkpoint: Path, settings: SimSettings, *, workers: int, group: int, first_seed: int
    ) -> None:
        arguments = [
            (checkpoint, settings, group, (first_seed + k, workers)) for k in range(workers)
        ]
        self._workers: Workers[dict[str, Any]] = Workers(sequences, arguments, ahead=AHEAD)

    def take(self, *, wait: bool) -> Encoded | None:
        """A group of sequences; None if none is ready and `wait` is false.

        Raises:
            RuntimeError: every process ended.
        """
        while True:
            arrays = self._workers.take(5.0 if wait else None)
            if arrays is not None:
                return Encoded(**{name: torch.from_numpy(a) for name, a in arrays.items()})
            if not self._workers.alive():
                raise RuntimeError("every encoding process ended; see above")
            if not wait:
                return None

    def close(self) -> None:
        """Stop the processes."""
        self._workers.close()


def sequences(
    checkpoint: Path, settings: SimSettings, group: int, seeds: tuple[int, int]
) -> Iterator[dict[str, Any]]:
    """Groups of encoded sequences for ever, as arrays by name."""
    torch.set_num_threads(1)
    first, step = seeds
    network = load_network(checkpoint)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    draws = torch.Generator().manual_seed(first)
    seed = first
    while True:
        worlds = [simulate(seed + k * step, settings) for k in range(group)]
        seed += group * step
        encoded = encode(network, worlds, draws)
        yield {f.name: getattr(encoded, f.name).numpy() for f in fields(encoded)}

"""Export of the motion network: one frame a step, states as inputs and outputs of the graph."""

import io
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from synchresis.engines.packs.manifest import Free, MotionEntry
from synchresis.engines.runtime.tensors import BATCH, NEXT, TensorSpec
from synchresis.engines.training.motion.network import HEADS, MotionNetwork

FILE = "motion.onnx"
"""Name of the graph inside a pack."""

OPSET = 18
"""ONNX operator set."""


class MotionGraph(nn.Module):
    """What the exported graph computes: probabilities instead of logits, `when` as it is."""

    def __init__(self, network: MotionNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(
        self, pixels: Tensor, flow: Tensor, timing: Tensor, *states: Tensor
    ) -> tuple[Tensor, ...]:
        """One frame; see DESIGN's motion engine for names and shapes."""
        out, new = self.network.step(pixels, flow, timing, states)
        planes = tuple(out[n] if n == "when" else torch.sigmoid(out[n]) for n in HEADS)
        doubt = (out["doubt"],) if "doubt" in out else ()
        return (*planes, torch.sigmoid(out["total"]), out["embedding"], *doubt, *new)


def tensors(
    network: MotionNetwork,
) -> tuple[tuple[TensorSpec, ...], tuple[TensorSpec, ...], tuple[TensorSpec, ...]]:
    """Inputs, outputs and states of the graph."""
    s = network.settings
    grid = (s.rows, s.cols)
    inputs = (
        TensorSpec("pixels", (BATCH, 1, s.height, s.width)),
        TensorSpec("flow", (BATCH, 4, *grid)),
        TensorSpec("timing", (BATCH, 8)),
    )
    outputs = (
        *(TensorSpec(name, (BATCH, *grid)) for name in HEADS),
        TensorSpec("total", (BATCH, 1)),
        TensorSpec("embedding", (BATCH, s.embedding)),
        *([TensorSpec("doubt", (BATCH, 1))] if s.adapts else []),
    )
    shapes = network.state_shapes()
    states = tuple(TensorSpec(name, (BATCH, *shape)) for name, shape in shapes.items())
    return inputs, outputs, states


def example(network: MotionNetwork, batch: int) -> tuple[Tensor, ...]:
    """Arguments of the graph, for tracing."""
    inputs, _, states = tensors(network)
    return tuple(torch.rand(spec.sized(batch)) for spec in (*inputs, *states))


def export(network: MotionNetwork) -> bytes:
    """The ONNX graph of a network in evaluation mode, with a free batch axis."""
    inputs, outputs, states = tensors(network)
    names = [spec.name for spec in (*inputs, *states)]
    free = {0: torch.export.Dim(BATCH, min=1, max=64)}
    arguments = example(network, 2)
    program = torch.onnx.export(
        MotionGraph(network).eval(),
        arguments,
        input_names=names,
        output_names=[spec.name for spec in outputs] + [spec.name + NEXT for spec in states],
        dynamic_shapes=(free, free, free, tuple(free for _ in states)),
        opset_version=OPSET,
        dynamo=True,
        verbose=False,
    )
    assert program is not None
    buffer = io.BytesIO()
    program.save(buffer)  # type: ignore[arg-type]
    return buffer.getvalue()


def entry_of(
    network: MotionNetwork,
    *,
    meta: Mapping[str, str | int | float],
    threshold: float = 0.5,
    lookahead_max_ms: float = 0.0,
) -> MotionEntry:
    """Manifest entry of an exported network.

    Args:
        network: what was exported.
        meta: notes of the training run.
        threshold: of the event picker.
        lookahead_max_ms: largest useful lookahead.
    """
    inputs, outputs, states = tensors(network)
    s = network.settings
    notes: Free = dict(meta)
    return MotionEntry(
        file=FILE,
        inputs=inputs,
        outputs=outputs,
        states=states,
        meta=notes,
        rows=s.rows,
        cols=s.cols,
        height=s.height,
        width=s.width,
        threshold=threshold,
        lookahead_max_ms=lookahead_max_ms,
    )

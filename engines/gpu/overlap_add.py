"""Overlap-add on the GPU: spectra where the voice network leaves them, samples to the host."""

import numpy as np
from numpy.typing import NDArray

from synchresis.engines.gpu.device import Block, Device
from synchresis.kernels.cuda.table import OVERLAP_ADD
from synchresis.kernels.cuda.tables import inverse_tables
from synchresis.kernels.overlap_add import HOP, RISE, TAIL

FLOAT = np.dtype(np.float32)


class GpuOverlapAdd:
    """The kernel `overlap_add` with its tables, its state and its output."""

    hop_samples = HOP
    latency_samples = RISE

    def __init__(self, device: Device, *, real: int, imag: int, batch: int) -> None:
        """Prepare the kernel; `real` and `imag` are addresses of float32[batch, 513]."""
        self._device = device
        self._batch = batch
        turn, weights = inverse_tables()
        tables = Block(device, {"turn": (turn.shape, FLOAT), "weights": (weights.shape, FLOAT)})
        tables.host["turn"][...] = turn
        tables.host["weights"][...] = weights
        tables.upload()
        self._tail = Block(device, {"tail": ((batch, TAIL), FLOAT)})
        self._out = Block(device, {"out": ((batch, HOP), FLOAT)})
        self._arguments = OVERLAP_ADD.arguments(
            real=real, imag=imag, **tables.pointers, **self._tail.pointers, **self._out.pointers
        )
        self._tables = tables
        self.reset()

    @property
    def samples(self) -> NDArray[np.generic]:
        """float32[batch, 256] in pinned memory: the hop of the last `enqueue`, once done."""
        return self._out.host["out"]

    def enqueue(self) -> None:
        """Queue one hop and its way to the host."""
        self._device.launch(OVERLAP_ADD, self._arguments, self._batch)
        self._out.download()

    def reset(self) -> None:
        """Queue the silence of what is still to be played."""
        self._tail.upload()

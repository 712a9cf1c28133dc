"""The voice on the GPU: Controls in pinned memory to samples in pinned memory, one graph a hop."""

from collections.abc import Mapping
from typing import cast

import numpy as np
from numpy.typing import NDArray

from synchresis.engines.gpu.device import Device
from synchresis.engines.gpu.engine import fill, recorded
from synchresis.engines.gpu.overlap_add import GpuOverlapAdd
from synchresis.engines.gpu.session import DeviceModel, Session


class VoicePath:
    """Upload, voice network, overlap-add and download of one hop for a batch of zones.

    Attributes:
        spec: tensors of the network.
        inputs: pinned arrays the network reads: control, palette and noise of the zones in use.
        samples: float32[batch, 256], pinned: the last hop.
    """

    latency_samples = GpuOverlapAdd.latency_samples
    hop_samples = GpuOverlapAdd.hop_samples

    def __init__(self, device: Device, model: DeviceModel, *, batch: int) -> None:
        self._device = device
        self.spec = model.spec
        with device.active():
            self._session = Session(device, model)
            spectra = self._session.outputs.pointers
            self._overlap_add = GpuOverlapAdd(
                device, real=spectra["real"], imag=spectra["imag"], batch=model.batch
            )
            self._replay = recorded(device, self._hop, model.recordable)
        self.inputs = {name: rows[:batch] for name, rows in self._session.inputs.host.items()}
        samples = self._overlap_add.samples[:batch]
        self.samples = cast("NDArray[np.float32]", samples)
        self.reset()

    def step(self, inputs: Mapping[str, NDArray[np.generic]]) -> NDArray[np.float32]:
        """Play one hop.

        Args:
            inputs: control, palette and noise, as the voice engine takes them.

        Returns:
            float32[batch, 256], a view valid until the next step.
        """
        for name, rows in self.inputs.items():
            fill(rows, inputs[name], name)
        with self._device.active():
            self._replay()
            self._device.synchronize()
        return self.samples

    def reset(self) -> None:
        """Put the network's states back and silence what is still to be played."""
        with self._device.active():
            self._session.reset()
            self._overlap_add.reset()
            self._device.synchronize()

    def _hop(self) -> None:
        self._session.inputs.upload()
        self._session.enqueue()
        self._overlap_add.enqueue()

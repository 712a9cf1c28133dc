"""The voice on the GPU: Controls in pinned memory to samples in pinned memory, one graph a hop."""

from collections.abc import Sequence
from typing import Final, cast

import numpy as np
from numpy.typing import NDArray

from synchresis.engines.gpu.device import Device
from synchresis.engines.gpu.engine import fill, recorded
from synchresis.engines.gpu.overlap_add import GpuOverlapAdd
from synchresis.engines.gpu.session import DeviceModel, Session
from synchresis.errors import ParameterError
from synchresis.kernels.cuda.table import NOISE

WORD: Final = np.dtype(np.uint64)


class VoicePath:
    """Upload, noise, voice network, overlap-add and download of one hop for a batch of zones.

    Attributes:
        backend: where the network runs, for people.
        spec: tensors of the network.
        control: float32[batch, 8], pinned; `step` reads it.
        palette: float32[batch, 32], pinned; `step` reads it.
        noise_index: uint64[batch], pinned: absolute index of the hop's first sample.
        samples: float32[batch, 256], pinned: the last hop.
        mel: float32[batch, 80], pinned: log-mel of the last frame, for monitors.
    """

    latency_samples = GpuOverlapAdd.latency_samples
    hop_samples = GpuOverlapAdd.hop_samples

    def __init__(
        self,
        device: Device,
        model: DeviceModel,
        *,
        batch: int,
        seed: int = 0,
        numbers: Sequence[int] | None = None,
    ) -> None:
        """Allocate and record.

        Args:
            device: where it runs.
            model: the voice network, prepared for at least `batch` zones.
            batch: zones in use.
            seed: of the noise.
            numbers: number of each zone in the noise; by default its row.
        """
        if not 1 <= batch <= model.batch:
            raise ParameterError(f"batch={batch} must be 1 to {model.batch}")
        self._device = device
        self.backend = model.backend
        self.spec = model.spec
        with device.active():
            words = {name: ((model.batch,), WORD) for name in ("numbers", "noise_index")}
            self._session = Session(
                device, model, made=("noise",), extra={"seed": ((1,), WORD), **words}
            )
            self._noise = self._noise_arguments(model.batch)
            spectra = self._session.outputs.pointers
            self._overlap_add = GpuOverlapAdd(
                device, real=spectra["real"], imag=spectra["imag"], batch=model.batch
            )
            self._replay = recorded(device, self._hop, model.recordable)
        host = self._session.inputs.host
        host["seed"][0] = np.uint64(seed % 2**64)
        host["numbers"][:batch] = np.arange(batch) if numbers is None else numbers
        self.control = cast("NDArray[np.float32]", host["control"][:batch])
        self.palette = cast("NDArray[np.float32]", host["palette"][:batch])
        self.noise_index = cast("NDArray[np.uint64]", host["noise_index"][:batch])
        self.mel = cast("NDArray[np.float32]", self._session.outputs.host["mel"][:batch])
        self.samples = cast("NDArray[np.float32]", self._overlap_add.samples[:batch])
        self.reset()

    def step(
        self,
        control: NDArray[np.float32],
        palette: NDArray[np.float32],
        noise_index: NDArray[np.uint64],
    ) -> NDArray[np.float32]:
        """Play one hop; arguments that are the pinned arrays themselves are not copied.

        Args:
            control: float32[batch, 8], as the voice engine takes it.
            palette: float32[batch, 32].
            noise_index: uint64[batch], absolute index of the hop's first sample.

        Returns:
            float32[batch, 256], a view valid until the next step.
        """
        fill(self.control, control, "control")
        fill(self.palette, palette, "palette")
        fill(self.noise_index, noise_index, "noise_index")
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

    def close(self) -> None:
        """Free everything on the device; the path cannot be used after."""
        self._device.close()

    def _noise_arguments(self, zones: int) -> tuple[bytes, int]:
        given, out = self._session.inputs.pointers, self._session.made.pointers["noise"]
        width = self._session.made.host["noise"].shape[1]
        arguments = NOISE.arguments(
            seed=given["seed"],
            numbers=given["numbers"],
            samples=given["noise_index"],
            out=out,
            zones=zones,
            width=width,
        )
        return arguments, -(-zones * ((width + 1) // 2) // NOISE.threads)

    def _hop(self) -> None:
        self._session.inputs.upload()
        self._device.launch(NOISE, *self._noise)
        self._session.enqueue()
        self._overlap_add.enqueue()
        self._session.outputs.download_array("mel")

"""The motion side on the GPU: a grey picture in pinned memory to maps in pinned memory."""

from collections.abc import Mapping
from typing import Final, cast

import numpy as np
from numpy.typing import NDArray

from synchresis.engines.gpu.device import Device
from synchresis.engines.gpu.engine import recorded
from synchresis.engines.gpu.flow import FlowLaunches, write_frame
from synchresis.engines.gpu.session import DeviceModel, Session
from synchresis.errors import EngineError
from synchresis.kernels.flow.settings import FlowSettings

MADE: Final = ("pixels", "flow", "timing")
"""The motion network's inputs; kernels write all of them."""


class MotionPath:
    """Upload, flow, motion network and download of one frame, one graph.

    Attributes:
        backend: where the network runs, for people.
        grey: uint8[height, width], pinned: write the picture here to save a copy.
        maps: the network's outputs of the last frame, pinned.
        field: flow, residual, difference and motion of the last frame, pinned.
    """

    def __init__(
        self, device: Device, model: DeviceModel, *, settings: FlowSettings | None = None
    ) -> None:
        if model.batch != 1:
            raise EngineError(f"motion path: batch={model.batch} must be 1, one path per camera")
        self._device = device
        self.backend = model.backend
        with device.active():
            self._session = Session(device, model, made=MADE)
            inputs = self._session.made.pointers
            self._flow = FlowLaunches(
                device,
                settings or FlowSettings(),
                inputs={f"net_{name}": inputs[name] for name in MADE},
            )
            self._flow.frame.host["facts"][...] = (1.0, 0.0, 1.0, 0.75)
            self._replay = recorded(device, self._frame, model.recordable)
        self.grey = cast("NDArray[np.uint8]", self._flow.frame.host["grey"])
        outputs, field = self._session.outputs.host, self._flow.field.host
        self.maps = cast("Mapping[str, NDArray[np.float32]]", outputs)
        self.field = cast("Mapping[str, NDArray[np.float32]]", field)
        self._fresh = True
        self.reset()

    def step(
        self, grey: NDArray[np.uint8], dt_s: float, *, tau_s: float = 0.0, aspect: float = 0.75
    ) -> Mapping[str, NDArray[np.float32]]:
        """Parse one frame.

        Args:
            grey: uint8[height, width]; `self.grey` itself is not copied.
            dt_s: seconds since the frame before.
            tau_s: lookahead.
            aspect: height over width of the picture as shown.

        Returns:
            The network's outputs by name, views valid until the next step.
        """
        write_frame(self._flow.frame, grey, (dt_s, tau_s, float(self._fresh), aspect))
        with self._device.active():
            self._replay()
            self._device.synchronize()
        self._fresh = False
        return self.maps

    def reset(self) -> None:
        """Forget the frame before and put the network's states back."""
        with self._device.active():
            self._session.reset()
            self._device.synchronize()
        self._fresh = True

    def close(self) -> None:
        """Free everything on the device; the path cannot be used after."""
        self._device.close()

    def _frame(self) -> None:
        self._flow.enqueue()
        self._session.enqueue()
        self._session.outputs.download()
        self._flow.field.download()

"""Flow on the GPU: grey pictures in pinned memory to fields in pinned memory."""

from collections.abc import Mapping
from typing import Final, cast

import numpy as np
from numpy.typing import NDArray

from synchresis.engines.gpu.device import ArrayOf, Block, Device
from synchresis.engines.gpu.engine import recorded
from synchresis.errors import ParameterError
from synchresis.kernels.cuda.table import (
    DESCRIBE,
    FIT_MOTION,
    HALVE_BYTES,
    HALVE_FLOATS,
    MEASURE,
    SEARCH,
    SEARCH_TILE,
    TAKE_BYTES,
    Kernel,
)
from synchresis.kernels.flow.settings import FlowSettings, Level

FLOAT: Final = np.dtype(np.float32)
BYTE: Final = np.dtype(np.uint8)

NO_INPUTS: Final[Mapping[str, int]] = {"net_pixels": 0, "net_flow": 0, "net_timing": 0}
"""Addresses that tell `describe` to leave the motion engine's inputs out."""

DT_S, TAU_S, FRESH, ASPECT = range(4)
"""Places in the facts that come with a frame."""


class FlowLaunches:
    """The kernels of one frame with their arguments, and the buffers between them.

    Attributes:
        frame: `grey` uint8[height, width] and `facts` float32[4], pinned; uploaded first.
        field: `flow`, `residual`, `difference` and `motion`, as `kernels.flow.FlowField` has them.
    """

    def __init__(
        self, device: Device, settings: FlowSettings, *, inputs: Mapping[str, int] = NO_INPUTS
    ) -> None:
        """Allocate; `inputs` are addresses of the motion engine's inputs, written as well."""
        self._device = device
        self._settings = settings
        cells, picture = (settings.rows, settings.cols), (settings.height, settings.width)
        self.frame = Block(device, {"grey": (picture, BYTE), "facts": ((4,), FLOAT)})
        self.field = Block(
            device,
            {
                "flow": ((2, *cells), FLOAT),
                "residual": (cells, FLOAT),
                "difference": (cells, FLOAT),
                "motion": ((6,), FLOAT),
            },
        )
        self._work = Block(device, _work_arrays(settings))
        self._pictures = Block(device, _picture_arrays(settings))
        self._pictures.upload()
        self._launches: list[tuple[Kernel, bytes, int]] = []
        self._add_pyramid()
        self._add_search()
        self._add_fields(inputs)

    def enqueue(self) -> None:
        """Queue the upload of the frame and all kernels."""
        self.frame.upload()
        for kernel, arguments, blocks in self._launches:
            self._device.launch(kernel, arguments, blocks)

    def _add(self, kernel: Kernel, threads: int, **values: float) -> None:
        blocks = -(-threads // kernel.threads)
        self._launches.append((kernel, kernel.arguments(**values), blocks))

    def _add_pyramid(self) -> None:
        grey = self.frame.pointers["grey"]
        for halvings in _halvings(self._settings):
            kernel = (TAKE_BYTES, HALVE_BYTES, HALVE_FLOATS)[min(halvings, 2)]
            height, width = _size(self._settings, halvings)
            self._add(
                kernel,
                height * width,
                source=grey if halvings < 2 else self._pictures.pointers[f"now {halvings - 1}"],
                now=self._pictures.pointers[f"now {halvings}"],
                before=self._pictures.pointers[f"before {halvings}"],
                height=height,
                width=width,
            )

    def _add_search(self) -> None:
        """Every iteration reads the field the one before wrote: two buffers in turn."""
        before: Level | None = None
        work = self._work.pointers
        source, target = work["found 0"], work["found 1"]
        for level in self._settings.levels:
            coarse = 0 if before is None else source
            for iteration in range(level.iterations):
                self._add_iteration(
                    level,
                    before or level,
                    coarse=coarse if iteration == 0 else 0,
                    found=source,
                    to=target,
                    first=iteration == 0,
                )
                source, target = target, source
            before = level
        self._found = source

    def _add_iteration(self, level: Level, before: Level, **values: int) -> None:
        kernel = SEARCH[level.patch]
        tiles = -(-level.rows // SEARCH_TILE) * -(-level.cols // SEARCH_TILE)
        self._add(
            kernel,
            tiles * kernel.threads,
            **self._pair(level.halvings),
            **values,
            start=self._work.pointers["start"],
            trust=self._work.pointers["trust"],
            rows=level.rows,
            cols=level.cols,
            coarse_rows=before.rows,
            coarse_cols=before.cols,
            stride=level.stride,
            tries_still=level.tries_still,
            scale=2.0 ** (before.halvings - level.halvings),
            coupling=level.coupling,
            reach=level.reach,
        )

    def _add_fields(self, inputs: Mapping[str, int]) -> None:
        settings, work = self._settings, self._work.pointers
        cells = settings.rows * settings.cols
        measured = {name: work[name] for name in ("displacement", "residual", "difference")}
        grid = {"rows": settings.rows, "cols": settings.cols}
        self._add(
            MEASURE,
            cells,
            **self._pair(settings.base),
            **measured,
            **grid,
            found=self._found,
            scale=2.0 ** settings.levels[-1].halvings,
            share=0.5**settings.base,
        )
        self._add(
            FIT_MOTION,
            1,
            **grid,
            displacement=work["displacement"],
            trust=work["trust"],
            motion=work["motion"],
            per_pixel=320 / settings.width,
        )
        self._add(
            DESCRIBE,
            max(cells, settings.height * settings.width // 4),
            **self.frame.pointers,
            **measured,
            **{f"field_{name}": at for name, at in self.field.pointers.items()},
            **inputs,
            **grid,
            motion=work["motion"],
            width=settings.width,
            height=settings.height,
        )

    def _pair(self, halvings: int) -> dict[str, int]:
        """Arguments of the two pictures of one level."""
        height, width = _size(self._settings, halvings)
        pair = {}
        for name, which in (("earlier", "before"), ("later", "now")):
            pair[name] = self._pictures.pointers[f"{which} {halvings}"]
            pair[f"{name}_height"], pair[f"{name}_width"] = height, width
        return pair


class GpuFlow:
    """Flow alone, one graph a frame; the motion path has it followed by the motion engine.

    Attributes:
        grey: uint8[height, width], pinned: write the picture here to save a copy.
        replay: queues a whole frame; `step` waits for it as well.
    """

    def __init__(self, device: Device, settings: FlowSettings | None = None) -> None:
        self._device = device
        self._settings = settings or FlowSettings()
        with device.active():
            self._launches = FlowLaunches(device, self._settings)
            self._launches.frame.host["facts"][...] = (1.0, 0.0, 1.0, 0.75)
            self.replay = recorded(device, self._frame, recordable=True)
        self.grey = cast("NDArray[np.uint8]", self._launches.frame.host["grey"])
        self._fresh = True

    def step(
        self, grey: NDArray[np.uint8], dt_s: float, *, aspect: float = 0.75
    ) -> Mapping[str, NDArray[np.float32]]:
        """Find the flow from the frame before to this one.

        Args:
            grey: uint8[height, width].
            dt_s: seconds since the frame before.
            aspect: height over width of the picture as shown.

        Returns:
            flow, residual, difference and motion, views valid until the next step.
        """
        write_frame(self._launches.frame, grey, (dt_s, 0.0, float(self._fresh), aspect))
        self._fresh = False
        with self._device.active():
            self.replay()
            self._device.synchronize()
        return cast("Mapping[str, NDArray[np.float32]]", self._launches.field.host)

    def reset(self) -> None:
        """Forget the frame before."""
        self._fresh = True

    def _frame(self) -> None:
        self._launches.enqueue()
        self._launches.field.download()


def write_frame(
    frame: Block, grey: NDArray[np.uint8], facts: tuple[float, float, float, float]
) -> None:
    """Put a picture and its facts into pinned memory."""
    pinned = frame.host["grey"]
    if grey.shape != pinned.shape or grey.dtype != BYTE:
        raise ParameterError(f"grey {grey.dtype}{list(grey.shape)} must be uint8{[*pinned.shape]}")
    if grey is not pinned:
        np.copyto(pinned, grey)
    frame.host["facts"][...] = facts


def _halvings(settings: FlowSettings) -> range:
    """Levels of the pyramid, finest first; each is made from the one before or from the bytes."""
    return range(min(settings.levels[-1].halvings, 1), settings.levels[0].halvings + 1)


def _size(settings: FlowSettings, halvings: int) -> tuple[int, int]:
    return settings.height >> halvings, settings.width >> halvings


def _work_arrays(settings: FlowSettings) -> dict[str, ArrayOf]:
    cells = (settings.rows, settings.cols)
    fields = ("found 0", "found 1", "start", "displacement")
    planes = ("trust", "residual", "difference")
    return {
        **{name: ((2, *cells), FLOAT) for name in fields},
        **{name: (cells, FLOAT) for name in planes},
        "motion": ((6,), FLOAT),
    }


def _picture_arrays(settings: FlowSettings) -> dict[str, ArrayOf]:
    return {
        f"{which} {halvings}": (_size(settings, halvings), FLOAT)
        for halvings in _halvings(settings)
        for which in ("now", "before")
    }

"""Device: memory, copies, kernels and recorded graphs on one stream of a GPU."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from synchresis.kernels.cuda.table import Kernel

ALIGNMENT: Final = 256
"""Bytes at whose multiples every array on the device begins."""

ArrayOf = tuple[tuple[int, ...], np.dtype[np.generic]]
"""Shape and number type of an array."""

Arrays = Mapping[str, ArrayOf]
"""Arrays by name."""


class Device(Protocol):
    """One GPU and one stream of work on it; used by one thread at a time, inside `active()`."""

    @property
    def name(self) -> str:
        """The card, for people."""
        ...

    @property
    def stream(self) -> int:
        """Handle of the stream."""
        ...

    def active(self) -> AbstractContextManager[None]:
        """Make the GPU current to the calling thread; everything below needs it."""
        ...

    def allocate(self, nbytes: int) -> int:
        """Address of new memory on the device, freed by `close`."""
        ...

    def pinned(self, nbytes: int) -> NDArray[np.uint8]:
        """New page-locked memory of the host, uint8[nbytes]."""
        ...

    def upload(self, target: int, source: NDArray[np.uint8]) -> None:
        """Queue a copy from pinned memory to the device."""
        ...

    def download(self, target: NDArray[np.uint8], source: int) -> None:
        """Queue a copy from the device to pinned memory."""
        ...

    def copy(self, target: int, source: int, nbytes: int) -> None:
        """Queue a copy on the device."""
        ...

    def launch(self, kernel: Kernel, arguments: bytes, blocks: int) -> None:
        """Queue a kernel."""
        ...

    def record(self, work: Callable[[], None]) -> Callable[[], None]:
        """Record what `work` queues, without running it; the result queues all of it at once."""
        ...

    def synchronize(self) -> None:
        """Wait for everything queued."""
        ...

    def close(self) -> None:
        """Free all memory and the stream."""
        ...


class Block:
    """Named arrays in one allocation on the device, with a pinned mirror on the host.

    One copy moves all of them.

    Attributes:
        pointers: device address of each array.
        host: view of each array in the pinned mirror.
    """

    def __init__(self, device: Device, arrays: Arrays) -> None:
        self._device = device
        offsets, self._nbytes = _offsets(arrays)
        self._mirror = device.pinned(self._nbytes)
        self._mirror.fill(0)
        self._base = device.allocate(self._nbytes)
        self.pointers = {name: self._base + offset for name, offset in offsets.items()}
        self.host: dict[str, NDArray[np.generic]] = {
            name: np.ndarray(shape, dtype, self._mirror.data, offsets[name])
            for name, (shape, dtype) in arrays.items()
        }

    def upload(self) -> None:
        """Queue the copy host → device."""
        self._device.upload(self._base, self._mirror)

    def download(self) -> None:
        """Queue the copy device → host."""
        self._device.download(self._mirror, self._base)

    def download_array(self, name: str) -> None:
        """Queue the copy device → host of one array."""
        target = self.host[name].view(np.uint8).reshape(-1)
        self._device.download(target, self.pointers[name])

    def copy_from(self, other: "Block") -> None:
        """Queue the copy of an equal block on the device."""
        self._device.copy(self._base, other._base, self._nbytes)


def _offsets(arrays: Arrays) -> tuple[dict[str, int], int]:
    offsets, end = {}, 0
    for name, (shape, dtype) in arrays.items():
        offsets[name] = end
        end += -(-int(np.prod(shape)) * dtype.itemsize // ALIGNMENT) * ALIGNMENT
    return offsets, max(end, ALIGNMENT)

import ctypes

import pytest

from synchresis.engines.gpu import driver
from synchresis.engines.gpu.driver import Card, find_card, open_driver, read_card
from synchresis.errors import DeviceError


class FakeCuda:
    """libcuda of a machine with one card."""

    def __init__(self, **changes: int) -> None:
        self.status = {"cuInit": 0, "cuDeviceGetCount": 0}
        self.version, self.count, self.capability = 13000, 1, (8, 9)
        for name, value in changes.items():
            if name in self.status:
                self.status[name] = value
            else:
                setattr(self, name, value)

    def cuInit(self, flags: int) -> int:
        return self.status["cuInit"]

    def cuDriverGetVersion(self, out: object) -> int:
        ctypes.cast(out, ctypes.POINTER(ctypes.c_int))[0] = self.version
        return 0

    def cuDeviceGetCount(self, out: object) -> int:
        ctypes.cast(out, ctypes.POINTER(ctypes.c_int))[0] = self.count
        return self.status["cuDeviceGetCount"]

    def cuDeviceGetName(self, text: ctypes.Array, length: int, device: int) -> int:
        text.value = b"NVIDIA Test"
        return 0

    def cuDeviceGetAttribute(self, out: object, attribute: int, device: int) -> int:
        ctypes.cast(out, ctypes.POINTER(ctypes.c_int))[0] = self.capability[attribute - 75]
        return 0

    def cuDeviceTotalMem_v2(self, out: object, device: int) -> int:
        ctypes.cast(out, ctypes.POINTER(ctypes.c_size_t))[0] = 12 << 30
        return 0


def test_card_is_read() -> None:
    assert read_card(FakeCuda()) == Card("NVIDIA Test", (8, 9), 12 << 30, 13000)


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ({"cuInit": 999}, r"driver does not start \(cuInit gives 999\).*nvidia-smi"),
        ({"version": 11080}, r"too old: CUDA 11\.8 must be 12\.0 or newer; update it"),
        ({"count": 0}, "sees no GPU"),
        ({"cuDeviceGetCount": 100}, r"driver fails \(cuDeviceGetCount gives 100\)"),
        ({"capability": (6, 1)}, r"compute capability 6\.1, must be 7\.5"),
    ],
    ids=["broken", "old driver", "no card", "failing", "old card"],
)
def test_faults_are_said_with_the_remedy(fault, message) -> None:
    with pytest.raises(DeviceError, match=message):
        read_card(FakeCuda(**fault))


def test_absent_driver_is_said_with_the_remedy(monkeypatch) -> None:
    def absent(name: str) -> None:
        raise OSError(f"{name}: cannot open shared object file")

    monkeypatch.setattr(driver.ctypes, "CDLL", absent)
    find_card.cache_clear()
    with pytest.raises(DeviceError, match=r"libcuda\.so\.1 not found.*--engine onnx"):
        find_card()
    with pytest.raises(DeviceError):
        open_driver()

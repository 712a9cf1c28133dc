import logging
import subprocess
import sys

import pytest

from synchresis.engines.gpu import paths, stages
from synchresis.engines.gpu.driver import Card
from synchresis.engines.gpu.motion_stage import GpuMotionParser
from synchresis.engines.gpu.stages import open_motion_parser, open_voice
from synchresis.engines.gpu.voice_stage import GpuVoice
from synchresis.engines.motion.parser import MotionParser
from synchresis.engines.voice.voice import Voice
from synchresis.engines.zone import Zone
from synchresis.errors import DeviceError, EngineError

ZONES = (Zone(palette="wood"), Zone(palette="glass"))


@pytest.fixture
def card(monkeypatch, make_host_device, host_model) -> list:
    """A machine whose GPU is the host device; what was opened on it."""
    opened = []

    def open_device():
        opened.append(make_host_device())
        return opened[-1]

    def failing(device, pack, which, batch):
        raise EngineError("no such library")

    monkeypatch.setattr(stages, "find_card", lambda: Card("Test", (9, 0), 1 << 30, 13000))
    monkeypatch.setattr(paths, "CudaDevice", open_device)
    loaders = {"tensorrt": failing, "onnx-cuda-ours": lambda d, p, w, b: host_model(p, w, b)}
    monkeypatch.setattr(paths, "LOADERS", loaders)
    return opened


def test_gpu_is_taken_where_it_works(card, tiny_pack) -> None:
    parser = open_motion_parser(tiny_pack, ZONES, sensitivity=2.0, lookahead_ns=5_000_000)
    voice = open_voice(tiny_pack, ZONES, seed=3, numbers=[1, 2])
    assert isinstance(parser, GpuMotionParser) and isinstance(voice, GpuVoice)
    assert parser.lookahead_ns == 5_000_000 and parser.settings.sensitivity == 2.0
    assert [device.closed for device in card] == [True, False, True, False]


def test_backend_asked_for_is_the_only_one_tried(card, tiny_pack) -> None:
    with pytest.raises(EngineError, match="tensorrt: no such library"):
        open_voice(tiny_pack, ZONES, backend="tensorrt")
    assert isinstance(open_voice(tiny_pack, ZONES, backend="onnx-cuda"), GpuVoice)
    assert type(open_voice(tiny_pack, ZONES, backend="onnx")) is Voice
    assert [device.closed for device in card] == [True, False]


def test_wrong_numbers_send_it_to_the_cpu(card, tiny_pack, host_model, monkeypatch, caplog) -> None:
    caplog.set_level(logging.INFO, "synchresis.engines")

    def lying(device, pack, which, batch):
        model = host_model(pack, which, batch)
        bind = model.bind

        def crossed(addresses):
            real, imag = addresses.get("real"), addresses.get("imag")
            swapped = {"real": imag, "imag": real} if real else {"map": addresses["strength"]}
            return bind({**addresses, **swapped})

        model.bind = crossed
        return model

    monkeypatch.setattr(paths, "LOADERS", {"onnx-cuda-ours": lying})
    assert type(open_voice(tiny_pack, ZONES)) is Voice
    assert type(open_motion_parser(tiny_pack, ZONES)) is MotionParser
    assert "voice runs on the CPU" in caplog.text and "voice engine refused" in caplog.text
    assert all(device.closed for device in card)


def test_no_card_is_the_cpu_and_says_so(tiny_pack, monkeypatch, caplog) -> None:
    caplog.set_level(logging.INFO, "synchresis.engines")

    def absent() -> None:
        raise DeviceError("no NVIDIA driver")

    monkeypatch.setattr(stages, "find_card", absent)
    assert type(open_motion_parser(tiny_pack, ZONES)) is MotionParser
    assert "motion runs on the CPU: no NVIDIA driver" in caplog.text
    with pytest.raises(DeviceError, match="no NVIDIA driver"):
        open_motion_parser(tiny_pack, ZONES, backend="onnx-cuda")


def test_gpu_code_is_not_imported_where_there_is_no_card() -> None:
    """Open and prepare everything that plays, with every engine at its best."""
    code = """
import sys
from synchresis.engines.gpu import driver
from synchresis.errors import DeviceError

def no_driver():
    raise DeviceError("no NVIDIA driver")

driver.open_driver = no_driver
from synchresis.engines.instrument import Instrument, InstrumentSettings
from synchresis.engines.packs import load_pack
Instrument(load_pack(), InstrumentSettings()).prepare()
foreign = ("synchresis.kernels.cuda", "synchresis.engines.gpu.cuda_device", "synchresis.engines."
           "runtime.tensorrt_backend", "synchresis.engines.runtime.onnx_cuda", "pycuda", "cuda",
           "tensorrt", "tensorrt_rtx", "torch")
assert not [name for name in sys.modules if name.startswith(foreign)]
"""
    subprocess.run([sys.executable, "-c", code], check=True)

"""What only a real GPU can show; every test here needs one."""

import numpy as np
import pytest

from synchresis.bench.engine_memory import Grown, occupy
from synchresis.engines.gpu.driver import find_card
from synchresis.engines.gpu.parity import FULL_STEPS, pack_parity
from synchresis.engines.gpu.played import played_motion_steps, played_voice_steps
from synchresis.engines.packs import load_pack
from synchresis.engines.runtime.engine import open_on
from synchresis.errors import DeviceError, EngineError, PackError

pytestmark = pytest.mark.gpu


@pytest.fixture(autouse=True)
def gpu() -> None:
    try:
        find_card()
    except DeviceError as err:
        pytest.skip(str(err))


@pytest.fixture(scope="module")
def pack():
    try:
        return load_pack()
    except PackError as err:
        pytest.skip(f"needs the default pack: {err}")


@pytest.mark.parametrize("backend", ["tensorrt", "onnx-cuda"])
@pytest.mark.parametrize(("which", "batch"), [("motion", 1), ("voice", 1), ("voice", 64)])
def test_default_pack_agrees_with_cpu(pack, backend, which, batch) -> None:
    try:
        engine = open_on(backend, pack, which, batch=batch)
    except PackError as err:
        pytest.skip(str(err))
    except EngineError as err:
        if backend == "tensorrt" and "refused" not in str(err):
            pytest.skip(str(err))
        raise
    steps = FULL_STEPS if batch == 1 else 100
    played = played_motion_steps if which == "motion" else played_voice_steps
    inputs = played(pack, batch, steps)
    report = pack_parity(engine, pack, which, steps=steps, inputs=inputs)
    engine.close()
    assert report.steps == steps
    assert report.agrees, report.describe()


def test_memory_is_given_back() -> None:
    from synchresis.engines.gpu.cuda_device import CudaDevice
    from synchresis.engines.gpu.flow import GpuFlow
    from synchresis.kernels.flow import FlowSettings

    cuda = pytest.importorskip("pycuda.driver")
    free = []
    for _ in range(4):
        device = CudaDevice()
        GpuFlow(device, FlowSettings(480, 640)).step(np.zeros((480, 640), np.uint8), 0.03)
        with device.active():
            device.allocate(1 << 28)
        device.close()
        probe = CudaDevice()
        with probe.active():
            free.append(cuda.mem_get_info()[0])
        probe.close()
    assert max(free[1:]) - min(free[1:]) < 1 << 27


@pytest.mark.parametrize("backend", ["tensorrt", "onnx-cuda"])
def test_memory_of_an_engine_on_the_card_is_measured(backend) -> None:
    said: list[Grown] = []
    try:
        occupy(said.append, "default", backend, "voice", 1)
    except EngineError as err:
        pytest.skip(str(err))
    assert said[0].card_mib is not None and 0 < said[0].card_mib < 2000


def test_memory_that_does_not_suffice_is_said() -> None:
    from synchresis.engines.gpu.cuda_device import CudaDevice

    device = CudaDevice()
    with pytest.raises(DeviceError, match="is out of memory"), device.active():
        device.allocate(device.card.memory_bytes * 2)
    device.close()

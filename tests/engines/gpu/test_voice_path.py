import numpy as np
import pytest

from synchresis.engines.gpu.parity_inputs import voice_steps
from synchresis.engines.gpu.voice_path import VoicePath
from synchresis.engines.runtime.engine import open_engine
from synchresis.kernels.overlap_add import overlap_add_reference


def cpu_samples(pack, steps, batch):
    engine = open_engine(pack, "voice", backend="onnx", batch=batch)
    engine.prepare()
    state = engine.initial_state()
    frames = []
    for step in steps:
        outputs = engine.step(step, state)
        frames.append(outputs["real"] + 1j * outputs["imag"])
    return overlap_add_reference(np.stack(frames, axis=1))


@pytest.mark.parametrize("batch", [1, 5])
def test_samples_equal_cpu(tiny_pack, host_device, host_model, batch) -> None:
    path = VoicePath(host_device, host_model(tiny_pack, "voice", batch), batch=batch)
    steps = list(voice_steps(path.spec, batch, 80))
    got = np.concatenate([path.step(step).copy() for step in steps], axis=1)
    want = cpu_samples(tiny_pack, steps, batch)
    assert np.abs(want).max() > 0.01
    np.testing.assert_allclose(got, want, atol=1e-6)
    assert host_device.replays == 80


def test_reset_is_fresh(tiny_pack, host_device, host_model) -> None:
    path = VoicePath(host_device, host_model(tiny_pack, "voice"), batch=1)
    steps = list(voice_steps(path.spec, 1, 50))
    once = [path.step(step).copy() for step in steps]
    path.step(steps[0] | {"control": np.ones((1, 8), np.float32)})
    path.reset()
    np.testing.assert_array_equal(once, [path.step(s).copy() for s in steps])

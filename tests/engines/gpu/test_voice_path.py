import numpy as np
import pytest

from synchresis.engines.gpu.parity_inputs import voice_steps
from synchresis.engines.gpu.voice_path import VoicePath
from synchresis.engines.runtime.engine import open_engine
from synchresis.engines.timebase import HOP
from synchresis.engines.voice.noise import fill_normal
from synchresis.errors import ParameterError
from synchresis.kernels.overlap_add import overlap_add_reference

SEED = 2**63 + 11


def hops(spec, batch, count):
    """Controls, palettes and sample indices of some hops."""
    for index, step in enumerate(voice_steps(spec, batch, count)):
        yield step["control"], step["palette"], np.full(batch, index * HOP, np.uint64)


def cpu_samples(pack, steps, batch, numbers):
    engine = open_engine(pack, "voice", backend="onnx", batch=batch)
    engine.prepare()
    state = engine.initial_state()
    noise = np.zeros((batch, pack.voice.noise), np.float32)
    frames = []
    for control, palette, index in steps:
        fill_normal(np.uint64(SEED), np.array(numbers, np.uint64), index, noise)
        inputs = {"control": control, "palette": palette, "noise": noise}
        outputs = engine.step(inputs, state)
        frames.append(outputs["real"] + 1j * outputs["imag"])
    return overlap_add_reference(np.stack(frames, axis=1))


@pytest.mark.parametrize("batch", [1, 5])
def test_samples_equal_cpu(tiny_pack, place, batch) -> None:
    numbers = [7 * row + 3 for row in range(batch)]
    model = place.load(tiny_pack, "voice", batch)
    path = VoicePath(place.device, model, batch=batch, seed=SEED, numbers=numbers)
    steps = list(hops(path.spec, batch, 80))
    got = np.concatenate([path.step(*step).copy() for step in steps], axis=1)
    want = cpu_samples(tiny_pack, steps, batch, numbers)
    assert np.abs(want).max() > 0.01
    np.testing.assert_allclose(got, want, atol=1e-6)


@pytest.mark.parametrize("batch", [1, 5])
def test_noise_is_that_of_the_voice(tiny_pack, place, batch) -> None:
    numbers = np.array([5, 2**40, 0, 9, 1][:batch], np.uint64)
    model = place.load(tiny_pack, "voice", batch)
    path = VoicePath(place.device, model, batch=batch, seed=SEED, numbers=numbers)
    want = np.zeros((batch, tiny_pack.voice.noise), np.float32)
    for sample in (0, 256, 2**40 + 1):
        index = np.arange(batch, dtype=np.uint64) * 1000 + np.uint64(sample)
        path.step(path.control, path.palette, index)
        with place.device.active():
            path._session.made.download()
            place.device.synchronize()
        fill_normal(np.uint64(SEED), numbers, index, want)
        np.testing.assert_allclose(path._session.made.host["noise"][:batch], want, atol=1e-6)
    assert np.ptp(want) > 1


def test_one_graph_per_hop(tiny_pack, host_device, host_model) -> None:
    path = VoicePath(host_device, host_model(tiny_pack, "voice"), batch=1)
    host_device.replays = host_device.launches = 0
    path.step(*next(hops(path.spec, 1, 1)))
    assert host_device.replays == 1 and host_device.launches == 2


def test_reset_is_fresh(tiny_pack, place) -> None:
    path = VoicePath(place.device, place.load(tiny_pack, "voice"), batch=1)
    steps = list(hops(path.spec, 1, 50))
    once = [path.step(*step).copy() for step in steps]
    path.step(np.ones((1, 8), np.float32), *steps[0][1:])
    path.reset()
    np.testing.assert_allclose(once, [path.step(*step).copy() for step in steps], atol=1e-6)


def test_reset_silences_what_is_still_to_be_played(tiny_pack, host_device, host_model) -> None:
    path = VoicePath(host_device, host_model(tiny_pack, "voice"), batch=1)
    tail = path._overlap_add._tail
    with host_device.active():
        tail.host["tail"].fill(1.0)
        tail.upload()
        tail.host["tail"].fill(0.0)
    path.reset()
    assert not path.step(path.control, path.palette, path.noise_index).any()


def test_more_zones_than_prepared_are_refused(tiny_pack, host_device, host_model) -> None:
    with pytest.raises(ParameterError, match="batch=2 must be 1 to 1"):
        VoicePath(host_device, host_model(tiny_pack, "voice"), batch=2)

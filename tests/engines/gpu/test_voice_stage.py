import numpy as np
import pytest

from synchresis.engines.control import Controls
from synchresis.engines.gpu.voice_stage import GpuVoice
from synchresis.engines.timebase import HOP
from synchresis.engines.voice.voice import Voice
from synchresis.engines.zone import Zone
from synchresis.errors import ParameterError

ZONES = (Zone(palette="wood"), Zone(palette="glass"), Zone(palette="wood:0.5+glass:0.5"))


def performance(voice, rng):
    """Controls of 60 hops with random hits over moving levels."""
    for hop in range(60):
        controls = Controls.zeros(len(ZONES))
        controls.onset[:] = rng.uniform(size=len(ZONES)) < 0.2
        controls.onset_sample[:] = rng.integers(0, HOP, len(ZONES)) * (controls.onset > 0)
        controls.strength[:] = rng.uniform(size=len(ZONES)) * controls.onset
        controls.friction[:] = 0.5 + 0.5 * np.sin(hop / 9)
        controls.palette[:] = voice.palettes
        controls.noise_index[:] = hop * HOP
        yield controls


def test_sound_equals_that_of_the_cpu(tiny_pack, place, rng) -> None:
    model = place.load(tiny_pack, "voice", len(ZONES))
    settings = {"seed": 77, "numbers": [4, 9, 2]}
    ours = GpuVoice(tiny_pack, place.device, model, zones=ZONES, **settings)
    theirs = Voice(tiny_pack, ZONES, backend="onnx", **settings)
    for voice in (ours, theirs):
        voice.prepare()
    ours_state, theirs_state = ours.initial_state(), theirs.initial_state()
    np.testing.assert_array_equal(ours.palettes, theirs.palettes)
    out, heard = np.zeros((len(ZONES), HOP), np.float32), 0.0
    for controls in performance(theirs, rng):
        want = theirs.step(controls, theirs_state)
        assert ours.step(controls, ours_state, out) is out
        np.testing.assert_allclose(out, want, atol=1e-6)
        np.testing.assert_allclose(ours_state.mel, theirs_state.mel, atol=1e-5)
        heard = max(heard, float(np.abs(want).max()))
    assert heard > 0.1


def test_reset_is_silence(tiny_pack, host_device, host_model, rng) -> None:
    model = host_model(tiny_pack, "voice", len(ZONES))
    voice = GpuVoice(tiny_pack, host_device, model, zones=ZONES)
    state = voice.initial_state()
    for controls in performance(voice, rng):
        voice.step(controls, state)
    voice.reset_state(state)
    silence = Controls.zeros(len(ZONES))
    assert not voice.step(silence, state).any()


def test_state_of_another_voice_is_refused(tiny_pack, host_device, host_model) -> None:
    model = host_model(tiny_pack, "voice", len(ZONES))
    voice = GpuVoice(tiny_pack, host_device, model, zones=ZONES)
    other = Voice(tiny_pack, ZONES, backend="onnx")
    other.prepare()
    with pytest.raises(ParameterError, match="belongs to another engine"):
        voice.step(Controls.zeros(len(ZONES)), other.initial_state())
    voice.close()
    assert host_device.closed

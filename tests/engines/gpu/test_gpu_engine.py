import numpy as np
import pytest

from synchresis.engines.gpu.engine import GpuEngine
from synchresis.engines.gpu.parity import check_parity
from synchresis.engines.gpu.parity_inputs import motion_steps, voice_steps
from synchresis.engines.runtime.engine import open_engine
from synchresis.errors import EngineError, ParameterError

MAKE = {"motion": motion_steps, "voice": voice_steps}


@pytest.mark.parametrize("recordable", [True, False])
@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("which", ["motion", "voice"])
def test_engine_equals_cpu(tiny_pack, host_device, host_model, which, batch, recordable) -> None:
    model = host_model(tiny_pack, which, batch, recordable=recordable)
    engine = GpuEngine(host_device, model, batch=batch)
    engine.prepare()
    reference = open_engine(tiny_pack, which, backend="onnx", batch=batch)
    reference.prepare()
    report = check_parity(engine, reference, MAKE[which](engine.spec, batch, 40))
    assert report.agrees and report.steps == 40
    assert all(output.error < 1e-5 for output in report.outputs)
    assert (host_device.replays == 41) is recordable


def test_states_are_apart_and_reset_is_fresh(tiny_pack, host_device, host_model) -> None:
    engine = GpuEngine(host_device, host_model(tiny_pack, "voice"), batch=1)
    steps = list(voice_steps(engine.spec, 1, 60))
    first, second = engine.initial_state(), engine.initial_state()
    once = [engine.step(s, first)["mel"].copy() for s in steps]
    engine.step(steps[0], second)
    engine.reset_state(first)
    again = [engine.step(s, first)["mel"].copy() for s in steps]
    np.testing.assert_array_equal(once, again)
    assert np.ptp(once) > 0


def test_lane_of_a_dropped_state_serves_the_next(tiny_pack, host_device, host_model) -> None:
    engine = GpuEngine(host_device, host_model(tiny_pack, "voice"), batch=1)
    step = next(iter(voice_steps(engine.spec, 1, 1)))
    step["control"][0, 0] = 1.0
    state = engine.initial_state()
    lane, fresh = state.lane, engine.step(step, state)["mel"].copy()
    engine.step(step, state)
    del state
    state = engine.initial_state()
    assert state.lane is lane
    np.testing.assert_array_equal(engine.step(step, state)["mel"], fresh)


def test_wrong_use_is_refused(tiny_pack, host_device, host_model) -> None:
    engine = GpuEngine(host_device, host_model(tiny_pack, "voice"), batch=1)
    step = dict(next(iter(voice_steps(engine.spec, 1, 1))))
    with pytest.raises(ParameterError, match="belongs to another engine"):
        engine.step(step, object())
    with pytest.raises(ParameterError, match="palette has shape"):
        engine.step(step | {"palette": np.zeros((2, 32), np.float32)}, engine.initial_state())
    engine.close()
    assert host_device.closed
    with pytest.raises(EngineError, match="is closed"):
        engine.initial_state()


@pytest.mark.parametrize("which", ["motion", "voice"])
def test_engine_equals_cpu_everywhere(tiny_pack, place, which) -> None:
    engine = GpuEngine(place.device, place.load(tiny_pack, which, 1), batch=1)
    engine.prepare()
    reference = open_engine(tiny_pack, which, backend="onnx")
    reference.prepare()
    report = check_parity(engine, reference, MAKE[which](engine.spec, 1, 100))
    assert report.agrees, report.describe()

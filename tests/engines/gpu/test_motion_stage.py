import numpy as np
import pytest

from synchresis.engines.frame import Frame
from synchresis.engines.gpu.motion_stage import GpuMotionParser
from synchresis.engines.motion.parser import MotionParser
from synchresis.engines.packs import load_pack
from synchresis.engines.scenes import scene_source
from synchresis.engines.timebase import NS_PER_S
from synchresis.errors import EngineError, ParameterError

SETTINGS = {"lookahead_ns": 20_000_000, "sensitivity": 3.0}


@pytest.fixture(scope="module")
def frames():
    """A scene at 30 frames per second in colour and another size, with a gap in it."""
    stream = scene_source("drums", seed=1, fps=30, size=(480, 272))
    frames = [stream.step() for _ in range(60)]
    late = [
        Frame(f.picture, f.captured_ns + NS_PER_S, f.sequence, f.clock_id, f.camera)
        for f in frames[40:]
    ]
    return frames[:40] + late


@pytest.mark.parametrize("name", ["tiny", "default"])
def test_gestures_equal_those_of_the_cpu(tiny_pack, place, frames, name) -> None:
    pack = tiny_pack if name == "tiny" else load_pack()
    ours = GpuMotionParser(pack, place.device, place.load(pack, "motion"), **SETTINGS)
    theirs = MotionParser(pack, backend="onnx", **SETTINGS)
    for parser in (ours, theirs):
        parser.prepare()
    ours_state, theirs_state = ours.initial_state(), theirs.initial_state()
    events, seen = 0, 0.0
    for frame in frames:
        got, want = ours.step(frame, ours_state), theirs.step(frame, theirs_state)
        assert (got.begin_ns, got.end_ns, got.sequence) == (
            want.begin_ns,
            want.end_ns,
            want.sequence,
        )
        assert len(got.events) == len(want.events)
        events += len(got.events)
        for one, other in zip(got.events, want.events, strict=True):
            assert one.t_ns == pytest.approx(other.t_ns, abs=20_000)
            assert (one.x, one.y, one.zone) == pytest.approx(
                (other.x, other.y, other.zone), abs=1e-2
            )
        for one, other in zip(got.levels, want.levels, strict=True):
            assert (one.x, one.y) == pytest.approx((other.x, other.y), abs=5e-3)
        np.testing.assert_allclose(ours_state.last_map, theirs_state.last_map, atol=2e-3)
        seen = max(seen, float(theirs_state.last_map.max()))
    assert seen > 0.05 and (events > 0 or pack is tiny_pack)


def test_reset_is_fresh(tiny_pack, host_device, host_model, frames) -> None:
    parser = GpuMotionParser(tiny_pack, host_device, host_model(tiny_pack, "motion"))
    state = parser.initial_state()
    once = [parser.step(frame, state) for frame in frames[:20]]
    parser.reset_state(state)
    assert [parser.step(frame, state) for frame in frames[:20]] == once


def test_wrong_use_is_refused(tiny_pack, host_device, host_model) -> None:
    parser = GpuMotionParser(tiny_pack, host_device, host_model(tiny_pack, "motion"))
    state = parser.initial_state()
    with pytest.raises(ParameterError, match="belongs to another engine"):
        parser._engine.step(parser._inputs(state) if state.size[1] else {"facts": np.ones(3)}, 3)
    parser.close()
    assert host_device.closed
    with pytest.raises(EngineError, match="is closed"):
        parser.initial_state()

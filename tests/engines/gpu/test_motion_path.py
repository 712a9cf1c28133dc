import cv2
import numpy as np
import pytest

from synchresis.engines.gpu.motion_path import MotionPath
from synchresis.engines.motion.analysis import AnalysisState, analyse
from synchresis.engines.motion.parser import cell_centres, write_flow_input
from synchresis.engines.runtime.engine import open_engine
from synchresis.errors import EngineError
from synchresis.kernels.flow import Flow, FlowSettings

DT_S, TAU_S, ASPECT = 0.04, 0.02, 0.5625


@pytest.fixture
def pictures(rng):
    """A textured background under a shaking camera, a disc falling over it."""
    noise = rng.normal(size=(300, 400))
    layers = [cv2.GaussianBlur(noise, (0, 0), s) * s for s in (2.0, 6.0)]
    world = np.clip(127 + 60 * sum(layers), 0, 255).astype(np.uint8)
    pictures = []
    for index in range(8):
        dx = index % 3
        picture = world[20:260, 30 + dx : 350 + dx].copy()
        cv2.circle(picture, (150, 40 + 7 * index), 24, 240, -1)
        pictures.append(picture)
    return pictures


def cpu_inputs(pictures):
    """The network's inputs as the motion parser makes them on the CPU, copied."""
    flow, analysis = Flow(FlowSettings()), AnalysisState.allocate()
    state = flow.initial_state()
    for picture in pictures:
        analyse(picture, analysis)
        field = flow.step(analysis.grey, DT_S, state, aspect=ASPECT)
        seen = np.zeros((1, 4, 30, 40), np.float32)
        write_flow_input(field, cell_centres(30, 40), seen)
        timing = np.array([[DT_S, TAU_S, *field.motion]], np.float32)
        yield {"pixels": analysis.pixels.copy(), "flow": seen, "timing": timing}


def test_network_sees_what_the_parser_gives(tiny_pack, host_device, host_model, pictures) -> None:
    path = MotionPath(host_device, host_model(tiny_pack, "motion"))
    for picture, want in zip(pictures, cpu_inputs(pictures), strict=True):
        path.step(picture, DT_S, tau_s=TAU_S, aspect=ASPECT)
        with host_device.active():
            path._session.made.download()
        got = path._session.made.host
        np.testing.assert_array_equal(got["pixels"], want["pixels"])
        np.testing.assert_allclose(got["timing"], want["timing"], atol=2e-4)
        off = np.abs(got["flow"] - want["flow"])
        assert np.quantile(off, 0.99) < 1e-4 and off[:, 2:].max() < 1e-3
        assert off[:, :2].max() < 1e-2
    assert np.abs(got["flow"][0, 1]).max() > 0.1
    assert host_device.replays == len(pictures)


def test_maps_equal_cpu(tiny_pack, place, pictures) -> None:
    path = MotionPath(place.device, place.load(tiny_pack, "motion"))
    engine = open_engine(tiny_pack, "motion", backend="onnx")
    engine.prepare()
    state = engine.initial_state()
    for picture, inputs in zip(pictures, cpu_inputs(pictures), strict=True):
        got = path.step(picture, DT_S, tau_s=TAU_S, aspect=ASPECT)
        want = engine.step(inputs, state)
        for name in want:
            np.testing.assert_allclose(got[name], want[name], atol=1e-3)
    assert got["map"].max() > 0.01


def test_reset_is_fresh(tiny_pack, place, pictures) -> None:
    path = MotionPath(place.device, place.load(tiny_pack, "motion"))
    once = [path.step(picture, DT_S)["embedding"].copy() for picture in pictures]
    path.reset()
    again = [path.step(picture, DT_S)["embedding"].copy() for picture in pictures]
    np.testing.assert_allclose(once, again, atol=1e-6)


def test_more_than_one_camera_is_refused(tiny_pack, host_device, host_model) -> None:
    with pytest.raises(EngineError, match="batch=8 must be 1"):
        MotionPath(host_device, host_model(tiny_pack, "motion", 2))

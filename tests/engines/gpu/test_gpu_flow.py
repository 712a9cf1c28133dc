import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from synchresis.engines.gpu.flow import GpuFlow
from synchresis.errors import ParameterError
from synchresis.kernels.cuda.twin import BACKWARDS, FORWARDS
from synchresis.kernels.flow import FlowSettings, flow_reference

SIZES = [(240, 320), (480, 640), (120, 160)]


def texture(rng: np.random.Generator, height: int, width: int) -> NDArray[np.float32]:
    """Blobs of several sizes, grey 0 to 255, larger than the picture."""
    shape = (height + 80, width + 80)
    layers = [cv2.GaussianBlur(rng.normal(size=shape), (0, 0), s) * s for s in (1.5, 4.0, 12.0)]
    total = sum(layers)
    return (127 + 90 * total / np.abs(total).max()).astype(np.float32)


def moved(world: NDArray[np.float32], height: int, width: int, **shift: float) -> NDArray[np.uint8]:
    """The picture of a world shifted by dx, dy and turned by `turn` radians."""
    dx, dy, turn = (shift.get(name, 0.0) for name in ("dx", "dy", "turn"))
    centre = ((width + 80) / 2, (height + 80) / 2)
    matrix = cv2.getRotationMatrix2D(centre, np.degrees(turn), 1.0)
    matrix[:, 2] += (dx - 40, dy - 40)
    picture = cv2.warpAffine(world, matrix, (width, height), borderMode=cv2.BORDER_REFLECT)
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8)


def compare(fields, previous, current, settings, dt_s=0.04, aspect=0.75) -> dict[str, float]:
    """Errors against the reference: in pixels for flow and motion, in grey levels for the rest."""
    displacement, residual, difference, motion = flow_reference(previous, current, settings)
    pixel = np.array([settings.width, settings.height / aspect]) * dt_s
    errors = np.abs(fields["flow"] * pixel[:, None, None] - displacement)
    return {
        "flow": float(errors.max()),
        "typical flow": float(np.quantile(errors, 0.99)),
        "residual": float(np.abs(fields["residual"] - residual).max() * 255),
        "difference": float(np.abs(fields["difference"] - difference).max() * 255),
        "motion": float(
            np.abs(fields["motion"].reshape(2, 3) * pixel[:, None] - motion.reshape(2, 3)).max()
        ),
    }


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[1]}x{size[0]}")
def test_flow_equals_reference(device, rng, size) -> None:
    settings = FlowSettings(*size)
    world = texture(rng, *size)
    first = moved(world, *size)
    second = moved(world, *size, dx=3.3, dy=-1.6, turn=0.02)
    cv2.circle(second, (size[1] // 3, size[0] // 2), size[0] // 8, 230, -1)
    flow = GpuFlow(device, settings)
    flow.step(first, 0.04)
    errors = compare(flow.step(second, 0.04), first, second, settings)
    assert errors["difference"] < 1e-3
    assert errors["typical flow"] < 2e-3 and errors["flow"] < 0.05
    assert errors["residual"] < 0.05 and errors["motion"] < 2e-3


def test_order_of_threads_changes_nothing(make_host_device, rng) -> None:
    world = texture(rng, 120, 160)
    pictures = [moved(world, 120, 160, dx=2.0 * i, turn=0.01 * i) for i in range(3)]
    found = []
    for order in (FORWARDS, BACKWARDS, 7, 99):
        device = make_host_device()
        device.order = order
        flow = GpuFlow(device, FlowSettings(120, 160))
        steps = [flow.step(picture, 0.04) for picture in pictures]
        found.append({name: field.copy() for name, field in steps[-1].items()})
    assert np.abs(found[0]["flow"]).max() > 0.1
    for other in found[1:]:
        for name, field in found[0].items():
            np.testing.assert_array_equal(field, other[name])


def test_first_and_identical_frames_are_exactly_zero(device, rng) -> None:
    flow = GpuFlow(device)
    picture = moved(texture(rng, 240, 320), 240, 320)
    for _ in range(3):
        fields = flow.step(picture, 0.03)
        assert all(not fields[name].any() for name in fields)


def test_reset_forgets_the_frame_before(device, rng) -> None:
    world = texture(rng, 240, 320)
    flow = GpuFlow(device)
    for dx in (0.0, 2.0, 4.0):
        fields = flow.step(moved(world, 240, 320, dx=dx), 0.03)
    assert np.abs(fields["flow"]).max() > 0.1
    flow.reset()
    fields = flow.step(moved(world, 240, 320, dx=9.0), 0.03)
    assert all(not fields[name].any() for name in fields)


def test_scale_is_picture_widths_per_second(device, rng) -> None:
    world = texture(rng, 240, 320)
    flow = GpuFlow(device)
    flow.step(moved(world, 240, 320), 0.05)
    fields = flow.step(moved(world, 240, 320, dx=4.0, dy=3.0), 0.05, aspect=0.5625)
    u, v = (np.median(plane) for plane in fields["flow"])
    assert u == pytest.approx(4.0 / 320 / 0.05, rel=0.02)
    assert v == pytest.approx(3.0 / 240 * 0.5625 / 0.05, rel=0.02)
    assert fields["motion"][0] == pytest.approx(u, rel=0.02)
    assert fields["motion"][3] == pytest.approx(v, rel=0.02)


def test_one_graph_per_frame(host_device, rng) -> None:
    flow = GpuFlow(host_device)
    host_device.replays = host_device.launches = 0
    flow.step(np.zeros((240, 320), np.uint8), 0.03)
    assert host_device.replays == 1 and host_device.launches == 17


def test_wrong_picture_is_refused(host_device) -> None:
    with pytest.raises(ParameterError, match=r"grey uint8\[240, 300\] must be uint8\[240, 320\]"):
        GpuFlow(host_device).step(np.zeros((240, 300), np.uint8), 0.03)

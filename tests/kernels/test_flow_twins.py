"""Flow: every version against the reference."""

import numpy as np
import pytest

from synchresis.bench.flow_truth import FlowPair, flow_pairs
from synchresis.kernels.flow import Flow, FlowSettings, flow_reference

SIZES = [(240, 320, 30, 40), (120, 160, 30, 40), (480, 640, 30, 40), (192, 352, 24, 44)]


def _pairs(height: int, width: int) -> list[FlowPair]:
    return list(flow_pairs(height=height, width=width, per_case=1, seed=9))[::2]


def _assert_close(found: np.ndarray, expected: np.ndarray, tolerance: float) -> None:
    """Hold the mean to the tolerance: a still cell found moving may differ, but hardly ever."""
    gap = np.abs(found - expected)
    assert np.quantile(gap, 0.97) < tolerance and gap.mean() < tolerance


@pytest.mark.parametrize("size", SIZES)
def test_numba_equals_the_reference(size: tuple[int, int, int, int]) -> None:
    settings = FlowSettings(*size)
    stage = Flow(settings)
    state = stage.initial_state()
    for pair in _pairs(settings.height, settings.width):
        stage.reset_state(state)
        stage.step(pair.previous, 1.0, state)
        field = stage.step(pair.current, 1.0, state, aspect=settings.height / settings.width)
        flow, residual, difference, motion = flow_reference(pair.previous, pair.current, settings)
        _assert_close(field.flow * settings.width, flow, 1e-4)
        _assert_close(field.residual, residual, 1e-5)
        np.testing.assert_allclose(field.difference, difference, rtol=0, atol=1e-6)
        np.testing.assert_allclose(field.motion * settings.width, motion, rtol=0, atol=2e-3)


@pytest.mark.parametrize("size", SIZES[:2])
def test_torch_equals_the_reference(size: tuple[int, int, int, int]) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    from synchresis.engines.training.flow_torch import flow_torch

    settings = FlowSettings(*size)
    pairs = _pairs(settings.height, settings.width)
    before = torch.from_numpy(np.stack([pair.previous for pair in pairs]))
    after = torch.from_numpy(np.stack([pair.current for pair in pairs]))
    found = {name: value.numpy() for name, value in flow_torch(before, after, settings).items()}
    for index, pair in enumerate(pairs):
        flow, residual, difference, motion = flow_reference(pair.previous, pair.current, settings)
        _assert_close(found["displacement"][index], flow, 1e-4)
        _assert_close(found["residual"][index], residual, 1e-5)
        np.testing.assert_allclose(found["difference"][index], difference, rtol=0, atol=1e-6)
        np.testing.assert_allclose(found["motion"][index], motion, rtol=0, atol=2e-3)


def test_torch_units_equal_the_stage() -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    from synchresis.engines.training.flow_torch import flow_torch, to_widths

    settings = FlowSettings(120, 160, 30, 40)
    pair = _pairs(120, 160)[1]
    stage = Flow(settings)
    state = stage.initial_state()
    stage.step(pair.previous, 0.03, state)
    field = stage.step(pair.current, 0.03, state, aspect=0.6)
    found = flow_torch(
        *(torch.from_numpy(p)[None] for p in (pair.previous, pair.current)), settings
    )
    steps = torch.tensor([0.03]), torch.tensor([0.6])
    flow, motion = to_widths(found["displacement"], found["motion"], *steps, settings)
    _assert_close(flow[0].numpy(), field.flow, 1e-4)
    np.testing.assert_allclose(motion[0].numpy(), field.motion, rtol=0, atol=1e-3)


def test_reference_gives_exactly_zero_for_equal_pictures() -> None:
    pair = _pairs(120, 160)[0]
    settings = FlowSettings(120, 160, 30, 40)
    assert not any(array.any() for array in flow_reference(pair.previous, pair.previous, settings))

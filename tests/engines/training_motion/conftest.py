"""Sequences the tests of motion training share."""

import math

import pytest

torch = pytest.importorskip("torch", reason="training needs the extra [train]")

from synchresis.engines.training.motion.batch import SOUND_BANDS, Batch  # noqa: E402


def make_batch(count: int = 2, frames: int = 12, *, event_s: float = 0.1501) -> Batch:
    torch.manual_seed(0)
    times = torch.arange(frames) / 30
    return Batch(
        pixels=torch.randint(0, 255, (count, frames, 120, 160), dtype=torch.uint8),
        flow=torch.randn(count, frames, 4, 30, 40).half(),
        motion=0.1 * torch.randn(count, frames, 6),
        captured_s=times.expand(count, -1).clone(),
        event_s=torch.tensor([[event_s, math.inf]]).repeat(count, 1),
        event_xy=torch.tensor([[[0.25, 0.5], [0.5, 0.5]]]).repeat(count, 1, 1),
        event_strength=torch.tensor([[0.8, 0.0]]).repeat(count, 1),
        levels=torch.zeros(count, frames, 2),
        located=torch.ones(count, dtype=torch.bool),
        sound=torch.zeros(count, frames, SOUND_BANDS),
    )


@pytest.fixture
def batch_of():
    """Batches of noise with one event each."""
    return make_batch

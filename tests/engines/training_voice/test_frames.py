import numpy as np
import pytest

torch = pytest.importorskip("torch")

from synchresis.engines.timebase import HOP  # noqa: E402
from synchresis.engines.training.voice.frames import Framer, overlap_add  # noqa: E402
from synchresis.engines.voice import copying  # noqa: E402
from synchresis.kernels.overlap_add import OverlapAdd, overlap_add_reference, window  # noqa: E402


def test_the_copied_window_is_the_kernels() -> None:
    np.testing.assert_allclose(copying.synthesis_window(), window(), atol=1e-7)


def test_overlap_add_is_the_kernels(rng: np.random.Generator) -> None:
    spectra = rng.standard_normal((2, 9, 513)) + 1j * rng.standard_normal((2, 9, 513))
    spectra[..., [0, -1]] = spectra[..., [0, -1]].real
    made = overlap_add(torch.tensor(spectra.real), torch.tensor(spectra.imag))
    np.testing.assert_allclose(made.numpy(), overlap_add_reference(spectra), atol=1e-6)


@pytest.mark.parametrize("begin", [64, 170, 319])
def test_target_frames_of_a_hit_make_the_hit_and_know_nothing_before(
    rng: np.random.Generator, begin: int
) -> None:
    hop, hops, length = 5, 24, 3000
    framer = Framer(torch.device("cpu"))
    hit = torch.tensor(rng.standard_normal((1, length)), dtype=torch.float32)
    begins = torch.tensor([begin])
    raised = framer.raise_onsets(hit, begins)
    start = hop * HOP + begin
    mixture, truth = torch.zeros(1, HOP * hops + 1024), torch.zeros(HOP * hops + 1024)
    mixture[0, start : start + length] = raised[0]
    truth[start : start + length] = hit[0]
    where = torch.tensor([0]), torch.tensor([hop])
    frames = framer.frames(mixture, raised, begins, where)
    assert frames[0, :hop].abs().max() < 1e-4
    sound = overlap_add(frames.real, frames.imag)[0]
    np.testing.assert_allclose(sound.numpy(), truth[: HOP * hops].numpy(), atol=1e-4)


def test_copied_mels_are_those_of_the_target_frames(rng: np.random.Generator) -> None:
    from synchresis.engines.training.voice.losses import FrameMel

    framer, begin, hops = Framer(torch.device("cpu")), 100, 12
    hit = (0.1 * rng.standard_normal(2000)).astype(np.float32)
    begins = torch.tensor([begin])
    raised = framer.raise_onsets(torch.from_numpy(hit)[None], begins)
    mixture = torch.zeros(1, HOP * hops + 1024)
    mixture[0, begin : begin + 2000] = raised[0]
    where = torch.tensor([0]), torch.tensor([0])
    frames = framer.frames(mixture, raised, begins, where)
    expected = FrameMel()(frames)[0].numpy()
    np.testing.assert_allclose(copying.copy_mel(hit, begin, hops), expected, atol=1e-3)


def test_the_stage_plays_target_frames_too(rng: np.random.Generator) -> None:
    stage = OverlapAdd()
    state = stage.initial_state(1)
    spectra = (rng.standard_normal((6, 513)) + 1j * rng.standard_normal((6, 513))).astype(
        np.complex64
    )
    made = np.concatenate([stage.step(frame[None], state)[0].copy() for frame in spectra])
    whole = overlap_add(torch.tensor(spectra.real)[None], torch.tensor(spectra.imag)[None])[0]
    np.testing.assert_allclose(made, whole.numpy(), atol=1e-5)

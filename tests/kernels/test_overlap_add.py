"""Overlap-add: the stage against its formula, and what its window promises."""

import numpy as np
import pytest

from synchresis.errors import ParameterError
from synchresis.kernels.overlap_add import (
    BINS,
    HOP,
    LENGTH,
    RISE,
    N,
    OverlapAdd,
    overlap_add_reference,
    window,
)


def _spectra(batch: int, frames: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    parts = rng.standard_normal((2, batch, frames, BINS))
    return (parts[0] + 1j * parts[1]).astype(np.complex64)


def _stream(spectra: np.ndarray) -> np.ndarray:
    stage = OverlapAdd()
    state = stage.initial_state(spectra.shape[0])
    hops = [stage.step(spectra[:, k], state).copy() for k in range(spectra.shape[1])]
    return np.concatenate(hops, axis=1)


def test_window_rises_in_64_samples_and_sums_to_one() -> None:
    weights = window().astype(np.float64)
    assert weights.dtype == np.float64 and weights.shape == (N,)
    overlapped = sum(np.roll(weights, HOP * k) for k in range(N // HOP))
    np.testing.assert_allclose(overlapped, 1.0, rtol=0, atol=6e-8)
    np.testing.assert_array_equal(weights[:LENGTH], weights[:LENGTH][::-1])
    assert np.all(weights[LENGTH:] == 0) and weights[LENGTH - 1] > 0
    assert weights[RISE - 1] < weights[RISE] == np.float32(1 / 3)


@pytest.mark.parametrize("batch", [1, 2, 5])
def test_stream_equals_the_reference(batch: int) -> None:
    spectra = _spectra(batch, 13)
    expected = overlap_add_reference(spectra)
    np.testing.assert_allclose(_stream(spectra), expected, rtol=0, atol=2e-6 * expected.std())


def test_rectangular_frames_of_a_sound_give_the_sound_back() -> None:
    rng = np.random.default_rng(1)
    hops = 20
    sound = rng.standard_normal(HOP * hops + N).astype(np.float32)
    frames = [np.fft.rfft(sound[HOP * k : HOP * k + N]) for k in range(hops)]
    heard = _stream(np.asarray(frames, np.complex64)[None])[0]
    settled = slice(3 * HOP + RISE, None)
    np.testing.assert_allclose(heard[settled], sound[: HOP * hops][settled], rtol=0, atol=2e-6)


def test_batches_equal_single_streams_exactly() -> None:
    spectra = _spectra(3, 9)
    together = _stream(spectra)
    for row in range(3):
        np.testing.assert_array_equal(together[row], _stream(spectra[row : row + 1])[0])


def test_parts_equal_the_complex_spectrum() -> None:
    stage, spectra = OverlapAdd(), _spectra(2, 6)
    state, parts_state = stage.initial_state(2), stage.initial_state(2)
    for k in range(6):
        real, imag = spectra[:, k].real.copy(), spectra[:, k].imag.copy()
        whole = stage.step(spectra[:, k], state)
        parts = stage.step_parts(real, imag, parts_state)
        np.testing.assert_allclose(parts, whole, rtol=0, atol=1e-8)


def test_odd_chunks_equal_one_go() -> None:
    spectra = _spectra(1, 17)
    stage = OverlapAdd()
    state = stage.initial_state()
    pieces, start = [], 0
    for size in (1, 5, 2, 9):
        for k in range(start, start + size):
            out = np.empty((1, HOP), np.float32)
            assert stage.step(spectra[:, k], state, out) is out
            pieces.append(out)
        start += size
    np.testing.assert_array_equal(np.concatenate(pieces, axis=1), _stream(spectra))


def test_impulse_of_a_frame_sounds_in_its_own_first_hop() -> None:
    sample = RISE + 37
    impulse = np.zeros(N)
    impulse[sample] = 3.0
    spectra = np.zeros((1, 8, BINS), np.complex64)
    spectra[0, 4] = np.fft.rfft(impulse)
    heard = _stream(spectra)[0]
    expected = np.zeros_like(heard)
    expected[4 * HOP + sample] = 1.0
    np.testing.assert_allclose(heard, expected, rtol=0, atol=1e-6)


def test_declared_latency_is_what_the_window_takes_to_open() -> None:
    flat = np.fft.rfft(np.ones(N)).astype(np.complex64)
    spectra = np.zeros((1, 6, BINS), np.complex64)
    spectra[0, 2:] = flat
    heard = _stream(spectra)[0][2 * HOP :]
    third = np.flatnonzero(heard > 0.999 / 3)[0]
    assert abs(third - OverlapAdd.latency_samples) <= 2
    assert OverlapAdd.hop_samples == HOP


def test_later_frames_leave_earlier_hops_unchanged() -> None:
    spectra = _spectra(1, 10)
    changed = spectra.copy()
    changed[:, 6:] *= -2
    np.testing.assert_array_equal(_stream(spectra)[:, : 6 * HOP], _stream(changed)[:, : 6 * HOP])


def test_reset_equals_fresh_and_keeps_the_arrays() -> None:
    stage, spectra = OverlapAdd(), _spectra(2, 4)
    state = stage.initial_state(2)
    arrays = (state.tail, state.scratch, state.out)
    first = stage.step(spectra[:, 0], state).copy()
    stage.step(spectra[:, 1], state)
    stage.reset_state(state)
    np.testing.assert_array_equal(stage.step(spectra[:, 0], state), first)
    assert all(a is b for a, b in zip(arrays, (state.tail, state.scratch, state.out), strict=True))


def test_nan_of_one_stream_stays_there_and_passes() -> None:
    stage, spectra = OverlapAdd(), _spectra(2, 9)
    spectra[0, 2] = np.nan
    heard = _stream(spectra)
    assert np.isnan(heard[0, 2 * HOP]) and np.isfinite(heard[1]).all()
    assert np.isfinite(heard[0, 6 * HOP :]).all()
    assert np.isfinite(stage.initial_state(2).tail).all()


def test_imaginary_parts_of_the_outer_bins_are_ignored() -> None:
    spectra = _spectra(1, 5)
    changed = spectra.copy()
    changed[..., 0] += 5j
    changed[..., -1] -= 7j
    np.testing.assert_array_equal(_stream(spectra), _stream(changed))


def test_wrong_inputs_are_named() -> None:
    stage = OverlapAdd()
    state = stage.initial_state(2)
    with pytest.raises(ParameterError, match=r"spectrum\.shape=\(1, 513\) must be \(2, 513\)"):
        stage.step(np.zeros((1, BINS), np.complex64), state)
    with pytest.raises(ParameterError, match=r"complex128 must be complex64"):
        stage.step(np.zeros((2, BINS)) + 0j, state)
    with pytest.raises(ParameterError, match="batch=0"):
        stage.initial_state(0)


@pytest.mark.parametrize("frames", [1, 3, 12])
def test_torch_equals_the_reference(frames: int) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    from synchresis.engines.training.istft_torch import overlap_add_torch

    spectra = _spectra(2, frames)
    heard = overlap_add_torch(torch.from_numpy(spectra)).numpy()
    expected = overlap_add_reference(spectra)
    np.testing.assert_allclose(heard, expected, rtol=0, atol=2e-6 * expected.std())

import numpy as np
import pytest
from numpy.typing import NDArray

from synchresis.kernels.cuda.table import KERNELS, OVERLAP_ADD
from synchresis.kernels.cuda.tables import inverse_tables
from synchresis.kernels.cuda.twin import BACKWARDS, FORWARDS, Twin
from synchresis.kernels.overlap_add import BINS, HOP, TAIL, overlap_add_reference

ORDERS = (FORWARDS, BACKWARDS, 7, 99)


def play(twin: Twin, spectra: NDArray[np.complex64], order: int) -> NDArray[np.float32]:
    batch, frames, _ = spectra.shape
    turn, weights = inverse_tables()
    tail = np.zeros((batch, TAIL), np.float32)
    out = np.full((batch, HOP), np.nan, np.float32)
    hops = []
    for frame in range(frames):
        real = np.ascontiguousarray(spectra[:, frame].real)
        imag = np.ascontiguousarray(spectra[:, frame].imag)
        arrays = {"real": real, "imag": imag, "turn": turn, "weights": weights}
        arrays |= {"tail": tail, "out": out}
        arguments = OVERLAP_ADD.arguments(**{k: a.ctypes.data for k, a in arrays.items()})
        out.fill(np.nan)
        twin.launch(OVERLAP_ADD, arguments, blocks=batch, order=order)
        hops.append(out.copy())
    return np.concatenate(hops, axis=1)


def random_spectra(rng: np.random.Generator, batch: int, frames: int) -> NDArray[np.complex64]:
    shape = (batch, frames, BINS)
    return (rng.normal(size=shape) + 1j * rng.normal(size=shape)).astype(np.complex64)


@pytest.mark.parametrize("kernel", KERNELS, ids=lambda kernel: kernel.name)
def test_python_and_cpp_agree_on_layout(twin: Twin, kernel) -> None:
    assert twin.threads(kernel) == kernel.threads
    assert twin.argument_bytes(kernel) == kernel.argument_bytes


@pytest.mark.parametrize("order", ORDERS)
def test_overlap_add_equals_reference(twin: Twin, rng: np.random.Generator, order: int) -> None:
    spectra = random_spectra(rng, 3, 9)
    want = overlap_add_reference(spectra)
    got = play(twin, spectra, order)
    assert np.abs(got - want).max() < 2e-7 * 32


def test_order_of_threads_changes_nothing(twin: Twin, rng: np.random.Generator) -> None:
    spectra = random_spectra(rng, 2, 6)
    first, *others = (play(twin, spectra, order) for order in ORDERS)
    for other in others:
        np.testing.assert_array_equal(first, other)


def test_single_bins_land_in_their_place(twin: Twin) -> None:
    bins = (0, 1, 5, 255, 256, 257, 511, 512)
    spectra = np.zeros((len(bins), 5, BINS), np.complex64)
    for row, bin_ in enumerate(bins):
        spectra[row, 0, bin_] = 300.0 - 200.0j
    want = overlap_add_reference(spectra)
    np.testing.assert_allclose(play(twin, spectra, FORWARDS), want, atol=2e-7)

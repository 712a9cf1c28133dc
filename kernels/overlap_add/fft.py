"""Inverse real FFT of 1024 samples without allocation: a radix-8 Stockham FFT of 512 points.

A real signal of N samples is a complex one of N/2 (even samples real, odd ones imaginary), whose
spectrum Z follows from the signal's bins X: with H = N/2 and w = exp(2πi/N),
Z[k] = X[k] + X*[H − k] + i·w^k·(X[k] − X*[H − k]) (times N/2 when halves are not taken).
The 512 = 8·8·8 points then need three passes of 8-point butterflies; the Stockham order reads and
writes two buffers in turn and needs no bit reversal. Real and imaginary parts are kept apart so
that the inner loops are plain vector loops.
"""

import numpy as np
from numpy.typing import NDArray

from synchresis.kernels.compiled import compiled
from synchresis.kernels.overlap_add.window import N

HALF = N // 2
_SPLIT = np.exp(2j * np.pi * np.arange(HALF) / N)
_SPLIT_REAL = _SPLIT.real.astype(np.float32)
_SPLIT_IMAG = _SPLIT.imag.astype(np.float32)
_FIRST = np.exp(2j * np.pi * np.outer(np.arange(8), np.arange(64)) / 512)
_FIRST_REAL = _FIRST.real.astype(np.float32)
_FIRST_IMAG = _FIRST.imag.astype(np.float32)
_SECOND = np.exp(2j * np.pi * np.outer(np.arange(8), np.arange(8)) / 64)
_SECOND_REAL = _SECOND.real.astype(np.float32)
_SECOND_IMAG = _SECOND.imag.astype(np.float32)
_ROOT_HALF = np.float32(np.sqrt(0.5))

Floats = NDArray[np.float32]
Eight = tuple[
    np.float32,
    np.float32,
    np.float32,
    np.float32,
    np.float32,
    np.float32,
    np.float32,
    np.float32,
]


@compiled
def inverse_real_fft(real: Floats, imag: Floats, scratch: Floats) -> None:
    """Write N · irfft(real + i·imag) as interleaved pairs: sample 2n in row 0, 2n + 1 in row 1.

    Args:
        real: float32[513], real parts of the bins.
        imag: float32[513], imaginary parts; those of the first and the last bin are ignored.
        scratch: float32[4, 512], two buffers of real and imaginary rows; the result is in rows
            0 (even samples) and 1 (odd samples).
    """
    _merge_bins(real, imag, scratch[2], scratch[3])
    _first_pass(scratch[2], scratch[3], scratch[0], scratch[1])
    _second_pass(scratch[0], scratch[1], scratch[2], scratch[3])
    _third_pass(scratch[2], scratch[3], scratch[0], scratch[1])


@compiled
def _merge_bins(real: Floats, imag: Floats, out_real: Floats, out_imag: Floats) -> None:
    out_real[0] = real[0] + real[HALF]
    out_imag[0] = real[0] - real[HALF]
    for k in range(1, HALF):
        sum_real = real[k] + real[HALF - k]
        sum_imag = imag[k] - imag[HALF - k]
        gap_real = real[k] - real[HALF - k]
        gap_imag = imag[k] + imag[HALF - k]
        w_real = _SPLIT_REAL[k]
        w_imag = _SPLIT_IMAG[k]
        out_real[k] = sum_real - (w_real * gap_imag + w_imag * gap_real)
        out_imag[k] = sum_imag + (w_real * gap_real - w_imag * gap_imag)


@compiled
def _first_pass(in_real: Floats, in_imag: Floats, out_real: Floats, out_imag: Floats) -> None:
    for p in range(64):
        real, imag = _butterfly(_column(in_real, p), _column(in_imag, p))
        for k in range(8):
            w_real = _FIRST_REAL[k, p]
            w_imag = _FIRST_IMAG[k, p]
            out_real[8 * p + k] = real[k] * w_real - imag[k] * w_imag
            out_imag[8 * p + k] = real[k] * w_imag + imag[k] * w_real


@compiled
def _second_pass(in_real: Floats, in_imag: Floats, out_real: Floats, out_imag: Floats) -> None:
    for p in range(8):
        for q in range(8):
            real, imag = _butterfly(_column(in_real, 8 * p + q), _column(in_imag, 8 * p + q))
            for k in range(8):
                w_real = _SECOND_REAL[k, p]
                w_imag = _SECOND_IMAG[k, p]
                out_real[q + 8 * (8 * p + k)] = real[k] * w_real - imag[k] * w_imag
                out_imag[q + 8 * (8 * p + k)] = real[k] * w_imag + imag[k] * w_real


@compiled
def _third_pass(in_real: Floats, in_imag: Floats, out_real: Floats, out_imag: Floats) -> None:
    for q in range(64):
        real, imag = _butterfly(_column(in_real, q), _column(in_imag, q))
        for k in range(8):
            out_real[q + 64 * k] = real[k]
            out_imag[q + 64 * k] = imag[k]


@compiled
def _column(values: Floats, index: int) -> Eight:
    """Return the eight values 64 apart from `index` on."""
    return (
        values[index],
        values[index + 64],
        values[index + 128],
        values[index + 192],
        values[index + 256],
        values[index + 320],
        values[index + 384],
        values[index + 448],
    )


@compiled
def _butterfly(a: Eight, b: Eight) -> tuple[Eight, Eight]:
    """Return the inverse 8-point DFT (unscaled) of a + i·b."""
    even, even_i = _four((a[0], a[2], a[4], a[6]), (b[0], b[2], b[4], b[6]))
    odd, odd_i = _four((a[1], a[3], a[5], a[7]), (b[1], b[3], b[5], b[7]))
    r1, i1 = _ROOT_HALF * (odd[1] - odd_i[1]), _ROOT_HALF * (odd[1] + odd_i[1])
    r2, i2 = -odd_i[2], odd[2]
    r3, i3 = -_ROOT_HALF * (odd[3] + odd_i[3]), _ROOT_HALF * (odd[3] - odd_i[3])
    real = (
        even[0] + odd[0],
        even[1] + r1,
        even[2] + r2,
        even[3] + r3,
        even[0] - odd[0],
        even[1] - r1,
        even[2] - r2,
        even[3] - r3,
    )
    imag = (
        even_i[0] + odd_i[0],
        even_i[1] + i1,
        even_i[2] + i2,
        even_i[3] + i3,
        even_i[0] - odd_i[0],
        even_i[1] - i1,
        even_i[2] - i2,
        even_i[3] - i3,
    )
    return real, imag


Four = tuple[np.float32, np.float32, np.float32, np.float32]


@compiled
def _four(a: Four, b: Four) -> tuple[Four, Four]:
    """Return the inverse 4-point DFT (unscaled) of a + i·b."""
    s0, t0 = a[0] + a[2], b[0] + b[2]
    s1, t1 = a[0] - a[2], b[0] - b[2]
    s2, t2 = a[1] + a[3], b[1] + b[3]
    s3, t3 = a[1] - a[3], b[1] - b[3]
    return (s0 + s2, s1 - t3, s0 - s2, s1 + t3), (t0 + t2, t1 + s3, t0 - t2, t1 - s3)

"""The streaming overlap-add stage: a spectrum frame in, a hop of samples out."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synchresis.errors import ParameterError
from synchresis.kernels.compiled import compiled
from synchresis.kernels.overlap_add.fft import inverse_real_fft
from synchresis.kernels.overlap_add.window import BINS, HOP, RISE, TAIL, N, window

Floats = NDArray[np.float32]
Spectrum = NDArray[np.complex64]
"""complex64[B, 513]: one frame per row; imaginary parts of the outer bins are ignored."""

_WEIGHTS = (window() / N).astype(np.float32)
_KEPT = TAIL - HOP


@dataclass(frozen=True, slots=True)
class OverlapAddState:
    """What a stream remembers between hops, with the buffers of its work.

    Attributes:
        tail: float32[B, 576], what earlier frames still have to play, next sample first.
        scratch: float32[4, 512], the FFT's two buffers.
        out: float32[B, 256], the hop returned when the caller gives no array.
    """

    tail: Floats
    scratch: Floats
    out: Floats


class OverlapAdd:
    """Inverse real FFT, window and overlap-add, one hop per step.

    Frame k covers output [256 k, 256 k + 1024) and hop k is [256 k, 256 k + 256): nothing waits,
    only the window's rise of 64 samples weakens what a frame puts right at its beginning.
    """

    hop_samples = HOP
    latency_samples = RISE

    def initial_state(self, batch: int = 1) -> OverlapAddState:
        """Return the silent state of `batch` parallel streams.

        Raises:
            ParameterError: when `batch` is below 1.
        """
        if batch < 1:
            raise ParameterError(f"batch={batch} must be at least 1")
        return OverlapAddState(
            np.zeros((batch, TAIL), np.float32),
            np.zeros((4, N // 2), np.float32),
            np.zeros((batch, HOP), np.float32),
        )

    def reset_state(self, state: OverlapAddState) -> None:
        """Silence what is still to be played."""
        state.tail.fill(0.0)

    def prepare(self) -> None:
        """Compile (or load from the cache) what `step` and `step_parts` run."""
        state = self.initial_state()
        self.step(np.zeros((1, BINS), np.complex64), state)
        zeros = np.zeros((1, BINS), np.float32)
        self.step_parts(zeros, zeros, state)

    def step(self, spectrum: Spectrum, state: OverlapAddState, out: Floats | None = None) -> Floats:
        """Play one hop.

        Args:
            spectrum: complex64[B, 513], this hop's frame of every stream.
            state: the streams' state, changed in place.
            out: float32[B, 256] to write to; by default a view valid until the next step.

        Returns:
            float32[B, 256], the samples of this hop.

        Raises:
            ParameterError: when `spectrum` is not complex64[B, 513] for the state's B.
        """
        if spectrum.dtype != np.complex64:
            raise ParameterError(f"spectrum.dtype={spectrum.dtype} must be complex64")
        return self.step_parts(spectrum.real, spectrum.imag, state, out=out)

    def step_parts(
        self,
        real: Floats,
        imag: Floats,
        state: OverlapAddState,
        *,
        out: Floats | None = None,
    ) -> Floats:
        """Play one hop from real and imaginary parts, each float32[B, 513], as `step` does."""
        batch = state.tail.shape[0]
        if real.shape != (batch, BINS) or imag.shape != real.shape:
            raise ParameterError(f"spectrum.shape={real.shape} must be ({batch}, {BINS})")
        hop = state.out if out is None else out
        _step(real, imag, state.scratch, state.tail, hop)
        return hop


@compiled
def _step(real: Floats, imag: Floats, scratch: Floats, tail: Floats, out: Floats) -> None:
    for row in range(real.shape[0]):
        inverse_real_fft(real[row], imag[row], scratch)
        _add(scratch[0], scratch[1], tail[row], out[row])


@compiled
def _add(even: Floats, odd: Floats, tail: Floats, out: Floats) -> None:
    for n in range(HOP // 2):
        out[2 * n] = tail[2 * n] + _WEIGHTS[2 * n] * even[n]
        out[2 * n + 1] = tail[2 * n + 1] + _WEIGHTS[2 * n + 1] * odd[n]
    for n in range(_KEPT // 2):
        later, frame = 2 * n + HOP, n + HOP // 2
        tail[2 * n] = tail[later] + _WEIGHTS[later] * even[frame]
        tail[2 * n + 1] = tail[later + 1] + _WEIGHTS[later + 1] * odd[frame]
    for n in range(_KEPT // 2, TAIL // 2):
        later, frame = 2 * n + HOP, n + HOP // 2
        tail[2 * n] = _WEIGHTS[later] * even[frame]
        tail[2 * n + 1] = _WEIGHTS[later + 1] * odd[frame]

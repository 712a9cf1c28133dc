"""Counter-based noise: a number depends on seed, zone, sample and lane, never on call order.

A 64-bit counter goes through the finalizer of SplitMix64 (Steele, Lea and Flood 2014), pairs of
uniforms through Box-Muller.
"""

import math
from typing import Final

import numba
import numpy as np
from numpy.typing import NDArray

GOLDEN: Final = np.uint64(0x9E3779B97F4A7C15)
"""Odd constant of SplitMix64, 2^64 over the golden ratio."""

_M1 = np.uint64(0xBF58476D1CE4E5B9)
_M2 = np.uint64(0x94D049BB133111EB)
_S30, _S27, _S31, _S40 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(40)
_ONE = np.uint64(1)
_TO_UNIT = 2.0**-24


@numba.njit(nogil=True, cache=True, inline="always")
def mix64(value: np.uint64) -> np.uint64:
    """Scramble 64 bits; a bijection."""
    value = (value ^ (value >> _S30)) * _M1
    value = (value ^ (value >> _S27)) * _M2
    return value ^ (value >> _S31)


@numba.njit(nogil=True, cache=True, inline="always")
def unit(key: np.uint64, lane: np.uint64) -> float:
    """Uniform number above 0, at most 1, with 24 bits."""
    return (float(mix64(key + lane * GOLDEN) >> _S40) + 1.0) * _TO_UNIT


@numba.njit(nogil=True, cache=True)
def stream_key(seed: np.uint64, zone: np.uint64, sample: np.uint64) -> np.uint64:
    """Key of the noise that belongs to one sample of one zone."""
    key = mix64(seed * GOLDEN + _ONE)
    key = mix64(key ^ (zone * _M1 + _ONE))
    return mix64(key ^ (sample * _M2 + _ONE))


@numba.njit(nogil=True, cache=True)
def fill_normal(
    seed: np.uint64,
    numbers: NDArray[np.uint64],
    samples: NDArray[np.uint64],
    out: NDArray[np.float32],
) -> None:
    """Write standard normal noise, one row per zone.

    Args:
        seed: of the whole performance.
        numbers: uint64[Z], number of each zone.
        samples: uint64[Z], absolute index of each zone's sample.
        out: float32[Z, N], written.
    """
    zones, width = out.shape
    for zone in range(zones):
        key = stream_key(seed, numbers[zone], samples[zone])
        for lane in range(0, width, 2):
            radius = math.sqrt(-2.0 * math.log(unit(key, np.uint64(lane))))
            angle = 2.0 * math.pi * unit(key, np.uint64(lane + 1))
            out[zone, lane] = radius * math.cos(angle)
            if lane + 1 < width:
                out[zone, lane + 1] = radius * math.sin(angle)

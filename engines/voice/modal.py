"""The sample loop of the physical models: one zone, one hop, all its sources of sound.

A blow is a raised cosine of the contact time with a little noise on it. It drives a bank of damped
resonators (modal synthesis: van den Doel and Pai 1998) and opens a band of noise; friction drives
the same bank with stick-slip noise, grains with random impulses (stochastic debris: Cook 1997),
bubbles are rising sines (van den Doel 2005). Every random number is counter-based.
"""

import math

import numba
import numpy as np
from numpy.typing import NDArray

from synchresis.engines.timebase import HOP, SAMPLE_RATE
from synchresis.engines.voice.noise import stream_key, unit

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

MODES = 20
"""Resonators per zone."""

BUBBLES = 6
"""Bubbles that can sound at once in a zone."""

LATENCY = 64
"""Delay of a blow, samples: the same as the network's voice, so that both can be mixed."""

# Columns of a zone's running numbers.
AGE, GAIN, ENVELOPE, DEBRIS, FRICTION, BURST, LOW, HIGH, STICK, NEXT_BUBBLE, TUNED = range(11)
SCALARS = 11

PITCH, SPREAD, JITTER, RING, LOSS, BRIGHT, CONTACT, MODAL, NOISE, NOISE_RING = range(10)
COLOUR, GRAINS, GRAIN_LEVEL, BUBBLE_LEVEL, SWELL, LEVEL, RUB, TEAR = range(10, 18)

_LN1000 = math.log(1000.0)
_IDLE = -1e9
_SILENT = 1e-9  # below it a resonator stops, before its numbers turn denormal and slow
_NOTHING = 1e-20  # the same for everything else that decays
_RUBBED = np.uint64(0)  # key of resonators tuned without a blow: the same from hop to hop


@numba.njit(nogil=True, cache=True)
def strike(material: Floats, strength: float, key: np.uint64, modes: Doubles) -> None:
    """Tune the resonators for a blow: rotation per sample, drive of every mode.

    Args:
        material: float32[32], `Material` as an embedding.
        strength: 0 to 1; soft blows excite high modes less.
        key: of the blow's noise, for the small difference between two blows.
        modes: float64[5, MODES] rotation (re, im), drive, state (re, im); rows 0 to 2 written.
    """
    base = 100.0 * 2.0 ** material[PITCH]
    tilt = material[BRIGHT] - 6.0 * (1.0 - strength)
    for mode in range(MODES):
        wander = 2.0 * unit(np.uint64(77), np.uint64(mode)) - 1.0
        ratio = (mode + 1.0) ** material[SPREAD] * 2.0 ** (material[JITTER] * wander)
        frequency = base * ratio
        above = math.log2(max(ratio, 1.0))
        ring = math.exp(material[RING] - material[LOSS] * above)
        if frequency > 0.45 * SAMPLE_RATE:
            modes[2, mode] = 0.0
            continue
        radius = math.exp(-_LN1000 / (max(ring, 0.005) * SAMPLE_RATE))
        angle = 2.0 * math.pi * frequency / SAMPLE_RATE
        modes[0, mode] = radius * math.cos(angle)
        modes[1, mode] = radius * math.sin(angle)
        take = 0.6 + 0.8 * unit(key, np.uint64(mode + 1000))
        modes[2, mode] = material[MODAL] * 10.0 ** (tilt * above / 20.0) * take


@numba.njit(nogil=True, cache=True)
def ring_hop(
    material: Floats, levels: Floats, key: np.uint64, run: Doubles, bank: Doubles, out: Floats
) -> None:
    """Play one hop of one zone.

    Args:
        material: float32[32], `Material` as an embedding.
        levels: float32[2], friction and burst as amplitudes.
        key: of the hop's noise.
        run: float64[SCALARS], running numbers of the zone.
        bank: float64[5 + 4, MODES], resonators, then bubbles (phase, speed, level, decay).
        out: float32[HOP], written.
    """
    contact = max(0.05, math.exp(material[CONTACT]) * (1.6 - 0.6 * min(run[GAIN], 1.0)))
    width = contact * 0.001 * SAMPLE_RATE
    fall = math.exp(-_LN1000 / (math.exp(material[NOISE_RING]) * SAMPLE_RATE))
    rise = 1.0 - math.exp(-1.0 / (math.exp(material[SWELL]) * 0.001 * SAMPLE_RATE))
    grain_rate = math.exp(material[GRAINS]) / SAMPLE_RATE
    centre = min(100.0 * 2.0 ** material[COLOUR], 0.4 * SAMPLE_RATE)
    narrow = 1.0 - math.exp(-2.0 * math.pi * centre / SAMPLE_RATE)
    level = 10.0 ** (material[LEVEL] / 20.0)
    for n in range(HOP):
        draw = 2.0 * unit(key, np.uint64(4 * n)) - 1.0
        chance = unit(key, np.uint64(4 * n + 1))
        drive, burst = _excite(material, levels, run, width, (draw, chance, grain_rate))
        run[ENVELOPE] *= fall
        run[DEBRIS] += (run[ENVELOPE] - run[DEBRIS]) * rise
        noise = (material[NOISE] * run[DEBRIS] + 0.5 * run[BURST] + 0.05 * run[FRICTION]) * draw
        grain = 1.5 * burst
        run[LOW] += (noise + grain - run[LOW]) * narrow
        run[HIGH] += (run[LOW] - run[HIGH]) * narrow * 0.25
        sound = run[LOW] - run[HIGH]
        sound += _resonate(bank, drive + 0.4 * burst * material[MODAL])
        if material[BUBBLE_LEVEL] > 0:
            sound += material[BUBBLE_LEVEL] * _bubble(run, bank, chance, draw, grain_rate)
        out[n] = level * sound
    _still(run, bank)


@numba.njit(nogil=True, cache=True)
def _still(run: Doubles, bank: Doubles) -> None:
    """Stop what has decayed, before its numbers turn denormal and slow."""
    for mode in range(MODES):
        if abs(bank[3, mode]) + abs(bank[4, mode]) < _SILENT:
            bank[3, mode] = bank[4, mode] = 0.0
        if abs(bank[7, mode]) < _NOTHING:
            bank[7, mode] = 0.0
    for column in (ENVELOPE, DEBRIS, FRICTION, BURST, LOW, HIGH):
        if abs(run[column]) < _NOTHING:
            run[column] = 0.0


@numba.njit(nogil=True, cache=True)
def _excite(
    material: Floats,
    levels: Floats,
    run: Doubles,
    width: float,
    dice: tuple[float, float, float],
) -> tuple[float, float]:
    """Drive of the resonators, and of the grains, at one sample.

    `dice` are a number from -1 to 1, one from 0 to 1, and the grains per sample.
    """
    draw, chance, grain_rate = dice
    drive = 0.0
    age = run[AGE]
    if age >= 0.0 and age <= width:
        drive = run[GAIN] * (0.5 - 0.5 * math.cos(2.0 * math.pi * (age + 0.5) / (width + 1.0)))
        drive *= (1.0 + 0.3 * draw) * 2.0 / (width + 1.0)
    if age >= 0.0 and age < 1.0:
        run[ENVELOPE] += run[GAIN]
    if age > _IDLE:
        run[AGE] += 1.0
    run[FRICTION] += (levels[0] - run[FRICTION]) * 0.004
    run[BURST] += (levels[1] - run[BURST]) * 0.004
    run[STICK] = 0.0 if chance < 0.02 else run[STICK] + 0.02
    drive += 0.05 * run[FRICTION] * draw * (1.0 - math.exp(-run[STICK]))
    grains = material[GRAIN_LEVEL] * run[DEBRIS] + run[BURST]
    hit = 1.0 if chance < grain_rate * 4.0 * min(grains, 1.0) else 0.0
    return drive, hit * draw * grains


@numba.njit(nogil=True, cache=True)
def _resonate(bank: Doubles, drive: float) -> float:
    """One sample of all resonators."""
    total = 0.0
    for mode in range(MODES):
        real, imag = bank[3, mode], bank[4, mode]
        turned = real * bank[0, mode] - imag * bank[1, mode]
        bank[4, mode] = real * bank[1, mode] + imag * bank[0, mode]
        bank[3, mode] = turned + bank[2, mode] * drive
        total += bank[4, mode]
    return total


@numba.njit(nogil=True, cache=True)
def _bubble(run: Doubles, bank: Doubles, chance: float, draw: float, rate: float) -> float:
    """One sample of all bubbles; sometimes a new one."""
    level = min(run[DEBRIS] + run[BURST] + 0.3 * run[FRICTION], 1.0)
    if chance < rate * level:
        slot = int(run[NEXT_BUBBLE]) % BUBBLES
        run[NEXT_BUBBLE] = slot + 1.0
        bank[5, slot] = 0.0
        bank[6, slot] = 2.0 * math.pi * 400.0 * 2.0 ** (1.6 + 1.6 * draw) / SAMPLE_RATE
        bank[7, slot] = 0.5 * level
        bank[8, slot] = math.exp(-_LN1000 / (0.06 * SAMPLE_RATE))
    total = 0.0
    for slot in range(BUBBLES):
        bank[5, slot] = (bank[5, slot] + bank[6, slot]) % (2.0 * math.pi)
        bank[6, slot] *= 1.00006
        bank[7, slot] *= bank[8, slot]
        total += bank[7, slot] * math.sin(bank[5, slot])
    return total


@numba.njit(nogil=True, cache=True)
def play_hop(
    controls: tuple[Floats, NDArray[np.int32], Floats, Floats, Floats],
    palette: Floats,
    keys: NDArray[np.uint64],
    run: Doubles,
    bank: Doubles,
    out: Floats,
) -> None:
    """Play one hop of all zones.

    `controls` are onset, onset_sample, strength, friction and burst, one number per zone.
    """
    onset, onset_sample, strength, friction, burst = controls
    levels = np.zeros(2, np.float32)
    for zone in range(out.shape[0]):
        mark = _mark(palette[zone])
        if onset[zone] > 0:
            strike(palette[zone], strength[zone], keys[zone], bank[zone])
            run[zone, AGE] = -float(onset_sample[zone] + LATENCY)
            run[zone, GAIN] = 10.0 ** (2.0 * (strength[zone] - 1.0))
            run[zone, TUNED] = mark
        elif run[zone, TUNED] != mark and friction[zone] + burst[zone] > 0:
            strike(palette[zone], 1.0, _RUBBED, bank[zone])
            run[zone, TUNED] = mark
        levels[0] = _amplitude(friction[zone]) * 10.0 ** (palette[zone, RUB] / 20.0)
        levels[1] = _amplitude(burst[zone]) * 10.0 ** (palette[zone, TEAR] / 20.0)
        ring_hop(palette[zone], levels, keys[zone], run[zone], bank[zone], out[zone])


@numba.njit(nogil=True, cache=True)
def _mark(material: Floats) -> float:
    """A number that tells materials apart; 0 is none."""
    mark = 1.0
    for value in material:
        mark = 1.618 * mark + value
    return mark


@numba.njit(nogil=True, cache=True)
def _amplitude(level: float) -> float:
    """Amplitude of a level 0 to 1: 40 (level - 1) dB, nothing at 0."""
    return 10.0 ** (2.0 * (level - 1.0)) if level > 0 else 0.0


@numba.njit(nogil=True, cache=True)
def hop_keys(
    seed: np.uint64, numbers: NDArray[np.uint64], samples: NDArray[np.uint64]
) -> NDArray[np.uint64]:
    """Key of every zone's noise in this hop: uint64[Z]."""
    keys = np.empty(len(numbers), np.uint64)
    for zone in range(len(numbers)):
        keys[zone] = stream_key(seed, numbers[zone], samples[zone])
    return keys

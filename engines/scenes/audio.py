"""The true sound of a scene: modes of struck things, and noise where things rub or burst."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from synchresis.engines.scenes.path import Times
from synchresis.engines.scenes.play import SceneEvent
from synchresis.engines.timebase import SAMPLE_RATE

Sound = NDArray[np.float32]
"""float32[N] at 48 kHz, -1..1."""

LOUDEST: Final = 0.6
"""Peak of a hit of strength 1."""

_MODES: Final[dict[str, tuple[tuple[float, ...], float, float]]] = {
    "wood": ((310.0, 820.0, 1560.0, 2740.0), 0.06, 0.5),
    "drum": ((110.0, 176.0, 251.0, 340.0, 905.0), 0.22, 0.4),
    "metal": ((523.0, 1410.0, 2760.0, 4570.0, 6810.0), 0.45, 0.2),
    "glass": ((1180.0, 2890.0, 5230.0, 7600.0), 0.3, 0.15),
    "body": ((140.0, 290.0, 620.0), 0.03, 0.9),
    "dull": ((85.0, 160.0, 240.0), 0.05, 0.8),
    "string": ((196.0, 392.0, 588.0, 784.0, 1176.0), 0.6, 0.1),
}
"""Material: mode frequencies (Hz), decay to 1/e of the lowest mode (s), share of noise."""

_TAIL_S: Final = 1.6


def gain_of(strength: float) -> float:
    """Amplitude of a strength 0..1: 40 (strength - 1) dB."""
    return float(10.0 ** (2.0 * (strength - 1.0)))


@lru_cache(maxsize=256)
def blow(event: SceneEvent, seed: int) -> Sound:
    """The sound of one hit, starting at its first sample (kept: streams ask again); read-only."""
    rng = np.random.default_rng([seed, int(event.t_s * 1e6) & 0x7FFF_FFFF])
    rates, decay, rough = _MODES.get(event.material, _MODES["wood"])
    t = np.arange(int(min(_TAIL_S, 7 * decay + 0.05) * SAMPLE_RATE)) / SAMPLE_RATE
    sound = np.zeros_like(t)
    for rate in np.asarray(rates) * rng.uniform(0.93, 1.07):
        fall = np.exp(-t / (decay * (rates[0] / rate) ** 0.5))
        sound += rng.uniform(0.4, 1.0) * fall * np.sin(2 * np.pi * rate * t)
    sound /= max(float(np.abs(sound).max()), 1e-9)
    noise = rng.standard_normal(len(t)) * np.exp(-t / 0.012)
    sound = (1 - rough) * sound + rough * noise / 3.0
    attack = np.minimum(1.0, (np.arange(len(t)) + 1) / 24.0)
    sound *= attack * LOUDEST * gain_of(event.strength) / max(float(np.abs(sound).max()), 1e-9)
    out = sound.astype(np.float32)
    out.flags.writeable = False
    return out


def soundtrack(
    events: Sequence[SceneEvent],
    levels: tuple[Times, NDArray[np.float32], NDArray[np.float32]],
    span_s: tuple[float, float],
    seed: int,
) -> Sound:
    """Everything heard in a span of scene time.

    Args:
        events: hits, any order; those that still ring when the span begins count too.
        levels: frame times float64[T], friction float32[T], burst float32[T].
        span_s: begin and end, seconds.
        seed: of the scene.
    """
    first, last = (round(t * SAMPLE_RATE) for t in span_s)
    out = np.zeros(last - first, np.float32)
    for event in events:
        start = round(event.t_s * SAMPLE_RATE) - first
        if start < len(out) and start > -_TAIL_S * SAMPLE_RATE:
            sound = blow(event, seed)
            begin, end = max(start, 0), min(start + len(sound), len(out))
            if end > begin:
                out[begin:end] += sound[begin - start : end - start]
    out += _noises(levels, first, len(out), seed)
    return np.clip(out, -1.0, 1.0)


def _noises(
    levels: tuple[Times, NDArray[np.float32], NDArray[np.float32]],
    first: int,
    count: int,
    seed: int,
) -> Sound:
    times, friction, burst = levels
    if count == 0 or not (friction.any() or burst.any()):
        return np.zeros(count, np.float32)
    t = (first + np.arange(count)) / SAMPLE_RATE
    rng = np.random.default_rng([seed, 9, first & 0x7FFF_FFFF])
    white = rng.standard_normal(count + 1)
    rough = 0.5 * (white[1:] + white[:-1])
    grains = white[1:] * (rng.random(count) < 0.02) * 4.0
    out = np.zeros(count)
    for level, noise in ((friction, rough), (burst, 0.5 * white[1:] + grains)):
        held = np.interp(t, times, level)
        out += np.where(held > 0, LOUDEST / 3.0 * 10.0 ** (2.0 * (held - 1.0)) * noise, 0.0)
    return out.astype(np.float32)

"""Soundtracks: the sound a recording brought along, and the hits heard in it."""

from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from synchresis.engines.onsets import Onsets, find_onsets
from synchresis.engines.timebase import SAMPLE_RATE
from synchresis.errors import InputError, reason_of

Sound = NDArray[np.float32]
"""float32[N], mono at 48 kHz."""

SILENT: Final = 1e-3
"""Peak under which a recording counts as silent: -60 dBFS."""

HOLE_S: Final = 0.02
"""Time missing between two parts of a soundtrack from which on it is filled with silence."""


def read_soundtrack(path: Path, longest_s: float) -> tuple[Sound, float]:
    """Mono soundtrack of a video and the time of its first sample, seconds.

    Holes, which recorders that save silence leave and lost packets too, are silence.

    Raises:
        InputError: no sound in it, or a file that cannot be read.
    """
    import av

    parts: list[Sound] = []
    first: float | None = None
    count = 0
    try:
        with av.open(str(path)) as container:
            if not container.streams.audio:
                raise InputError(f"video {path} has no sound; record it with the microphone on")
            resampler = av.AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE)
            for frame in container.decode(audio=0):
                time_s = float(frame.time or 0.0)
                first = time_s if first is None else first
                hole = round((time_s - first) * SAMPLE_RATE) - count
                silence = np.zeros(hole if hole > HOLE_S * SAMPLE_RATE else 0, np.float32)
                heard = [np.asarray(p.to_ndarray()[0]) for p in resampler.resample(frame)]
                parts += [silence, *heard]
                count += len(silence) + sum(map(len, heard))
                if time_s > longest_s:
                    break
            parts += [np.asarray(p.to_ndarray()[0]) for p in resampler.resample(None)]
    except (av.error.FFmpegError, OSError) as err:
        raise InputError(f"video {path} cannot be read: {reason_of(err)}") from err
    return (np.concatenate(parts) if parts else np.zeros(0, np.float32)), first or 0.0


def heard_hits(sound: Sound, what: str) -> Onsets:
    """Hits in a recording.

    Args:
        sound: mono at 48 kHz.
        what: its name, for the error.

    Raises:
        InputError: it is silent.
    """
    peak = float(np.abs(sound).max()) if len(sound) else 0.0
    if peak < SILENT:
        level = 20 * np.log10(peak + 1e-9)
        raise InputError(
            f"{what} is silent (peak {level:.0f} dBFS); is it the right microphone, switched on?"
        )
    return find_onsets(sound, SAMPLE_RATE)

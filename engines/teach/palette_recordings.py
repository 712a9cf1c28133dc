"""Recordings to teach a palette from: read, checked, and each refused one named with its reason."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from synchresis.engines.evaluation.voice_measures import envelope, loudness_db
from synchresis.engines.teach.soundtracks import heard_hits, read_soundtrack
from synchresis.engines.timebase import SAMPLE_RATE
from synchresis.engines.training.voice.recordings import DECAY_DB, trim
from synchresis.errors import InputError

Floats = NDArray[np.float32]

SUFFIXES: Final = frozenset({".wav", ".flac", ".ogg", ".aif", ".aiff", ".mp3", ".opus"})
SHORTEST_S: Final = 0.02
QUIET_DB: Final = -50.0
FLAT_SAMPLES: Final = 6
"""A peak held for this many samples is a clipped one."""

AGAIN_DB: Final = 12.0
"""A rise of this much after the first decay is another hit."""

NEARLY_DB: Final = 12.0
"""Softer risings than this under the loudest are part of the sound, not another hit."""

HUM_DB: Final = 15.0
"""Mains hum: a line this far over its neighbourhood before the hit or after its decay."""


LONGEST_S: Final = 300.0
"""So much of a video's sound is read."""

BETWEEN_S: Final = 0.01
"""A hit cut from a video begins so much before its onset, and ends so much before the next."""

APART_DB: Final = 15.0
"""A hit must rise so far over what sounds before it."""


@dataclass(frozen=True)
class Heard:
    """One usable recording: from its onset, the loudest of all peaking at 1, and its strength."""

    name: str
    sound: Floats
    strength: float


@dataclass(frozen=True)
class Refused:
    """A recording that was left out, and why."""

    name: str
    reason: str


def read_hits(source: Path) -> tuple[list[Heard], list[Refused]]:
    """Usable and refused hits: recordings of a folder, or cut from the sound of a video.

    Raises:
        InputError: see `read_folder` and `cut_hits`.
    """
    return cut_hits(source) if source.is_file() else read_folder(source)


def cut_hits(path: Path) -> tuple[list[Heard], list[Refused]]:
    """Usable and refused hits in the sound of a video (or of a long recording).

    A hit lasts until the next one; one that the one before drowns is refused.

    Raises:
        InputError: the file has no sound, no hits in it, or nothing usable.
    """
    sound, _ = read_soundtrack(path, LONGEST_S)
    found = heard_hits(sound, f"the sound of {path}")
    if not len(found.time_s):
        raise InputError(f"{path}: no hit is heard; let each begin after a moment of silence")
    ends = np.append(found.time_s[1:] - BETWEEN_S, len(sound) / SAMPLE_RATE)
    stem, sounds, refused = path.stem.replace(".", "_"), [], []
    for time_s, end_s, rise_db in zip(found.time_s, ends, found.rise_db, strict=True):
        name = f"{stem}-{1e3 * time_s:.0f}ms"
        first, last = (max(0, round(SAMPLE_RATE * s)) for s in (time_s - BETWEEN_S, end_s))
        try:
            if rise_db < APART_DB:
                raise InputError(f"only {rise_db:.0f} dB over what sounds before; leave more time")
            sounds.append((name, usable(sound[first:last])))
        except InputError as err:
            refused.append(Refused(name, str(err)))
    if not sounds:
        reasons = "; ".join(f"{bad.name}: {bad.reason}" for bad in refused[:3])
        raise InputError(f"{path} holds no usable hit: {reasons}")
    return level(sounds), refused


def read_folder(folder: Path) -> tuple[list[Heard], list[Refused]]:
    """Usable and refused recordings of a folder.

    Raises:
        InputError: no folder, nothing in it that looks like sound, or nothing usable.
    """
    if not folder.is_dir():
        raise InputError(
            f"{folder} is not there; give a folder with recordings of single hits, or a video"
        )
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    if not paths:
        raise InputError(f"{folder} holds no recordings ({', '.join(sorted(SUFFIXES))})")
    sounds: list[tuple[str, Floats]] = []
    refused = []
    for path in paths:
        try:
            sounds.append((path.name, usable(read_sound(path))))
        except InputError as err:
            refused.append(Refused(path.name, str(err)))
    if not sounds:
        reasons = "; ".join(f"{bad.name}: {bad.reason}" for bad in refused)
        raise InputError(f"{folder} holds no usable recording: {reasons}")
    return level(sounds), refused


def read_sound(path: Path) -> Floats:
    """A file as 48 kHz mono; InputError says what is wrong with it."""
    import soundfile

    try:
        sound, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as err:
        raise InputError(f"cannot be read ({err.error_string.strip()})") from err
    mono: Floats = sound.mean(axis=1)
    if rate < 8000:
        raise InputError(f"sampled at {rate} Hz; at least 8000 Hz are needed")
    return mono if rate == SAMPLE_RATE else resample(mono, rate)


def resample(sound: Floats, rate: int) -> Floats:
    """To 48 kHz by a polyphase filter."""
    from math import gcd

    from scipy.signal import resample_poly

    common = gcd(rate, SAMPLE_RATE)
    made: Floats = resample_poly(sound, SAMPLE_RATE // common, rate // common).astype(np.float32)
    return made


def usable(sound: Floats) -> Floats:
    """The hit in a recording, or InputError with the reason why there is none to use."""
    peak = float(np.abs(sound).max()) if len(sound) else 0.0
    if not np.isfinite(sound).all():
        raise InputError("holds values that are no numbers")
    if peak < 10 ** (QUIET_DB / 20):
        raise InputError(
            f"silent (peak {20 * np.log10(peak + 1e-9):.0f} dBFS)" if peak else "silent"
        )
    mains = hum(sound)
    if mains:
        raise InputError(f"mains hum at {mains} Hz; mend the cable or filter it out")
    if clipped(sound):
        raise InputError("clipped: its peaks are cut flat; record it more softly")
    hit = trim(sound)
    if len(hit) < SHORTEST_S * SAMPLE_RATE:
        raise InputError(f"only {1e3 * len(hit) / SAMPLE_RATE:.0f} ms of sound")
    count = hits(hit)
    if count > 1:
        raise InputError(f"{count} hits; cut it into files of one hit each")
    return hit


def clipped(sound: Floats) -> bool:
    """Whether peaks are held flat at the file's maximum."""
    size = np.abs(sound)
    top = size >= 0.999 * size.max()
    edges = np.flatnonzero(np.diff(np.concatenate([[0], top.astype(np.int8), [0]])))
    runs = edges[1::2] - edges[::2]
    return bool((runs >= FLAT_SAMPLES).sum() >= 2 or runs.max() >= 4 * FLAT_SAMPLES)


def hum(sound: Floats) -> int:
    """Mains frequency that stands out where the hit does not sound, 0 if none does."""
    loud = np.flatnonzero(np.abs(sound) > 0.05 * np.abs(sound).max())
    before, after = sound[: loud[0]], sound[loud[-1] + SAMPLE_RATE // 5 :]
    quiet = before if len(before) > len(after) else after
    if len(quiet) < SAMPLE_RATE // 4:
        return 0
    size = 1 << 16
    power = np.abs(np.fft.rfft(quiet[:size] * np.hanning(min(len(quiet), size)), size)) ** 2
    for mains in (50, 60):
        lines = [_stands_out(power, mains * n * size / SAMPLE_RATE, quiet) for n in (1, 2, 3)]
        if sum(line > HUM_DB for line in lines) >= 2 and _level_db(quiet) > -70:
            return mains
    return 0


def hits(sound: Floats) -> int:
    """How many times the envelope rises anew by AGAIN_DB after 80 ms of falling."""
    step = SAMPLE_RATE // 200
    level_db = 20 * np.log10(envelope(sound)[::step] + 1e-6)
    count, low, since = 1, level_db.max(), 0
    top = level_db.max()
    peaked = False
    for now in level_db:
        if not peaked:
            peaked = now >= top - 6
            low = now
            continue
        since += 1
        low = min(low, now)
        if since > 16 and now > low + AGAIN_DB and now > top - NEARLY_DB:
            count, low, since = count + 1, now, 0
    return count


def level(sounds: list[tuple[str, Floats]]) -> list[Heard]:
    """One gain for all, the loudest peaking at 1; strength from loudness, 40 dB for 0 to 1."""
    loudness = [loudness_db(sound) for _, sound in sounds]
    best = int(np.argmax(loudness))
    gain = np.float32(1 / np.abs(sounds[best][1]).max())
    return [
        Heard(name, gain * sound, float(np.clip(1 + (db - loudness[best]) / DECAY_DB, 0, 1)))
        for (name, sound), db in zip(sounds, loudness, strict=True)
    ]


def _stands_out(power: NDArray[np.float64], place: float, quiet: Floats) -> float:
    """A line's power over the median of its neighbourhood, dB."""
    wide = max(4, round(4 * len(power) / max(len(quiet), 1)))
    middle = round(place)
    line = power[max(middle - wide, 0) : middle + wide + 1].max()
    around = np.median(power[max(middle - 10 * wide, 1) : middle + 10 * wide])
    return 10 * float(np.log10((line + 1e-20) / (around + 1e-20)))


def _level_db(sound: Floats) -> float:
    return 10 * float(np.log10(np.mean(sound.astype(np.float64) ** 2) + 1e-12))

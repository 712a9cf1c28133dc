"""Recordings of the training split, trimmed and levelled, in one small file.

The file needs only NumPy to read, so that training runs on a bare machine with torch.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from synchresis.engines.evaluation.voice_attacks import begin_of, early_levels
from synchresis.engines.evaluation.voice_measures import loudness_db
from synchresis.engines.timebase import SAMPLE_RATE
from synchresis.engines.training.voice import codec
from synchresis.engines.training.voice.split import Row, level_kept, read_held_out, read_manifest
from synchresis.errors import InputError

Floats = NDArray[np.float32]

LONGEST_S: Final = 2.0
"""Recordings are cut here, with a fade of 50 ms."""

QUIET_DB: Final = -52.0
"""And where they stay below this, relative to their peak."""

LEFT_OUT: Final = frozenset({"animal_vocal"})
"""Palettes that are no sound of a gesture."""

DECAY_DB: Final = 40.0
"""Strength 0 to 1 spans this many decibels."""

SOUNDS: Final = 0.01
"""Share of the peak at which there is any sound."""

LEAD_S: Final = 0.003
"""What is kept of what comes before a hit has begun."""

_FADE: Final = int(0.001 * SAMPLE_RATE)


@dataclass(frozen=True)
class Recordings:
    """All recordings in one array, with what is known of each.

    Attributes:
        samples: float32[sum of lengths], peak of a family's loudest (or, where levels cannot be
            trusted, of every recording) is 1.
        offset: int64[R], first sample of each; length: int64[R].
        family: int64[R], index into `families`; palette: int64[families], index into `palettes`.
        strength: float32[R], 1 + level / 40 dB within the family; 1 where it cannot be trusted.
        trusted: bool[R], whether `strength` was measured.
        decay60_s: float32[R], time from the onset until 60 dB below the peak stays, extrapolated.
        files, families, palettes: names.
    """

    samples: Floats
    offset: NDArray[np.int64]
    length: NDArray[np.int64]
    family: NDArray[np.int64]
    palette: NDArray[np.int64]
    strength: Floats
    trusted: NDArray[np.bool_]
    decay60_s: Floats
    files: tuple[str, ...]
    families: tuple[str, ...]
    palettes: tuple[str, ...]

    def sound(self, index: int) -> Floats:
        """One recording, from its onset: float32[N]."""
        begin = self.offset[index]
        return self.samples[begin : begin + self.length[index]]


def trim(sound: Floats) -> Floats:
    """From just before the hit to where it stays quiet, faded at a cut.

    What asks for a sound asks when it is to be heard, so a faint noise before the hit (a hand that
    reaches, a key on its way) is cut: of what comes before the hit has begun LEAD_S are kept.
    """
    size = np.abs(sound)
    peak = size.max()
    begin = max(int(np.argmax(size > SOUNDS * peak)) - 8, 0)
    faint = begin_of(early_levels(sound[begin:])) - int(LEAD_S * SAMPLE_RATE)
    begin += max(faint, 0)
    audible = np.flatnonzero(size > peak * 10 ** (QUIET_DB / 20))
    end = min(int(audible[-1]) + 1, begin + int(LONGEST_S * SAMPLE_RATE))
    cut = sound[begin:end].copy()
    fade = min(len(cut) // 4, int(0.05 * SAMPLE_RATE))
    if fade:
        cut[-fade:] *= np.linspace(1, 0, fade, dtype=np.float32)
    return faded_in(cut) if faint > 0 else cut


def faded_in(sound: Floats) -> Floats:
    """A sound that was cut in the middle, faded in within a millisecond."""
    out = sound.copy()
    fade = np.sin(0.5 * np.pi * (np.arange(_FADE) + 0.5) / _FADE) ** 2
    out[:_FADE] *= fade[: len(out)].astype(np.float32)
    return out


def decay60(sound: Floats) -> float:
    """Seconds until the energy left (Schroeder) has fallen by 60 dB, from its −5…−35 dB slope."""
    left = np.cumsum(sound[::-1].astype(np.float64) ** 2)[::-1]
    decibels = 10 * np.log10(left / left[0] + 1e-12)
    first, last = np.argmax(decibels < -5), np.argmax(decibels < -35)
    if last <= first + 10:
        return len(sound) / SAMPLE_RATE
    slope = (decibels[last] - decibels[first]) / (last - first)
    return float(np.clip((first + (-60 + 5) / slope) / SAMPLE_RATE, 0.03, 8.0))


def read_flac(path: Path) -> Floats:
    """One recording at 48 kHz."""
    import soundfile

    sound: Floats = soundfile.read(path, dtype="float32")[0]
    return sound


def levels(rows: list[Row], sounds: list[Floats]) -> tuple[Floats, Floats]:
    """Gain and strength of every recording, from peaks and loudness within families."""
    loudness = np.array([loudness_db(sound) for sound in sounds])
    peaks = np.array([np.abs(sound).max() for sound in sounds])
    gain, strength = 1 / peaks, np.ones(len(rows))
    families = np.array([row["family"] for row in rows])
    kept = np.array([level_kept(row) for row in rows])
    for family in np.unique(families[kept]):
        members = np.flatnonzero((families == family) & kept)
        best = members[np.argmax(loudness[members])]
        gain[members] = 1 / peaks[best]
        strength[members] = np.clip(1 + (loudness[members] - loudness[best]) / DECAY_DB, 0, 1)
    return gain.astype(np.float32), strength.astype(np.float32)


def gather(folder: Path, *, held_out: bool = False) -> Recordings:
    """Read a folder of recordings: the training split, or what is held back from it.

    Levels are always those of the whole family, so that both halves share one scale.

    Raises:
        InputError: there are no such recordings.
    """
    apart = read_held_out()
    rows = [row for row in read_manifest(folder) if row["palette"] not in LEFT_OUT]
    sounds = [trim(read_flac(folder / row["file"])) for row in rows]
    gain, strength = levels(rows, sounds)
    chosen = [i for i, row in enumerate(rows) if (row["file"] in apart) == held_out]
    if not chosen:
        what = "recording that the held-out list names" if held_out else "recording to learn from"
        raise InputError(f"{folder} has no {what}; give the folder that the voice was trained on")
    scaled = [gain[i] * sounds[i] for i in chosen]
    palettes = sorted({row["palette"] for row in rows})
    families = sorted({(row["palette"], row["family"]) for row in rows})
    names = [rows[i] for i in chosen]
    length = np.array([len(sound) for sound in scaled])
    return Recordings(
        samples=np.concatenate(scaled),
        offset=np.concatenate([[0], np.cumsum(length)[:-1]]),
        length=length,
        family=np.array([families.index((row["palette"], row["family"])) for row in names]),
        palette=np.array([palettes.index(palette) for palette, _ in families]),
        strength=strength[chosen],
        trusted=np.array([level_kept(row) for row in names]),
        decay60_s=np.array([decay60(sound) for sound in scaled], np.float32),
        files=tuple(row["file"] for row in names),
        families=tuple(f"{palette}/{family}" for palette, family in families),
        palettes=tuple(palettes),
    )


def save(recordings: Recordings, path: Path) -> None:
    """Write the packed file."""
    coded = [codec.quantise(recordings.sound(i)) for i in range(len(recordings.length))]
    predicted = [codec.predict(numbers) for numbers, _ in coded]
    low, high = codec.squeeze([zigzag for zigzag, _ in predicted])
    with path.open("wb") as file:
        np.savez(
            file,
            low=low,
            high=high,
            order=np.array([order for _, order in predicted], np.int8),
            step=np.array([step for _, step in coded], np.float32),
            length=recordings.length,
            family=recordings.family,
            palette=recordings.palette,
            strength=recordings.strength,
            trusted=recordings.trusted,
            decay60_s=recordings.decay60_s,
            files=np.array(recordings.files),
            families=np.array(recordings.families),
            palettes=np.array(recordings.palettes),
        )


def load(path: Path) -> Recordings:
    """Read the packed file."""
    with np.load(path) as packed:
        parts = {name: packed[name] for name in packed.files}
    zigzag = codec.unsqueeze(parts["low"], parts["high"])
    length = parts["length"]
    offset = np.concatenate([[0], np.cumsum(length)[:-1]])
    samples = np.empty(int(length.sum()), np.float32)
    for i, begin in enumerate(offset):
        end = begin + length[i]
        samples[begin:end] = codec.restore(zigzag[begin:end], int(parts["order"][i]))
        samples[begin:end] *= parts["step"][i]
    return Recordings(
        samples=samples,
        offset=offset,
        length=length,
        family=parts["family"],
        palette=parts["palette"],
        strength=parts["strength"],
        trusted=parts["trusted"],
        decay60_s=parts["decay60_s"],
        files=tuple(map(str, parts["files"])),
        families=tuple(map(str, parts["families"])),
        palettes=tuple(map(str, parts["palettes"])),
    )

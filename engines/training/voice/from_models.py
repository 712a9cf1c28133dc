"""Recordings made by the physical models: training from nothing but the project.

`python -m synchresis.engines.training.voice.from_models OUT.npz`
"""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from synchresis.engines.control import Controls
from synchresis.engines.timebase import HOP, SAMPLE_RATE
from synchresis.engines.training.voice.recordings import (
    LONGEST_S,
    Recordings,
    decay60,
    levels,
    save,
    trim,
)
from synchresis.engines.voice.materials import MATERIALS, Material
from synchresis.engines.voice.model_voice import ModelVoice
from synchresis.engines.zone import Zone

Floats = NDArray[np.float32]

SIZES: Final = (-0.8, -0.3, 0.0, 0.4, 0.9)
"""Octaves by which a family's pitch differs from its material's."""

STRENGTHS: Final = (0.55, 0.7, 0.85, 1.0)
TAKES: Final = 2


def strike(material: Material, strength: float, seed: int) -> Floats:
    """One blow, from its onset on."""
    voice = ModelVoice((Zone(palette="model:wood"),), seed=seed)
    state, controls = voice.initial_state(), Controls.zeros(1)
    controls.palette[0] = material.embedding()
    sound = []
    for hop in range(int(LONGEST_S * SAMPLE_RATE / HOP)):
        controls.onset[:] = hop == 0
        controls.strength[:] = strength if hop == 0 else 0.0
        controls.noise_index[:] = HOP * hop
        sound.append(voice.step(controls, state)[0].copy())
    return trim(np.concatenate(sound))


def make() -> Recordings:
    """All materials in all sizes, strengths and takes; levels are kept."""
    rows, sounds = [], []
    for name, material in MATERIALS.items():
        for size, octaves in enumerate(SIZES):
            sized = replace(material, pitch=material.pitch + octaves)
            for strength in STRENGTHS:
                for take in range(TAKES):
                    sounds.append(strike(sized, strength, seed=take))
                    rows.append(
                        {
                            "file": f"{name}_{size}_{strength}_{take}",
                            "palette": name,
                            "family": f"{name}_{size}",
                            "level_within_family": "kept (made)",
                        }
                    )
    gain, measured = levels(rows, sounds)
    scaled = [one * sound for one, sound in zip(gain, sounds, strict=True)]
    length = np.array([len(sound) for sound in scaled])
    families = [row["family"] for row in rows]
    names = list(dict.fromkeys(families))
    palettes = list(MATERIALS)
    return Recordings(
        samples=np.concatenate(scaled),
        offset=np.concatenate([[0], np.cumsum(length)[:-1]]),
        length=length,
        family=np.array([names.index(family) for family in families]),
        palette=np.array([palettes.index(name.rsplit("_", 1)[0]) for name in names]),
        strength=measured,
        trusted=np.ones(len(rows), np.bool_),
        decay60_s=np.array([decay60(sound) for sound in scaled], np.float32),
        files=tuple(row["file"] for row in rows),
        families=tuple(f"{name.rsplit('_', 1)[0]}/{name}" for name in names),
        palettes=tuple(palettes),
    )


def main() -> None:
    """Make and write them."""
    out = Path(sys.argv[1])
    out.parent.mkdir(parents=True, exist_ok=True)
    save(make(), out)


if __name__ == "__main__":
    main()

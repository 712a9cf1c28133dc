"""Made-up recordings, as a folder and as a learner small enough for tests."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from synchresis.engines.training.voice.recordings import Recordings

COLUMNS = ("file", "palette", "family", "velocity_rank", "level_within_family", "licence")


@pytest.fixture
def small_sounds(tmp_path: Path) -> Path:
    """A folder of recordings: three hits of kept level and two without."""
    return write_sounds(tmp_path / "sounds")


@pytest.fixture
def tiny_learner() -> Callable[[], Any]:
    """Makes a learner, a mixer and a planner for a few steps of training."""
    return make_learner


@pytest.fixture(scope="session")
def tiny_recorded() -> Recordings:
    """Forty decaying tones of ten families in two palettes."""
    return tiny_recordings()


@pytest.fixture(scope="session")
def untaught() -> Callable[[Recordings], Any]:
    """Makes a network that learned nothing of such recordings."""
    return learner_of


@pytest.fixture(scope="session")
def learned(tiny_recorded: Recordings) -> Any:
    """A network that learned nothing of the forty tones; nobody changes it."""
    return learner_of(tiny_recorded)


def learner_of(recordings: Recordings) -> Any:
    """A small network that learned nothing of such recordings."""
    import torch

    from synchresis.engines.training.voice.learner import Learned
    from synchresis.engines.training.voice.network import Shape

    torch.manual_seed(0)
    return Learned(recordings, Shape(recurrent=24, width=24, blocks=1)).eval()


def write_sounds(folder: Path) -> Path:
    """Three hits of kept level and two without."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(5)
    rows = []
    for index, level_db in enumerate((0.0, -6.0, -12.0)):
        rows.append((f"kept{index}.flac", "kept", "kept (12 dB soft->hard)", level_db))
    for index, level_db in enumerate((-3.0, -9.0)):
        rows.append((f"loose{index}.flac", "loose", "unknown (mastered by source)", level_db))
    time = np.arange(12_000) / 48_000
    tone = np.sin(2 * np.pi * 700 * time) * np.exp(-time * 30)
    with (folder / "manifest.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for name, family, kept, level_db in rows:
            sound = 0.5 * 10 ** (level_db / 20) * tone + 1e-5 * rng.standard_normal(len(tone))
            soundfile.write(folder / name, sound, 48_000)
            writer.writerow((name, "wood_hit", family, "0.5", kept, "CC0-1.0"))
    return folder


def tiny_recordings() -> Recordings:
    """Forty decaying tones of ten families in two palettes."""
    rng = np.random.default_rng(3)
    time = np.arange(4800) / 48_000
    sounds = [
        (np.sin(2 * np.pi * rng.uniform(300, 3000) * time) * np.exp(-time * 60)).astype(np.float32)
        for _ in range(40)
    ]
    families = np.arange(40) // 4 % 10
    return Recordings(
        samples=np.concatenate(sounds),
        offset=np.arange(40) * 4800,
        length=np.full(40, 4800),
        family=families,
        palette=np.arange(10) % 2,
        strength=np.ones(40, np.float32),
        trusted=np.zeros(40, bool),
        decay60_s=np.full(40, 0.12, np.float32),
        files=tuple(f"{i}.flac" for i in range(40)),
        families=tuple(f"p{i % 2}/f{i}" for i in range(10)),
        palettes=("p0", "p1"),
    )


def make_learner() -> tuple[Any, Any, Any]:
    """Everything for a few steps of training."""
    import torch

    from synchresis.engines.training.voice.learner import Learned, Learner, Rates
    from synchresis.engines.training.voice.losses import VoiceLoss
    from synchresis.engines.training.voice.mixing import Mixer
    from synchresis.engines.training.voice.network import Shape
    from synchresis.engines.training.voice.planning import Planner

    torch.manual_seed(0)
    recordings = tiny_recordings()
    learned = Learned(recordings, Shape(recurrent=24, width=24, blocks=1))
    loss = VoiceLoss(torch.from_numpy(recordings.decay60_s))
    planner = Planner(recordings, np.random.default_rng(0))
    device = torch.device("cpu")
    return Learner(learned, loss, Rates(rate=1e-2)), Mixer(recordings, device), planner

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from synchresis.engines.training.voice.recordings import Recordings  # noqa: E402
from synchresis.engines.training.voice.rises import RARER_MS, RAREST, rarity  # noqa: E402

QUIET = 0.02
"""Level of a noise before a hit: too faint to have begun."""


def late(recordings: Recordings, delays: dict[int, int]) -> Recordings:
    """The same, some of them with a soft noise before the hit; delays in samples."""
    samples = recordings.samples.copy()
    rng = np.random.default_rng(8)
    for index, delay in delays.items():
        first, length = int(recordings.offset[index]), int(recordings.length[index])
        sound = samples[first : first + length].copy()
        samples[first + delay : first + length] = sound[: length - delay]
        loudest = np.abs(sound).max()
        samples[first : first + delay] = QUIET * loudest * rng.choice((-1, 1), delay)
    return replace(recordings, samples=samples)


def test_a_recording_that_rises_as_its_family_does_is_not_rare(tiny_recorded: Recordings) -> None:
    assert rarity(tiny_recorded).abs().max() < 0.3


def test_one_that_rises_late_is_rarer_the_later_up_to_a_bound(tiny_recorded: Recordings) -> None:
    family = tiny_recorded.family
    chosen = [int(np.flatnonzero(family == number)[0]) for number in range(3)]
    delays = dict(zip(chosen, (240, 384, 1920), strict=True))
    found = rarity(late(tiny_recorded, delays))
    few, more, most = (float(found[index]) for index in chosen)
    assert 0.5 < few < more < RAREST
    assert more - few == pytest.approx(3.0 / RARER_MS, abs=0.3)
    assert most == RAREST
    others = np.setdiff1d(np.arange(len(family)), chosen)
    assert found[others].abs().max() < 0.3

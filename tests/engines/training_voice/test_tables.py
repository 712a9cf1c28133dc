from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from synchresis.engines.packs import load_pack  # noqa: E402
from synchresis.engines.training.voice.export import voice_graph, write_voice  # noqa: E402
from synchresis.engines.training.voice.finish import FINISHED, finish_pack  # noqa: E402
from synchresis.engines.training.voice.learner import Learned  # noqa: E402
from synchresis.engines.training.voice.levels import RISING_DB, level_out  # noqa: E402
from synchresis.engines.training.voice.network import Shape  # noqa: E402
from synchresis.engines.training.voice.recordings import Recordings, loudness_db  # noqa: E402
from synchresis.engines.training.voice.remember import remember  # noqa: E402
from synchresis.engines.training.voice.tables import (  # noqa: E402
    CODES,
    SHAPES,
    SIZE,
    VoiceTables,
)
from synchresis.errors import ParameterError  # noqa: E402


@pytest.fixture(scope="module")
def learned(tiny_recorded: Recordings) -> Learned:
    torch.manual_seed(0)
    return Learned(tiny_recorded, Shape(recurrent=24, width=24, blocks=1)).eval()


@pytest.fixture(scope="module")
def graph(learned: Learned, tiny_recorded: Recordings) -> bytes:
    return voice_graph(learned.network, remember(learned, tiny_recorded))


@pytest.fixture
def tables(graph: bytes, learned: Learned, tiny_recorded: Recordings) -> VoiceTables:
    return VoiceTables(graph, palettes(learned, tiny_recorded))


def palettes(learned: Learned, recordings: Recordings) -> np.ndarray:
    """Embedding of the family of each recording."""
    with torch.no_grad():
        return learned.embedding(torch.from_numpy(recordings.family)).numpy()


def test_what_is_written_is_in_the_graph(tables: VoiceTables) -> None:
    size = tables.read(SIZE) + 1
    tables.write(SIZE, size)
    again = VoiceTables(tables.graph(), tables.palettes)
    np.testing.assert_array_equal(again.read(SIZE), size)
    with pytest.raises(ParameterError, match=SIZE):
        tables.write(SIZE, size[:-1])


def test_a_graph_without_tables_or_of_other_recordings_is_refused(
    graph: bytes, learned: Learned
) -> None:
    with pytest.raises(ParameterError, match="no table recalled"):
        VoiceTables(voice_graph(learned.network), np.zeros((40, 32), np.float32))
    with pytest.raises(ParameterError, match="recalls 40 recordings, 39 were given"):
        VoiceTables(graph, np.zeros((39, 32), np.float32))


def test_a_recording_played_alone_hears_nothing_of_the_others(tables: VoiceTables) -> None:
    def played(row: int) -> np.ndarray:
        return tables.player().alone(np.array([row]), np.ones(1, np.float32), 6)

    before = played(3), played(4)
    codes = tables.read(CODES)
    codes[4] *= 0.5
    tables.write(CODES, codes)
    after = played(3), played(4)
    np.testing.assert_array_equal(after[0], before[0])
    assert np.abs(after[1] - before[1]).max() > 1e-3 * np.abs(before[1]).max()


def test_level_is_what_a_blend_of_unlike_shapes_loses(tables: VoiceTables) -> None:
    strength, take = np.ones(40, np.float32), np.zeros(16, np.float32)
    shapes = np.full_like(tables.read(SHAPES), -np.log(140))
    tables.write(SHAPES, shapes)
    np.testing.assert_allclose(tables.player().levels(strength, take), 0.0, atol=1e-4)
    tables.write(SHAPES, shapes - 2.0)
    np.testing.assert_allclose(tables.player().levels(strength, take), -2.0, atol=1e-4)


def test_levels_follow_strength_once_evened_out(
    tables: VoiceTables, tiny_recorded: Recordings
) -> None:
    strength = np.where(np.arange(40) % 2, 0.5, 1.0).astype(np.float32)
    known = replace(tiny_recorded, strength=strength, trusted=np.ones(40, bool))
    level_out(tables, known)
    sound = tables.player().alone(np.arange(40), strength, 29, seed=3)
    loud = np.array([loudness_db(one) for one in sound])
    rise = np.array([loud[f : f + 4][::2].mean() - loud[f : f + 4][1::2].mean() for f in (0, 8)])
    assert (rise > 0.5 * RISING_DB - 3.0).all()


def test_an_exported_voice_is_finished_once(
    learned: Learned, tiny_recorded: Recordings, tmp_path: Path
) -> None:
    licences = tmp_path / "LICENSES.md"
    licences.write_text("made up\n")
    write_voice(learned, tiny_recorded, tmp_path / "pack", licences)
    pack = load_pack(tmp_path / "pack")
    assert pack.voice.meta[FINISHED] is True
    assert all(0 < palette.decay60_s < 6 for palette in pack.palettes)
    with pytest.raises(ParameterError, match="finished already"):
        finish_pack(pack, tiny_recorded)

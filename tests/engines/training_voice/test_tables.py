from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest

torch = pytest.importorskip("torch")

from synchresis.engines.evaluation.voice_measures import loudness_db  # noqa: E402
from synchresis.engines.packs import Pack, load_pack, update_pack  # noqa: E402
from synchresis.engines.timebase import HOP, SAMPLE_RATE  # noqa: E402
from synchresis.engines.training.half_precision import to_half  # noqa: E402
from synchresis.engines.training.voice import finish as finishing  # noqa: E402
from synchresis.engines.training.voice.export import voice_graph, write_voice  # noqa: E402
from synchresis.engines.training.voice.finish import FINISHED, fallen_s, finish_pack  # noqa: E402
from synchresis.engines.training.voice.learner import Learned  # noqa: E402
from synchresis.engines.training.voice.levels import RISING_DB, level_out  # noqa: E402
from synchresis.engines.training.voice.recordings import Recordings  # noqa: E402
from synchresis.engines.training.voice.remember import remember  # noqa: E402
from synchresis.engines.training.voice.tables import (  # noqa: E402
    BASIS,
    CODES,
    SHAPES,
    VoiceTables,
)
from synchresis.engines.training.voice.timing import retime  # noqa: E402
from synchresis.engines.training.voice.writer import Writer  # noqa: E402
from synchresis.engines.voice.layout import RARITY  # noqa: E402
from synchresis.errors import ParameterError  # noqa: E402


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


def test_constants_with_names_are_kept_apart() -> None:
    writer, numbers = Writer(), np.arange(3.0)
    names = [writer.constant(numbers, name) for name in ("a", "b", "a", "", "")]
    assert names[:3] == ["a", "b", "a"]
    assert names[3] == names[4]
    assert names[3] not in {"a", "b"}
    with pytest.raises(ValueError, match="constant a"):
        writer.constant(numbers + 1, "a")


def test_what_is_written_is_in_the_graph(tables: VoiceTables) -> None:
    size = tables.read(RARITY) + 1
    tables.write(RARITY, size)
    again = VoiceTables(tables.graph(), tables.palettes)
    np.testing.assert_array_equal(again.read(RARITY), size)
    with pytest.raises(ParameterError, match=RARITY):
        tables.write(RARITY, size[:-1])


def test_a_graph_without_tables_or_of_other_recordings_is_refused(
    graph: bytes, learned: Learned
) -> None:
    with pytest.raises(ParameterError, match="no recalled"):
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


def test_level_is_the_sum_of_like_shapes(tables: VoiceTables) -> None:
    strength, take = np.ones(40, np.float32), np.zeros(16, np.float32)
    shapes = np.full_like(tables.read(SHAPES), -np.log(140))
    tables.write(SHAPES, shapes)
    np.testing.assert_allclose(tables.player().levels(strength, take), 0.0, atol=1e-4)
    tables.write(SHAPES, shapes - 2.0)
    np.testing.assert_allclose(tables.player().levels(strength, take), -2.0, atol=1e-4)


def test_a_blend_of_recordings_in_bands_of_their_own_loses_level(tables: VoiceTables) -> None:
    strength, take = np.ones(40, np.float32), np.zeros(16, np.float32)
    shapes = np.full_like(tables.read(SHAPES), -20.0)
    # Each recording's power in a band of its own.
    shapes[np.arange(40), np.arange(40)] = 0.0
    tables.write(SHAPES, shapes)
    lost = tables.player().levels(strength, take)
    assert lost.max() < -0.2
    assert lost.mean() < -1.0


def test_levels_follow_strength_once_evened_out(
    tables: VoiceTables, tiny_recorded: Recordings
) -> None:
    strength = np.where(np.arange(40) % 2, 0.9, 1.0).astype(np.float32)
    known = replace(tiny_recorded, strength=strength, trusted=np.ones(40, bool))
    # The soft half sounds 8 dB louder than it should, twice what strength makes up for.
    codes, basis = tables.read(CODES), tables.read(BASIS)
    codes[:, -2] = np.where(np.arange(40) % 2, 8.0 * np.log(10.0) / 20, 0.0)
    basis.reshape(len(basis), 80, -1)[..., -2] = 1.0
    tables.write(CODES, codes)
    tables.write(BASIS, basis)
    assert rises_db(tables, strength).max() < -1.0
    level_out(tables, known)
    np.testing.assert_allclose(rises_db(tables, strength), 0.1 * RISING_DB, atol=1.0)


def rises_db(tables: VoiceTables, strength: np.ndarray) -> np.ndarray:
    """By how much the hard half of each family is louder than its soft half."""
    sound = tables.player().alone(np.arange(40), strength, 29, seed=3)
    loud = np.array([loudness_db(one) for one in sound]).reshape(10, 2, 2)
    return (loud[..., 0] - loud[..., 1]).mean(axis=1)


def test_decays_end_where_a_hit_stays_under_a_millionth_of_its_loudest_power() -> None:
    time = np.arange(200 * HOP) / SAMPLE_RATE
    sound = np.stack([np.exp(-time * np.log(1000) / 0.5), 0 * time, np.exp(-time * 100)])
    sound[2, 150 * HOP + 5] = 0.1
    seconds = fallen_s(sound.astype(np.float32))
    np.testing.assert_allclose(
        seconds, [0.5, 0.0, 151 * HOP / SAMPLE_RATE], atol=1.5 * HOP / SAMPLE_RATE
    )


@pytest.fixture
def written(learned: Learned, tiny_recorded: Recordings, tmp_path: Path) -> Pack:
    """A pack with a voice exported from recordings."""
    licences = tmp_path / "LICENSES.md"
    licences.write_text("made up\n")
    write_voice(learned, tiny_recorded, tmp_path / "pack", licences)
    return load_pack(tmp_path / "pack")


def test_an_exported_voice_is_finished_once(written: Pack, tiny_recorded: Recordings) -> None:
    assert written.voice.meta[FINISHED] is True
    before = (written.path / "manifest.json").read_bytes()
    with pytest.raises(ParameterError, match="finished already"):
        finish_pack(written, tiny_recorded)
    assert (written.path / "manifest.json").read_bytes() == before


def test_a_voice_exported_without_is_finished_in_place(
    written: Pack,
    learned: Learned,
    tiny_recorded: Recordings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    raw = voice_graph(learned.network, remember(learned, tiny_recorded))
    entry = msgspec.structs.replace(written.voice, meta={"weights": 5})
    silent = tuple(msgspec.structs.replace(one, decay60_s=9.0) for one in written.palettes)
    files = {entry.file: raw, entry.half_file: to_half(raw)}
    changed = update_pack(written.path, {"voice": entry, "palettes": silent}, files)
    heard: list[Recordings] = []
    monkeypatch.setattr(finishing, "retime", lambda *a: heard.append(retime(*a)) or heard[0])
    monkeypatch.setattr(finishing, "level_out", lambda *a: heard.append(a[1]) or level_out(*a))
    finish_pack(changed, tiny_recorded)
    # Levels are those of the recordings as they were moved.
    assert heard[1] is heard[0]
    palette = palettes(learned, tiny_recorded)
    was, now = (
        VoiceTables(one, palette) for one in (raw, changed.path.joinpath(entry.file).read_bytes())
    )
    for name in (CODES, RARITY, SHAPES):
        assert (now.read(name) != was.read(name)).any()
    again = load_pack(written.path)
    assert again.voice.meta == {"weights": 5, FINISHED: True}
    for file in files:
        assert again.read(file) == written.read(file)
    assert again.palettes == written.palettes
    assert again.read("LICENSES.md") == b"made up\n"


def test_other_recordings_than_those_recalled_are_refused(
    written: Pack, learned: Learned, tiny_recorded: Recordings
) -> None:
    raw = voice_graph(learned.network, remember(learned, tiny_recorded))
    entry = msgspec.structs.replace(written.voice, meta={})
    pack = update_pack(written.path, {"voice": entry}, {entry.file: raw})
    offset = tiny_recorded.offset.copy()
    offset[[3, 4]] = offset[[4, 3]]
    with pytest.raises(ParameterError, match="recalls other recordings"):
        finish_pack(pack, replace(tiny_recorded, offset=offset))
    assert load_pack(pack.path).read(entry.file) == raw


def test_recordings_of_other_families_are_refused(written: Pack, tiny_recorded: Recordings) -> None:
    entry = msgspec.structs.replace(written.voice, meta={})
    pack = update_pack(written.path, {"voice": entry})
    other = replace(tiny_recorded, families=tuple(f"q/{i}" for i in range(10)))
    with pytest.raises(ParameterError, match="learned other families"):
        finish_pack(pack, other)

from pathlib import Path

import numpy as np
import pytest

from synchresis.engines.training.voice import codec
from synchresis.engines.training.voice.recordings import (
    decay60,
    gather,
    load,
    save,
    trim,
)
from synchresis.engines.training.voice.split import choose, read_held_out, read_manifest
from synchresis.errors import InputError


def test_codec_gives_back_what_was_quantised(rng: np.random.Generator) -> None:
    sounds = [rng.integers(-5000, 5000, 700).astype(np.int32), np.zeros(10, np.int32)]
    sounds.append(np.cumsum(rng.integers(-9, 9, 3000)).astype(np.int32))
    predicted = [codec.predict(sound) for sound in sounds]
    whole = codec.unsqueeze(*codec.squeeze([zigzag for zigzag, _ in predicted]))
    begin = 0
    for sound, (_, order) in zip(sounds, predicted, strict=True):
        part = whole[begin : begin + len(sound)]
        np.testing.assert_array_equal(codec.restore(part, order), sound)
        begin += len(sound)


def test_packed_recordings_read_back(small_sounds: Path, tmp_path: Path) -> None:
    recordings = gather(small_sounds)
    save(recordings, tmp_path / "packed.npz")
    again = load(tmp_path / "packed.npz")
    assert again.files == recordings.files
    assert again.families == recordings.families
    assert np.abs(again.samples - recordings.samples).max() < 1e-3
    np.testing.assert_array_equal(again.family, recordings.family)


def test_levels_follow_the_family_where_they_can_be_trusted(small_sounds: Path) -> None:
    recordings = gather(small_sounds)
    kept = recordings.family == recordings.families.index("wood_hit/kept")
    assert recordings.trusted[kept].all()
    assert recordings.strength[kept].max() == 1.0
    np.testing.assert_allclose(
        np.sort(recordings.strength[kept]), [0.7, 0.85, 1.0], atol=0.01
    )  # 0, -6 and -12 dB
    loose = ~recordings.trusted
    assert (recordings.strength[loose] == 1.0).all()
    for index in np.flatnonzero(loose):
        assert np.abs(recordings.sound(int(index))).max() == pytest.approx(1.0)


def test_trim_starts_at_the_onset() -> None:
    sound = np.zeros(48_000, np.float32)
    sound[5000:15_000] = np.exp(-np.arange(10_000) / 500)
    cut = trim(sound)
    assert cut[:8].max() == 0
    assert cut[8] == 1.0
    assert len(cut) < 5000


@pytest.mark.parametrize(("faint", "kept_ms"), [(0.02, 3.0), (0.2, 30.0)])
def test_trim_cuts_what_is_too_faint_to_be_the_hit(faint: float, kept_ms: float) -> None:
    rng = np.random.default_rng(0)
    sound = np.zeros(48_000, np.float32)
    sound[5000:6440] = faint * rng.uniform(-1, 1, 1440)  # 30 ms before the hit
    sound[6440:16_440] = np.exp(-np.arange(10_000) / 500) * rng.choice((-1, 1), 10_000)
    cut = trim(sound)
    hit = int(np.argmax(np.abs(cut) > 0.9))
    assert hit / 48 == pytest.approx(kept_ms, abs=0.25)
    assert abs(cut[0]) < 0.01 * faint  # faded in, or begun in silence
    np.testing.assert_array_equal(cut[hit : hit + 100], sound[6440:6540])


def test_decay_of_a_known_sound() -> None:
    time = np.arange(96_000) / 48_000
    sound = (10 ** (-3 * time / 0.5) * np.sin(2 * np.pi * 500 * time)).astype(np.float32)
    assert decay60(sound) == pytest.approx(0.5, rel=0.05)


def test_the_committed_list_is_what_the_rule_gives(sounds_dir: Path) -> None:
    assert choose(read_manifest(sounds_dir)) == read_held_out()


def test_held_out_families_are_whole(sounds_dir: Path) -> None:
    held = read_held_out()
    rows = read_manifest(sounds_dir)
    apart = {row["palette"] + row["family"] for row in rows if held.get(row["file"]) == "family"}
    for row in rows:
        if row["palette"] + row["family"] in apart:
            assert held.get(row["file"]) == "family"


def test_recordings_can_be_made_by_the_physical_models(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from synchresis.engines.training.voice import from_models

    few = {name: from_models.MATERIALS[name] for name in ("wood", "glass")}
    monkeypatch.setattr(from_models, "MATERIALS", few)
    monkeypatch.setattr(from_models, "SIZES", (-0.5, 0.5))
    monkeypatch.setattr(from_models, "STRENGTHS", (0.6, 1.0))
    made = from_models.make()
    assert made.palettes == ("wood", "glass")
    assert len(made.families) == 4
    assert len(made.files) == 16
    loud = np.array([file.split("_")[2] == "1.0" for file in made.files])
    assert made.strength[loud].min() > made.strength[~loud].max()
    save(made, tmp_path / "made.npz")
    assert load(tmp_path / "made.npz").files == made.files


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"manifest\.csv cannot be read"):
        gather(tmp_path)
    (tmp_path / "manifest.csv").write_text("file,rating_1to5\na.mp4,5\n")
    with pytest.raises(InputError, match="has no column 'palette'; give a folder of recordings"):
        gather(tmp_path)

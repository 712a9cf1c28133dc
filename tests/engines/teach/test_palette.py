from pathlib import Path

import numpy as np
import pytest
import soundfile
from safetensors.numpy import save

from synchresis.engines.evaluation.voice_playing import Hits, pack_player
from synchresis.engines.packs import BaseEntry, Manifest, PaletteEntry, load_pack, write_overlay
from synchresis.engines.packs.manifest import PALETTE_FILE, PALETTE_TENSOR, encode_manifest
from synchresis.engines.teach import palette as teaching
from synchresis.engines.teach.motion import teach_motion
from synchresis.engines.voice.families import load_families
from synchresis.errors import ParameterError


def test_a_palette_is_taught_from_its_own_sound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = load_pack()
    table, names = load_families(base)
    few = np.linspace(0, len(table) - 1, 15).astype(int)
    monkeypatch.setattr(teaching, "load_families", lambda _: (table[few], [names[i] for i in few]))
    goal = table[few[:1]]
    player = pack_player(base, rows=1)
    sound = player.play(Hits(goal, np.ones(1, np.float32), np.zeros(1, np.int64)), 60)[0]
    folder = tmp_path / "recordings"
    folder.mkdir()
    lead = np.zeros(2000, np.float32)
    soundfile.write(folder / "one.wav", 0.5 * np.concatenate([lead, sound]), 48_000)
    taught = teaching.teach_palette(
        "mine", folder, base=base, packs=tmp_path / "packs", seconds=1.0
    )
    assert taught.mel <= taught.nearest_mel
    assert taught.mel < 0.6
    overlay = load_pack(tmp_path / "packs" / "mine")
    assert overlay.embedding("mine").shape == (32,)
    assert overlay.palette("mine").decay60_s > 0
    assert "wood" in {entry.name for entry in overlay.palettes}
    assert all(path.is_file() for path in taught.listening)
    assert set(taught.report()) >= {"mel", "nearest", "refused", "listening"}


@pytest.mark.parametrize("name", ["", "a+b", "model:x", "default", "../up"])
def test_names_that_cannot_be_one_are_refused(name: str) -> None:
    with pytest.raises(ParameterError, match="name"):
        teaching.check_name(name, load_pack())


def test_a_palette_that_ships_is_not_hidden(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="'wood' ships in pack 'default'"):
        teaching.teach_palette("wood", tmp_path, base=load_pack(), packs=tmp_path / "packs")
    assert not (tmp_path / "packs").exists()


def test_hits_and_a_palette_taught_under_one_name_are_one_pack(tmp_path: Path) -> None:
    base = load_pack()
    (tmp_path / "default").symlink_to(base.path)
    folder, entry = tmp_path / "me", PaletteEntry("me", 0, 1.0, "mine", "me")
    table = {PALETTE_FILE: save({PALETTE_TENSOR: np.full((1, 32), 2, np.float32)})}
    write_overlay(folder, base, {"readout.safetensors": b"hits"}, overlay={"threshold": 0.25})
    both = write_overlay(folder, base, table, palettes=(entry,))
    assert both.read("readout.safetensors") == b"hits" and both.motion.threshold == 0.25
    assert both.embedding("me").tolist() == [2.0] * 32
    again = write_overlay(folder, base, {}, overlay={"threshold": 0.75})
    assert set(again.manifest.files) == {PALETTE_FILE} and again.motion.threshold == 0.75
    assert again.embedding("me").tolist() == [2.0] * 32


def test_a_taught_pack_takes_no_other_packs_place(tmp_path: Path) -> None:
    base = load_pack()
    for manifest in (Manifest(name="own"), Manifest(name="own", base=BaseEntry("other", "0"))):
        folder = tmp_path / "own"
        folder.mkdir(exist_ok=True)
        (folder / "manifest.json").write_bytes(encode_manifest(manifest))
        with pytest.raises(ParameterError, match=r"own is a pack that was not taught on 'default'"):
            teaching.teach_palette("own", tmp_path, base=base, packs=tmp_path)
        with pytest.raises(ParameterError, match="choose another name"):
            teach_motion([], base=base, folder=folder)
        assert (folder / "manifest.json").read_bytes() == encode_manifest(manifest)


def test_listening_files_lie_beside_the_pack_where_recordings_are_read_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert teaching.listening_folder("me", tmp_path, tmp_path / "p") == tmp_path / "listening"
    monkeypatch.setattr(teaching.os, "access", lambda *_: False)
    beside = tmp_path / "p" / "me-listening"
    assert teaching.listening_folder("me", tmp_path, tmp_path / "p") == beside

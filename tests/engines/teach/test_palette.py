from pathlib import Path

import numpy as np
import pytest
import soundfile

from synchresis.engines.evaluation.voice_playing import Hits, pack_player
from synchresis.engines.packs import load_pack
from synchresis.engines.teach import palette as teaching
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

"""Packs: loading, hashes, overlays, atomic writing."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest
from safetensors.numpy import save

from synchresis.engines.packs import (
    BaseEntry,
    Manifest,
    Pack,
    PaletteEntry,
    check_overlay,
    find_pack,
    list_packs,
    load_pack,
    update_pack,
    write_pack,
)
from synchresis.engines.packs.manifest import decode_manifest, encode_manifest
from synchresis.errors import PackError, ParameterError

MakePack = Callable[[str], Pack]


def test_manifest_survives_writing_and_reading(tiny_pack: Pack) -> None:
    assert decode_manifest(encode_manifest(tiny_pack.manifest)) == tiny_pack.manifest


def test_pack_gives_engines_palettes_and_files(tiny_pack: Pack) -> None:
    assert tiny_pack.motion.spec.input_names() == {"pixels", "flow", "timing", "h0"}
    assert tiny_pack.voice.spec.output_names() == {"real", "imag", "mel", "h0_next"}
    assert [p.name for p in tiny_pack.palettes] == ["wood", "glass"]
    assert tiny_pack.embedding("glass").argmax() == 1
    assert tiny_pack.read("LICENSES.md") == b"CC0-1.0\n"


def test_pack_is_found_by_path_and_by_name(make_tiny_pack: MakePack, user_home: Path) -> None:
    made = make_tiny_pack("mine")
    named = write_pack(user_home / "data/synchresis/packs/named", made.manifest, _files(made))
    assert load_pack(made.path).hash == made.hash
    assert load_pack(str(made.path)).path == made.path
    assert load_pack("named").path == named.path
    assert named.path in list_packs()


@pytest.mark.parametrize("name", ["nothing", "./nothing", "/nothing/there", ""])
def test_absent_pack_is_named(name: str, user_home: Path) -> None:
    with pytest.raises(PackError, match="not found"):
        find_pack(name)


@pytest.mark.parametrize("file", ["motion.onnx", "voice.onnx", "palettes.safetensors"])
def test_changed_file_is_refused(file: str, make_tiny_pack: MakePack) -> None:
    path = make_tiny_pack("mine").path / file
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(PackError, match=rf"{file} is not what its manifest says"):
        load_pack(path.parent)


def test_file_changed_after_loading_is_refused(make_tiny_pack: MakePack) -> None:
    pack = make_tiny_pack("mine")
    (pack.path / "voice.onnx").write_bytes(b"other")
    with pytest.raises(PackError, match="sha256 differs"):
        pack.read("voice.onnx")


def test_missing_file_is_named(make_tiny_pack: MakePack) -> None:
    pack = make_tiny_pack("mine")
    (pack.path / "voice.onnx").unlink()
    with pytest.raises(PackError, match=r"voice\.onnx cannot be read"):
        load_pack(pack.path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 2}, "format 2 must be 1"),
        ({"sample_rate": 44100}, "sample_rate 44100"),
        ({"hop": 128}, "hop 128"),
        ({"files": {}}, "has no hash"),
        ({"files": {"../motion.onnx": "0"}}, "plain"),
        ({"files": {"run.py": "0"}}, "plain"),
        ({"surprise": 1}, "surprise"),
        ({"palettes": [{"name": "wood"}]}, "row"),
    ],
)
def test_manifest_rules(change: dict[str, object], message: str, make_tiny_pack: MakePack) -> None:
    pack = make_tiny_pack("mine")
    tree = msgspec.json.decode((pack.path / "manifest.json").read_bytes())
    (pack.path / "manifest.json").write_bytes(msgspec.json.encode({**tree, **change}))
    with pytest.raises(PackError, match=message):
        load_pack(pack.path)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[]", b"null"])
def test_broken_manifest_is_refused(content: bytes, make_tiny_pack: MakePack) -> None:
    pack = make_tiny_pack("mine")
    (pack.path / "manifest.json").write_bytes(content)
    with pytest.raises(PackError, match=r"manifest\.json is not a pack manifest"):
        load_pack(pack.path)


def test_unknown_palette_names_those_there_are(tiny_pack: Pack) -> None:
    with pytest.raises(PackError, match="'tin' is not in pack 'tiny'; it has: glass, wood"):
        tiny_pack.embedding("tin")
    with pytest.raises(PackError, match=r"did you mean glass\? It has: glass, wood"):
        tiny_pack.embedding("glas")


def test_pack_without_an_engine_says_so(tmp_path: Path) -> None:
    pack = write_pack(tmp_path / "empty", Manifest(name="empty"), {})
    assert not pack.has("motion")
    with pytest.raises(PackError, match="has no motion engine"):
        _ = pack.motion


def test_overlay_takes_from_its_base_what_it_has_not(make_tiny_pack: MakePack) -> None:
    base = make_tiny_pack("base")
    over = _overlay(base)
    assert over.motion == base.motion
    assert over.read("motion.onnx") == base.read("motion.onnx")
    assert [p.name for p in over.palettes] == ["glass", "wood", "tin"]
    assert over.palette("wood").decay60_s == 2.0
    assert over.embedding("wood")[0] == 7.0
    assert over.embedding("tin")[0] == 9.0
    assert np.array_equal(over.embedding("glass"), base.embedding("glass"))
    assert over.hash != base.hash


def test_overlay_refuses_another_base(make_tiny_pack: MakePack) -> None:
    base = make_tiny_pack("base")
    over = _overlay(base)
    update_pack(base.path, {"version": "2"})
    with pytest.raises(PackError, match="taught on another version of 'base'"):
        load_pack(over.path)


def test_overlay_on_an_overlay_is_refused(make_tiny_pack: MakePack) -> None:
    over = _overlay(make_tiny_pack("base"))
    manifest = Manifest(name="second", base=BaseEntry("over", over.hash))
    with pytest.raises(PackError, match="overlay on an overlay"):
        write_pack(over.path.parent / "second", manifest, {})


def test_update_changes_only_what_is_given(make_tiny_pack: MakePack) -> None:
    pack = make_tiny_pack("mine")
    entry = msgspec.structs.replace(pack.motion, threshold=0.25)
    changed = update_pack(pack.path, {"motion": entry})
    assert changed.motion.threshold == 0.25
    assert changed.manifest.files == pack.manifest.files
    assert changed.hash != pack.hash


def test_update_makes_a_pack_that_is_not_there(tmp_path: Path) -> None:
    pack = update_pack(tmp_path / "fresh", {"version": "3"}, {"LICENSES.md": b"text"})
    assert (pack.name, pack.manifest.version) == ("fresh", "3")


def test_failed_write_leaves_the_old_pack_and_no_litter(make_tiny_pack: MakePack) -> None:
    pack = make_tiny_pack("mine")
    with pytest.raises(PackError, match="has no hash"):
        write_pack(pack.path, pack.manifest, {})
    assert load_pack(pack.path).hash == pack.hash
    assert [p.name for p in pack.path.parent.iterdir()] == ["mine"]


def test_written_pack_replaces_the_old_without_litter(make_tiny_pack: MakePack) -> None:
    pack = make_tiny_pack("mine")
    update_pack(pack.path, {"version": "2"})
    assert [p.name for p in pack.path.parent.iterdir()] == ["mine"]


@pytest.mark.parametrize("manifest", [None, b'{"name": "a page", "icons": []}', b"no JSON"])
def test_a_folder_of_something_else_is_never_replaced(
    tiny_pack: Pack, tmp_path: Path, manifest: bytes | None
) -> None:
    folder = tmp_path / "videos"
    folder.mkdir()
    (folder / "wedding.mp4").write_bytes(b"film")
    if manifest is not None:
        (folder / "manifest.json").write_bytes(manifest)
    with pytest.raises(ParameterError, match=r"wedding\.mp4"):
        write_pack(folder, tiny_pack.manifest, _files(tiny_pack))
    with pytest.raises(ParameterError, match=r"wedding\.mp4"):
        check_overlay(folder, tiny_pack)
    assert (folder / "wedding.mp4").read_bytes() == b"film"
    with pytest.raises(ParameterError, match="is a file"):
        check_overlay(folder / "wedding.mp4", tiny_pack)


def test_an_empty_folder_becomes_a_pack_and_hidden_files_do_not_hinder(
    tiny_pack: Pack, tmp_path: Path
) -> None:
    (tmp_path / "new").mkdir()
    assert write_pack(tmp_path / "new", tiny_pack.manifest, _files(tiny_pack)).name == "tiny"
    (tmp_path / "new" / ".DS_Store").write_bytes(b"")
    assert update_pack(tmp_path / "new", {"version": "2"}).manifest.version == "2"
    (tmp_path / "new" / "notes.txt").write_text("mine")
    with pytest.raises(ParameterError, match=r"notes\.txt"):
        update_pack(tmp_path / "new", {"version": "3"})
    assert load_pack(tmp_path / "new").manifest.version == "2"


def _files(pack: Pack) -> dict[str, bytes]:
    return {name: pack.read(name) for name in pack.manifest.files}


def _overlay(base: Pack) -> Pack:
    table = np.zeros((2, 32), np.float32)
    table[:, 0] = 7.0, 9.0
    manifest = Manifest(
        name="over",
        base=BaseEntry(base.name, base.hash),
        palettes=(
            PaletteEntry("wood", 0, 2.0, "CC0-1.0"),
            PaletteEntry("tin", 1, 1.0, "CC0-1.0"),
        ),
        overlay={"lag_s": 0.02},
    )
    files = {"palettes.safetensors": save({"palettes": table})}
    return write_pack(base.path.parent / "over", manifest, files)

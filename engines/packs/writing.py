"""Write packs whole or not at all: into a folder beside, then renamed into place."""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from synchresis.engines.packs.loading import Pack, load_pack
from synchresis.engines.packs.manifest import (
    MANIFEST,
    PALETTE_FILE,
    BaseEntry,
    Free,
    Manifest,
    PaletteEntry,
    decode_manifest,
    encode_manifest,
)
from synchresis.errors import PackError, ParameterError


def write_pack(folder: Path, manifest: Manifest, files: Mapping[str, bytes]) -> Pack:
    """Write a pack, replacing one that is there, and load it back.

    Args:
        folder: where it will stand; its parent is made if needed.
        manifest: `files` and an empty `created` are filled in.
        files: name → content of everything beside the manifest.

    Returns:
        The pack, loaded from disk with all hashes checked.

    Raises:
        ParameterError: see `check_vacant`.
    """
    check_vacant(folder)
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    created = manifest.created or datetime.now(UTC).isoformat(timespec="seconds")
    whole = msgspec.structs.replace(manifest, files=hashes, created=created)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    except OSError as err:
        raise PackError(f"pack {folder} cannot be written: {err.strerror}") from err
    try:
        for name, content in files.items():
            (fresh / name).write_bytes(content)
        (fresh / MANIFEST).write_bytes(encode_manifest(whole))
        fresh.chmod(0o755)
        load_pack(fresh)
        _replace(fresh, folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return load_pack(folder)


def update_pack(
    folder: Path, changes: Mapping[str, object], files: Mapping[str, bytes] | None = None
) -> Pack:
    """Change parts of a pack, leaving the rest as it is; makes the pack if it is not there.

    Args:
        folder: the pack.
        changes: manifest fields to replace, such as `{"voice": VoiceEntry(...)}`.
        files: files to add or replace.
    """
    try:
        manifest = decode_manifest((folder / MANIFEST).read_bytes())
        kept = {name: (folder / name).read_bytes() for name in manifest.files}
    except FileNotFoundError:
        manifest, kept = Manifest(name=folder.name), {}
    changed = msgspec.structs.replace(manifest, **{"created": "", **changes})
    return write_pack(folder, changed, {**kept, **(files or {})})


def write_overlay(
    folder: Path,
    base: Pack,
    files: Mapping[str, bytes],
    *,
    overlay: Free | None = None,
    palettes: tuple[PaletteEntry, ...] = (),
) -> Pack:
    """Write what was taught of one side, hits or sounds; the other side stays as it was taught.

    Args:
        folder: where the pack stands or will stand.
        base: pack that was taught.
        files: of this side.
        overlay: numbers of taught hits, None where palettes were taught.
        palettes: taught.

    Raises:
        ParameterError: see `check_overlay`.
    """
    kept, others = Manifest(name=folder.name, base=BaseEntry(base.name, base.hash)), {}
    before = check_overlay(folder, base)
    if before is not None and before.base == kept.base:
        keeps_palettes = overlay is not None
        names = [name for name in before.files if (name == PALETTE_FILE) == keeps_palettes]
        others = {name: (folder / name).read_bytes() for name in names}
        kept = msgspec.structs.replace(before, created="")
    sides = {"overlay": overlay} if overlay is not None else {"palettes": palettes}
    return write_pack(folder, msgspec.structs.replace(kept, **sides), {**others, **files})


def check_overlay(folder: Path, base: Pack) -> Manifest | None:
    """The manifest of what was taught there before, None if nothing was.

    Raises:
        ParameterError: a pack stands there that something taught on `base` must not replace, or
            see `check_vacant`.
    """
    check_vacant(folder)
    path = folder / MANIFEST
    if not path.exists():
        return None
    try:
        before = decode_manifest(path.read_bytes())
    except (msgspec.DecodeError, UnicodeDecodeError, OSError):
        before = None
    if before is None or before.base is None or before.base.name != base.name:
        raise ParameterError(
            f"{folder} is a pack that was not taught on {base.name!r}; choose another name, or "
            "remove it first"
        )
    return before


def check_vacant(folder: Path) -> None:
    """Refuse a folder in which something lies that is no pack's: a pack replaces all of it.

    Raises:
        ParameterError: names what lies there.
    """
    if folder.exists() and not folder.is_dir():
        raise ParameterError(f"{folder} is a file; a pack is a folder: choose another name")
    found = {path.name for path in folder.iterdir()} if folder.exists() else set()
    own = {MANIFEST}
    if MANIFEST in found:
        with suppress(msgspec.DecodeError, UnicodeDecodeError, OSError):  # of something else
            own |= set(decode_manifest((folder / MANIFEST).read_bytes()).files)
    others = sorted(name for name in found - own if not name.startswith("."))
    if others:
        raise ParameterError(
            f"{folder} holds {others[0]!r}, which is of no pack and would be lost; choose a folder "
            "that is not there yet, or move what lies in it elsewhere"
        )


def _replace(fresh: Path, folder: Path) -> None:
    """Put a folder in another's place; the old one is whole until the new one stands."""
    if not folder.exists():
        os.rename(fresh, folder)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{folder.name}-old-", dir=folder.parent)) / "pack"
    os.rename(folder, old)
    try:
        os.rename(fresh, folder)
    except OSError as err:
        os.rename(old, folder)
        raise PackError(f"pack {folder} cannot be written: {err.strerror}") from err
    finally:
        shutil.rmtree(old.parent, ignore_errors=True)

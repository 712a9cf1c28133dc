"""Find and load packs; every file is checked against the manifest before it is used."""

import hashlib
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import Final, Literal, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from synchresis.engines.control import EMBEDDING
from synchresis.engines.packs.manifest import (
    FORMAT,
    MANIFEST,
    PALETTE_FILE,
    PALETTE_TENSOR,
    Manifest,
    MotionEntry,
    PaletteEntry,
    VoiceEntry,
    decode_manifest,
)
from synchresis.engines.timebase import HOP, SAMPLE_RATE
from synchresis.environment import data_dir
from synchresis.errors import PackError

DEFAULT: Final = "default"
"""Name of the pack that ships with the package."""

MANIFEST_MAX_BYTES: Final = 4_000_000
"""A manifest larger than this is not one."""

TAUGHT: Final = ("threshold", "lookahead_max_ms")
"""Numbers of the motion engine that an overlay may replace."""

E = TypeVar("E")


@dataclass(frozen=True)
class Pack:
    """A loaded pack; files come from the overlay first, then from its base.

    Attributes:
        path: its folder.
        manifest: as read, of this folder alone; use `motion`, `voice`, `palettes` for the whole.
        hash: sha256 of the manifest, which names the hash of every file and of the base.
        base: the pack an overlay stands on.
    """

    path: Path
    manifest: Manifest
    hash: str
    base: "Pack | None" = field(default=None, repr=False)

    @property
    def name(self) -> str:
        """Name of the pack."""
        return self.manifest.name

    @property
    def motion(self) -> MotionEntry:
        """The motion engine's entry, of this pack or its base, with the numbers taught here."""
        entry = self.manifest.motion or (self.base.motion if self.base else None)
        numbers = {
            key: value
            for key, value in self.manifest.overlay.items()
            if key in TAUGHT and isinstance(value, float | int)
        }
        return msgspec.structs.replace(self._required(entry, "motion"), **numbers)

    @property
    def voice(self) -> VoiceEntry:
        """The voice engine's entry, of this pack or its base."""
        entry = self.manifest.voice or (self.base.voice if self.base else None)
        return self._required(entry, "voice")

    def has(self, which: Literal["motion", "voice"]) -> bool:
        """Whether the pack or its base has this engine."""
        own = getattr(self.manifest, which) is not None
        return own or (self.base is not None and self.base.has(which))

    @property
    def palettes(self) -> tuple[PaletteEntry, ...]:
        """Palettes of the base, replaced and followed by those of this pack."""
        inherited = self.base.palettes if self.base else ()
        own = {entry.name for entry in self.manifest.palettes}
        return (*(p for p in inherited if p.name not in own), *self.manifest.palettes)

    def palette(self, name: str) -> PaletteEntry:
        """The palette of this name; PackError names those there are."""
        for entry in self.palettes:
            if entry.name == name:
                return entry
        known = sorted(p.name for p in self.palettes)
        near = get_close_matches(name, known, n=3)
        meant = f"did you mean {' or '.join(near)}? It" if near else "it"
        raise PackError(
            f"palette {name!r} is not in pack {self.name!r}; {meant} has: "
            f"{', '.join(known) or 'none'}"
        )

    def embedding(self, name: str) -> NDArray[np.float32]:
        """Embedding of a palette: float32[EMBEDDING]."""
        entry = self.palette(name)
        if self.base and entry not in self.manifest.palettes:
            return self.base.embedding(name)
        table = self._embeddings
        if not 0 <= entry.row < len(table):
            raise PackError(
                f"pack {self.path}: palette {name!r} wants row {entry.row} of {PALETTE_FILE}, "
                f"which has {len(table)}; make the pack again"
            )
        row: NDArray[np.float32] = table[entry.row]
        return row

    def locate(self, file: str) -> Path:
        """Path of one of the pack's files, here or in the base."""
        if file in self.manifest.files:
            return self.path / file
        if self.base is None:
            raise PackError(f"pack {self.path}: manifest lists no file {file!r}")
        return self.base.locate(file)

    def file_hash(self, file: str) -> str:
        """Sha256 of one of the pack's files, hexadecimal, as the manifest says."""
        if file in self.manifest.files:
            return self.manifest.files[file]
        if self.base is None:
            raise PackError(f"pack {self.path}: manifest lists no file {file!r}")
        return self.base.file_hash(file)

    def read(self, file: str) -> bytes:
        """Content of one of the pack's files, checked against its hash now."""
        return read_checked(self.locate(file), self.file_hash(file))

    @cached_property
    def _embeddings(self) -> NDArray[np.float32]:
        from safetensors import SafetensorError
        from safetensors.numpy import load

        try:
            table = load(self.read(PALETTE_FILE))[PALETTE_TENSOR]
        except (SafetensorError, KeyError) as err:
            raise PackError(
                f"pack {self.path}: {PALETTE_FILE} must hold a tensor {PALETTE_TENSOR!r}: {err}"
            ) from err
        if table.dtype != np.float32 or table.ndim != 2 or table.shape[1] != EMBEDDING:
            raise PackError(
                f"pack {self.path}: {PALETTE_FILE} is {table.dtype}{list(table.shape)}, "
                f"must be float32[P, {EMBEDDING}]"
            )
        table.setflags(write=False)
        return table

    def _required(self, entry: E | None, which: str) -> E:
        if entry is None:
            raise PackError(f"pack {self.name!r} ({self.path}) has no {which} engine; use another")
        return entry


def user_packs_dir() -> Path:
    """Folder of the packs a user made."""
    return data_dir() / "packs"


def shipped_packs_dir() -> Path:
    """Folder of the packs that come with the package."""
    return Path(__file__).parent


def list_packs() -> tuple[Path, ...]:
    """Folders of all packs found, the shipped ones first; nothing is checked yet."""
    folders = (shipped_packs_dir(), user_packs_dir())
    return tuple(path.parent for folder in folders for path in sorted(folder.glob(f"*/{MANIFEST}")))


def find_pack(name_or_path: str | Path) -> Path:
    """Folder of a pack given by path or by name; a user's pack goes before a shipped one."""
    text = str(name_or_path)
    if "/" in text or isinstance(name_or_path, Path):
        candidates = [Path(text).expanduser()]
    else:
        candidates = [user_packs_dir() / text, shipped_packs_dir() / text, Path(text)]
    for folder in candidates:
        if (folder / MANIFEST).is_file():
            return folder
    known = ", ".join(path.name for path in list_packs()) or "none"
    raise PackError(f"pack {text!r} not found (no {MANIFEST} there); packs here: {known}")


def load_pack(name_or_path: str | Path = DEFAULT) -> Pack:
    """Load a pack and, for an overlay, its base; every file's hash is checked.

    Raises:
        PackError: names the file and the remedy.
    """
    return _load(find_pack(name_or_path), depth=0)


def read_checked(path: Path, sha256: str) -> bytes:
    """Content of a file whose hash must be the one given."""
    try:
        content = path.read_bytes()
    except OSError as err:
        raise PackError(f"pack file {path} cannot be read ({err.strerror}); get it again") from err
    if hashlib.sha256(content).hexdigest() != sha256:
        raise PackError(
            f"pack file {path} is not what its manifest says (sha256 differs): corrupt or changed; "
            "get the pack again"
        )
    return content


def _load(folder: Path, *, depth: int) -> Pack:
    content = _read_manifest(folder)
    try:
        manifest = decode_manifest(content)
    except (msgspec.DecodeError, UnicodeDecodeError) as err:
        raise PackError(f"{folder / MANIFEST} is not a pack manifest: {err}") from err
    _check(manifest, folder)
    for file, sha256 in manifest.files.items():
        read_checked(folder / file, sha256)
    digest = hashlib.sha256(content).hexdigest()
    return Pack(folder, manifest, digest, _load_base(manifest, folder, depth=depth))


def _read_manifest(folder: Path) -> bytes:
    path = folder / MANIFEST
    try:
        if path.stat().st_size > MANIFEST_MAX_BYTES:
            raise PackError(f"{path} is over {MANIFEST_MAX_BYTES} bytes: not a pack manifest")
        return path.read_bytes()
    except OSError as err:
        raise PackError(f"{path} cannot be read: {err.strerror}") from err


def _load_base(manifest: Manifest, folder: Path, *, depth: int) -> Pack | None:
    if manifest.base is None:
        return None
    if depth:
        raise PackError(f"pack {folder} is an overlay on an overlay; teach it from a full pack")
    beside = folder.parent / manifest.base.name
    given = beside if (beside / MANIFEST).is_file() else find_pack(manifest.base.name)
    base = _load(given, depth=depth + 1)
    if base.hash != manifest.base.hash:
        raise PackError(
            f"pack {folder} was taught on another version of {manifest.base.name!r} "
            f"({manifest.base.hash[:12]}, here is {base.hash[:12]}); teach it again"
        )
    return base


def _check(manifest: Manifest, folder: Path) -> None:
    """Rules a manifest must keep beyond its types."""
    where = folder / MANIFEST
    if manifest.format != FORMAT:
        raise PackError(f"{where}: format {manifest.format} must be {FORMAT}; update synchresis")
    if (manifest.sample_rate, manifest.hop) != (SAMPLE_RATE, HOP):
        raise PackError(
            f"{where}: sample_rate {manifest.sample_rate} and hop {manifest.hop} must be "
            f"{SAMPLE_RATE} and {HOP}"
        )
    for file in manifest.files:
        if Path(file).name != file or Path(file).suffix not in {".onnx", ".safetensors", ".md"}:
            raise PackError(
                f"{where}: file {file!r} must be a plain .onnx, .safetensors or .md name"
            )
    for file in _wanted(manifest):
        if file not in manifest.files:
            raise PackError(f"{where}: file {file!r} is used but has no hash; make the pack again")


def _wanted(manifest: Manifest) -> list[str]:
    """Files a manifest's entries refer to."""
    engines = [entry for entry in (manifest.motion, manifest.voice) if entry]
    return [entry.file for entry in engines] + ([PALETTE_FILE] if manifest.palettes else [])

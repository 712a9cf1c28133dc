"""Packs: folders of exported engines, palettes and a manifest; data only, hashes checked."""

from synchresis.engines.packs.loading import DEFAULT, Pack, find_pack, list_packs, load_pack
from synchresis.engines.packs.manifest import (
    BaseEntry,
    Manifest,
    MotionEntry,
    PaletteEntry,
    VoiceEntry,
)
from synchresis.engines.packs.writing import (
    check_overlay,
    update_pack,
    write_overlay,
    write_pack,
)

__all__ = [
    "DEFAULT",
    "BaseEntry",
    "Manifest",
    "MotionEntry",
    "Pack",
    "PaletteEntry",
    "VoiceEntry",
    "check_overlay",
    "find_pack",
    "list_packs",
    "load_pack",
    "update_pack",
    "write_overlay",
    "write_pack",
]

"""manifest.json of a pack, as frozen structs; unknown keys are refused."""

from typing import Final

import msgspec

from synchresis.engines.control import EMBEDDING
from synchresis.engines.runtime.tensors import EngineSpec, TensorSpec
from synchresis.engines.timebase import HOP, SAMPLE_RATE

FORMAT: Final = 1
"""Version of the pack format this code reads and writes."""

MANIFEST: Final = "manifest.json"
"""Name of the manifest inside a pack."""

PALETTE_FILE: Final = "palettes.safetensors"
"""Name of the palettes' embeddings inside a pack."""

PALETTE_TENSOR: Final = "palettes"
"""Tensor in PALETTE_FILE: float32[P, EMBEDDING], one row per palette."""

Free = dict[str, str | int | float | bool | list[float] | None]
"""Free notes: a training run's figures, a taught pack's numbers."""


class _Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What both engines say: their file and tensors."""

    file: str
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    states: tuple[TensorSpec, ...] = ()
    meta: Free = {}

    @property
    def spec(self) -> EngineSpec:
        """The tensors as the runtime wants them."""
        return EngineSpec(self.inputs, self.outputs, self.states)

    @property
    def half_file(self) -> str:
        """Same graph in half precision, for TensorRT, where the pack has it: "voice.fp16.onnx"."""
        return self.file.removesuffix(".onnx") + ".fp16.onnx"


class MotionEntry(_Entry, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The motion engine: grid, pixels and what its event picker needs."""

    rows: int = 30
    cols: int = 40
    height: int = 120
    width: int = 160
    threshold: float = 0.5
    refractory_ms: float = 60.0
    lookahead_max_ms: float = 0.0
    """Largest lookahead whose timing skill is at least 0.8 of that at 0."""
    told: tuple[float, ...] = ()
    so: tuple[float, ...] = ()
    """Times of events the network tells, in frame intervals, and what is so; () as told."""
    foretold: float = 0.7
    """A hit that lies later than this in its interval waits for the next frame."""


class VoiceEntry(_Entry, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The voice engine: length of its palette embedding and of its noise."""

    embedding: int = EMBEDDING
    noise: int


class PaletteEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One palette: its row in PALETTE_FILE, how long it rings, where it comes from."""

    name: str
    row: int
    decay60_s: float
    """Time until a loud hit has fallen by 60 dB, seconds."""
    licence: str
    attribution: str = ""


class BaseEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The pack an overlay stands on, named by the hash of its manifest."""

    name: str
    hash: str


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The whole manifest; an overlay leaves out what it takes from its base."""

    format: int = FORMAT
    name: str
    version: str = "1"
    created: str = ""
    sample_rate: int = SAMPLE_RATE
    hop: int = HOP
    motion: MotionEntry | None = None
    voice: VoiceEntry | None = None
    palettes: tuple[PaletteEntry, ...] = ()
    files: dict[str, str] = {}
    """sha256 of every file beside the manifest."""
    base: BaseEntry | None = None
    overlay: Free = {}


def encode_manifest(manifest: Manifest) -> bytes:
    """Manifest as readable JSON, the same bytes every time."""
    return msgspec.json.format(msgspec.json.encode(manifest, order="deterministic"), indent=2)


def decode_manifest(content: bytes) -> Manifest:
    """Manifest from JSON; raises msgspec's errors, which name the key."""
    return msgspec.json.decode(content, type=Manifest)

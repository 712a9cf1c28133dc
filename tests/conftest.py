"""Fixtures shared by all tests: seeded randomness, clips, sounds and a tiny pack."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import save

from synchresis.engines.control import EMBEDDING
from synchresis.engines.packs import (
    Manifest,
    MotionEntry,
    Pack,
    PaletteEntry,
    VoiceEntry,
    write_pack,
)
from synchresis.engines.runtime.tensors import TensorSpec

# What runs in the background ignores Ctrl-C, and so would every program that tests start and stop.
signal.signal(signal.SIGINT, signal.default_int_handler)

TINY_NOISE = 8
TINY_PALETTES = ("wood", "glass")
TINY_PULSE = 100  # sample of the tiny voice's click inside its frame
BINS = 513


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20261120)


@pytest.fixture(scope="session")
def clips_dir() -> Path:
    return _given("SYNCHRESIS_CLIPS", "real clips with manifest.csv")


@pytest.fixture(scope="session")
def sounds_dir() -> Path:
    return _given("SYNCHRESIS_SOUNDS", "recordings with manifest.csv")


@pytest.fixture
def user_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own for packs and caches."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


@pytest.fixture
def make_tiny_pack(tmp_path: Path) -> Callable[[str], Pack]:
    """Writes a tiny pack of this name into a folder of the test's own."""
    return lambda name: write_tiny_pack(tmp_path / "packs" / name)


@pytest.fixture(scope="session")
def tiny_pack(tmp_path_factory: pytest.TempPathFactory) -> Pack:
    """A pack with the real tensors and hand-made weights.

    Motion: `impact` and `map` = difference clipped to 1, `total` = its maximum; `strength` and
    `when` = 0.5; h0 counts steps. Voice: each onset is a click of its strength at sample
    TINY_PULSE of its frame; h0 is the running sum of onsets, `mel` shows it.
    """
    return write_tiny_pack(tmp_path_factory.mktemp("packs") / "tiny")


def write_tiny_pack(folder: Path) -> Pack:
    motion, voice = _motion_entry(), _voice_entry()
    manifest = Manifest(
        name=folder.name,
        motion=motion,
        voice=voice,
        palettes=tuple(
            PaletteEntry(name, row, 0.5, "CC0-1.0") for row, name in enumerate(TINY_PALETTES)
        ),
    )
    embeddings = np.eye(len(TINY_PALETTES), EMBEDDING, dtype=np.float32)
    files = {
        "motion.onnx": _motion_graph(motion),
        "voice.onnx": _voice_graph(voice),
        "palettes.safetensors": save({"palettes": embeddings}),
        "LICENSES.md": b"CC0-1.0\n",
    }
    return write_pack(folder, manifest, files)


def _given(variable: str, what: str) -> Path:
    folder = Path(os.environ.get(variable, ""))
    if not os.environ.get(variable) or not (folder / "manifest.csv").is_file():
        pytest.skip(f"{variable} does not name a folder of {what}")
    return folder


def _specs(*pairs: tuple[str, tuple[int, ...]]) -> tuple[TensorSpec, ...]:
    return tuple(TensorSpec(name, ("B", *shape)) for name, shape in pairs)


def _motion_entry() -> MotionEntry:
    grid = (30, 40)
    return MotionEntry(
        file="motion.onnx",
        inputs=_specs(("pixels", (1, 120, 160)), ("flow", (4, *grid)), ("timing", (8,))),
        outputs=_specs(
            *((name, grid) for name in ("impact", "map", "strength", "when", "friction", "burst")),
            ("total", (1,)),
            ("embedding", (64,)),
        ),
        states=_specs(("h0", (4,))),
    )


def _voice_entry() -> VoiceEntry:
    return VoiceEntry(
        file="voice.onnx",
        inputs=_specs(("control", (8,)), ("palette", (EMBEDDING,)), ("noise", (TINY_NOISE,))),
        outputs=_specs(("real", (BINS,)), ("imag", (BINS,)), ("mel", (80,))),
        states=_specs(("h0", (1,))),
        noise=TINY_NOISE,
    )


def _constant(name: str, value: NDArray[np.generic]) -> onnx.TensorProto:
    return numpy_helper.from_array(np.asarray(value), name)


def _info(spec: TensorSpec, name: str = "") -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name or spec.name, TensorProto.FLOAT, list(spec.shape))


def _graph(
    entry: MotionEntry | VoiceEntry,
    nodes: list[onnx.NodeProto],
    constants: list[onnx.TensorProto],
) -> bytes:
    inputs = [_info(t) for t in (*entry.inputs, *entry.states)]
    outputs = [_info(t) for t in entry.outputs]
    outputs += [_info(t, f"{t.name}_next") for t in entry.states]
    graph = helper.make_graph(nodes, "tiny", inputs, outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model)
    content: bytes = model.SerializeToString()
    return content


def _motion_graph(entry: MotionEntry) -> bytes:
    make = helper.make_node
    nodes = [
        make("Gather", ["flow", "difference_row"], ["difference"], axis=1),
        make("Clip", ["difference", "zero", "one"], ["map"]),
        make("Identity", ["map"], ["impact"]),
        make("Mul", ["map", "zero"], ["friction"]),
        make("Identity", ["friction"], ["burst"]),
        make("Add", ["friction", "half"], ["strength"]),
        make("Identity", ["strength"], ["when"]),
        make("ReduceMax", ["map", "grid_axes"], ["most"], keepdims=0),
        make("Unsqueeze", ["most", "axis_1"], ["total"]),
        make("ReduceMean", ["pixels", "pixel_axes"], ["grey"], keepdims=0),
        make("Unsqueeze", ["grey", "axis_1"], ["grey_column"]),
        make("ReduceMean", ["timing", "axis_1"], ["time_column"], keepdims=1),
        make("Add", ["grey_column", "time_column"], ["seen"]),
        make("MatMul", ["seen", "spread"], ["embedding"]),
        make("Add", ["h0", "one"], ["h0_next"]),
    ]
    constants = [
        _constant("difference_row", np.int64(3)),
        _constant("zero", np.float32(0)),
        _constant("half", np.float32(0.5)),
        _constant("one", np.float32(1)),
        _constant("grid_axes", np.array([1, 2], np.int64)),
        _constant("pixel_axes", np.array([1, 2, 3], np.int64)),
        _constant("axis_1", np.array([1], np.int64)),
        _constant("spread", np.ones((1, 64), np.float32)),
    ]
    return _graph(entry, nodes, constants)


def _voice_graph(entry: VoiceEntry) -> bytes:
    make = helper.make_node
    turn = np.exp(-2j * np.pi * np.arange(BINS) * TINY_PULSE / 1024)
    silent = np.zeros((EMBEDDING + TINY_NOISE, 80), np.float32)
    nodes = [
        make("Gather", ["control", "one_row"], ["onset"], axis=1),
        make("Gather", ["control", "strength_row"], ["strength"], axis=1),
        make("Mul", ["onset", "strength"], ["hit"]),
        make("MatMul", ["hit", "cosines"], ["real"]),
        make("MatMul", ["hit", "sines"], ["imag"]),
        make("Add", ["h0", "onset"], ["h0_next"]),
        make("Concat", ["palette", "noise"], ["unheard"], axis=1),
        make("MatMul", ["unheard", "silent"], ["nothing"]),
        make("Add", ["nothing", "h0_next"], ["mel"]),
    ]
    constants = [
        _constant("one_row", np.array([0], np.int64)),
        _constant("strength_row", np.array([2], np.int64)),
        _constant("cosines", turn.real.astype(np.float32)[None]),
        _constant("sines", turn.imag.astype(np.float32)[None]),
        _constant("silent", silent),
    ]
    return _graph(entry, nodes, constants)

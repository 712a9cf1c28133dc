"""The tables of an exported voice's recall: read, changed and played from in the graph itself.

What is set after the network is trained (`timing.py`, `levels.py`) is set here, so that it can be
set again without the network's checkpoint.
"""

from typing import Any, Final

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from synchresis.engines.evaluation.voice_playing import ROWS, HitPlayer, Hits
from synchresis.engines.runtime.onnx_cpu import OnnxCpuEngine
from synchresis.engines.runtime.tensors import NEXT, EngineSpec, TensorSpec
from synchresis.engines.voice.layout import BINS, CONTROL, GRAPH_NOISE, RARITY, TAKE
from synchresis.errors import ParameterError

CODES: Final = "recalled.codes"
"""float32[R, K]: how far the decoder is from each recording; the last number is made by the hop,
the one before is the attack's stress once the voice is finished."""

BASIS: Final = "recalled.basis"
"""float32[knots, 80 K]: correction of the log-mel by code."""

PHASES: Final = "recalled.phases"
"""float16[R, 513]: of each recording's first frame, as if it began at sample 0."""

SHAPES: Final = "recalled.shapes"
"""float32[R, n]: logarithms of power by time and band, raised by the level it is to lose."""

LEVEL: Final = "recalled.level"
"""Tensor [B, 1] in the graph: logarithm of the power that a blend's shapes sum up to."""

TABLES: Final = (CODES, BASIS, RARITY, PHASES, SHAPES)

APART: Final = 1e3
"""Added to the rarity of recordings that are not to be heard."""

Array = NDArray[Any]
Floats = NDArray[np.float32]
Rows = NDArray[np.int64]


class VoiceTables:
    """The recall's tables in the graph of a hop.

    Args:
        graph: ONNX, as `hop_graph` writes it.
        palettes: float32[R, 32], embedding of the family of each recording.

    Raises:
        ParameterError: the graph has no such tables, or for another number of recordings.
    """

    def __init__(self, graph: bytes, palettes: Floats) -> None:
        self._model = onnx.load_from_string(graph)
        self._held = {one.name: one for one in self._model.graph.initializer}
        self.palettes = palettes
        made = {name for node in self._model.graph.node for name in node.output}
        missing = [name for name in TABLES if name not in self._held]
        missing += [LEVEL] if LEVEL not in made else []
        if missing:
            raise ParameterError(f"voice graph has no {missing[0]}; export it again")
        kept = len(self.read(RARITY))
        if kept != len(palettes):
            raise ParameterError(
                f"voice graph recalls {kept} recordings, {len(palettes)} were given; "
                "give those that it was exported with"
            )

    def __len__(self) -> int:
        return len(self.palettes)

    def read(self, name: str) -> Array:
        """A copy of one of TABLES, of the shape and type told there."""
        return numpy_helper.to_array(self._held[name]).copy()

    def write(self, name: str, values: Array) -> None:
        """Change one of TABLES; its shape and type stay as they are.

        Raises:
            ParameterError: `values` have another shape.
        """
        kept = numpy_helper.to_array(self._held[name])
        if values.shape != kept.shape:
            raise ParameterError(f"table {name} is {kept.shape}, not {values.shape}")
        changed = np.ascontiguousarray(values, kept.dtype)
        self._held[name].CopyFrom(numpy_helper.from_array(changed, name))

    def graph(self) -> bytes:
        """The graph with the tables as they are now."""
        content: bytes = self._model.SerializeToString()
        return content

    def player(self) -> "TablePlayer":
        """A player of the tables as they are now."""
        return TablePlayer(self)


class TablePlayer:
    """Plays the recordings of a voice one by one, or blended as they usually are."""

    def __init__(self, tables: VoiceTables) -> None:
        self._palettes, self._rarity = tables.palettes, tables.read(RARITY)
        self._engine = _open(tables.graph(), len(tables))
        self._hits = HitPlayer(self._engine)

    def alone(
        self,
        rows: Rows,
        strength: Floats,
        hops: int,
        *,
        begin: Rows | None = None,
        seed: int = 0,
    ) -> Floats:
        """Hits that recall one recording each: float32[len(rows), 256 hops - 256] from the onset.

        Args:
            rows: recordings.
            strength: float32[len(rows)], asked for.
            hops: to be heard.
            begin: int64[len(rows)], sample of the onset in its hop; 128 where None.
            seed: of the noise.
        """
        begin = np.full(len(rows), 128) if begin is None else begin
        played = []
        # Rarities of all recordings for every hit are much to hold at once.
        for first in range(0, len(rows), 8 * ROWS):
            part = slice(first, first + 8 * ROWS)
            rarity = np.repeat(self._rarity[None] + np.float32(APART), len(rows[part]), axis=0)
            rarity[np.arange(len(rarity)), rows[part]] -= np.float32(APART)
            take = np.zeros((len(rarity), TAKE), np.float32)
            palette = self._palettes[rows[part]]
            hits = Hits(palette, strength[part], begin[part], take, rarity=rarity)
            played.append(self._hits.play(hits, hops, seed=seed + first))
        return np.concatenate(played)

    def blended(self, palette: Floats, strength: Floats, hops: int, *, seed: int = 0) -> Floats:
        """Hits as they are usually played, from the onset: float32[P, 256 hops - 256].

        Args:
            palette: float32[P, 32].
            strength: float32[P], asked for.
            hops: to be heard.
            seed: of the noise.
        """
        rarity = np.repeat(self._rarity[None], len(palette), axis=0)
        begin = np.zeros(len(palette), np.int64)
        return self._hits.play(Hits(palette, strength, begin, rarity=rarity), hops, seed=seed)

    def levels(self, strength: Floats, take: Floats) -> Floats:
        """LEVEL of hits asked for as the recordings were played: float32[R].

        Args:
            strength: float32[R], asked for; the palette is each recording's own.
            take: float32[16], noise of the take, the same for all.
        """
        count, rows = len(self._palettes), self._engine.batch
        found = np.zeros(count, np.float32)
        rarity = np.repeat(self._rarity[None], rows, axis=0)
        noise = np.zeros((rows, GRAPH_NOISE), np.float32)
        noise[:, BINS : BINS + TAKE] = take
        state = self._engine.initial_state()
        for first in range(0, count, rows):
            index = np.minimum(np.arange(first, first + rows), count - 1)
            control = np.zeros((rows, CONTROL), np.float32)
            control[:, 0], control[:, 2] = 1.0, strength[index]
            self._engine.reset_state(state)
            inputs = {"control": control, "palette": self._palettes[index], "noise": noise}
            given = self._engine.step({**inputs, RARITY: rarity}, state)
            found[index] = given[LEVEL][:, 0]
        return found


def _open(graph: bytes, recordings: int) -> OnnxCpuEngine:
    """The engine of a hop that is told how seldom each recording comes, and tells the level."""
    model = onnx.load_from_string(graph)
    rarity = next(one for one in model.graph.initializer if one.name == RARITY)
    model.graph.initializer.remove(rarity)
    shape: list[str | int | None] = ["B", recordings]
    model.graph.input.append(helper.make_tensor_value_info(RARITY, TensorProto.FLOAT, shape))
    model.graph.output.append(helper.make_tensor_value_info(LEVEL, TensorProto.FLOAT, ["B", 1]))
    spec = _spec(model)
    return OnnxCpuEngine(model.SerializeToString(), spec, batch=ROWS, name="voice's tables")


def _spec(model: onnx.ModelProto) -> EngineSpec:
    inputs, outputs = (
        {one.name: _tensor(one) for one in side} for side in (model.graph.input, model.graph.output)
    )
    states = [name for name in inputs if name + NEXT in outputs]
    return EngineSpec(
        tuple(tensor for name, tensor in inputs.items() if name not in states),
        tuple(t for name, t in outputs.items() if name.removesuffix(NEXT) not in states),
        tuple(inputs[name] for name in states),
    )


def _tensor(value: onnx.ValueInfoProto) -> TensorSpec:
    axes = value.type.tensor_type.shape.dim[1:]
    return TensorSpec(value.name, ("B", *(int(axis.dim_value) for axis in axes)))

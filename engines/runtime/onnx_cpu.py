"""ONNX Runtime on one CPU thread, bound to memory allocated once."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from synchresis.engines.packs.loading import Pack
from synchresis.engines.runtime.tensors import BATCH, NEXT, EngineSpec, TensorSpec
from synchresis.errors import EngineError, ParameterError

if TYPE_CHECKING:
    import onnxruntime as ort

Arrays = dict[str, NDArray[np.generic]]
"""Arrays by tensor name."""


@dataclass(slots=True)
class CpuState:
    """Memory of one stream: what the graph reads and writes, allocated once.

    States live twice: an even step reads `states[0]` and writes `states[1]`, an odd one the
    other way round, so nothing is copied between steps.
    """

    inputs: Arrays
    outputs: dict[str, NDArray[np.float32]]
    states: tuple[Arrays, Arrays]
    bindings: "tuple[ort.IOBinding, ort.IOBinding]"
    parity: int = 0


class OnnxCpuEngine:
    """An engine on the CPU; `step` is thread-safe for different states."""

    def __init__(self, model: bytes, spec: EngineSpec, *, batch: int = 1, name: str = "") -> None:
        self._model: bytes | None = model
        self._spec = spec
        self._batch = batch
        self._name = name
        self._session: ort.InferenceSession | None = None

    @property
    def spec(self) -> EngineSpec:
        """Tensors it takes, gives and carries."""
        return self._spec

    @property
    def batch(self) -> int:
        """Streams stepped at once."""
        return self._batch

    @property
    def backend(self) -> str:
        """Where it runs."""
        return "onnx (CPU)"

    def prepare(self) -> None:
        """Load the graph, check it against the manifest, run it twice to warm up."""
        if self._session is not None:
            return
        if self._model is None:
            raise EngineError(f"engine {self._name} is closed; open it again")
        self._session = _open_session(self._model, self._name)
        _check_graph(self._session, self._spec, name=self._name)
        state = self.initial_state()
        for _ in range(2):
            self.step(state.inputs, state)

    def initial_state(self) -> CpuState:
        """State of a stream that has not begun."""
        spec, batch = self._spec, self._batch
        inputs = {t.name: t.allocate(batch) for t in spec.inputs}
        outputs = {t.name: t.allocate(batch) for t in spec.outputs}
        states = (_allocate(spec.states, batch), _allocate(spec.states, batch))
        bindings = (
            self._bind(inputs, outputs, states),
            self._bind(inputs, outputs, states[::-1]),
        )
        typed = cast("dict[str, NDArray[np.float32]]", outputs)
        return CpuState(inputs, typed, states, bindings)

    def step(
        self, inputs: Mapping[str, NDArray[np.generic]], state: CpuState
    ) -> Mapping[str, NDArray[np.float32]]:
        """Run once; the outputs are views valid until the next step with this state."""
        for name, buffer in state.inputs.items():
            array = inputs[name]
            if array is buffer:
                continue
            if array.shape != buffer.shape:
                raise ParameterError(
                    f"engine {self._name}: input {name} has shape {array.shape}, "
                    f"must be {buffer.shape}"
                )
            np.copyto(buffer, array, casting="same_kind")
        self._live.run_with_iobinding(state.bindings[state.parity])
        state.parity ^= 1
        return state.outputs

    def reset_state(self, state: CpuState) -> None:
        """Put a state back to the beginning, in place."""
        for arrays in state.states:
            for tensor in self._spec.states:
                arrays[tensor.name].fill(tensor.init)
        state.parity = 0

    def close(self) -> None:
        """Let go of the session."""
        self._session = None
        self._model = None

    @property
    def _live(self) -> "ort.InferenceSession":
        if self._session is None:
            raise EngineError(f"engine {self._name} is not prepared; call prepare() first")
        return self._session

    def _bind(
        self, inputs: Arrays, outputs: Arrays, states: tuple[Arrays, Arrays]
    ) -> "ort.IOBinding":
        binding = self._live.io_binding()
        for name, array in {**inputs, **states[0]}.items():
            binding.bind_input(name, "cpu", 0, array.dtype.type, array.shape, array.ctypes.data)
        targets = {**outputs, **{name + NEXT: array for name, array in states[1].items()}}
        for name, array in targets.items():
            binding.bind_output(name, "cpu", 0, array.dtype.type, array.shape, array.ctypes.data)
        return binding


def open_onnx_cpu(pack: Pack, which: str, *, batch: int = 1) -> OnnxCpuEngine:
    """Open a pack's engine on the CPU; the file is read once and its hash checked then."""
    entry = pack.motion if which == "motion" else pack.voice
    model = pack.read(entry.file)
    return OnnxCpuEngine(model, entry.spec, batch=batch, name=f"{pack.name}/{entry.file}")


def _allocate(specs: tuple[TensorSpec, ...], batch: int) -> Arrays:
    return {spec.name: spec.allocate(batch) for spec in specs}


def _open_session(model: bytes, name: str) -> "ort.InferenceSession":
    import onnxruntime as ort
    from onnxruntime.capi import onnxruntime_pybind11_state as native

    refusals = native.Fail, native.InvalidGraph, native.InvalidProtobuf, native.InvalidArgument
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.log_severity_level = 3
    try:
        return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except refusals as err:
        raise EngineError(f"engine {name} is not a graph that can be loaded: {err}") from err


def _check_graph(session: "ort.InferenceSession", spec: EngineSpec, *, name: str) -> None:
    """The graph must have the tensors its manifest names."""
    found = {node.name for node in session.get_inputs()}
    if found != spec.input_names():
        raise EngineError(f"engine {name}: graph inputs {found} must be {spec.input_names()}")
    given = {node.name for node in session.get_outputs()}
    if not spec.output_names() <= given:
        missing = spec.output_names() - given
        raise EngineError(f"engine {name}: graph outputs {given} lack {missing}")
    nodes = {node.name: node for node in (*session.get_inputs(), *session.get_outputs())}
    for tensor in (*spec.inputs, *spec.outputs, *spec.states):
        if not _fits(tensor, nodes[tensor.name].shape):
            raise EngineError(
                f"engine {name}: tensor {tensor.name} is {nodes[tensor.name].shape} in the graph "
                f"and {tensor.shape} in the manifest"
            )


def _fits(tensor: TensorSpec, shape: list[int | str | None]) -> bool:
    """Whether a graph's shape is that of the manifest; its own named axes fit anything."""
    if len(shape) != len(tensor.shape):
        return False
    pairs = zip(tensor.shape, shape, strict=True)
    return all(want == BATCH or not isinstance(got, int) or got == want for want, got in pairs)

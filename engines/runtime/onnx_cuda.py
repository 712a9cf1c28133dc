"""ONNX Runtime's CUDA provider: bound to our buffers and stream, recorded as a graph."""

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, Literal

from synchresis.engines.gpu.cuda_device import CudaDevice
from synchresis.engines.gpu.device import Device
from synchresis.engines.gpu.engine import GpuEngine
from synchresis.engines.gpu.parity import refuse_wrong_numbers
from synchresis.engines.gpu.session import DeviceModel, padded
from synchresis.engines.packs.loading import Pack
from synchresis.engines.runtime.cuda_libraries import (
    forget_last_error,
    preload_cuda_libraries,
)
from synchresis.engines.runtime.engine import Which
from synchresis.engines.runtime.immortal import immortal
from synchresis.engines.runtime.tensors import NEXT, EngineSpec, TensorSpec
from synchresis.errors import EngineError

if TYPE_CHECKING:
    import onnxruntime as ort

log = logging.getLogger("synchresis.engines")

Graph = Literal["ours", "theirs", "none"]
"""Who records the run as a graph: we, with all round it; ONNX Runtime, it alone; or nobody."""

GRAPHS: Final[tuple[Graph, ...]] = ("ours", "theirs", "none")
"""In the order they are tried, fastest first."""

RECORDABLE_FROM: Final = (1, 31)
"""Versions of ONNX Runtime whose runs may be recorded as graphs.

Some of its operators (`Concat` and `Split` of unequal parts) copy small tables up from host memory.
Versions before free that memory after the run: a graph that is queued again reads what was freed,
and, where the freeing was recorded as well, frees it again (its pull request 32121).
"""

LEFT_OUT: Final = ("GatherSliceToSplitFusion", "MatMulAddFusion")
"""Rewritings of ONNX Runtime that cost launches on a GPU.

A `Split` of unequal parts copies four tables up where slices launch one kernel each; `Gemm` spreads
its bias by a product of its own, while a bias left alone is fused into the activation behind it.
"""

WARM_UP: Final = 3
"""Runs before recording: memory is planned, algorithms chosen, lazy libraries loaded."""

ERRORS_ONLY: Final = 3
"""Severity of ONNX Runtime's log from which on it is shown."""

PROVIDER: Final = "CUDAExecutionProvider"


class OnnxCudaModel(DeviceModel):
    """A session of the CUDA provider."""

    def __init__(
        self, model: bytes, spec: EngineSpec, device: Device, *, batch: int, graph: Graph
    ) -> None:
        """Start a session on a device's stream; errors as `load_model`."""
        backend = f"onnx-cuda ({device.name}, graph: {graph})"
        super().__init__(spec, batch=batch, backend=backend, recordable=graph == "ours")
        self._graph = graph
        self._bound = 0
        self._session = immortal(_open_session(model, device, graph=graph))

    def bind(self, addresses: Mapping[str, int]) -> "OnnxCudaRun":
        """A binding of every tensor to its address, run a few times."""
        binding = self._session.io_binding()
        for tensor in (*self.spec.inputs, *self.spec.states):
            binding.bind_input(*self._bound_to(tensor, tensor.name, addresses))
        for tensor in self.spec.outputs:
            binding.bind_output(*self._bound_to(tensor, tensor.name, addresses))
        for tensor in self.spec.states:
            binding.bind_output(*self._bound_to(tensor, tensor.name + NEXT, addresses))
        self._bound += 1
        run = OnnxCudaRun(self._session, binding, _run_options(self._graph, self._bound))
        for _ in range(WARM_UP):
            run.enqueue()
        return run

    def _bound_to(
        self, tensor: TensorSpec, name: str, addresses: Mapping[str, int]
    ) -> tuple[str, str, int, Any, tuple[int, ...], int]:
        import numpy as np

        kind = np.dtype(tensor.dtype).type
        return name, "cuda", 0, kind, tensor.sized(self.batch), addresses[name]


class OnnxCudaRun:
    """A session with everything bound."""

    def __init__(
        self, session: "ort.InferenceSession", binding: "ort.IOBinding", options: "ort.RunOptions"
    ) -> None:
        self._session = session
        self._binding = binding
        self._options = options

    def enqueue(self) -> None:
        """Queue one run; does not wait for it."""
        try:
            self._session.run_with_iobinding(self._binding, self._options)
        except Exception as err:  # onnxruntime raises several unrelated classes
            forget_last_error()
            raise EngineError(f"onnxruntime cannot queue a run on the GPU: {err}") from err


def open_onnx_cuda(pack: Pack, which: Which, *, batch: int = 1) -> GpuEngine:
    """Open a pack's engine with the CUDA provider, checked against the CPU.

    Raises:
        DeviceError: no usable GPU.
        EngineError: no CUDA provider, or the engine cannot run or gives wrong numbers.
    """
    reasons = []
    for graph in GRAPHS:
        try:
            return open_recorded(pack, which, batch=batch, graph=graph)
        except EngineError as err:
            log.info("onnx-cuda, graph %s: not used: %s", graph, err)
            reasons.append(f"graph {graph}: {err}")
    raise EngineError(f"{which} engine cannot run with ONNX Runtime's CUDA: {'; '.join(reasons)}")


def open_recorded(pack: Pack, which: Which, *, batch: int, graph: Graph) -> GpuEngine:
    """Open a pack's engine with one way of recording, checked against the CPU."""
    device = CudaDevice()
    try:
        model = load_model(device, pack, which, batch=batch, graph=graph)
        engine = GpuEngine(device, model, batch=batch)
        engine.prepare()
        refuse_wrong_numbers(engine, pack, which)
    except BaseException:
        device.close()
        raise
    return engine


def load_model(
    device: Device, pack: Pack, which: Which, *, batch: int, graph: Graph = "ours"
) -> OnnxCudaModel:
    """Load a pack's engine for a device's stream."""
    entry = pack.motion if which == "motion" else pack.voice
    model = pack.read(entry.file)
    with device.active():
        return OnnxCudaModel(model, entry.spec, device, batch=padded(batch), graph=graph)


def _open_session(model: bytes, device: Device, *, graph: Graph) -> "ort.InferenceSession":
    """Start a session on the device's stream.

    The batch axis stays open in the session, the bound arrays fix it: with a fixed axis constant
    outputs are folded away and then copied from the host in every run, which nobody can record.
    """
    import onnxruntime as ort

    if PROVIDER not in ort.get_available_providers():
        raise EngineError(
            f"onnxruntime {ort.__version__} has no CUDA provider: "
            "pip uninstall onnxruntime; pip install onnxruntime-gpu"
        )
    if graph != "none" and _version(ort.__version__) < RECORDABLE_FROM:
        needed = ".".join(map(str, RECORDABLE_FROM))
        raise EngineError(
            f"onnxruntime {ort.__version__} cannot be recorded as a graph safely: "
            f"pip install 'onnxruntime-gpu>={needed}'"
        )
    preload_cuda_libraries()
    ort.set_default_logger_severity(ERRORS_ONLY)
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = ERRORS_ONLY
    provider = {
        "device_id": "0",
        "user_compute_stream": str(device.stream),
        "enable_cuda_graph": "1" if graph == "theirs" else "0",
        "use_tf32": "0",
        "cudnn_conv_algo_search": "HEURISTIC",
        "arena_extend_strategy": "kSameAsRequested",
    }
    try:
        session = ort.InferenceSession(
            model, options, providers=[(PROVIDER, provider)], disabled_optimizers=list(LEFT_OUT)
        )
    except Exception as err:
        raise EngineError(f"onnxruntime's CUDA provider does not start: {err}") from err
    if session.get_providers()[0] != PROVIDER:
        raise EngineError("onnxruntime's CUDA provider does not start: CUDA or cuDNN is missing")
    return session


def _version(text: str) -> tuple[int, ...]:
    """(1, 31) of "1.31.1"."""
    return tuple(int(part) for part in text.split(".")[:2] if part.isdigit())


def _run_options(graph: Graph, number: int) -> "ort.RunOptions":
    import onnxruntime as ort

    options = ort.RunOptions()
    options.add_run_config_entry("disable_synchronize_execution_providers", "1")
    if graph == "theirs":
        options.add_run_config_entry("gpu_graph_id", str(number))
    return options

"""Graphs: work recorded from a stream through cuda-bindings, queued again with one call."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

from synchresis.errors import EngineError


class Graph:
    """A recorded piece of work that can be queued on its stream."""

    def __init__(self, executable: Any, stream: Any) -> None:
        self._driver = _driver()
        self._executable = executable
        self._stream = stream

    def launch(self) -> None:
        """Queue the whole of it."""
        _checked("cuGraphLaunch", self._driver.cuGraphLaunch(self._executable, self._stream))

    def close(self) -> None:
        """Free the graph; it cannot be queued after."""
        _checked("cuGraphExecDestroy", self._driver.cuGraphExecDestroy(self._executable))


def record_graph(stream: int, work: Callable[[], None]) -> Graph:
    """Record what `work` queues on the stream; nothing of it runs.

    The mode is relaxed: ONNX Runtime waits for the legacy stream now and then, which the stricter
    modes forbid while anything is recorded. What it does on other streams is not recorded.

    Raises:
        EngineError: something in it cannot be recorded.
    """
    cu = _driver()
    handle = cu.CUstream(stream)
    mode = cu.CUstreamCaptureMode.CU_STREAM_CAPTURE_MODE_RELAXED
    _checked("cuStreamBeginCapture", cu.cuStreamBeginCapture(handle, mode))
    try:
        work()
    except BaseException:
        cu.cuStreamEndCapture(handle)  # leaves recording; what went wrong is already raised
        raise
    graph = _checked("cuStreamEndCapture", cu.cuStreamEndCapture(handle))
    executable = _checked("cuGraphInstantiate", cu.cuGraphInstantiate(graph, 0))
    _checked("cuGraphDestroy", cu.cuGraphDestroy(graph))
    return Graph(executable, handle)


def _driver() -> Any:
    return import_module("cuda.bindings.driver")


def _checked(call: str, result: tuple[Any, ...]) -> Any:
    status, *values = result
    if int(status) != 0:
        raise EngineError(f"{call} failed: {status.name}")
    return values[0] if values else None

"""Every TensorRT name used must exist in 10.x, 11.x and TensorRT for RTX."""

import ast
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

import synchresis.engines.runtime as runtime
from synchresis.engines.runtime import tensorrt_names
from synchresis.engines.runtime.tensorrt_names import find_tensorrt
from synchresis.errors import EngineError

FOLDER = Path(runtime.__file__).parent

KNOWN = {
    "module": {
        "Builder",
        "BuilderFlag",
        "ILogger",
        "NetworkDefinitionCreationFlag",
        "OnnxParser",
        "Runtime",
        "__version__",
    },
    "Builder": {"create_builder_config", "create_network", "build_serialized_network"},
    "INetworkDefinition": {"get_input", "num_inputs"},
    "ITensor": {"name", "shape"},
    "OnnxParser": {"get_error", "num_errors", "parse"},
    "IBuilderConfig": {"clear_flag"},
    "BuilderFlag": {"TF32"},
    "ILogger": {"ERROR", "INTERNAL_ERROR", "__init__", "log"},
    "Runtime": {"deserialize_cuda_engine"},
    "ICudaEngine": {"create_execution_context", "get_tensor_name", "num_io_tensors"},
    "IExecutionContext": {"execute_async_v3", "set_tensor_address"},
}
"""The names common to the Python APIs of TensorRT 10.0 to 11 and RTX 1.x, by class, of which the
code may use any: docs.nvidia.com/deeplearning/tensorrt/RELEASE/_static/python-api (the same under
tensorrt-rtx). NetworkDefinitionCreationFlag.STRONGLY_TYPED, which RTX 1.0 lacks and 11 ignores, is
asked for by getattr."""

TYPES = ("FP16", "INT8", "FP8", "BF16", "INT4", "FP4")
OTHERS = ("DIRECT_IO", "OBEY_PRECISION_CONSTRAINTS", "PREFER_PRECISION_CONSTRAINTS")
REMOVED_IN_11 = {
    *(("BuilderFlag", flag) for flag in (*TYPES, *OTHERS)),
    *(("IBuilderConfig", name) for name in ("int8_calibrator", "set_quantization_flag")),
    *(("ICudaEngine", name) for name in ("device_memory_size", "has_implicit_batch_dimension")),
    *(("Builder", name) for name in ("platform_has_fast_fp16", "build_engine")),
}
"""Names that code for TensorRT 10 is tempted to use, from NVIDIA's page on moving to 11:
docs.nvidia.com/deeplearning/tensorrt/11.4.0/api/migration."""

VARIABLES = {
    "trt": "module",
    "_trt": "module",
    "builder": "Builder",
    "network": "INetworkDefinition",
    "tensor": "ITensor",
    "parser": "OnnxParser",
    "config": "IBuilderConfig",
    "BuilderFlag": "BuilderFlag",
    "ILogger": "ILogger",
    "_runtime": "Runtime",
    "_engine": "ICudaEngine",
    "context": "IExecutionContext",
    "_context": "IExecutionContext",
}
"""Class of what the backend's variables and attributes hold."""


def used_names() -> set[tuple[str, str]]:
    """(class, name) of every attribute taken from a TensorRT object."""
    used = set()
    for path in FOLDER.glob("tensorrt_*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and _variable(node.value) in VARIABLES:
                used.add((VARIABLES[_variable(node.value)], node.attr))
    return used


def _variable(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    return node.attr if isinstance(node, ast.Attribute) else ""


def test_every_name_is_common_to_all_flavours() -> None:
    used = used_names()
    strange = {(kind, name) for kind, name in used if name not in KNOWN[kind]}
    assert not strange and not used & REMOVED_IN_11
    assert {kind for kind, _ in used} == set(KNOWN)


def test_names_exist_in_the_installed_rtx() -> None:
    if find_spec("tensorrt_rtx") is None:
        pytest.skip("tensorrt-rtx is not installed (pip install '.[tensorrt-rtx]')")
    trt = import_module("tensorrt_rtx")
    for kind, names in KNOWN.items():
        holder = trt if kind == "module" else getattr(trt, kind)
        missing = {name for name in names if not hasattr(holder, name)}
        assert not missing, kind


def test_absence_is_said_with_the_remedy(monkeypatch) -> None:
    monkeypatch.setattr(tensorrt_names, "MODULES", (("no_such_tensorrt", "tensorrt"),))
    with pytest.raises(EngineError, match=r"no_such_tensorrt.*pip install '.\[tensorrt"):
        find_tensorrt()


def test_tensorrt_goes_before_rtx() -> None:
    assert [flavour for _, flavour in tensorrt_names.MODULES] == ["tensorrt", "tensorrt-rtx"]

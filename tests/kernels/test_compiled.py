"""Compiled kernels: what is stored is used again, but not after a change of any kernel."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from synchresis.kernels import compiled as compiling

SOURCE = """
from synchresis.kernels.compiled import compiled


@compiled
def double(x):
    return x + x
"""


def _load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("stored_kernel", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _hits(path: Path) -> int:
    module = _load(path)
    assert module.double(2.0) == 4.0
    return sum(module.double.stats.cache_hits.values())


def test_stored_code_is_dropped_when_any_kernel_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "stored_kernel.py"
    path.write_text(SOURCE)
    assert _hits(path) == 0
    assert _hits(path) == 1
    monkeypatch.setattr(compiling, "_SOURCES", "other sources")
    assert _hits(path) == 0
    assert _hits(path) == 1


def test_digest_follows_every_kernel_source() -> None:
    folder = Path(compiling.__file__).parent
    assert any(path.parent != folder for path in folder.rglob("*.py"))
    assert compiling._digest_of_sources() == compiling._SOURCES

from types import SimpleNamespace

import pytest

from synchresis.engines.runtime import cuda_libraries
from synchresis.engines.runtime.cuda_libraries import forget_last_error, preload_cuda_libraries


@pytest.fixture
def packages(tmp_path, monkeypatch):
    """Two `nvidia` package folders with libraries that cannot be loaded, and what was tried."""
    for folder in ("first/cu13/lib", "second/cudnn/lib"):
        (tmp_path / folder).mkdir(parents=True)
    for name in ("libcublas.so.13", "libcudart.so.13", "libother.so.1"):
        (tmp_path / "first/cu13/lib" / name).touch()
    (tmp_path / "second/cudnn/lib/libcudnn.so.9").touch()
    places = [str(tmp_path / "first"), str(tmp_path / "second")]
    spec = SimpleNamespace(submodule_search_locations=places)
    monkeypatch.setattr(cuda_libraries, "find_spec", lambda name: spec)
    tried = []

    def load(path: str, mode: int = 0):
        tried.append(path.rpartition("/")[2])
        if "cudnn" in path:
            raise OSError(path)
        return SimpleNamespace(cudaGetLastError=lambda: tried.append("cleared"))

    monkeypatch.setattr(cuda_libraries.ctypes, "CDLL", load)
    preload_cuda_libraries.cache_clear()
    yield tried
    preload_cuda_libraries.cache_clear()


def test_libraries_are_loaded_in_order_and_failures_left_out(packages) -> None:
    loaded = [path.rpartition("/")[2] for path in preload_cuda_libraries()]
    assert packages == ["libcudart.so.13", "libcublas.so.13", "libcudnn.so.9"]
    assert loaded == ["libcudart.so.13", "libcublas.so.13"]


def test_last_error_is_cleared_in_the_runtime_that_was_loaded(packages) -> None:
    forget_last_error()
    assert packages[-2:] == ["libcudart.so.13", "cleared"]

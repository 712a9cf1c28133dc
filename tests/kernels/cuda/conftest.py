"""The host twin of the kernels, compiled once."""

import shutil
from pathlib import Path

import pytest

from synchresis.kernels.cuda.build import build_twin
from synchresis.kernels.cuda.twin import Twin


@pytest.fixture(scope="session")
def twin(tmp_path_factory: pytest.TempPathFactory) -> Twin:
    if shutil.which("g++") is None:
        pytest.skip("no C++ compiler (g++) for the host twin")
    target: Path = tmp_path_factory.mktemp("twin") / "libsynchresis_kernels_host.so"
    build_twin(target)
    return Twin(target)

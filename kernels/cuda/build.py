"""Compile the kernels: a fat binary with nvcc, a host twin with a C++ compiler."""

import hashlib
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from synchresis.errors import EngineError

SOURCES: Final = Path(__file__).parent
"""Folder of the kernels' sources, and of the fat binary where the package was built with one."""

FATBIN: Final = "synchresis_kernels.fatbin"

ARCHITECTURES: Final = (75, 80, 86, 89, 90, 100, 120)
"""Compute capabilities with machine code of their own; PTX serves the others."""

PTX: Final = (75, 120)
"""Compute capabilities whose PTX is kept: any card from 7.5 on can be served from one of them."""

NVCC_FLAGS: Final = ("-std=c++17", "-O3", "--fmad=true")

TWIN_FLAGS: Final = ("-std=c++17", "-shared", "-fPIC", "-ffp-contract=off", "-Wall", "-Wextra")


def find_fatbin(cache: Path) -> Path:
    """Return the fat binary: the package's, else one compiled once into `cache`.

    Raises:
        EngineError: the package has none and no nvcc is here, or it fails.
    """
    shipped = SOURCES / FATBIN
    if shipped.is_file():
        return shipped
    made = cache / f"kernels-{source_hash()}.fatbin"
    if not made.is_file():
        build_fatbin(made)
    return made


def build_fatbin(target: Path, *, architectures: Sequence[int] = ARCHITECTURES) -> None:
    """Compile the fat binary with nvcc, written atomically.

    Raises:
        EngineError: no nvcc, or it fails.
    """
    nvcc = find_nvcc()
    if nvcc is None:
        raise EngineError(
            "the CUDA kernels are not compiled in this installation and no nvcc is here; "
            "install with SYNCHRESIS_CUDA=1 on a machine that has one, or "
            "pip install 'cuda-toolkit[nvcc,cudart,cccl]==13.0.*'"
        )
    codes = [f"-gencode=arch=compute_{a},code=sm_{a}" for a in architectures]
    codes += [f"-gencode=arch=compute_{a},code=compute_{a}" for a in PTX]
    _compile([nvcc, "-fatbin", *NVCC_FLAGS, *codes, str(SOURCES / "kernels.cu")], target)


def build_twin(target: Path, *, flags: Sequence[str] = ("-O2",), compiler: str = "g++") -> None:
    """Compile the host twin as a shared library, written atomically.

    Raises:
        EngineError: the compiler is absent or fails.
    """
    source = str(SOURCES / "kernels.cu")
    _compile([compiler, *TWIN_FLAGS, *flags, "-x", "c++", source], target)


def find_nvcc() -> str | None:
    """Path of nvcc: on the PATH, else in /usr/local/cuda or the pip toolkit."""
    found = shutil.which("nvcc")
    if found:
        return found
    places = ["/usr/local/cuda", *_pip_toolkits()]
    candidates = (Path(place) / "bin" / "nvcc" for place in places)
    return next((str(path) for path in candidates if path.is_file()), None)


def source_hash() -> str:
    """First 16 hex digits over all sources, flags and architectures."""
    digest = hashlib.sha256(repr((NVCC_FLAGS, ARCHITECTURES, PTX)).encode())
    for path in sorted([*SOURCES.glob("*.h"), *SOURCES.glob("*.cu")]):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def _pip_toolkits() -> list[str]:
    from importlib.util import find_spec

    spec = find_spec("nvidia")
    folders = list(spec.submodule_search_locations or []) if spec else []
    return [str(path) for folder in folders for path in Path(folder).glob("cu*")]


def _compile(command: list[str], target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        made = Path(folder) / target.name
        try:
            subprocess.run([*command, "-o", str(made)], check=True, capture_output=True, text=True)
        except FileNotFoundError as err:
            raise EngineError(f"compiler {command[0]} not found: install a C++ compiler") from err
        except subprocess.CalledProcessError as err:
            raise EngineError(f"{command[0]} cannot compile the kernels: {err.stderr}") from err
        made.replace(target)

import re
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from synchresis.errors import EngineError
from synchresis.kernels.cuda import build
from synchresis.kernels.cuda.table import KERNELS
from synchresis.kernels.cuda.twin import Twin

ROOT = Path(build.__file__).resolve().parents[2]
HERE = Path(__file__).parent


def test_cmake_builds_what_it_can(tmp_path: Path) -> None:
    if shutil.which("cmake") is None or shutil.which("g++") is None:
        pytest.skip("cmake or g++ is not installed")
    few = ["-DSYNCHRESIS_ARCHITECTURES=90", "-DSYNCHRESIS_PTX=90"]
    run(["cmake", "-S", str(ROOT), "-B", str(tmp_path), *few])
    run(["cmake", "--build", str(tmp_path)])
    twin = Twin(tmp_path / "libsynchresis_kernels_host.so")
    assert all(twin.threads(kernel) == kernel.threads for kernel in KERNELS)
    fatbin = tmp_path / build.FATBIN
    assert fatbin.is_file() is (build.find_nvcc() is not None)
    if fatbin.is_file():
        content = fatbin.read_bytes()
        assert contents(content) == {("code", 90), ("ptx", 90)}
        assert all(kernel.name.encode() in content for kernel in KERNELS)


def test_cmake_finds_the_nvcc_that_pip_installs(tmp_path: Path, monkeypatch) -> None:
    if shutil.which("cmake") is None or shutil.which("g++") is None:
        pytest.skip("cmake or g++ is not installed")
    nvcc = tmp_path / "venv/lib/python3.12/site-packages/nvidia/cu13/bin/nvcc"
    nvcc.parent.mkdir(parents=True)
    nvcc.write_text("#!/bin/sh\nexit 0\n")
    nvcc.chmod(0o755)
    monkeypatch.setenv("VIRTUAL_ENV", str(tmp_path / "venv"))
    run(["cmake", "-S", str(ROOT), "-B", str(tmp_path / "build")])
    cache = (tmp_path / "build/CMakeCache.txt").read_text()
    assert f"SYNCHRESIS_NVCC:FILEPATH={nvcc}" in cache


def test_cmake_and_python_compile_for_the_same_cards() -> None:
    text = (ROOT / "CMakeLists.txt").read_text()
    for name, codes in (("ARCHITECTURES", build.ARCHITECTURES), ("PTX", build.PTX)):
        found = re.search(rf'set\(SYNCHRESIS_{name} "([\d;]+)" CACHE', text)
        assert found and tuple(map(int, found[1].split(";"))) == codes
    assert all(flag in text for flag in build.NVCC_FLAGS)


@pytest.mark.slow
def test_fat_binary_has_every_card(tmp_path: Path) -> None:
    """Half a minute of nvcc: machine code for all cards, PTX for the others."""
    if build.find_nvcc() is None:
        pytest.skip("nvcc is not installed (pip install 'cuda-toolkit[nvcc,cudart,cccl]==13.0.*')")
    build.build_fatbin(tmp_path / build.FATBIN)
    found = contents((tmp_path / build.FATBIN).read_bytes())
    assert found == {("code", a) for a in build.ARCHITECTURES} | {("ptx", a) for a in build.PTX}


def contents(fatbin: bytes) -> set[tuple[str, int]]:
    """Kind and compute capability of each part of a fat binary."""
    magic, _, header, size = struct.unpack_from("<IHHQ", fatbin)
    assert magic == 0xBA55ED50
    parts, at = set(), header
    while at < header + size:
        kind, _, head, length = struct.unpack_from("<HHIQ", fatbin, at)
        (capability,) = struct.unpack_from("<I", fatbin, at + 28)
        parts.add(({1: "ptx", 2: "code"}[kind], capability))
        at += head + length
    return parts


def test_fat_binary_is_compiled_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if (build.SOURCES / build.FATBIN).is_file():
        pytest.skip("this installation ships a fat binary")
    made = []
    monkeypatch.setattr(build, "build_fatbin", lambda target: made.append(target) or target.touch())
    assert build.find_fatbin(tmp_path) == build.find_fatbin(tmp_path) == made[0]
    assert len(made) == 1
    monkeypatch.setattr(build, "NVCC_FLAGS", ("-O1",))
    assert build.find_fatbin(tmp_path) != made[0]


def test_absent_nvcc_is_said_with_the_remedy(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(build, "find_nvcc", lambda: None)
    with pytest.raises(EngineError, match=r"no nvcc is here; install with SYNCHRESIS_CUDA=1"):
        build.build_fatbin(tmp_path / "k.fatbin")


def test_compiler_that_fails_leaves_no_file(tmp_path: Path) -> None:
    if shutil.which("g++") is None:
        pytest.skip("g++ is not installed")
    with pytest.raises(EngineError, match="cannot compile the kernels"):
        build.build_twin(tmp_path / "k.so", flags=["-include", "/no/such.h"])
    with pytest.raises(EngineError, match="compiler no-such-compiler not found"):
        build.build_twin(tmp_path / "k.so", compiler="no-such-compiler")
    assert not list(tmp_path.iterdir())


def test_twins_are_clean_under_sanitizers(tmp_path: Path) -> None:
    """No access outside a buffer, nothing undefined, and no order of threads that matters."""
    if shutil.which("g++") is None:
        pytest.skip("g++ is not installed")
    program = tmp_path / "sanitize"
    flags = ["-std=c++17", "-O1", "-g", "-fsanitize=address,undefined", "-ffp-contract=off"]
    include = [f"-I{build.SOURCES}", "-fno-sanitize-recover=undefined"]
    run(["g++", *flags, *include, str(HERE / "sanitize.cpp"), "-o", str(program)])
    run([str(program)])


def run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]

"""Rules of the project that a reader would otherwise have to check by hand."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PARTS = ("kernels", "engines", "realtime", "bench")
ALLOWED = {
    "kernels": {"kernels"},
    "engines": {"kernels", "engines"},
    "realtime": {"kernels", "engines", "realtime"},
    "bench": set(PARTS),
}
COMMAND_BENCH = ROOT / "realtime/cli/bench.py"  # the door to bench; imports it only to run it
COPIED = ROOT / "engines/evaluation/score_onsets.py"  # the published definition, word for word
FILE_LINES = 400
FUNCTION_LINES = 50
PARAMETERS = 6
FIGURES = ROOT / "engines/scenes"  # place, pose and look of a figure are seven things
HEAVY = ("torch", "onnx", "librosa", "matplotlib", "tensorrt", "tensorrt_rtx", "pycuda")


def modules() -> list[Path]:
    paths = [path for part in PARTS for path in sorted((ROOT / part).rglob("*.py"))]
    return [path for path in paths if path.stem != "__main__"]


def sources() -> list[Path]:
    return [*modules(), *sorted((ROOT / "tests").rglob("*.py"))]


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(("synchresis", *(part for part in parts if part != "__init__")))


def imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_there_is_something_to_check() -> None:
    assert {path.relative_to(ROOT).parts[0] for path in modules()} == set(PARTS)
    assert len(sources()) > 50


def test_every_part_is_reached_through_the_package() -> None:
    for part in PARTS:
        link = ROOT / "src/synchresis" / part
        assert link.is_symlink(), f"{link} must be a link: a checkout without links cannot work"
        assert link.resolve() == ROOT / part


def test_imports_point_one_way() -> None:
    wrong = []
    for path in modules():
        part = path.relative_to(ROOT).parts[0]
        for name in imported(parsed(path)):
            head, _, rest = name.partition(".")
            target = rest.partition(".")[0]
            allowed = PARTS if path == COMMAND_BENCH else ALLOWED[part]
            if head == "synchresis" and target in PARTS and target not in allowed:
                wrong.append(f"{path.relative_to(ROOT)} imports {name}")
    assert not wrong


def test_nothing_is_imported_by_its_bare_name() -> None:
    bare = {"tests", *PARTS}
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in sources()
        for name in imported(parsed(path))
        if name.partition(".")[0] in bare
    ]
    assert not wrong


def test_only_training_and_bench_import_torch() -> None:
    may = (ROOT / "engines/training", ROOT / "engines/scenes", ROOT / "bench")
    wrong = [
        str(path.relative_to(ROOT))
        for path in modules()
        if "torch" in {name.partition(".")[0] for name in imported(parsed(path))}
        and not any(path.is_relative_to(folder) for folder in may)
    ]
    assert not wrong


def test_live_path_imports_without_torch_and_without_the_rest_of_the_heavy() -> None:
    names = [
        name_of(path)
        for path in modules()
        if path.relative_to(ROOT).parts[0] in ("kernels", "realtime")
        or path.relative_to(ROOT).parts[1] in ("motion", "voice", "packs", "runtime")
        or path.parent == ROOT / "engines"
    ]
    code = f"import importlib, sys\nfor name in {names!r}: importlib.import_module(name)\n"
    loaded = run(code + f"print([name for name in {HEAVY!r} if name in sys.modules])")
    assert loaded.strip() == "[]"


@pytest.mark.parametrize("part", PARTS)
def test_every_module_imports(part: str) -> None:
    optional = ("torch", "triton", "onnx", "onnxscript", "tensorrt", "pycuda", "cuda", "librosa")
    names = [name_of(path) for path in modules() if path.relative_to(ROOT).parts[0] == part]
    code = f"""
import importlib
for name in {names!r}:
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as err:
        if (err.name or "").partition(".")[0] not in {optional!r}:
            raise
"""
    run(code)


def test_no_file_is_too_long() -> None:
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in sources()}
    long = {str(p.relative_to(ROOT)): n for p, n in lengths.items() if n > FILE_LINES}
    assert not long


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_no_function_is_too_long() -> None:
    long = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
        for path in sources()
        for node in functions(path)
        if _code_lines(node) > FUNCTION_LINES
    ]
    assert not long


def test_no_function_takes_too_many_arguments() -> None:
    many = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
        for path in modules()
        for node in functions(path)
        if _parameters(node) > PARAMETERS + path.is_relative_to(FIGURES)
        and not _is_kernel(node)
        and path != COPIED
    ]
    assert not many


def test_no_file_is_a_drawer() -> None:
    drawers = {"utils", "util", "helpers", "helper", "common", "misc", "tools"}
    assert not [path for path in sources() if path.stem in drawers]


def test_prose_keeps_to_the_project() -> None:
    kept = [ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md")]
    paths = [*sources(), *kept, *(ROOT / "docs").rglob("*.md")]
    unfinished = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b|NotImplementedError")
    found = [
        f"{path.relative_to(ROOT)}: {match.group()}"
        for path in paths
        if path != Path(__file__)
        for match in unfinished.finditer(path.read_text(encoding="utf-8"))
    ]
    assert not found


def _code_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from the first statement after the docstring to the end."""
    body = node.body
    documented = isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant)
    first = body[1] if documented and len(body) > 1 else body[0]
    return (node.end_lineno or first.lineno) - first.lineno + 1


def _parameters(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    names = [arg.arg for arg in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
    return len([name for name in names if name not in ("self", "cls")])


def _is_kernel(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Numba's and torch's inner loops take plain arrays, not structs."""
    decorators = " ".join(ast.unparse(item) for item in node.decorator_list)
    return "jit" in decorators

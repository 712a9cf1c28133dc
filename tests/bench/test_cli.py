import json
import subprocess
import sys

import pytest

from synchresis.bench.options import BENCHES, Options
from synchresis.bench.result import Report, Result, write_report
from synchresis.realtime.cli.bench import DESCRIPTIONS
from synchresis.realtime.cli.main import main


def report(value):
    return Report("latency", {"cores": 2}, [Result("a.p50", value, "ms", peer="x", ratio=0.5)])


@pytest.fixture
def files(tmp_path):
    write_report(report(2.0), tmp_path / "a.json")
    write_report(report(3.0), tmp_path / "b.json")
    return tmp_path


def test_compare_prints_every_metric(files, capsys):
    assert main(["bench", "compare", str(files / "a.json"), str(files / "b.json")]) == 0
    assert "1.500" in capsys.readouterr().out


def test_compare_of_a_missing_file_is_one_line_and_code_2(files, capsys):
    assert main(["bench", "compare", str(files / "a.json"), str(files / "none.json")]) == 2
    error = capsys.readouterr().err
    assert error.startswith("synchresis: error: report")
    assert error.count("\n") == 1


def test_report_makes_one_page_of_several(files):
    page = files / "page.html"
    code = main(
        ["bench", "report", str(files / "a.json"), str(files / "b.json"), "--html", str(page)]
    )
    assert code == 0
    assert page.read_text().count("<h2>latency</h2>") == 2


@pytest.mark.parametrize("option", ["--json", "--html"])
def test_where_nothing_can_be_written_nothing_is_measured(option, files, capsys, monkeypatch):
    fake = type("Fake", (), {"run": staticmethod(lambda options: pytest.fail("measured"))})
    monkeypatch.setitem(sys.modules, "synchresis.bench.soak", fake)
    for path, why in ((files / "none" / "out", "does not exist"), (files, "is a folder")):
        assert main(["bench", "soak", option, str(path)]) == 2
        error = capsys.readouterr().err
        assert str(path) in error and why in error and error.count("\n") == 1


def test_measured_report_is_printed_written_and_shown(files, capsys, monkeypatch):
    seen = []
    fake = type(
        "Fake", (), {"run": staticmethod(lambda options: seen.append(options) or report(1.5))}
    )
    monkeypatch.setitem(sys.modules, "synchresis.bench.soak", fake)
    out, page = files / "out.json", files / "out.html"
    arguments = ["--seed", "3", "--quick", "--hours", "0.5"]
    assert main(["bench", "soak", *arguments, "--json", str(out), "--html", str(page)]) == 0
    assert seen == [Options(seed=3, quick=True, hours=0.5)]
    assert "ratio 0.5 to x" in capsys.readouterr().out
    assert json.loads(out.read_text())["results"][0]["value"] == 1.5
    assert page.exists()
    assert main(["bench", "soak", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["bench"] == "latency"


def test_every_benchmark_has_its_command():
    assert set(DESCRIPTIONS) == set(BENCHES)


def test_help_loads_no_benchmark():
    code = (
        "import sys\n"
        "from synchresis.realtime.cli.main import build_parser\n"
        "build_parser(['bench'])\n"
        "heavy = [m for m in sys.modules if m.startswith('synchresis.bench') or m == 'numpy']\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_parts_and_repeats_of_options():
    assert Options().wants("anything")
    assert not Options(parts=("age",)).wants("sound")
    assert Options(quick=True).repeats(1000) == 100
    assert Options(quick=True).repeats(50) == 10


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["latency", "--part", "nosuch"], "its parts are start, service, age, spread, sound"),
        (["voice", "--part", "scenes"], "it has no parts"),
        (["latency", "--device", "cuda"], "bench engines --device cuda"),
    ],
)
def test_what_would_be_passed_over_in_silence_is_refused(argv, said, capsys):
    assert main(["bench", *argv]) == 2
    assert said in capsys.readouterr().err


def test_a_missing_library_is_named_with_the_remedy(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "psutil", None)
    for name in [name for name in sys.modules if name.startswith("synchresis.bench.soak")]:
        monkeypatch.delitem(sys.modules, name)
    assert main(["bench", "soak", "--quick"]) == 2
    assert "needs psutil: pip install '.[bench]'" in capsys.readouterr().err


def test_goals_of_two_machines_are_not_mixed(tmp_path, capsys):
    for name in ("one", "two"):
        write_report(Report("latency", {"processor": name}, []), tmp_path / f"{name}.json")
    assert main(["bench", "goals", *(str(path) for path in tmp_path.glob("*.json"))]) == 2
    assert "reports of one and two: give those of one machine" in capsys.readouterr().err

"""`bench/results/record` on a made-up `synchresis`: what it keeps, replaces, and says."""

import os
import subprocess
from pathlib import Path

import pytest

from synchresis.bench.result import Report, Result, encode_report, read_report

RECORD = Path(__file__).parents[2] / "bench/results/record"

COMMAND = """\
#!/bin/sh
for last; do :; done  # the file to write, or the last report of `goals`
case "$2 $4" in
"latency start") echo broken >&2; exit 2 ;;
engines*) cp {folder}/incomplete "$last" ;;
goals*) echo goals of "$#" ;;
*) cp {folder}/new "$last" ;;
esac
"""


@pytest.fixture
def folder(tmp_path):
    def report(value, metric="x.complete"):
        return encode_report(Report("x", {}, [Result(metric, value, "count"), Result("y", 0, "1")]))

    (tmp_path / "new").write_bytes(report(1.0))
    (tmp_path / "incomplete").write_bytes(report(0, "engines.onnx.voice.batch1.runs"))
    (tmp_path / "command").write_text(COMMAND.format(folder=tmp_path))
    (tmp_path / "command").chmod(0o755)
    results = tmp_path / "results"
    results.mkdir()
    for name in ("latency_service", "latency_start", "engines"):
        (results / f"{name}.json").write_bytes(report(7.0, "earlier"))
    return tmp_path


def record(folder, *names):
    return subprocess.run(
        [RECORD, folder / "results", *names],
        env={**os.environ, "SYNCHRESIS": str(folder / "command")},
        capture_output=True,
        text=True,
        check=False,
    )


def first(folder, name):
    return read_report(folder / "results" / f"{name}.json").results[0].metric


def test_what_fails_keeps_its_earlier_result_and_is_said_at_the_end(folder):
    done = record(folder, "service", "start", "engines", "kernels")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "record: FAILED: latency_start engines"
    assert first(folder, "latency_service") == first(folder, "kernels") == "x.complete"
    assert first(folder, "latency_start") == first(folder, "engines") == "earlier"
    assert "goals of 6" in done.stdout, "over all there is, the new and the old"


def test_when_all_is_well_it_says_so(folder):
    done = record(folder, "service", "spread")
    assert done.returncode == 0, done.stderr
    assert "FAILED" not in done.stderr
    assert first(folder, "latency_spread") == "x.complete"


def test_unknown_names_and_no_folder_are_refused(folder):
    assert record(folder, "everything").returncode == 2
    alone = subprocess.run([RECORD], capture_output=True, text=True, check=False)
    assert alone.returncode != 0
    assert "folder to write to" in alone.stderr

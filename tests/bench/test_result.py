import json

import numpy as np
import pytest

from synchresis.bench.case import Case, Timing
from synchresis.bench.environment import stamp_environment
from synchresis.bench.result import (
    Histogram,
    Image,
    Report,
    Result,
    Table,
    comparison,
    distribution_results,
    read_report,
    thinned,
    timing_results,
    write_report,
)
from synchresis.errors import InputError


def report():
    return Report(
        "latency",
        stamp_environment(seed=7),
        [Result("a.p50", 1.5, "ms"), Result("flow", 0.5, "ms", peer="DIS fast 1 ms", ratio=0.5)],
        [
            Histogram("ages", "ms", {"live": [1.0, 2.0]}),
            Table("sync", ["clip", "F1"], [["ball", "0.5"]]),
            Image("spectrogram", "AAAA"),
        ],
    )


def test_file_has_the_documented_shape(tmp_path):
    write_report(report(), tmp_path / "out.json")
    data = json.loads((tmp_path / "out.json").read_text())
    assert data["bench"] == "latency"
    assert set(data["results"][1]) == {"metric", "value", "unit", "peer", "ratio", "note"}
    assert data["results"][1]["ratio"] == 0.5
    assert {"processor", "cores", "versions", "seed", "commit"} <= set(data["host"])
    assert data["host"]["seed"] == 7
    assert "numpy" in data["host"]["versions"]


def test_a_report_survives_the_file(tmp_path):
    write_report(report(), tmp_path / "out.json")
    assert read_report(tmp_path / "out.json").results == report().results
    assert read_report(tmp_path / "out.json").figures == report().figures
    assert [path.name for path in tmp_path.iterdir()] == ["out.json"], "no temporary file is left"


def test_a_metric_is_found_by_name():
    assert report().value("flow") == 0.5
    with pytest.raises(InputError, match="no metric nothing"):
        report().value("nothing")


@pytest.mark.parametrize("text", [b"", b"{", b'{"bench": 1}', b"[]"])
def test_other_files_are_refused_by_name(tmp_path, text):
    path = tmp_path / "wrong.json"
    path.write_bytes(text)
    with pytest.raises(InputError, match=r"wrong\.json"):
        read_report(path)


def test_missing_file_and_unwritable_folder_are_named(tmp_path):
    with pytest.raises(InputError, match=r"absent\.json"):
        read_report(tmp_path / "absent.json")
    with pytest.raises(InputError, match="cannot write"):
        write_report(report(), tmp_path / "nowhere" / "out.json")


def test_timing_gives_percentiles_and_misses_never_a_mean():
    timing = Timing(Case("flow", deadline_ms=50.0), np.arange(101.0))
    values = {result.metric: result.value for result in timing_results(timing)}
    assert values == {
        "flow.p50": 50,
        "flow.p95": 95,
        "flow.p99": 99,
        "flow.max": 100,
        "flow.misses": 50,
    }


def test_comparison_is_ours_over_the_peers():
    ours, peer = Timing(Case("ours"), np.full(3, 1.0)), Timing(Case("DIS"), np.full(3, 4.0))
    result = comparison("flow", ours, peer, note="one thread each")
    assert result.ratio == 0.25
    assert result.peer == "DIS 4 ms"


def test_distribution_of_a_signed_quantity():
    rows = distribution_results("d", [float(v) for v in range(-50, 51)])
    values = {result.metric: result.value for result in rows}
    assert values["d.count"] == 101
    assert (values["d.p5"], values["d.p50"], values["d.p95"]) == (-45, 0, 45)
    assert values["d.p95_minus_p5"] == 90
    assert [result.metric for result in distribution_results("d", [])] == ["d.count"]


def test_thinning_keeps_the_extremes():
    kept = thinned(range(10_000), keep=100)
    assert len(kept) == 100
    assert (kept[0], kept[-1]) == (0, 9999)
    assert thinned([3, 1, 2]) == [1, 2, 3]

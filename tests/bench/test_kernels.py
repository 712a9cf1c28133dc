"""Bench of the kernels: who is compared with whom."""

import numpy as np
import pytest

from synchresis.bench import kernels
from synchresis.bench.case import Case, Timing
from synchresis.bench.kernels_flow import Peer, fastest_as_good, measure_flow
from synchresis.bench.options import Options


def _peer(name: str, error: float, ms: float) -> Peer:
    return Peer(name, {"a": error, "b": error}, Timing(Case(name), np.full(3, ms)))


def test_the_rival_is_the_fastest_dis_that_is_as_accurate() -> None:
    ours = _peer("ours", 0.2, 1.0)
    others = [
        _peer("DIS fast 1/1", 0.3, 2.0),
        _peer("DIS medium 1/1", 0.1, 8.0),
        _peer("DIS medium 1/2", 0.2, 4.0),
        _peer("Farneback", 0.1, 0.1),
    ]
    rival, as_good = fastest_as_good(ours, others)
    assert rival.name == "DIS medium 1/2" and as_good
    rival, as_good = fastest_as_good(_peer("ours", 0.05, 1.0), others)
    assert rival.name == "DIS medium 1/1" and not as_good


def test_flow_is_measured_against_every_configuration() -> None:
    results, figures = measure_flow(Options(quick=True), 120, 160)
    by_name = {result.metric: result for result in results}
    assert by_name["flow.160x120.time"].ratio == pytest.approx(
        by_name["flow.160x120.time"].value
        / float(by_name["flow.160x120.time"].peer.split(" ms")[0].split()[-1]),
        rel=0.01,
    )
    assert sum(".against." in name for name in by_name) == 10
    assert by_name["flow.160x120.error"].ratio < 1.0
    assert len(figures) == 2


def test_overlap_add_is_measured_by_hop_and_in_bulk() -> None:
    report = kernels.run(Options(quick=True, parts=("overlap-add",)))
    names = {result.metric for result in report.results}
    assert {"overlap_add.hop.time", "overlap_add.bulk.time"} <= names
    assert not any(name.startswith("flow") for name in names)
    assert all(result.ratio is None or result.ratio > 0 for result in report.results)

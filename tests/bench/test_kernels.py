"""Bench of the kernels: who is compared with whom."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from synchresis.bench import kernels
from synchresis.bench.case import Case, Timing
from synchresis.bench.kernels_flow import (
    Peer,
    dis_configurations,
    fastest_as_good,
    flow_figures,
    flow_results,
    measure_flow,
    worth_timing,
)
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


def test_every_scale_of_every_preset_competes() -> None:
    names = list(dis_configurations(320))
    assert len(names) == len(set(names)) == 3 * 8
    assert {"DIS fast 1/1", "DIS fast 7/8", "DIS medium 1/4", "DIS ultrafast 1/8"} <= set(names)
    errors = {"DIS fast 1/1": 0.3, "DIS fast 7/8": 0.2, "DIS fast 3/4": 0.21, "Farneback": 9.0}
    assert worth_timing(errors, 0.2) == ["DIS fast 1/1", "DIS fast 7/8", "Farneback"]


def test_smaller_inputs_give_flow_of_the_whole_picture() -> None:
    rng = np.random.default_rng(0)
    picture = cv2.GaussianBlur(rng.integers(0, 255, (120, 168), np.uint8), (0, 0), 2.0)
    before, after = picture[:, 4:164].copy(), picture[:, :160].copy()
    for name in ("DIS fast 1/1", "DIS fast 3/4", "DIS fast 1/2"):
        flow = dis_configurations(160)[name](before, after)
        assert flow.shape[1] / 30 == flow.shape[2] / 40
        pixels = np.median(flow[0]) * 160 / flow.shape[2]
        assert pixels == pytest.approx(4, abs=0.6)


def test_flow_is_measured_against_the_peers_and_over_the_sizes() -> None:
    contest = measure_flow(Options(quick=True), 120, 160)
    by_name = {result.metric: result for result in flow_results(contest)}
    time = by_name["flow.160x120.time"]
    rival_ms = float(time.peer.split(" ms")[0].split()[-1])
    assert time.ratio == pytest.approx(time.value / rival_ms, rel=0.01)
    assert sum(".against." in name for name in by_name) == len(contest.others) >= 10
    assert len(contest.others) + len(contest.untimed) == 13
    assert all(error > contest.ours.error for error in contest.untimed.values())
    assert by_name["flow.160x120.error"].ratio < 1.0
    compared = [result for result in by_name.values() if result.peer]
    assert all("equal" in each.note or "flow.160x120.time" in each.note for each in compared)
    assert len(flow_figures([contest])) == 2
    larger = replace(contest, width=320, height=240)
    sizes, *_ = flow_figures([contest, larger])
    assert [width for width, _ in sizes.series["ours"]] == [160, 320]
    assert "DIS medium 1/1" in sizes.series
    costs, _ = flow_figures([contest])
    assert set(costs.series) == {"ours", "DIS ultrafast", "DIS fast", "DIS medium", "Farneback"}
    assert sum(map(len, costs.series.values())) == 1 + len(contest.others)


def test_overlap_add_is_measured_by_hop_and_in_bulk() -> None:
    report = kernels.run(Options(quick=True, parts=("overlap-add",)))
    names = {result.metric for result in report.results}
    assert {"overlap_add.hop.time", "overlap_add.bulk.time"} <= names
    assert not any(name.startswith("flow") for name in names)
    assert all(result.ratio is None or result.ratio > 0 for result in report.results)

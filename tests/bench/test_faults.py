from itertools import pairwise

import numpy as np
import pytest

from synchresis.bench.faults import LENGTHS_S, RECOVERY_S, Fault, FaultySource, plan_faults
from synchresis.engines.frame import Frame
from synchresis.errors import ParameterError

NS = 1_000_000_000
STEP = NS // 50


class Steady:
    """50 frames a second on a clock that each read advances."""

    name, nominal_fps, estimated, away, finished, lost = "steady", 50.0, False, False, False, 0

    def __init__(self):
        self.time_ns = 7 * NS
        self.number = 0
        self.closed = False

    def now(self):
        return self.time_ns

    def read(self, timeout_s):
        self.time_ns += STEP
        self.number += 1
        return Frame(np.zeros((2, 2), np.uint8), self.time_ns, self.number)

    def close(self):
        self.closed = True


def played(faults, reads=300):
    steady = Steady()
    source = FaultySource(steady, faults, now_ns=steady.now)
    seen = [(source.read(1.0), steady.time_ns) for _ in range(reads)]
    return source, [(frame, now) for frame, now in seen if frame is not None]


def test_without_faults_everything_passes_untouched():
    source, frames = played([])
    assert [frame.sequence for frame, _ in frames] == list(range(1, 301))
    assert all(frame.captured_ns == now for frame, now in frames)
    source.close()
    assert source._source.closed


def test_a_stall_swallows_frames_and_counts_them():
    source, frames = played([Fault("stall", 1.0, 2.0)])
    gaps = np.diff([frame.captured_ns for frame, _ in frames])
    assert gaps.max() == pytest.approx(2 * NS, abs=2 * STEP)
    assert source.lost == 300 - len(frames) == pytest.approx(100, abs=2)


def test_a_burst_holds_frames_and_gives_them_all_at_once_in_order():
    source, frames = played([Fault("burst", 1.0, 0.5)])
    numbers = [frame.sequence for frame, _ in frames]
    assert numbers == sorted(set(numbers))
    ages = [now - frame.captured_ns for frame, now in frames]
    assert max(ages) == pytest.approx(0.5 * NS, abs=2 * STEP)
    at_once = [now for frame, now in frames if now - frame.captured_ns > 0]
    assert len(at_once) >= 24
    assert len(set(at_once)) == 1, "without waiting for the source"
    assert source.lost == 0


def test_a_jump_moves_the_stamps_for_a_while():
    _, frames = played([Fault("jump", 1.0, 1.0, shift_s=-0.5)])
    moved = [frame for frame, now in frames if frame.captured_ns == now - NS // 2]
    normal = [frame for frame, now in frames if frame.captured_ns == now]
    assert len(moved) == pytest.approx(50, abs=2)
    assert len(moved) + len(normal) == 300


def test_plan_leaves_time_to_recover_and_repeats_with_its_seed():
    plan = plan_faults(600, seed=4)
    assert plan == plan_faults(600, seed=4)
    assert plan != plan_faults(600, seed=5)
    assert {fault.kind for fault in plan} == set(LENGTHS_S)
    assert plan[0].begin_s >= 3
    assert plan[-1].end_s + RECOVERY_S[plan[-1].kind] <= 600
    for fault, after in pairwise(plan):
        assert after.begin_s >= fault.end_s + RECOVERY_S[fault.kind] - 1e-6
    assert all(fault.shift_s != 0 for fault in plan if fault.kind == "jump")
    with pytest.raises(ParameterError, match="every_s=0"):
        plan_faults(60, seed=0, every_s=0)


def test_a_kill_is_none_of_the_sources_business():
    _, frames = played([Fault("kill_parser", 1.0, 1.0)])
    assert len(frames) == 300

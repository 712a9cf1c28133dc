import gc
import os
import time

import numpy as np
import pytest

from synchresis.bench.case import (
    Case,
    Timing,
    measure,
    measure_noise,
    measure_together,
    pinned_to_one_core,
)
from synchresis.errors import ParameterError


def test_warm_up_is_called_but_not_timed():
    calls = []
    timing = measure(Case("x", warmup=3, repeats=5), lambda: calls.append(gc.isenabled()))
    assert len(calls) == 8
    assert timing.samples_ms.shape == (5,)
    assert calls[3:] == [False] * 5, "the garbage collector must rest while timing"
    assert gc.isenabled()


def test_inner_calls_are_averaged_inside_one_timing():
    calls = []
    timing = measure(Case("x", warmup=0, repeats=4, inner=10), lambda: calls.append(1))
    assert len(calls) == 40
    assert timing.samples_ms.shape == (4,)


def test_steps_measured_together_take_turns():
    order = []
    pairs = [
        (Case("a", warmup=0, repeats=3), lambda: order.append("a")),
        (Case("b", warmup=0, repeats=2), lambda: order.append("b")),
    ]
    first, second = measure_together(pairs)
    assert order == ["a", "b", "a", "b", "a"]
    assert (len(first.samples_ms), len(second.samples_ms)) == (3, 2)


def test_percentiles_and_misses_of_known_samples():
    timing = Timing(Case("x", deadline_ms=90.0), np.arange(101.0))
    assert (timing.p50, timing.p95, timing.p99, timing.max) == (50, 95, 99, 100)
    assert timing.misses == 10
    assert Timing(Case("x"), np.arange(101.0)).misses == 0


def test_noise_of_the_same_step_is_a_small_positive_ratio():
    noise = measure_noise(Case("x", warmup=5, repeats=50, inner=20), lambda: sum(range(500)))
    assert 0 <= noise < 3


@pytest.mark.parametrize("wrong", [{"warmup": -1}, {"repeats": 0}, {"inner": 0}])
def test_nonsense_counts_are_refused(wrong):
    with pytest.raises(ParameterError, match="case x"):
        Case("x", **wrong)


def test_pinning_is_undone():
    before = os.sched_getaffinity(0)
    with pinned_to_one_core() as core:
        assert os.sched_getaffinity(0) == {core}
    assert os.sched_getaffinity(0) == before


def test_processor_time_leaves_waiting_out():
    timing = measure(Case("x", warmup=0, repeats=3), lambda: time.sleep(0.02))
    assert timing.p50 >= 20
    assert timing.cpu_p50 < 10
    assert Timing(Case("x"), np.zeros(3)).cpu_p50 is None

import pytest

from synchresis.engines.sample_clock import VIRTUAL, SampleClock
from synchresis.engines.timebase import NS_PER_S, ns_of, sample_of


@pytest.mark.parametrize("time_ns", [0, 1, 10_416, 10_417, 20_833, NS_PER_S, 86_400 * NS_PER_S + 7])
def test_virtual_clock_is_the_timebase(time_ns: int) -> None:
    assert VIRTUAL.sample_of(time_ns) == sample_of(time_ns)
    assert VIRTUAL.ns_of(VIRTUAL.sample_of(time_ns)) == ns_of(sample_of(time_ns))


def test_samples_survive_the_round_trip_for_weeks() -> None:
    clock = SampleClock(origin_ns=123_456_789, origin_sample=777, rate_mhz=48_002_400)
    for sample in (777, 778, 10**6, 28 * 86_400 * 48_000):
        assert clock.sample_of(clock.ns_of(sample)) == sample


def test_a_faster_device_plays_more_samples() -> None:
    fast = SampleClock(rate_mhz=48_004_800)  # 100 parts per million
    assert fast.sample_of(100 * NS_PER_S) == 4_800_480

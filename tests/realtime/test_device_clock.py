import numpy as np
import pytest

from synchresis.engines.timebase import NS_PER_S
from synchresis.realtime.device_clock import CREEP_NS, SETTLE_NS, DeviceClock

MS = 1_000_000
LATENCY = 5 * MS
BEGIN = 77 * NS_PER_S


def watch(
    clock: DeviceClock,
    rng: np.random.Generator,
    *,
    seconds: float,
    begin_ns: int = BEGIN,
    sample: int = 512,
    period: int = 128,
    ppm: float = 0.0,
    first_call_ns: int = 2 * MS,
    late_ms: float = 1.0,
) -> None:
    """Look at a device that takes a period at a time, at moments that are never early."""
    rate = 48_000 * (1 + ppm / 1e6)
    clock.start(begin_ns, sample, LATENCY)
    now = begin_ns
    while now < begin_ns + seconds * NS_PER_S:
        now += int((0.5 + late_ms * rng.random()) * MS)
        calls = max(int((now - begin_ns - first_call_ns) * rate / NS_PER_S // period) + 1, 0)
        clock.observe(now, calls * period)


def error_us(
    clock: DeviceClock, *, at_s: float, begin_ns: int = BEGIN, sample: int = 512, ppm: float = 0.0
) -> float:
    """How far the line is from the truth for the sample heard at a time after the start."""
    rate = 48_000 * (1 + ppm / 1e6)
    count = int(at_s * 48_000)
    true_ns = begin_ns + 2 * MS + LATENCY + count * NS_PER_S / rate
    return (clock.line.ns_of(sample + count) - true_ns) / 1e3


@pytest.mark.parametrize("period", [64, 128, 441, 1024])
def test_finds_the_line_and_the_period_within_a_second(
    rng: np.random.Generator, period: int
) -> None:
    clock = DeviceClock()
    watch(clock, rng, seconds=1.2, period=period)
    assert abs(error_us(clock, at_s=1.2)) < 300
    assert clock.period == period


def test_late_wake_ups_do_not_move_it(rng: np.random.Generator) -> None:
    clock = DeviceClock()
    watch(clock, rng, seconds=5, late_ms=6.0)
    assert abs(error_us(clock, at_s=5)) < 400


@pytest.mark.parametrize("ppm", [-80.0, 80.0])
def test_follows_a_device_that_drifts(rng: np.random.Generator, ppm: float) -> None:
    clock = DeviceClock()
    watch(clock, rng, seconds=60, ppm=ppm)
    unwatched_us = 60 * 80
    assert abs(error_us(clock, at_s=60, ppm=ppm)) < 400 < unwatched_us / 10


def test_once_settled_it_creeps(rng: np.random.Generator) -> None:
    clock = DeviceClock()
    watch(clock, rng, seconds=3)
    before = clock.line.origin_ns
    taken = 10**9  # a nonsense report: far ahead of its time
    clock.observe(BEGIN + 5 * NS_PER_S, taken)
    assert abs(clock.line.origin_ns - before) <= CREEP_NS
    assert SETTLE_NS <= NS_PER_S


def test_a_new_start_draws_a_new_line(rng: np.random.Generator) -> None:
    clock = DeviceClock()
    watch(clock, rng, seconds=2)
    later = BEGIN + 10 * NS_PER_S
    watch(clock, rng, seconds=2, begin_ns=later, sample=999_936)
    assert abs(error_us(clock, at_s=2, begin_ns=later, sample=999_936)) < 300


def watch_pause(
    clock: DeviceClock, rng: np.random.Generator, *, pause: int, seconds: float, back: float = 9.0
) -> None:
    """Look on while a device is `pause` ns behind, and until `back` seconds later no longer."""
    begin = now = BEGIN + 3 * NS_PER_S
    while now < begin + seconds * NS_PER_S:
        now += int((0.5 + rng.random()) * MS)
        behind = pause if now < begin + back * NS_PER_S else 0
        calls = max(int((now - behind - BEGIN - 2 * MS) * 48_000 / NS_PER_S // 128) + 1, 0)
        clock.observe(now, calls * 128)


@pytest.mark.parametrize("periods", [1, 9])
def test_follows_a_device_that_paused_within_a_quarter_of_a_second(
    rng: np.random.Generator, periods: int
) -> None:
    """A sound server that missed nine periods plays everything 24 ms later from then on."""
    clock = DeviceClock()
    watch(clock, rng, seconds=3)
    pause = periods * 128 * NS_PER_S // 48_000
    watch_pause(clock, rng, pause=pause, seconds=0.25 + pause / NS_PER_S)
    assert abs(error_us(clock, at_s=3.25) - pause / 1e3) < 500


def test_follows_a_device_that_caught_up(rng: np.random.Generator) -> None:
    clock = DeviceClock()
    watch(clock, rng, seconds=3)
    watch_pause(clock, rng, pause=8 * MS, seconds=1.3, back=1.0)
    assert abs(error_us(clock, at_s=4.3)) < 500


def test_a_few_late_calls_are_no_pause(rng: np.random.Generator) -> None:
    clock = DeviceClock()
    watch(clock, rng, seconds=3)
    before = clock.line.origin_ns
    for second in range(5):
        now = BEGIN + (4 + second) * NS_PER_S
        clock.observe(now, (now - 30 * MS - BEGIN) * 48_000 // NS_PER_S // 128 * 128)
    assert abs(clock.line.origin_ns - before) <= 5 * CREEP_NS


def test_a_device_that_came_back_is_on_time_from_the_first_window_on(
    rng: np.random.Generator,
) -> None:
    """Its first burst says nothing: nobody knows yet how much it takes at once."""
    clock = DeviceClock()
    watch(clock, rng, seconds=2, period=1024)
    later = BEGIN + 10 * NS_PER_S
    clock.forget_period()
    watch(clock, rng, seconds=0.15, begin_ns=later, period=1024)
    assert abs(error_us(clock, at_s=0.15, begin_ns=later)) < 1000

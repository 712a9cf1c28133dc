from collections import deque

import pytest

from synchresis.realtime.delay import DelayMeter, DelayParts, auto_lookahead_ns, p99

MS = 1_000_000
PARTS = DelayParts(
    camera=int(10.2 * MS),
    frame_interval=33 * MS,
    parse=9 * MS,
    transport=MS // 2,
    hop_wait=int(5.33 * MS),
    ring=int(10.67 * MS),
    rise=int(1.33 * MS),
    device=5 * MS,
)


def test_delay_is_the_sum_rounded_up_less_the_lookahead_and_never_negative() -> None:
    assert PARTS.delay_ns == 76 * MS
    from dataclasses import replace

    assert replace(PARTS, lookahead=20 * MS).delay_ns == 56 * MS
    assert replace(PARTS, lookahead=-50 * MS).delay_ns == 126 * MS
    assert replace(PARTS, lookahead=120 * MS).delay_ns == 0


@pytest.mark.parametrize(
    ("before_ms", "limit_ms", "lookahead_ms"),
    [(75.03, 120, 80), (80, 120, 80), (80.001, 120, 85), (75, 62, 60), (75, 0, 0), (75, -5, 0)],
)
def test_automatic_lookahead_is_the_smallest_step_that_is_enough_and_allowed(
    before_ms: float, limit_ms: float, lookahead_ms: int
) -> None:
    got = auto_lookahead_ns(round(before_ms * MS), round(limit_ms * MS))
    assert got == lookahead_ms * MS


def test_percentile_is_a_value_that_was_measured() -> None:
    assert p99(deque()) == 0
    assert p99(deque([7])) == 7
    assert p99(deque(range(1, 101))) == 99
    assert p99(deque(range(1, 51))) == 50


def test_meter_names_where_the_time_goes() -> None:
    meter = DelayMeter()
    for n in range(60):
        captured = n * 40 * MS + (3 * MS if n == 30 else 0)
        arrived = captured + 11 * MS
        meter.add(captured, arrived, 8 * MS, arrived + 8 * MS + MS // 4)
    parts = meter.parts(nominal_fps=30, ring_hops=3, device_ns=4 * MS, lookahead_ns=5 * MS)
    assert parts.camera == 11 * MS
    assert parts.parse == 8 * MS
    assert parts.transport == MS // 4
    assert parts.frame_interval == 40 * MS
    assert parts.ring == 3 * (256 * 1_000_000_000 // 48_000)
    assert (parts.device, parts.lookahead) == (4 * MS, 5 * MS)


def test_frame_interval_is_nominal_until_frames_were_seen() -> None:
    meter = DelayMeter()
    assert meter.interval_ns(50) == 20 * MS
    meter.add(0, 0, 0, 0)
    meter.add(33 * MS, 34 * MS, 0, 0)
    assert meter.interval_ns(50) == 33 * MS

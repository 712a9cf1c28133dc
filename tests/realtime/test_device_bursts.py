"""The loop and its device: when hops begin, what the line learns, what another device changes."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from synchresis.engines.timebase import HOP
from synchresis.realtime.delay import HOP_NS
from synchresis.realtime.record import Hit

MS = 1_000_000
MakeStage = Callable[..., Any]


def test_hops_begin_right_after_the_burst_that_makes_room(make_stage: MakeStage) -> None:
    """Wherever the line began, and although hops take their time, up to half a millisecond late."""
    stage = make_stage()
    stage.warm_up()
    stage.wake_ns = 100_000
    waits_ns: list[int] = []
    play, step = stage.device.write, 128 * 1_000_000_000 // 48_000

    def write(block: NDArray[np.float32], hop: int) -> None:
        waits_ns.append(stage.clock.now_ns() - (stage.device._next_ns - step))
        stage.clock.time_ns += 900_000  # a hop's own time
        play(block, hop)

    stage.device.write = write
    stage.run_until(stage.clock.now_ns() + 2000 * MS)
    assert len(waits_ns) >= 370
    assert np.percentile(waits_ns[50:], 95) < 500_000


def test_a_look_at_the_device_that_is_held_up_never_seems_early(make_stage: MakeStage) -> None:
    stage = make_stage()
    stage.warm_up()
    seen = []
    queued, observe = type(stage.device).queued, stage.loop.device_clock.observe

    class Held(type(stage.device)):  # type: ignore[misc]
        """Whoever asks is held up for 3 ms after the answer."""

        @property
        def queued(self) -> int:
            left = int(queued.fget(self))
            self.clock.time_ns += 3 * MS
            return left

    def note(now_ns: int, taken: int) -> None:
        seen.append(now_ns - stage.loop.device_clock.burst_ns(taken))
        observe(now_ns, taken)

    stage.device.__class__ = Held
    stage.loop.device_clock.observe = note
    stage.loop.tick()
    assert seen
    assert min(seen) > 2 * MS


def line_error_us(stage: Any) -> float:
    """How far the line is from the truth, by when the device takes its next burst."""
    device, loop = stage.device, stage.loop
    _ = device.queued
    taken = loop._written - len(device._queue)
    return float(loop.device_clock.burst_ns(taken + device.period) - device._next_ns) / 1e3


def slow_hop(stage: Any, *, hop_ns: int) -> None:
    """The next hop takes so long."""
    step = stage.loop.playout.step

    def once(hop: int) -> Any:
        stage.clock.time_ns += hop_ns
        stage.loop.playout.step = step
        return step(hop)

    stage.loop.playout.step = once


def settle(stage: Any, seconds: float) -> None:
    stage.run_until(stage.clock.now_ns() + round(seconds * 1000) * MS)


@pytest.mark.parametrize("period", [256, 512, 1024])
def test_another_device_is_learned_anew(make_stage: MakeStage, period: int) -> None:
    """It went away, a clock stood in that takes 128 at once, and what came back takes more."""
    stage = make_stage()
    stage.warm_up()
    stage.wake_ns = 100_000
    device, before = stage.device, stage.loop.parts
    device.running, device.period, device.devices = False, period, device.devices + 1
    device._queue = device._queue[:0]
    settle(stage, 4)
    calm = device.stalls
    settle(stage, 2)
    assert device.stalls == calm
    assert stage.loop.device_clock.period == period
    assert abs(line_error_us(stage)) < 300
    assert stage.loop.buffer_hops == max(2, -(-period // HOP) + 1)
    parts = stage.loop.parts
    longer_ns = (period - 128) * 1_000_000_000 // 48_000
    assert abs(parts.device - before.device - longer_ns) <= 1
    assert parts.ring == (stage.loop.buffer_hops - 1) * HOP_NS
    assert stage.loop.playout.delay_ns == parts.delay_ns


@pytest.mark.parametrize("period", [480, 512, 1024])
def test_what_a_device_took_last_is_no_period(make_stage: MakeStage, period: int) -> None:
    """The ring runs empty twice while hops are made, and what was left is less than a burst."""
    stage = make_stage(buffer_hops=6)
    stage.device.period = period
    stage.warm_up()
    for _ in range(2):
        slow_hop(stage, hop_ns=60 * MS)
        settle(stage, 0.33)
    assert stage.device.stalls == 2
    settle(stage, 2)
    assert stage.loop.device_clock.period == period
    assert abs(line_error_us(stage)) < 600


@pytest.mark.parametrize("hop_ns", [300_000, 2_000_000])
@pytest.mark.parametrize("shift_ns", [-2_600_000, 2_600_000])
def test_the_line_follows_a_device_that_caught_up_or_paused(
    make_stage: MakeStage, hop_ns: int, shift_ns: int
) -> None:
    stage = make_stage()
    stage.warm_up()
    stage.wake_ns = 100_000
    step = stage.loop.playout.step

    def slow(hop: int) -> Any:
        stage.clock.time_ns += hop_ns
        return step(hop)

    stage.loop.playout.step = slow
    settle(stage, 3)
    assert abs(line_error_us(stage)) < 200
    stage.device._next_ns += shift_ns
    settle(stage, 0.7)
    assert abs(line_error_us(stage)) < 600


def test_a_hop_made_while_the_ring_ran_empty_is_played_once_and_fades_in(
    make_stage: MakeStage,
) -> None:
    stage = make_stage()
    stage.warm_up()
    stage.loop.command(Hit(0, 1.0))
    settle(stage, 0.02)
    stalls, first = stage.device.stalls, len(stage.device.heard)
    made = len(stage.device.hops)
    slow_hop(stage, hop_ns=9 * MS)
    settle(stage, 0.1)
    assert stage.device.stalls == stalls + 1
    hops = stage.device.hops[made:]
    assert hops == list(range(hops[0], hops[0] + len(hops)))
    fades = [step.fade for step in stage.loop.record.steps if getattr(step, "fade", None)]
    assert len(fades) == 1
    taken = np.concatenate([part for _, part in stage.device.heard[first:]])
    assert len(taken) >= (len(hops) - 3) * HOP
    assert stage.loop._written - len(stage.device._queue) <= len(taken)

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from synchresis.engines.frame import Frame
from synchresis.engines.gesture import Event, Levels
from synchresis.engines.pipeline import Parse
from synchresis.engines.playout import Playout
from synchresis.engines.timebase import HOP
from synchresis.realtime.device_loop import LATE_FRAMES
from synchresis.realtime.record import Hit, Muted, Seen, replay

MS = 1_000_000
INTERVAL = 40 * MS
MakeStage = Callable[..., Any]
DARK, BRIGHT = 40, 200


def picture(grey: int) -> NDArray[np.uint8]:
    return np.full((24, 32), grey, np.uint8)


class Film:
    """Frames every 40 ms; the numbers given are bright."""

    def __init__(self, stage: Any) -> None:
        self.stage = stage
        self.begin_ns = stage.clock.now_ns() + 10 * MS
        self.frames: dict[int, Frame] = {}
        self.events: list[Event] = []

    def play(self, first: int, last: int, flashes: set[int], **late: int) -> None:
        """Show frames [first, last), in real time."""
        for n in range(first, last):
            time_ns = self.begin_ns + n * INTERVAL
            frame = Frame(picture(BRIGHT if n in flashes else DARK), time_ns, n)
            self.stage.run_until(time_ns)
            self.frames[n] = frame
            gesture = self.stage.show(frame, **late)
            self.events += [e for e in gesture.events if e.zone == 0]


def onsets_ns(stage: Any) -> NDArray[np.int64]:
    """Times at which clicks were heard."""
    times, samples = stage.device.sound()
    rise = np.diff(samples[:, 0], prepend=0)
    return times[np.flatnonzero(rise > 0.2)]


def warmed_up(make_stage: MakeStage, **settings: object) -> tuple[Any, Film]:
    stage = make_stage(**settings)
    film = Film(stage)
    film.play(0, 50, set())
    assert not stage.loop.measuring
    return stage, film


def test_delay_is_the_sum_of_its_parts_rounded_up(make_stage: MakeStage) -> None:
    stage, _ = warmed_up(make_stage)
    parts = stage.loop.parts
    assert parts.camera == stage.camera_ns
    assert parts.parse == stage.parse_ns
    assert parts.transport == 0
    assert parts.frame_interval == INTERVAL
    assert parts.ring == HOP * 1_000_000_000 // 48_000
    assert parts.device == stage.device.latency_ns + 128 * 1_000_000_000 // 48_000
    total = 12 + 40 + 9 + 5.33 + 5.33 + 1.33 + 4 + 2.67
    assert parts.delay_ns == np.ceil(total) * MS


def test_a_frame_too_old_to_be_played_does_not_lengthen_the_delay(make_stage: MakeStage) -> None:
    usual, _ = warmed_up(make_stage)
    stage = make_stage()
    film = Film(stage)
    film.play(0, 20, set())
    film.play(20, 21, set(), late_ns=300 * MS)
    film.play(21, 60, set())
    assert stage.loop.parts.delay_ns == usual.loop.parts.delay_ns


def test_measuring_that_cannot_end_says_why_once_and_ends_when_it_can(
    make_stage: MakeStage, caplog: pytest.LogCaptureFixture
) -> None:
    film = Film(stage := make_stage())
    film.play(0, 3 * LATE_FRAMES, set(), late_ns=120 * MS)
    assert stage.loop.measuring
    (message,) = caplog.messages
    assert message.startswith(f"{LATE_FRAMES} pictures took over 100 ms each")
    film.play(3 * LATE_FRAMES, 3 * LATE_FRAMES + 50, set())
    assert not stage.loop.measuring and len(caplog.messages) == 1


def test_late_frames_among_others_are_not_complained_of(
    make_stage: MakeStage, caplog: pytest.LogCaptureFixture
) -> None:
    film = Film(make_stage())
    for n in range(4 * LATE_FRAMES):
        film.play(n, n + 1, set(), late_ns=120 * MS * (n % 2))
    assert not film.stage.loop.measuring
    assert caplog.messages == []


@pytest.mark.parametrize("buffer", [2, 4])
def test_an_impulse_is_heard_after_the_declared_delay(make_stage: MakeStage, buffer: int) -> None:
    stage, film = warmed_up(make_stage, buffer_hops=buffer)
    film.play(50, 120, set(range(55, 110, 4)))
    stage.run_until(stage.clock.now_ns() + 300 * MS)
    heard = onsets_ns(stage)
    wanted = np.array([e.t_ns + stage.loop.parts.delay_ns for e in film.events])
    assert len(wanted) == 14
    assert len(heard) == len(wanted)
    error_us = (heard - wanted) / 1e3
    # The line to the device follows its calls, which the loop sees up to a wake-up late.
    assert np.abs(error_us).max() < 1000
    assert np.ptp(error_us) < 60
    assert stage.loop.playout.counts.late == 0
    assert stage.loop.counts.xruns == 0


def lates(make_stage: MakeStage, period: int, hops: int, shorter_ns: int) -> int:
    """Late events where every event lies at the very begin of its interval, the hardest place."""
    stage = make_stage(buffer_hops=hops)
    stage.device.period = period
    stage.camera_ns = 0
    parse = stage.parse

    def earliest(frame: Frame) -> Any:
        gesture = parse(frame)
        begun = tuple(replace(e, t_ns=gesture.begin_ns + 1) for e in gesture.events)
        return replace(gesture, events=begun)

    stage.parse = earliest
    film = Film(stage)
    film.play(0, 60, set())
    assert stage.loop.buffer_hops == hops
    stage.loop.playout.set_delay(stage.loop.parts.delay_ns - shorter_ns)
    film.play(60, 180, set(range(60, 180, 3)))
    assert len(film.events) == 40
    return int(stage.loop.playout.counts.late)


@pytest.mark.parametrize(("period", "hops"), [(128, 2), (256, 2), (1024, 5)])
def test_the_delay_is_long_enough_and_no_longer(
    make_stage: MakeStage, period: int, hops: int
) -> None:
    """What is left over: the rise of the window and the rounding, less than 2.5 ms, and luck."""
    assert lates(make_stage, period, hops, 0) == 0
    assert lates(make_stage, period, hops, 5 * MS) > 0


def test_slow_gestures_play_at_the_next_hop_and_count_as_late(make_stage: MakeStage) -> None:
    stage, film = warmed_up(make_stage)
    film.play(50, 60, {55}, late_ns=60 * MS)
    stage.run_until(stage.clock.now_ns() + 300 * MS)
    heard = onsets_ns(stage)
    assert len(heard) == 1
    received = film.frames[55].captured_ns + stage.camera_ns + stage.parse_ns + 60 * MS
    device = stage.loop.parts.device + stage.loop.parts.ring + stage.loop.parts.hop_wait
    assert received < heard[0] < received + device + 2 * MS
    # Both zones hear it.
    assert stage.loop.playout.counts.late == 2


def test_events_older_than_a_tenth_of_a_second_are_never_played(make_stage: MakeStage) -> None:
    stage, film = warmed_up(make_stage)
    film.play(50, 60, {55}, late_ns=120 * MS)
    stage.run_until(stage.clock.now_ns() + 500 * MS)
    assert len(onsets_ns(stage)) == 0
    assert stage.loop.playout.counts.dropped == 2


def test_after_an_overload_the_delay_is_normal_at_once(make_stage: MakeStage) -> None:
    stage, film = warmed_up(make_stage)
    film.play(50, 100, set(range(52, 100, 4)), late_ns=400 * MS)
    overloaded = len(film.events)
    stage.queue = [entry for entry in stage.queue if entry[0] <= stage.clock.now_ns()]
    normal_ns = stage.clock.now_ns()
    film.play(100, 130, {102, 110, 120})
    stage.run_until(stage.clock.now_ns() + 300 * MS)
    heard = onsets_ns(stage)
    wanted = [e.t_ns + stage.loop.parts.delay_ns for e in film.events[overloaded:]]
    assert wanted[0] - stage.loop.parts.delay_ns - normal_ns <= 100 * MS
    assert np.abs(heard[-3:] - np.array(wanted)).max() < 1 * MS
    assert len(heard) == 3  # 400 ms late is too late to be played at all


def test_asap_is_earlier_and_needs_no_measuring(make_stage: MakeStage) -> None:
    stage = make_stage(asap=True)
    film = Film(stage)
    film.play(0, 30, {10, 20})
    stage.run_until(stage.clock.now_ns() + 300 * MS)
    heard = onsets_ns(stage)
    received = [film.frames[n].captured_ns + stage.camera_ns + stage.parse_ns for n in (10, 20)]
    waited_ms = (heard - np.array(received)) / MS
    assert len(heard) == 2
    assert (waited_ms > 0).all()
    assert (waited_ms < 2 * 5.34 + 5.34 + 2.67 + 4 + 2).all()
    assert stage.loop.playout.counts.late == 0


def test_source_freezes_then_resumes(make_stage: MakeStage) -> None:
    stage, film = warmed_up(make_stage)
    film.play(50, 75, {60, 64, 68, 72})
    frozen_ns = stage.clock.now_ns()
    resumed = 75 + 125
    film.play(resumed, resumed + 30, {resumed + 3, resumed + 9, resumed + 20})
    stage.run_until(stage.clock.now_ns() + 300 * MS)
    times, samples = stage.device.sound()
    delay_ns = stage.loop.parts.delay_ns
    loud = np.abs(samples).max(1)
    ringing = (times > frozen_ns) & (times < frozen_ns + 150 * MS)
    assert loud[ringing].max() > 0.01
    resume_ns = film.frames[resumed].captured_ns
    silent = (times > frozen_ns + 1000 * MS) & (times < resume_ns)
    assert silent.sum() > 3 * 48_000
    assert loud[silent].max() == 0
    after = [e.t_ns for e in film.events if e.t_ns > resume_ns]
    heard = [t for t in onsets_ns(stage) if t > resume_ns]
    assert len(after) == 3
    assert np.abs(np.array(heard) - np.array(after) - delay_ns).max() < 1 * MS
    assert after[0] - resume_ns < 120 * MS  # the third frame after: back at once
    assert stage.loop.playout.counts.late == 0
    assert stage.loop.parts.delay_ns == delay_ns


def stall(stage: Any, time_ns: int) -> None:
    """The whole machine stands still, but for the device."""
    stage.clock.time_ns += time_ns


def test_empty_ring_gives_zeros_then_sound_fades_in_at_the_right_hop(
    make_stage: MakeStage,
) -> None:
    stage, film = warmed_up(make_stage)
    film.play(50, 60, set())
    stall(stage, 55 * MS)
    hops_before = len(stage.device.hops)
    film.play(62, 90, {64, 70, 80})
    stage.run_until(stage.clock.now_ns() + 300 * MS)
    assert stage.loop.counts.xruns == 1
    assert stage.device.stalls == 1
    jump = stage.device.hops[hops_before] - stage.device.hops[hops_before - 1]
    assert 55 / 5.34 - 3 < jump < 55 / 5.34 + 1
    heard, wanted = onsets_ns(stage), [e.t_ns + stage.loop.parts.delay_ns for e in film.events]
    assert len(heard) == len(wanted) == 3
    assert np.abs(heard - np.array(wanted)).max() < 7 * MS  # a hop and its wake-up, once
    assert stage.loop.playout.counts.late == 0


def test_a_long_stall_leaves_nothing_stale(make_stage: MakeStage) -> None:
    stage, film = warmed_up(make_stage)
    film.play(50, 62, {60})  # its click is on its way
    stall(stage, 5_000 * MS)
    stalled_until = stage.clock.now_ns()
    film.play(62 + 125, 62 + 150, {62 + 140})
    stage.run_until(stage.clock.now_ns() + 300 * MS)
    times, samples = stage.device.sound()
    flash_ns = film.frames[62 + 139].captured_ns
    between = (times > stalled_until) & (times < flash_ns)
    assert np.abs(samples[between]).max() == 0
    assert (onsets_ns(stage) > flash_ns).sum() == 1


def test_fade_in_lasts_two_milliseconds(make_stage: MakeStage) -> None:
    stage, _ = warmed_up(make_stage)
    stall(stage, 55 * MS)
    stage.loop.command(Hit(0, 1.0))
    stage.run_until(stage.clock.now_ns() + 100 * MS)
    _, samples = stage.device.sound()
    start = np.flatnonzero(samples[:, 0])[0]
    ring = np.exp(-np.arange(200) / 200) * 0.5
    gain = samples[start - 1 : start + 199, 0] / ring
    assert gain[:96] == pytest.approx(np.arange(96) / 96, abs=1e-3)
    assert gain[96:] == pytest.approx(1, abs=1e-3)


def test_auto_buffer_grows_while_measuring_until_the_ring_never_empties(
    make_stage: MakeStage,
) -> None:
    stage = make_stage(buffer_hops="auto")
    stage.device.period = 1024
    film = Film(stage)
    film.play(0, 120, set())
    assert not stage.loop.measuring
    assert stage.loop.buffer_hops >= 4
    stalls = stage.device.stalls
    film.play(120, 160, set())
    assert stage.device.stalls == stalls
    assert stage.loop.counts.xruns == 0


@pytest.mark.parametrize("period", [1024, 2048])
def test_a_buffer_smaller_than_the_device_takes_at_once_is_enlarged(
    make_stage: MakeStage, period: int
) -> None:
    stage = make_stage(buffer_hops=2)
    stage.device.period = period
    film = Film(stage)
    film.play(0, 160, set())
    assert not stage.loop.measuring
    assert stage.loop.buffer_hops >= period / HOP
    stalls = stage.device.stalls
    film.play(160, 200, set())
    assert stage.device.stalls == stalls


def test_a_given_buffer_stays_when_only_we_are_slow(make_stage: MakeStage) -> None:
    stage = make_stage(buffer_hops=2)
    film = Film(stage)
    for n in range(0, 80, 4):
        film.play(n, n + 4, set())
        stall(stage, 20 * MS)
    assert stage.device.stalls > 5
    assert not stage.loop.measuring
    assert stage.loop.buffer_hops == 2


def test_measuring_ends_even_if_the_ring_runs_empty_all_the_time(make_stage: MakeStage) -> None:
    stage = make_stage(buffer_hops="auto")
    film = Film(stage)
    for n in range(0, 400, 10):
        film.play(n, n + 8, set())
        stall(stage, 80 * MS)
    assert not stage.loop.measuring


def test_gestures_of_foreign_clocks_are_refused_and_counted(make_stage: MakeStage) -> None:
    stage, film = warmed_up(make_stage)
    stage.run_until(stage.clock.now_ns() + 100 * MS)
    measured = stage.loop.meter.count
    for n in range(50, 60):
        film.play(n, n + 1, {55})
        due_ns, delivery = stage.queue[-1]
        foreign = replace(delivery.body, clock_id="elsewhere")
        stage.queue[-1] = (due_ns, replace(delivery, body=foreign))
    stage.run_until(stage.clock.now_ns() + 300 * MS)
    assert len(onsets_ns(stage)) == 0
    assert stage.loop.counts.foreign == 10
    assert stage.loop.meter.count == measured


def test_gestures_of_other_zones_are_refused_and_counted(make_stage: MakeStage) -> None:
    stage, film = warmed_up(make_stage)
    film.play(50, 51, set())
    due_ns, delivery = stage.queue[-1]
    gesture = replace(delivery.body.gesture, levels=(Levels(),) * 3)
    stage.queue[-1] = (due_ns, replace(delivery, body=replace(delivery.body, gesture=gesture)))
    stage.run_until(stage.clock.now_ns() + 300 * MS)
    assert stage.loop.counts.refused == 1


def test_lookahead_is_taken_off_the_delay_in_silence(make_stage: MakeStage) -> None:
    stage, film = warmed_up(make_stage)
    before = stage.loop.parts.delay_ns
    stage.parse = stage.make_parse(30 * MS)
    film.play(50, 60, set())
    assert stage.loop.parts.delay_ns == before - 30 * MS
    film.play(60, 80, {65, 70})
    stage.run_until(stage.clock.now_ns() + 300 * MS)
    wanted = [e.t_ns + before - 30 * MS for e in film.events]
    assert np.abs(onsets_ns(stage) - np.array(wanted)).max() < 1 * MS
    assert stage.loop.playout.counts.late == 0


def test_record_replays_sample_for_sample(
    make_stage: MakeStage,
    make_parse: Callable[..., Parse],
    make_playout: Callable[..., Playout],
    rng: np.random.Generator,
) -> None:
    stage, film = warmed_up(make_stage)
    flashes = set(rng.choice(np.arange(52, 240), 40, replace=False).tolist())
    for n in range(50, 240):
        if rng.random() < 0.15:  # the frame never came
            continue
        late = {"late_ns": int(rng.exponential(15) * MS)}
        film.play(n, n + 1, flashes, **late)
        if rng.random() < 0.06:
            stall(stage, int(rng.uniform(5, 300)) * MS)
        if n == 100:
            stage.loop.command(Muted(True))
        if n in (110, 130):
            stage.loop.command(Muted(False))
            stage.loop.command(Hit(1, 0.7))
    counts = stage.loop.playout.counts
    assert stage.loop.counts.xruns > 3
    assert counts.late > 0
    assert counts.dropped > 0
    record = stage.loop.record
    record.seen = [Seen(f.sequence, f.captured_ns) for f in film.frames.values()]
    pictures = {n: frame.picture for n, frame in film.frames.items()}
    again = [block.copy() for _, block in replay(record, pictures, make_parse(), make_playout())]
    _, heard = stage.device.sound()
    whole = np.concatenate(again)
    assert len(heard) > 200_000
    np.testing.assert_array_equal(heard, whole[: len(heard)])

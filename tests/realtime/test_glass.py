import numpy as np
import pytest

from synchresis.engines.frame import Frame
from synchresis.engines.sample_clock import SampleClock
from synchresis.errors import DeviceError, ParameterError
from synchresis.realtime.glass import FlashParser, FlashPlan, WindowScreen, answer_flashes, flash
from synchresis.realtime.recorder import Recording

NS = 1_000_000_000
MS = 1_000_000


class FakeScreen:
    """A screen whose clock is told, not read."""

    def __init__(self):
        self.now_ns = 50 * NS
        self.changes = []

    def show(self, *, white):
        self.changes.append((self.now_ns, white))
        return self.now_ns

    def sleep(self, seconds):
        self.now_ns += round(seconds * NS)

    def level_at(self, time_ns):
        before = [white for changed, white in self.changes if changed <= time_ns]
        return 180 if before and before[-1] else 20


def camera_frames(screen, rng, *, delay_ns, fps=30):
    """Frames whose stamp comes `delay_ns` after their light."""
    begin, end = screen.changes[0][0], screen.now_ns
    for number, light_ns in enumerate(range(begin, end, NS // fps)):
        picture = rng.integers(0, 4, (120, 160, 3), np.uint8) + np.uint8(screen.level_at(light_ns))
        yield Frame(picture, light_ns + delay_ns, number)


def test_a_flash_becomes_one_event_and_hits_none(rng, tiny_pack):
    screen = FakeScreen()
    plan = FlashPlan(flashes=12, seed=3)
    shown = flash(screen, plan, sleep=screen.sleep)
    parser = FlashParser(tiny_pack)
    parser.prepare()
    state = parser.initial_state()
    frames = list(camera_frames(screen, rng, delay_ns=80 * MS))
    gestures = [parser.step(frame, state) for frame in frames]
    events = [event for gesture in gestures for event in gesture.events]
    assert state.flow_input.any(), "the real parser runs on every frame"
    assert len(events) == len(shown) == 12
    late = np.array([event.t_ns for event in events]) - np.array(shown)
    assert late.min() >= 80 * MS
    assert late.max() <= (80 + 34) * MS


def test_a_flash_that_rises_over_two_frames_is_one(tiny_pack):
    parser = FlashParser(tiny_pack)
    parser.prepare()
    state = parser.initial_state()
    levels = [20, 20, 90, 180, 180, 20, 20]
    pictures = [np.full((120, 160), level, np.uint8) for level in levels]
    frames = [Frame(picture, k * NS // 30, k) for k, picture in enumerate(pictures)]
    assert [len(parser.step(frame, state).events) for frame in frames] == [0, 0, 1, 0, 0, 0, 0]


def test_plan_is_irregular_and_repeatable():
    pauses = FlashPlan(flashes=50, seed=1).pauses_s()
    assert np.array_equal(pauses, FlashPlan(flashes=50, seed=1).pauses_s())
    assert pauses.min() >= 0.75 * 0.8 - 0.12
    assert pauses.std() > 0.05
    with pytest.raises(ParameterError, match="flashes=0"):
        FlashPlan(flashes=0)


def test_answers_are_paired_with_their_flashes(rng):
    origin = 49 * NS
    shown = [50 * NS + k * NS for k in range(8)]
    seen = [time + 45 * MS for time in shown]
    sound = 1e-4 * rng.standard_normal(12 * 48_000).astype(np.float32)
    answered = [time + (90 + k) * MS for k, time in enumerate(shown) if k != 3]
    echo, stranger = answered[0] + 300 * MS, shown[-1] + 2 * NS
    for time in [*answered, echo, stranger]:
        place = (time - origin) * 48_000 // NS
        sound[place : place + 960] += 0.3 * rng.standard_normal(960).astype(np.float32)
    found = answer_flashes(shown, seen, Recording(sound, SampleClock(origin_ns=origin)))
    assert found.flashes == 8
    assert found.air_ms == pytest.approx([90, 91, 92, 94, 95, 96, 97], abs=0.5)
    assert found.stamp_ms == pytest.approx(np.full(8, 45.0))


def test_without_a_display_the_remedy_is_named(monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with pytest.raises(DeviceError, match="desktop session"):
        WindowScreen()

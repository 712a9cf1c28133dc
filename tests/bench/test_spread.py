import numpy as np
import pytest

from synchresis.bench.memory_camera import Footage
from synchresis.bench.report import render_page
from synchresis.bench.result import Lines, Report
from synchresis.bench.spread import compare_times, run_spread, spread_findings
from synchresis.engines.gesture import Event
from synchresis.engines.instrument import Instrument, InstrumentSettings
from synchresis.engines.scenes import scene_source

FPS = 50.0
RATE = 48_000


def footage(contacts):
    return Footage("test", (), (0,), tuple(contacts), (0.8,) * len(contacts), FPS)


def event(t_s, decided_s):
    return Event(round(t_s * 1e9), round(decided_s * 1e9), 0.8, 0.5, 0.5)


def clicks(times):
    sound = np.zeros(8 * RATE, np.float32)
    for t in times:
        place = round(t * RATE)
        sound[place : place + 480] = 0.5 * np.exp(-np.arange(480) / 100)
    return sound


@pytest.fixture
def spread():
    """Contacts at phases 0, 0.25, 0.5; the last is foretold; sounds 1 ms after their events."""
    contacts = [1.0, 2.005, 3.01]
    events = [event(1.002, 1.02), event(2.005, 2.02), event(3.0, 3.0), event(5.0, 5.02)]
    heard = [e.t_ns / 1e9 + 0.001 for e in events]
    return compare_times(footage(contacts), events, clicks(heard))


def values(spread):
    return {result.metric: result.value for result in spread_findings(spread).results}


def test_errors_are_told_apart(spread):
    found = values(spread)
    assert spread.events.differences_ms == pytest.approx([2, 0, -10])
    assert spread.voice.differences_ms == pytest.approx([1] * 4, abs=0.03)
    assert spread.whole.differences_ms == pytest.approx([3, 1, -9], abs=0.03)
    assert found["latency.spread.event_error.extra"] == 1
    assert found["latency.spread.attack.extra"] == 0
    assert found["latency.spread.attack.p95_minus_p5"] < 0.1


def test_foretold_contacts_stand_apart(spread):
    found = values(spread)
    assert spread.decided == pytest.approx([1, 0.75, -0.5])
    assert spread.phases == pytest.approx([0, 0.25, 0.5])
    assert found["latency.spread.event_error.foretold.count"] == 1
    assert found["latency.spread.event_error.foretold.p50"] == pytest.approx(-10)
    assert found["latency.spread.event_error.after_contact.count"] == 2
    _, phases = spread_findings(spread).figures
    assert isinstance(phases, Lines)
    assert len(phases.series["foretold"]) == 1
    page = render_page([Report("latency", {}, [], [phases])])
    assert page.count("<circle") == 3
    assert "<polyline" not in page, "points of different contacts are not joined"


def test_nothing_seen_is_all_missed():
    nothing = compare_times(footage([1.0, 2.0]), [], clicks([]))
    found = values(nothing)
    assert found["latency.spread.event_error.missed"] == 2
    assert found["latency.spread.whole.missed"] == 2


def test_a_run_on_the_virtual_clock_repeats_itself(tiny_pack):
    stream = scene_source("stick", seed=0, fps=FPS, size=(160, 120))
    frames = [stream.step() for _ in range(30)]
    pictures = tuple(frame.picture for frame in frames)
    times = tuple(frame.captured_ns for frame in frames)
    shown = Footage("stick", pictures, times, (0.3,), (0.8,), FPS)
    instrument = Instrument(tiny_pack, InstrumentSettings(lookahead_ns=0))
    instrument.prepare()
    first, second = (run_spread(instrument, shown) for _ in range(2))
    instrument.close()
    for one, other in ((first.voice, second.voice), (first.events, second.events)):
        assert one.differences_ms.tolist() == other.differences_ms.tolist()
        assert (one.missed, one.extra) == (other.missed, other.extra)

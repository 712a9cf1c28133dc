import numpy as np
import pytest

from synchresis.bench import latency
from synchresis.bench.age import HOPS, AgeRun, ages_ms, pooled, run_age
from synchresis.bench.age_nodes import AgeCase
from synchresis.bench.age_report import HOP_RATE, age_findings
from synchresis.bench.findings import Findings
from synchresis.bench.motion_to_sound import SoundCase, SoundRun, steady_differences
from synchresis.bench.options import Options
from synchresis.bench.pairing import pair_onsets
from synchresis.bench.report import render_page
from synchresis.bench.result import Report, Table, Waterfall
from synchresis.bench.sound_report import sound_findings
from synchresis.engines.sample_clock import SampleClock
from synchresis.engines.timebase import HOP, NS_PER_S
from synchresis.errors import DeviceClockError, DeviceError, EngineError
from synchresis.realtime.record import Delayed, Played, Pushed
from synchresis.realtime.recorder import Recording
from synchresis.realtime.status import Status

MS = 1_000_000
RATE_MHZ = 48_000_000


def pushed(sequence, origin_ns=0):
    return Pushed(sequence, origin_ns, 0, RATE_MHZ, 0)


def test_age_is_from_capture_to_the_first_hop_played_after_the_news():
    steps = [
        Delayed(40 * MS),
        pushed(0),
        Played(3),
        Played(4),
        pushed(1),
        pushed(2),
        Played(5),
        pushed(3),
    ]
    captured = {0: 1 * MS, 1: 5 * MS, 2: 7 * MS, 3: 9 * MS}
    hop_ms = 1e3 * HOP / 48_000
    ages = ages_ms(steps, captured)
    assert ages[0] == pytest.approx(3 * hop_ms - 1, abs=1e-3)
    assert ages[1] == pytest.approx(5 * hop_ms - 5, abs=1e-3)
    assert ages[2] == pytest.approx(5 * hop_ms - 7, abs=1e-3)
    assert 3 not in ages, "no hop was played after it"


def test_age_uses_the_line_of_the_moment():
    ages = ages_ms([pushed(0, origin_ns=NS_PER_S), Played(0)], {0: NS_PER_S - 20 * MS})
    assert ages[0] == pytest.approx(20)


@pytest.mark.parametrize("transport", ["inproc", "ipc", "tcp"])
def test_every_frame_that_was_parsed_has_an_age(tiny_pack, transport):
    live = run_age(AgeCase(transport, 30.0, 4.0, str(tiny_pack.path), footage_s=0.4))
    assert 40 <= len(live.ages) <= 150
    assert min(live.ages) > 0
    assert len(live.transport) == len(live.parse) == len(live.ages)
    assert tuple(live.hops) == HOPS
    assert len(live.hops["frame_link"]) == len(live.ages)
    assert np.sum(list(live.hops.values()), axis=0) == pytest.approx(live.transport, abs=1e-6)
    assert min(map(min, live.hops.values())) >= 0
    assert live.counts["parsed"] <= live.counts["shown"]
    parts = dict(live.parts_ms)
    assert live.delay_ms == np.ceil(sum(parts.values()) - 2 * parts["lookahead"])


def test_a_node_that_breaks_down_ends_the_run_at_once(tiny_pack):
    broken = AgeCase("ipc", 30.0, 4.0, str(tiny_pack.path), seed=-1, footage_s=0.4)
    with pytest.raises(EngineError, match=r"latency\.age\.ipc\.30fps"):
        run_age(broken)


def status(**changes):
    values = {name: 0 for name in Status.__dataclass_fields__}
    parts = {"frame_interval": 16.7, "parse": 4.0, "lookahead": 5.0}
    return Status(**(values | {"delay_ms": 40.0, "parts_ms": parts, "late": 1} | changes))


def test_sound_findings_tell_oracle_and_system_apart():
    contacts = np.arange(1.0, 21.0)
    exact, early = pair_onsets(contacts, contacts), pair_onsets(contacts, contacts - 0.005)
    heard, sure = pair_onsets(contacts, contacts[2:] + 0.045), np.full(9, 45.0)
    ours = SoundRun(heard, early, status(), 0.05, 128, sure)
    oracle = SoundRun(pair_onsets(contacts, contacts + 0.040), exact, status(), 0.05, 0, sure)
    found = sound_findings(
        {SoundCase("off"): ours, SoundCase("off", oracle=True): oracle}, [2.7, 2.7]
    )
    values = {result.metric: result.value for result in found.results}
    assert values["latency.sound.lookahead_off.p50"] == pytest.approx(45)
    assert values["latency.sound.lookahead_off.missed"] == 2
    assert values["latency.sound.lookahead_off.event_error.p50"] == pytest.approx(-5)
    assert values["latency.sound.oracle.lookahead_off.p50"] == pytest.approx(40)
    assert values["latency.sound.loopback.p50"] == pytest.approx(2.7)
    assert values["latency.sound.lookahead_off.D.parse"] == 4.0
    delays = [figure for figure in found.figures if isinstance(figure, Waterfall)]
    assert sum(delays[0].parts.values()) == pytest.approx(16.7 + 4 - 5)
    page = render_page([Report("latency", {}, found.results, found.figures)])
    assert "oracle, lookahead off" in page
    assert page.count("D through the sound server") == 1


def test_steady_answers_are_those_long_after_time_was_lost():
    clock = SampleClock(origin_ns=10 * NS_PER_S)
    recording = Recording(np.zeros(0, np.float32), clock, ((5 * 48_000, 256),))
    contacts = [14.0, 14.99, 16.0, 17.4, 17.6]
    pairing = pair_onsets(contacts, [contact + 0.02 * k for k, contact in enumerate(contacts)])
    assert steady_differences(pairing, recording) == pytest.approx([0, 80])
    assert recording.lost_samples == 256


def live_run(transport_ms, **counts):
    hops = {"camera_sends": [0.1] * 2, "frame_link": [transport_ms - 0.1] * 2}
    counts = {"shown": 2, "parsed": 2, **counts}
    return AgeRun([20, 21], [transport_ms] * 2, [4, 4], hops, 40, {"parse": 4}, counts)


@pytest.mark.parametrize("slow", ["inproc", "ipc"])
def test_runs_that_lost_frames_are_not_compared(slow: str):
    runs = {("inproc", 120.0): live_run(0.2), ("ipc", 120.0): live_run(0.5)}
    runs[slow, 120.0].counts.update(shown=1000, parsed=990)
    values = {result.metric: result.value for result in age_findings(runs, {}).results}
    assert "latency.added.ipc.120fps.p50" not in values
    assert values["latency.age.ipc.120fps.parsed"] == (990 if slow == "ipc" else 2)


def test_age_findings_print_the_idle_loop_beside_them():
    runs = {("inproc", 60.0): live_run(0.2), ("ipc", 60.0): live_run(0.5, late=2)}
    found = age_findings(runs, {60.0: [0.1, 0.3], HOP_RATE: [0.2, 0.4]})
    values = {result.metric: result.value for result in found.results}
    assert values["latency.added.ipc.60fps.p50"] == pytest.approx(0.3)
    assert values["latency.age.ipc.60fps.late"] == 2
    assert values["latency.age.ipc.60fps.transport.frame_link.p50"] == pytest.approx(0.4)
    assert values["latency.idle.60fps.p99"] == pytest.approx(0.298)
    assert values["latency.idle.hop.p99"] == pytest.approx(0.398)
    histogram = found.figures[0]
    assert set(histogram.series) == {"inproc", "ipc", "idle loop, 60fps", "idle loop, hop"}
    (table,) = (figure for figure in found.figures if isinstance(figure, Table))
    assert table.rows[1] == ["ipc, 60 fps", "0.10", "0.40", "0.50"]


def test_runs_of_a_kind_count_together():
    both = pooled([live_run(0.2, late=1), live_run(0.5, late=2)])
    assert both.transport == [0.2, 0.2, 0.5, 0.5]
    assert both.hops["camera_sends"] == [0.1] * 4
    assert both.counts == {"shown": 4, "parsed": 4, "late": 3}
    assert len(both.ages) == len(both.parse) == 4


def test_sound_is_played_on_and_heard_from_the_device_asked_for(monkeypatch, tiny_pack):
    asked = []

    def run_sound(case, footage, pack):
        asked.append(case)
        exact = pair_onsets([1.0], [1.0])
        return SoundRun(exact, exact, status(), 0.1, 0, np.zeros(0))

    monkeypatch.setattr(latency, "measure_loopback", lambda device: [asked.append(device) or 2.7])
    monkeypatch.setattr(latency, "run_sound", run_sound)
    monkeypatch.setattr(latency, "draw_footage", lambda *args, **settings: None)
    monkeypatch.setattr(latency, "even_rate", lambda *args, **settings: 60.0)
    options = Options(pack=str(tiny_pack.path), parts=("sound",), audio="cable")
    report = latency.run(options)
    device, *cases = asked
    assert device == "cable"
    assert {(case.lookahead, case.oracle) for case in cases} == {
        ("off", False),
        ("auto", False),
        ("off", True),
        ("auto", True),
    }
    assert {case.device for case in cases} == {"cable"}
    assert report.value("latency.sound.oracle.lookahead_auto.count") == 1


def test_sound_that_was_asked_for_by_name_must_be_measured(monkeypatch, tiny_pack):
    def no_device(device):
        raise DeviceError("no audio device")

    monkeypatch.setattr(latency, "measure_loopback", no_device)
    for part in (latency._start, latency._service, latency._age, latency._spread):
        monkeypatch.setattr(latency, part.__name__, lambda options: Findings([]))
    report = latency.run(Options(pack=str(tiny_pack.path)))
    assert report.results[0].note == "not measured: no audio device"
    with pytest.raises(DeviceError):
        latency.run(Options(pack=str(tiny_pack.path), parts=("sound",)))


@pytest.mark.parametrize("jumps", [2, 3])
def test_sound_is_recorded_again_when_the_clock_of_the_device_jumped(monkeypatch, tiny_pack, jumps):
    left = [jumps]

    def measure_loopback(device):
        if left[0]:
            left[0] -= 1
            raise DeviceClockError("the clock jumped")
        raise DeviceError("the clock stood still")

    monkeypatch.setattr(latency, "measure_loopback", measure_loopback)
    with pytest.raises(DeviceError, match="jumped" if jumps == 3 else "stood still"):
        latency.run(Options(pack=str(tiny_pack.path), parts=("sound",)))
    assert left == [0]

import tempfile
from types import SimpleNamespace

import pytest

from synchresis.bench import soak, soak_log
from synchresis.bench.faults import LENGTHS_S, Fault, plan_faults
from synchresis.bench.options import Options
from synchresis.bench.soak import run
from synchresis.bench.soak_log import Incident, SoakLog, memory_mib
from synchresis.bench.soak_report import memory_results, soak_findings
from synchresis.engines.gesture import Gesture, Levels
from synchresis.realtime.messages import End, Sighting

MS = 1_000_000
NS = 1_000_000_000
SEED = 1


def news(received_ms, *, age_ms=20, new=True):
    captured = (received_ms - age_ms) * MS
    begin = captured - (16 * MS if new else 0)
    gesture = Gesture(captured, begin, captured, 0, (), (Levels(),))
    return SimpleNamespace(body=Sighting(gesture, "clock", "camera"), received_ns=received_ms * MS)


def test_an_incident_is_over_with_the_first_normal_news_after_its_cause():
    log = SoakLog(incidents=[Incident("stall", 100 * MS, 200 * MS)])
    for delivery in (
        news(50),
        news(150),
        news(210, age_ms=150),
        news(220, new=False),
        news(230, age_ms=-5),
        news(240),
        news(250),
    ):
        log.hear(delivery)
    assert log.incidents[0].recovered_ns == 240 * MS
    assert log.incidents[0].recovery_s == pytest.approx(0.04)
    assert log.ages_ms == [20, 20, 20], "news of troubled times has no part in the ages"


def test_a_killed_speaker_is_back_when_its_new_process_plays():
    log = SoakLog(
        incidents=[
            Incident("stall", 50 * MS, 60 * MS),
            Incident("kill_speaker", 100 * MS, 200 * MS),
            Incident("stall", 250 * MS, 300 * MS),
        ]
    )
    log.hear_speaker(90 * MS)
    for delivery in (news(70), news(150), news(220), news(310)):
        log.hear(delivery)
    assert [each.recovered_ns for each in log.incidents] == [70 * MS, None, 310 * MS]
    assert log.unrecovered() == 1
    assert log.ages_ms == [20], "one speaker is still away"
    log.hear_speaker(400 * MS)
    log.hear(news(410))
    assert log.incidents[1].recovery_s == pytest.approx(0.2)
    assert (log.unrecovered(), log.ages_ms) == (0, [20, 20])


def test_the_end_of_a_source_is_no_news():
    log = SoakLog()
    log.hear(SimpleNamespace(body=End(0), received_ns=0))
    assert log.news == 0


def test_a_long_run_keeps_a_bounded_fair_sample(monkeypatch):
    monkeypatch.setattr(soak_log, "KEPT", 100)
    log = SoakLog()
    for k in range(5000):
        log.hear(news(100 + k, age_ms=20 if k < 2500 else 40))
    assert log.news == 5000
    assert len(log.ages_ms) == 100
    assert 25 <= sum(age == 20 for age in log.ages_ms) <= 75


def test_incidents_follow_the_plan():
    incident = Incident.of(Fault("kill_parser", 2.0, 0.5), begin_ns=10 * NS)
    assert (incident.kind, incident.begin_ns, incident.end_ns) == (
        "kill_parser",
        12 * NS,
        12.5 * NS,
    )
    assert incident.recovery_s is None


def test_growing_memory_shows():
    steady, growing = SoakLog(), SoakLog()
    steady.memory = [(float(t), 200.0, 100.0, 0.0) for t in range(600)]
    growing.memory = [(float(t), 200.0 + t / 10, 100.0, 0.0) for t in range(600)]
    ratios = [memory_results(log)[0].value for log in (steady, growing)]
    mib = {result.metric: result.value for result in memory_results(growing)}
    assert (mib["soak.memory.early"], mib["soak.memory.end"]) == pytest.approx((206, 259.4), abs=1)
    assert ratios[0] == 1
    assert ratios[1] == pytest.approx(259.5 / 206, abs=0.01)
    assert memory_results(SoakLog()) == []


def test_findings_tell_what_did_not_recover():
    log = SoakLog(
        incidents=[Incident("stall", 0, NS, 2 * NS), Incident("kill_parser", 3 * NS, 4 * NS)]
    )
    log.memory = [(0.0, 1.0, 1.0, 1.0), (10.0, 1.0, 1.0, 0.0)]
    log.counts = {"xruns": 3}
    results, figures = soak_findings(log)
    values = {result.metric: result.value for result in results}
    assert values["soak.unrecovered"] == 1
    assert values["soak.recovery.stall.max"] == 1
    assert values["soak.recovery.kill_parser.count"] == 0
    assert values["soak.xruns"] == 3
    assert figures[0].rows == [
        ["kill_parser", "1", "0", "", ""],
        ["stall", "1", "1", "1.00 s", "1.00 s"],
    ]


def test_memory_of_processes():
    assert memory_mib(None) > 10
    assert memory_mib(2**22 + 1) == 0


@pytest.mark.parametrize("loading", ["load_pack", "draw_footage"])
def test_a_soak_that_is_stopped_before_it_began_ends_in_order(
    tiny_pack, tmp_path, monkeypatch, loading
):
    def stopped(*args, **settings):
        raise KeyboardInterrupt

    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setattr(soak, loading, stopped)
    with pytest.raises(KeyboardInterrupt):
        run(Options(pack=str(tiny_pack.path), quick=True, hours=1.0, seed=SEED))
    assert list(folder.iterdir()) == []


def torment(pack, seconds):
    """Stalls, bursts, wrong stamps, nodes that go and come: counts, no times."""
    planned = plan_faults(seconds, seed=SEED)
    assert {fault.kind for fault in planned} == set(LENGTHS_S)
    report = run(Options(pack=str(pack.path), quick=True, hours=seconds / 3600, seed=SEED))
    assert report.value("soak.faults") == len(planned)
    assert report.value("soak.unrecovered") == 0
    for kind in LENGTHS_S:
        happened = sum(fault.kind == kind for fault in planned)
        assert report.value(f"soak.recovery.{kind}.count") == happened
    for count in ("malformed", "foreign", "refused"):
        assert report.value(f"soak.{count}") == 0
    assert report.value("soak.news") > 5 * seconds
    assert report.value("soak.played") > 0
    assert report.value("soak.frames_lost") > 0, "stalls must have cost frames"
    kills = sum(fault.kind == "kill_speaker" for fault in planned)
    assert report.value("soak.speaker.lives") == kills + 1
    assert report.value("soak.speaker.silent_lives") == 0, "each new one plays"
    assert report.value("soak.speaker.played") < report.value("soak.played"), "dead ones do not"


def test_a_live_graph_recovers_from_every_fault(tiny_pack):
    torment(tiny_pack, 46.0)


@pytest.mark.soak
def test_a_live_graph_recovers_for_two_minutes(tiny_pack):
    torment(tiny_pack, 120.0)

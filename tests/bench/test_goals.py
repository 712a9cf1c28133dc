import json
from pathlib import Path

import pytest

from synchresis.bench.goals import GOALS, goal_lines, goal_table, standings
from synchresis.bench.report import render_page
from synchresis.bench.result import Report, Result, read_report
from synchresis.realtime.cli.main import main

REFERENCE = sorted((Path(__file__).parents[2] / "bench/results/xeon-2-cores").glob("*.json"))


def report(made, *results):
    return Report("test", {"made": made}, list(results))


def standing(reports, text):
    (found,) = (each for each in standings(reports) if each.goal.text.startswith(text))
    return found


def test_verdicts_go_by_goal_and_floor():
    for value, verdict in ((0.2, "goal"), (0.9, "floor"), (1.2, "missed")):
        measured = report("1", Result("flow.320x240.time", 5.0, "ms", "DIS", value))
        assert standing([measured], "flow at 320").verdict == verdict
    assert standing([], "flow at 320").verdict == "not measured"


def test_a_sound_before_its_contact_is_no_better_than_one_after_it():
    early = report("1", Result("latency.sound.lookahead_auto.p50", -25.0, "ms"))
    assert standing([early], "the same, lookahead auto").verdict == "missed"


def test_the_worst_rate_counts():
    rates = [
        Result(f"latency.added.ipc.{fps}fps.p50", ms, "ms") for fps, ms in ((30, 0.2), (60, 2))
    ]
    found = standing([report("1", *rates)], "added by ipc")
    assert (found.value, found.verdict) == (2, "missed")


def test_the_newest_report_counts():
    old, new = (
        report(made, Result("soak.memory.ratio", value, "1"))
        for made, value in (("2026-11-20", 1.5), ("2026-11-21", 1.0))
    )
    assert standing([new, old], "memory").verdict == "goal"


def test_the_page_begins_with_the_goals():
    page = render_page([report("1", Result("soak.memory.ratio", 1.01, "1"))])
    assert page.index("What it must show") < page.index("<h2>test")
    assert "<td>floor" in page
    assert goal_table([report("1")]) is None


def test_the_reference_results_say_something_of_every_goal(capsys):
    """Times are the machine's; but no goal may be without a figure, or with another's name."""
    assert len(standings(map(read_report, REFERENCE))) == len(GOALS) == 10
    assert "not measured" not in "\n".join(goal_lines(map(read_report, REFERENCE)))
    assert main(["bench", "goals", *map(str, REFERENCE)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1 + len(GOALS)


@pytest.mark.parametrize("path", REFERENCE, ids=lambda path: path.stem)
def test_reference_results_say_where_they_come_from(path):
    host = json.loads(path.read_text())["host"]
    assert {"processor", "cores", "versions", "seed", "commit", "load_1min"} <= set(host)

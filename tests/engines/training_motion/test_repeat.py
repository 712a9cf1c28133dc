"""Repetitions: seeds, families left out, and a report that is gone on with."""

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs the extra [train]")

from synchresis.engines.scenes.families import train_families  # noqa: E402
from synchresis.engines.training.motion import repeat  # noqa: E402
from synchresis.engines.training.motion.feed import usual_odds  # noqa: E402
from synchresis.engines.training.motion.repeat import REPORT, Run, main, runs_of  # noqa: E402
from synchresis.engines.training.motion.train import TrainSettings  # noqa: E402
from synchresis.errors import ParameterError  # noqa: E402

TINY = [
    *("--minutes", "0.02", "--batch", "2", "--frames", "12", "--films", "2", "--capacity", "8"),
    *("--validation", "2", "--final", "4", "--sizes", "4", "8", "8", "8", "--device", "cpu"),
]


@pytest.fixture(autouse=True)
def usual_memory(monkeypatch):
    """The setting is of a whole process, here that of all tests."""
    monkeypatch.setattr(repeat, "keep_freed_memory", lambda: True)


def test_families_left_out_are_left_out_and_the_others_drawn_as_usual(tmp_path):
    base = TrainSettings(minutes=1, out=tmp_path)
    first, second, left_out = runs_of(2, ["stick"])
    assert (first.name, second.name, left_out.name) == ("seed_0", "seed_1", "without_stick")
    assert second.settings(base).seed == 1 and second.settings(base).families == ()
    names = left_out.settings(base).families
    assert set(train_families()) - set(names) == {"stick"}
    odds = dict(zip(names, usual_odds(names), strict=True))
    everything = dict(zip(train_families(), usual_odds(train_families()), strict=True))
    assert odds == {name: everything[name] for name in names}
    with pytest.raises(ParameterError, match="nosuch"):
        runs_of(1, ["nosuch"])


def test_runs_are_made_once_and_compared(tmp_path, monkeypatch, capsys):
    command = ["--out", str(tmp_path), *TINY, "--seeds", "1", "--without", "stick"]
    main([*command, "--budget", "0"])
    assert json.loads(capsys.readouterr().out.splitlines()[-1]) == {"seeds": {}, "families": {}}
    main(command)
    assert "NaN" not in (tmp_path / REPORT).read_text()  # which would be no JSON
    report = json.loads((tmp_path / REPORT).read_text())
    assert set(report["runs"]) == {"seed_0", "without_stick"}
    assert report["seeds"]["deviation"]["f1"] is None  # of a single seed
    first, left_out = report["runs"]["seed_0"], report["runs"]["without_stick"]
    assert first["steps"] >= 1 and left_out["steps"] >= 1
    found = report["families"]["stick"]
    assert found["unseen"]["bar"] == left_out["held_out"]["bar"]
    assert found["seen"]["bar"] == first["held_out"]["bar"]
    assert report["seeds"]["mean"]["f1"] == first["held_out"]["f1"]
    monkeypatch.setattr(repeat, "Trainer", None)  # nothing is left to train
    main(command)
    assert json.loads((tmp_path / REPORT).read_text()) == report
    with pytest.raises(ParameterError, match=r"seed_0 of 0\.02 minutes, not 0\.05 minutes"):
        main([*command, "--minutes", "0.05"])


def test_runs_counted_in_steps_are_equally_long_and_taken_as_they_are(tmp_path, monkeypatch):
    command = ["--out", str(tmp_path), *TINY, "--steps", "3", "--seeds", "2"]
    main([*command, "--seeds", "1"])
    (tmp_path / REPORT).unlink()  # as if the run had been made elsewhere
    trained = []
    run = repeat.Trainer.run

    def counted(trainer):
        trained.append(trainer.settings.out.name)
        run(trainer)

    monkeypatch.setattr(repeat.Trainer, "run", counted)
    main(command)
    report = json.loads((tmp_path / REPORT).read_text())
    assert trained == ["seed_1"]
    assert {name: one["steps"] for name, one in report["runs"].items()} == {
        "seed_0": 3,
        "seed_1": 3,
    }
    with pytest.raises(ParameterError, match=r"seed_0 of 3 steps, not 4 steps"):
        main([*command, "--steps", "4"])
    main([*command, "--seeds", "3", "--budget", "0"])  # as long as the longest: too long
    assert trained == ["seed_1"]
    (tmp_path / REPORT).unlink()
    with pytest.raises(ParameterError, match=r"seed_0.motion\.pt has 3 steps, not 2"):
        main([*command, "--steps", "2"])
    (tmp_path / REPORT).write_text('{"runs": {"seed_0": {"minutes": 3, "x": NaN}}}')
    with pytest.raises(ParameterError, match="of another version"):
        main(command)


def test_weights_that_have_seen_everything_leave_no_family_out(tmp_path):
    with pytest.raises(ParameterError, match="has seen the families"):
        main(["--out", str(tmp_path), "--start", "shipped", "--seeds", "0", "--without", "stick"])


def test_seeds_are_summarised_without_runs_that_lack_a_family():
    def one(f1, without=""):
        return {"without": without, "held_out": {"f1": f1, "timing": f1, "false_per_minute": 6.0}}

    found = repeat.over_seeds({"a": one(0.4), "b": one(0.6), "c": one(0.0, "stick")})
    assert found["mean"]["f1"] == pytest.approx(0.5)
    assert found["deviation"]["f1"] == pytest.approx(np.std([0.4, 0.6], ddof=1))
    assert found["deviation"]["false_per_minute"] == 0
    assert Run(3).name == "seed_3"

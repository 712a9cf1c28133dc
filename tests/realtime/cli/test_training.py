"""`synchresis train` and `synchresis export` hand on to the training code."""

import importlib
import sys
from types import ModuleType

import pytest

from synchresis.errors import EngineError
from synchresis.realtime.cli import training
from synchresis.realtime.cli.main import main


@pytest.mark.parametrize("engine", training.KINDS)
def test_every_engine_can_be_trained_and_exported(engine: str) -> None:
    pytest.importorskip("torch", reason="training needs torch")
    commands = importlib.import_module(f"synchresis.engines.training.{engine}.commands")
    for task in ("train", "export"):
        assert callable(getattr(commands, f"add_{task}_arguments"))
        assert callable(getattr(commands, f"run_{task}"))


def test_arguments_are_handed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    commands = ModuleType("commands")
    commands.add_train_arguments = lambda parser: parser.add_argument("--minutes", type=float)  # type: ignore[attr-defined]
    commands.run_train = lambda args: 3 if args.minutes == 2.5 else 0  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "synchresis.engines.training.motion.commands", commands)
    assert main(["train", "motion", "--minutes", "2.5"]) == 3


@pytest.mark.parametrize(("absent", "refused"), [("torch", EngineError), ("synchresis.x", None)])
def test_without_torch_the_extra_is_named(
    absent: str, refused: type[Exception] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(name: str) -> ModuleType:
        raise ModuleNotFoundError(name=absent)

    monkeypatch.setattr(training, "import_module", fail)
    with pytest.raises(
        refused or ModuleNotFoundError, match=r"pip install .\.\[train\]" if refused else None
    ):
        training.run_task("train", "voice", [])


def test_other_engines_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["export", "colour"])
    assert stop.value.code == 2
    assert "'colour'" in capsys.readouterr().err

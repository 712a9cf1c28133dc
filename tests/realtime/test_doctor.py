"""What the doctor finds, and what it says of it."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from synchresis.engines.packs import Pack
from synchresis.errors import DeviceError, EngineError
from synchresis.realtime.cli.main import main
from synchresis.realtime.doctor import Finding, devices, examine_stages, stages
from synchresis.realtime.doctor.finding import examine


def verdicts(findings: list[Finding]) -> dict[str, str]:
    return {finding.name: finding.verdict for finding in findings}


def test_every_stage_of_a_good_pack_works(tiny_pack: Pack) -> None:
    findings = list(examine_stages(tiny_pack))
    assert {finding.text for finding in findings if finding.verdict == "broken"} == set()
    assert {"flow", "overlap-add", "physical models", "messages", "motion parser", "voice"} <= set(
        verdicts(findings)
    )


def test_a_flow_that_sees_nothing_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    class Blind(stages.Flow):  # type: ignore[misc]
        def step(self, *args: object, **settings: object) -> object:
            field = super().step(*args, **settings)
            field.flow[:] = 0
            return field

    monkeypatch.setattr(stages, "Flow", Blind)
    finding = examine("flow", stages.try_flow, remedy="remedy")
    assert finding.verdict == "broken"
    assert "0.00 pixels of motion where there are 4" in finding.text
    assert finding.remedy == "remedy"


def test_an_overlap_add_that_drops_its_state_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    class Forgetful(stages.OverlapAdd):  # type: ignore[misc]
        def step(self, *args: object, **settings: object) -> object:
            self.reset_state(args[1])
            return super().step(*args, **settings)

    monkeypatch.setattr(stages, "OverlapAdd", Forgetful)
    with pytest.raises(EngineError, match="differs from its reference"):
        stages.try_overlap_add()


def test_a_mute_voice_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    class Mute(stages.Ensemble):  # type: ignore[misc]
        def step(self, *args: object, **settings: object) -> object:
            return 0 * np.asarray(super().step(*args, **settings))

    monkeypatch.setattr(stages, "Ensemble", Mute)
    with pytest.raises(EngineError, match=r"a hit at 0\.000"):
        stages.try_voice(None, "model:wood")


def _list_cameras(folder: Path, *names: str) -> Path:
    for number, name in enumerate(names):
        (folder / f"video{number}").mkdir()
        (folder / f"video{number}/name").write_text(f"{name}\n")
        (folder / f"video{number}/index").write_text("1\n" if name == "metadata" else "0\n")
    return folder


def test_no_camera_is_absent_with_a_remedy(tmp_path: Path) -> None:
    for listing in (tmp_path, tmp_path / "missing", _list_cameras(tmp_path, "metadata")):
        (finding,) = devices.examine_cameras(listing)
        assert finding.verdict == "absent"
        assert "scene:" in finding.remedy


def test_a_camera_that_cannot_be_opened_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(spec: str) -> str:
        raise DeviceError(f"camera {spec} is busy")

    monkeypatch.setattr(devices, "_try_camera", busy)
    (finding,) = devices.examine_cameras(_list_cameras(tmp_path, "Webcam", "metadata"))
    assert (finding.name, finding.verdict) == ("camera 0 (Webcam)", "broken")
    assert finding.text == "camera 0 is busy"


def test_a_tampered_pack_is_broken(
    make_tiny_pack: Callable[[str], Pack], monkeypatch: pytest.MonkeyPatch
) -> None:
    good, bad = make_tiny_pack("good"), make_tiny_pack("bad")
    (bad.path / "motion.onnx").write_bytes(b"changed")
    monkeypatch.setattr(devices, "list_packs", lambda: (good.path, bad.path))
    first, second = devices.examine_packs()
    assert (first.name, first.verdict) == ("pack good", "ok")
    assert (second.name, second.verdict) == ("pack bad", "broken")
    assert "motion.onnx" in second.text


def test_doctor_as_json_exits_1_where_something_is_broken(
    tiny_pack: Pack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = iter([Finding("a", "ok", "fine"), Finding("b", "broken", "bad", "mend it")])
    monkeypatch.setattr("synchresis.realtime.doctor.examine_devices", lambda: found)
    monkeypatch.setattr("synchresis.realtime.doctor.examine_stages", lambda pack: iter(()))
    assert main(["doctor", "--json", "--pack", str(tiny_pack.path)]) == 1
    assert json.loads(capsys.readouterr().out) == [
        {"name": "a", "verdict": "ok", "text": "fine", "remedy": ""},
        {"name": "b", "verdict": "broken", "text": "bad", "remedy": "mend it"},
    ]


def test_doctor_for_people_names_the_remedy(
    tiny_pack: Pack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = iter([Finding("camera", "absent", "no camera found", "plug one in")])
    monkeypatch.setattr("synchresis.realtime.doctor.examine_devices", lambda: found)
    monkeypatch.setattr("synchresis.realtime.doctor.examine_stages", lambda pack: iter(()))
    assert main(["doctor", "--pack", str(tiny_pack.path)]) == 0
    assert "camera: no camera found\n         -> plug one in\n" in capsys.readouterr().out

import csv
import json

import numpy as np
import pytest

from synchresis.engines.evaluation.clips import heard_of, read_clips
from synchresis.engines.evaluation.motion import clip_report, run_clips
from synchresis.engines.evaluation.motion_table import rate_text, table
from synchresis.engines.evaluation.rates import FalseRate
from synchresis.engines.evaluation.sheets import write_sheet
from synchresis.engines.evaluation.tracks import Track
from synchresis.engines.evaluation.worlds import WorldResult, world_row
from synchresis.engines.motion.parser import MotionParser
from synchresis.errors import InputError
from synchresis.realtime.cli.main import main

av = pytest.importorskip("av")

FLASHES_S = (0.5, 1.1, 1.9)
COLUMNS = {
    "category": "flashes",
    "audio_genuine": "yes",
    "rating_1to5": "5",
    "webcam_like": "no",
    "clip_duration_s": "2.5",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two clips whose corner flashes when something sounds; the second one is not core."""
    root = tmp_path_factory.mktemp("clips")
    rng = np.random.default_rng(0)
    rows = []
    for name, core in (("one", "yes"), ("two", "no")):
        write_video(root / f"{name}.mp4", rng)
        with (root / f"{name}.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, ["time_s", "salient"])
            writer.writeheader()
            writer.writerows({"time_s": t, "salient": 1} for t in FLASHES_S)
            writer.writerow({"time_s": 2.4, "salient": 0})
        files = {"file": f"{name}.mp4", "onsets": f"{name}.csv"}
        rows.append({"name": name, "core": core, **files, **COLUMNS})
    with (root / "manifest.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return root


def write_video(path, rng) -> None:
    base = rng.integers(40, 60, (120, 160, 3)).astype(np.uint8)
    lit = {round(t * 30) for t in FLASHES_S}
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30)
        stream.height, stream.width, stream.pix_fmt = 120, 160, "yuv420p"
        for index in range(75):
            picture = base.copy()
            if index in lit:
                picture[:60, :80] = 250
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        container.mux(stream.encode())


@pytest.fixture(scope="module")
def parser(tiny_pack):
    made = MotionParser(tiny_pack, backend="onnx")
    made.prepare()
    yield made
    made.close()


def test_clips_are_read_and_filtered(folder):
    one, two = read_clips(folder)
    assert (one.name, one.core, two.core) == ("one", True, False)
    assert tuple(one.onsets_s) == FLASHES_S and len(one.all_onsets_s) == 4
    assert [clip.name for clip in read_clips(folder, only=("core", "no"))] == ["two"]
    assert read_clips(folder, min_rating=5)
    with pytest.raises(InputError, match="no column 'colour'"):
        read_clips(folder, only=("colour", "red"))
    with pytest.raises(InputError, match=r"manifest\.csv"):
        read_clips(folder / "nowhere")


def test_the_report_holds_core_and_all_and_every_flash_is_found(folder, parser):
    report = clip_report(run_clips(read_clips(folder), parser))
    assert list(report["groups"]) == ["core", "all"]
    core = report["groups"]["core"]
    assert (core["clips"], core["onsets"], core["events"]) == (1, 3, 3)
    assert core["scores"]["heard"][0.05][2] == 1.0
    assert core["scores"]["heard"][0.05][4] > 0.9
    assert len(core["scores"]["heard"][0.05]) == 7
    assert {"metronome", "flow drop", "heard, no offset"} <= set(core["scores"])
    assert abs(core["signed_offset_s"]["median"]) < 0.04
    assert report["clips"][0]["fps"] == pytest.approx(30, abs=0.1)
    text = table(report)
    for word in ("core: 1 clips", "all: 2 clips", "metronome", "webcam_like = no", "one"):
        assert word in text


def test_a_sheet_is_drawn(folder, parser, tmp_path):
    path = write_sheet(read_clips(folder)[0], parser, tmp_path / "sheets")
    assert path.name == "one.png" and path.stat().st_size > 10_000


def test_the_command_prints_json_and_refuses_nonsense(folder, tiny_pack, capfd):
    common = ["evaluate", "motion", "--pack", str(tiny_pack.path), "--engine", "onnx"]
    assert main([*common, "--clips", str(folder), "--json"]) == 0
    report = json.loads(capfd.readouterr().out)
    assert report["groups"]["all"]["clips"] == 2
    assert main([*common, "--clips", str(folder), "--only", "core=maybe"]) == 2
    assert "no clips left" in capfd.readouterr().err
    assert main(common) == 2
    assert "nothing to evaluate" in capfd.readouterr().err


def test_scenes_without_clips_are_a_table_too():
    times = np.arange(0, 60, 0.04)
    silent = Track(np.zeros(len(times)), times, np.zeros(0), "still")
    loud = Track(np.zeros(len(times)), times, np.array([1.0, 2.0]), "cups")
    rows = {
        track.name: world_row([WorldResult(heard_of((), times), track)]) for track in (silent, loud)
    }
    still, cups = table({"lookahead_ms": 0, "scenes": rows}).splitlines()[2:]
    assert "still" in still and "0 in 1.0 min" in still
    assert "cups" in cups and "recall 0.00" in cups


def test_a_rate_over_no_time_says_so():
    assert rate_text(FalseRate(0, 0.0).report()) == "no such stretch"
    assert rate_text(FalseRate(3, 2.0).report()).startswith("3 in 2.0 min = 1.50 a minute, below 3")

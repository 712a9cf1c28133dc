import base64
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from synchresis.bench import voice
from synchresis.bench.options import Options
from synchresis.bench.report import render_page
from synchresis.bench.result import Image, Report, encode_report
from synchresis.bench.voice import (
    SHEETS,
    SHOWN_HITS,
    instrument_results,
    sheets,
    voice_figures,
    voice_results,
)
from synchresis.engines.evaluation.voice_sheets import TILE, write_sheets


def row(mel):
    return {
        "count": 3,
        "made_mel": mel,
        "made_stft": 2 * mel,
        "sampler_mel": 1.0,
        "sampler_stft": 2.0,
        "copy_mel": 0.5,
        "copy_stft": 1.0,
        "attack_median_ms": 0.4,
        "attack_p95_ms": 1.5,
        "onset_p95_ms": 0.7,
    }


@pytest.fixture
def evaluation():
    return {
        "hits": {"all": row(1.2), "velocity": row(0.8)},
        "palettes": {"glass": row(1.5), "wood": row(0.9)},
        "judges": {"made_over_real": 0.9, "count": 40},
        "instrument": {"palettes": 2, "border_click_db": -61.0, "after_decay_palette": "glass"},
    }


def test_hits_stand_against_every_baseline_there_is(evaluation):
    values = {result.metric: result for result in voice_results(evaluation)}
    against = values["voice.all.mel.against_sampler"]
    assert (against.value, against.ratio) == (1.2, 1.2)
    assert "nearest training recording" in against.peer
    assert values["voice.velocity.stft.against_copy"].ratio == pytest.approx(1.6)
    assert "voice.all.mel.against_model" not in values
    assert values["voice.all.attack.p95"].value == 1.5
    assert values["voice.all.onset.p95"].value == 0.7
    assert "voice.all.loudest.p95" not in values
    assert not [name for name in values if "beyond" in name]
    assert values["voice.judges.made_over_real"].value == 0.9


def test_far_attacks_stand_against_real_takes(evaluation):
    bounds = {"made_less_real_lowest": -0.03, "made_less_real_highest": 0.02}
    evaluation["far_attacks"] = {"made": 0.1, "real_takes": 0.125, **bounds}
    values = {result.metric: result for result in voice_results(evaluation)}
    far = values["voice.known.attack.beyond_8_ms"]
    assert (far.value, far.peer) == (0.1, "real takes of like strength 0.125")
    assert "-0.030 to +0.020" in far.note


def test_names_are_no_numbers(evaluation):
    metrics = {result.metric: result for result in instrument_results(evaluation["instrument"])}
    assert set(metrics) == {"voice.instrument.palettes", "voice.instrument.border_click_db"}
    assert metrics["voice.instrument.border_click_db"].unit == "dB"


def test_tables_and_spectrograms_reach_the_page(evaluation, tmp_path):
    drawn = np.random.default_rng(0).integers(0, 255, (40, 8 * TILE[0], 3), np.uint8)
    cv2.imwrite(str(tmp_path / "glass.png"), drawn)
    pictures = sheets(tmp_path, ["glass", "wood"])
    assert [figure.title for figure in pictures] == ["Palette glass"]
    shown = cv2.imdecode(np.frombuffer(base64.b64decode(pictures[0].png_base64), np.uint8), 1)
    assert np.abs(shown - drawn[:, : SHOWN_HITS * TILE[0]].astype(int)).max() < 8
    figures = voice_figures(evaluation)
    assert figures[1].series == {
        "ours": [0.9, 1.5],
        "sampler": [1, 1],
        "model": [],
        "copy": [0.5] * 2,
    }
    assert [cells[0] for cells in figures[2].rows] == ["glass", "wood"]
    page = render_page([Report("voice", {}, [], [*figures, *pictures])])
    assert "data:image/png;base64,iVBOR" in page


def test_a_report_on_recordings_holds_spectrograms_and_stays_small(
    evaluation, tmp_path, monkeypatch
):
    """As large as they can be: noise does not compress."""
    names = [f"palette{k}" for k in range(2 * SHEETS)]
    evaluation["palettes"] = {name: row(1.0) for name in names}
    rng = np.random.default_rng(0)

    def evaluate_voice(pack, folder, *, sheets):
        targets = [SimpleNamespace(palette=name) for name in names for _ in range(9)]
        for target in targets:
            target.sound = rng.normal(0, 0.1, 48_000).astype(np.float32)
        rows = [{"kind": "velocity", "made_mel": 1.0, "sampler_mel": 1.0} for _ in targets]
        write_sheets(sheets, targets, [target.sound for target in targets], rows)
        return evaluation

    monkeypatch.setattr(voice, "evaluate_voice", evaluate_voice)
    report = voice.run(Options(sounds=str(tmp_path)))
    pictures = [figure for figure in report.figures if isinstance(figure, Image)]
    assert [each.title for each in pictures] == [
        f"Palette {name}" for name in (*names[:3], *names[-3:])
    ]
    assert len(encode_report(report)) < 1_500_000

import cv2
import numpy as np
import pytest

from synchresis.bench.report import render_page
from synchresis.bench.result import Report
from synchresis.bench.voice import instrument_results, sheets, voice_figures, voice_results


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
    assert values["voice.judges.made_over_real"].value == 0.9


def test_names_are_no_numbers(evaluation):
    metrics = {result.metric: result for result in instrument_results(evaluation["instrument"])}
    assert set(metrics) == {"voice.instrument.palettes", "voice.instrument.border_click_db"}
    assert metrics["voice.instrument.border_click_db"].unit == "dB"


def test_tables_and_spectrograms_reach_the_page(evaluation, tmp_path):
    cv2.imwrite(str(tmp_path / "glass.png"), np.zeros((8, 8, 3), np.uint8))
    pictures = sheets(tmp_path, ["glass", "wood"])
    assert [figure.title for figure in pictures] == ["Palette glass"]
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

"""Rendering: the sink is whole or nothing, the report is what was written."""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from synchresis.engines.frame import Frame
from synchresis.engines.instrument import Instrument, InstrumentSettings
from synchresis.engines.packs import Pack
from synchresis.engines.timebase import NS_PER_S
from synchresis.engines.zone import Zone
from synchresis.errors import InputError
from synchresis.realtime.rendering import render_film
from synchresis.realtime.sinks import SoundFileSink


class Blinking:
    """A film that blinks, and may break off in the middle."""

    name = "blinking"
    nominal_fps = 25.0
    end_ns = NS_PER_S

    def __init__(self, *, breaks: bool = False) -> None:
        self._breaks = breaks

    def __iter__(self) -> Iterator[Frame]:
        for number in range(25):
            if self._breaks and number == 20:
                raise InputError("blinking: broken off")
            light = 255 if number % 10 == 5 else 0
            yield Frame(np.full((60, 80), light, np.uint8), number * NS_PER_S // 25, number)

    def close(self) -> None:
        """Nothing to close."""


@pytest.fixture
def instrument(tiny_pack: Pack) -> Instrument:
    made = Instrument(tiny_pack, InstrumentSettings((Zone(palette="model:wood"),)))
    made.prepare()
    return made


def test_the_report_is_what_was_written(instrument: Instrument, tmp_path: Path) -> None:
    out, lines = tmp_path / "out.wav", tmp_path / "lines.jsonl"
    report = render_film(instrument, Blinking(), SoundFileSink(out), gestures=lines)
    assert report.seconds == soundfile.info(out).frames / 48_000 == 1.0
    assert report.frames == 25 == len(lines.read_text().splitlines()) - 1
    assert report.events == report.played == lines.read_text().count('"kind"') > 0
    assert report.speed == pytest.approx(report.seconds / report.took_s)


def test_gestures_that_cannot_be_written_leave_nothing(
    instrument: Instrument, tmp_path: Path
) -> None:
    sink = SoundFileSink(tmp_path / "out.wav")
    with pytest.raises(InputError, match="folder"):
        render_film(instrument, Blinking(), sink, gestures=tmp_path / "no" / "lines.jsonl")
    assert os.listdir(tmp_path) == []


def test_a_film_that_breaks_off_leaves_nothing(instrument: Instrument, tmp_path: Path) -> None:
    sink = SoundFileSink(tmp_path / "out.wav")
    with pytest.raises(InputError, match="broken off"):
        render_film(instrument, Blinking(breaks=True), sink, gestures=tmp_path / "lines.jsonl")
    assert os.listdir(tmp_path) == []

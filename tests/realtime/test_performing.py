"""A performance before a fake camera; the microphone's double stands in for the recorder."""

import time

import numpy as np
import pytest

from synchresis.engines.frame import Frame
from synchresis.engines.sample_clock import SampleClock
from synchresis.errors import DeviceError
from synchresis.realtime import performing, recorder
from synchresis.realtime.performing import (
    PROMPTS,
    SILENT_PROMPTS,
    Prompter,
    look,
    perform,
)
from synchresis.realtime.recorder import Recording


class Camera:
    name = "fake"

    def __init__(self, step_s=0.004):
        self._number = 0
        self._step_s = step_s

    def read(self, timeout_s):
        time.sleep(self._step_s)
        self._number += 1
        picture = np.full((480, 640, 3), self._number % 200, np.uint8)
        return Frame(picture, time.perf_counter_ns(), self._number)


class Microphone:
    def __init__(self, *, seconds, device):
        self.device = device

    def __enter__(self):
        self.begin_ns = time.perf_counter_ns()
        return self

    def stop(self):
        return Recording(np.ones(4800, np.float32), SampleClock(origin_ns=self.begin_ns))

    def __exit__(self, *error):
        pass


@pytest.fixture
def microphone(monkeypatch):
    monkeypatch.setattr(performing, "Recorder", Microphone)


def test_frames_and_sound_share_a_clock_and_every_prompt_is_said_once(microphone):
    said = []
    began_s = time.perf_counter()
    recording = perform(Camera(), Prompter(said.append), seconds=0.6, microphone="usb")
    assert said == [text for _, text in PROMPTS]
    assert recording.aspect == 0.75 and len(recording.sound) == 4800
    times = [frame.captured_ns / 1e9 for frame in recording.frames]
    assert began_s < recording.sound_s < times[0] < times[-1] < began_s + 5
    assert all(frame.picture.shape == (240, 320) for frame in recording.frames)


def test_a_camera_that_sends_next_to_nothing_is_refused(microphone):
    with pytest.raises(DeviceError, match="pictures in"):
        perform(Camera(step_s=0.1), Prompter(lambda text: None), seconds=0.5)


def test_a_microphone_that_is_not_there_is_refused_at_once(monkeypatch):
    opened = []

    class Absent(Microphone):
        def __enter__(self):
            opened.append(self.device)
            raise DeviceError(f"no {self.device}")

    monkeypatch.setattr(recorder, "Recorder", Absent)
    with pytest.raises(DeviceError, match="no usb"):
        recorder.check_microphone("usb")
    assert opened == ["usb"]


def test_silence_is_looked_at_without_a_microphone():
    said = []
    recording = look(Camera(), Prompter(said.append, SILENT_PROMPTS), seconds=0.6)
    assert said == [text for _, text in SILENT_PROMPTS]
    assert recording.silent and recording.aspect == 0.75 and len(recording.sound) == 0
    assert len(list(recording.frames)) >= 30
    with pytest.raises(DeviceError, match="pictures in"):
        look(Camera(step_s=0.1), Prompter(said.append), seconds=0.5)


def test_prompts_ask_for_hits_places_pauses_and_silent_strokes():
    text = " ".join(line for _, line in PROMPTS)
    for wanted in ("hard", "softly", "places", "still", "WITHOUT", "pull back"):
        assert wanted in text

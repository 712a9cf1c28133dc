"""Calibration through a real audio path: a fake camera claps, a sound server carries the claps."""

import json
import time

import numpy as np
import pytest

from synchresis.engines.frame import Frame
from synchresis.realtime.calibrate import measure_camera_delay, watch_and_listen
from synchresis.realtime.cli.choices import source_settings
from synchresis.realtime.cli.main import build_parser, main
from synchresis.realtime.sources import opening

pytestmark = pytest.mark.audio

NS = 1_000_000_000
RATE = 48_000
CLAPS_S = np.array([0.8, 1.55, 2.37, 3.11, 3.92])
DELAY_NS = 60_000_000
EXACT_MS = 12


class ClappingCamera:
    """Stamps its pictures 60 ms after their light."""

    name, nominal_fps, estimated, away, finished, lost = "fake", 30.0, False, False, False, 0

    def __init__(self, begin_ns):
        self._begin_ns = begin_ns
        self._next_ns = begin_ns
        self._number = 0

    def read(self, timeout_s):
        time.sleep(max(0.0, (self._next_ns - time.perf_counter_ns()) / NS))
        light_ns, number = self._next_ns, self._number
        self._next_ns += NS // 30
        self._number += 1
        return Frame(self._picture((light_ns - self._begin_ns) / NS), light_ns + DELAY_NS, number)

    def _picture(self, time_s):
        since = time_s - CLAPS_S
        gap = min(1.0, *(np.where(since < 0, -since / 0.15, np.maximum(0, since - 0.25) / 0.25)))
        shift = round(60 * gap)
        image = np.full((120, 160), 20, np.uint8)
        image[40:80, 78 - 20 - shift : 78 - shift] = 220
        image[40:80, 82 + shift : 82 + 20 + shift] = 220
        return image

    def close(self):
        pass


def play_claps(begin_ns):
    """Schedule a burst at every clap; returns the stream, to be closed."""
    import rtmixer

    mixer = rtmixer.Mixer(channels=1, samplerate=RATE, blocksize=128, latency="low")
    mixer.start()
    time.sleep(0.2)
    rng = np.random.default_rng(0)
    burst = (0.5 * rng.standard_normal(2400) * np.exp(-np.arange(2400) / 400)).astype(np.float32)
    now_s, now_ns = mixer.time, time.perf_counter_ns()
    for clap_s in CLAPS_S:
        start = now_s + (begin_ns + clap_s * NS - now_ns) / NS
        mixer.play_buffer(burst.tobytes(), 1, start=start, allow_belated=False)
    return mixer


def measured():
    """The delay of a clapping camera through the sound server."""
    begin_ns = time.perf_counter_ns() + NS
    mixer = play_claps(begin_ns)
    try:
        sight, recording = watch_and_listen(ClappingCamera(begin_ns), seconds=5.3)
    finally:
        mixer.close()
    return measure_camera_delay(sight, recording, distance_m=0.0)


def test_a_known_camera_delay_is_measured_through_the_sound_server():
    found = measured()
    assert found.claps == len(CLAPS_S)
    assert found.delay_ms == pytest.approx(DELAY_NS / 1e6, abs=EXACT_MS)


def test_the_command_sets_the_delay_that_live_uses(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    streams = []

    def open_live(settings):
        begin_ns = time.perf_counter_ns() + NS
        streams.append(play_claps(begin_ns))
        return ClappingCamera(begin_ns)

    monkeypatch.setattr(opening, "open_live", open_live)
    try:
        assert main(["calibrate", "--seconds", "5.3", "--distance", "0", "--json"]) == 0
    finally:
        while streams:
            streams.pop().close()
    said = json.loads(capsys.readouterr().out)
    assert said["camera_delay_ms"] == pytest.approx(DELAY_NS / 1e6, abs=EXACT_MS)
    args = build_parser(["live"]).parse_args(["live", "--camera", "0"])
    assert source_settings(args, "0").camera_delay_ns == round(1e6 * said["camera_delay_ms"])

"""Glass to air with a fake screen and a fake camera that sees it, through a real sound server."""

import time

import numpy as np
import pytest

from synchresis.bench import glass
from synchresis.bench.glass import glass_findings
from synchresis.bench.result import read_report
from synchresis.engines.frame import Frame
from synchresis.realtime.cli.main import main
from synchresis.realtime.clock import clock_id
from synchresis.realtime.glass import FlashPlan, measure_glass

pytestmark = pytest.mark.audio

NS = 1_000_000_000
CAMERA_NS = 40_000_000


class FakeScreen:
    """Remembers when it was white."""

    def __init__(self):
        self.changes = [(0, False)]
        self.closed = False

    def show(self, *, white):
        now = time.perf_counter_ns()
        self.changes.append((now, white))
        return now

    def white_at(self, time_ns):
        return next(white for changed, white in reversed(self.changes) if changed <= time_ns)

    def close(self):
        self.closed = True


class FakeCamera:
    """Sees the screen at 60 frames a second, 40 ms before the stamp."""

    name, nominal_fps, estimated, away, finished, lost = "fake", 60.0, False, False, False, 0

    def __init__(self, screen):
        self._screen = screen
        self._next_ns = time.perf_counter_ns()
        self._number = 0
        self._noise = np.random.default_rng(0).integers(0, 4, (120, 160), np.uint8)

    def read(self, timeout_s):
        time.sleep(max(0.0, (self._next_ns - time.perf_counter_ns()) / NS))
        stamp = self._next_ns
        self._next_ns = max(stamp + NS // 60, time.perf_counter_ns())
        self._number += 1
        level = np.uint8(180 if self._screen.white_at(stamp - CAMERA_NS) else 20)
        return Frame(self._noise + level, stamp, self._number, clock_id(), self.name)

    def close(self):
        self.finished = True


def test_flashes_are_answered_at_the_microphone(tiny_pack):
    screen = FakeScreen()
    plan = FlashPlan(flashes=6, period_s=0.6, seed=1)
    found = measure_glass(screen, FakeCamera(screen), tiny_pack, plan)
    assert screen.closed
    assert found.flashes == 6
    assert len(found.stamp_ms) == 6
    assert found.stamp_ms.min() >= 40
    assert len(found.air_ms) >= 5
    assert found.air_ms.min() > found.stamp_ms.min(), "sound comes after sight"
    results, _ = glass_findings(found)
    assert {"glass.air.p50", "glass.stamp.p50", "glass.flashes"} <= {r.metric for r in results}


def test_the_command_flashes_and_writes_its_report(tiny_pack, tmp_path, monkeypatch):
    screen, path = FakeScreen(), tmp_path / "glass.json"
    monkeypatch.setattr(glass, "WindowScreen", lambda: screen)
    monkeypatch.setattr(glass, "open_live", lambda settings: FakeCamera(screen))
    arguments = ["--quick", "--pack", str(tiny_pack.path), "--json", str(path)]
    assert main(["bench", "glass", *arguments]) == 0
    report = read_report(path)
    assert report.value("glass.flashes") == 10
    assert report.value("glass.air.count") > 5
    assert report.value("glass.air.p50") > report.value("glass.stamp.p5") >= 40

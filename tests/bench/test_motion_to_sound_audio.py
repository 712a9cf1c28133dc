"""Motion-to-sound through a real sound server; the times are the benchmark's business."""

import numpy as np
import pytest

from synchresis.bench.memory_camera import draw_footage
from synchresis.bench.motion_to_sound import SoundCase, measure_loopback, run_sound

pytestmark = pytest.mark.audio

EXACT_MS = 15


def test_every_contact_the_oracle_knows_is_heard_once(tiny_pack):
    footage = draw_footage("stick", seed=0, fps=60, seconds=9)
    listened = run_sound(SoundCase("off", oracle=True), footage, tiny_pack)
    pairing, status = listened.pairing, listened.status
    assert len(pairing.differences_ms) >= 5
    assert pairing.missed <= status.xruns
    assert status.delay_ms is not None
    late_ms = float(np.median(pairing.differences_ms)) - status.delay_ms
    assert abs(late_ms) <= EXACT_MS


def test_clicks_come_back_from_the_loopback():
    delays = measure_loopback()
    assert len(delays) >= 10
    assert 0 <= np.median(delays) < 50

import json
import re
from types import SimpleNamespace

import numpy as np
import pytest

from synchresis.engines.sample_clock import SampleClock
from synchresis.errors import DeviceError, InputError, ParameterError
from synchresis.realtime import calibrate, recorder
from synchresis.realtime.calibrate import (
    CameraDelay,
    MotionMeter,
    Sight,
    heard_claps,
    measure_camera_delay,
    pair_claps,
    seen_claps,
)
from synchresis.realtime.camera_delays import store_delay_ms, stored_delay_ms
from synchresis.realtime.cli.main import build_parser, main
from synchresis.realtime.recorder import (
    Recording,
    _offset_ns,
    fill_losses,
    filled_places,
    find_losses,
    unwrapped_ns,
)
from synchresis.realtime.sources import opening

NS = 1_000_000_000
START_NS = 77 * NS
CLAPS_S = [1.013, 2.107, 3.241, 4.009, 5.322, 6.150]


def hands(time_s):
    """Distance of two hands, 0 when together: they close in 0.15 s, rest 0.3 s, open in 0.3 s."""
    gap = 1.0
    for clap in CLAPS_S:
        if clap - 0.15 <= time_s < clap:
            gap = min(gap, (clap - time_s) / 0.15)
        elif clap <= time_s < clap + 0.3:
            gap = 0.0
        elif clap + 0.3 <= time_s < clap + 0.6:
            gap = min(gap, (time_s - clap - 0.3) / 0.3)
    return gap


def picture(time_s, rng):
    image = rng.integers(20, 24, (240, 320), np.uint8)
    shift = round(80 * hands(time_s))
    image[80:160, 110 - shift : 150 - shift] = 200
    image[80:160, 170 + shift : 210 + shift] = 200
    return image


def fake_sight(rng, *, delay_s, fps=30.0, jitter_s=0.001):
    """A camera that stamps its pictures `delay_s` after their light."""
    meter = MotionMeter()
    for time_s in np.arange(0.011, 7.0, 1 / fps):
        stamp = START_NS + round((time_s + delay_s + rng.uniform(0, jitter_s)) * NS)
        meter.see(picture(time_s, rng), stamp)
    return meter.sight()


def fake_recording(rng, *, extra=(), travel_s=0.5 / 343):
    """A microphone whose first sample is 0.4 s before the first picture."""
    sound = 1e-3 * rng.standard_normal(8 * 48_000).astype(np.float32)
    for time_s, gain in [*((c, 0.5) for c in CLAPS_S), *extra]:
        place = round((time_s + travel_s + 0.4) * 48_000)
        decay = np.exp(-np.arange(4_800) / 600)
        sound[place : place + 4_800] += (gain * decay * rng.standard_normal(4_800)).astype("f4")
    return Recording(sound, SampleClock(origin_ns=START_NS - round(0.4 * NS)))


@pytest.mark.parametrize(("delay_s", "fps"), [(0.08, 30.0), (0.0, 30.0), (0.145, 25.0), (0.03, 60)])
def test_delay_of_a_known_camera_is_found(rng, delay_s, fps):
    found = measure_camera_delay(fake_sight(rng, delay_s=delay_s, fps=fps), fake_recording(rng))
    assert found.claps == len(CLAPS_S)
    assert found.delay_ms == pytest.approx(1e3 * delay_s, abs=5)
    assert found.spread_ms < 6


def test_noises_that_nobody_saw_change_nothing(rng):
    heard = fake_recording(rng, extra=[(1.6, 0.5), (4.6, 0.4), (2.6, 0.02)])
    found = measure_camera_delay(fake_sight(rng, delay_s=0.08), heard)
    assert found.delay_ms == pytest.approx(80, abs=5)
    assert found.heard == len(CLAPS_S) + 2, "the quiet one is no clap"


def test_the_way_of_the_sound_is_taken_off(rng):
    sight = fake_sight(rng, delay_s=0.08)
    heard = fake_recording(rng, travel_s=3.43 / 343)
    near = measure_camera_delay(sight, heard, distance_m=0.0)
    far = measure_camera_delay(sight, heard, distance_m=3.43)
    assert far.delay_ms - near.delay_ms == pytest.approx(10, abs=0.01)
    assert far.delay_ms == pytest.approx(80, abs=5)


def test_too_few_claps_are_refused_with_the_remedy(rng):
    with pytest.raises(InputError, match="clap once a second"):
        pair_claps([1 * NS, 2 * NS], [1 * NS, 2 * NS])
    with pytest.raises(InputError, match="0 heard"):
        pair_claps([NS], [])
    still = Sight(np.arange(100) * 33_000_000, np.zeros(100))
    with pytest.raises(InputError, match="0 claps seen"):
        measure_camera_delay(still, fake_recording(rng))


def test_nonsense_distance_is_refused(rng):
    with pytest.raises(ParameterError, match="distance_m=-1"):
        measure_camera_delay(fake_sight(rng, delay_s=0), fake_recording(rng), distance_m=-1)


def test_claps_are_seen_inside_the_frame_interval(rng):
    sight = fake_sight(rng, delay_s=0.0, jitter_s=0.0)
    seen = np.array(seen_claps(sight)) - START_NS
    errors = [np.abs(seen - clap_s * NS).min() for clap_s in CLAPS_S]
    assert max(errors) < 9e6, "well inside the 33 ms between two pictures"


def test_claps_are_heard_on_the_process_clock(rng):
    errors = np.array(heard_claps(fake_recording(rng, travel_s=0))) - START_NS
    assert np.abs(errors - np.array(CLAPS_S) * NS).max() < 1e6


@pytest.mark.parametrize(("delay_ms", "used"), [(-21.4, 0.0), (-0.2, 0.0), (42.26, 42.3)])
def test_what_is_printed_and_kept_can_be_given_as_camera_delay(
    delay_ms, used, user_home, monkeypatch, capsys
):
    source = SimpleNamespace(close=lambda: None)
    monkeypatch.setattr(opening, "open_live", lambda settings: source)
    monkeypatch.setattr(calibrate, "watch_and_listen", lambda *args, **settings: (None, None))
    monkeypatch.setattr(recorder, "check_microphone", lambda name: None)
    found = CameraDelay(delay_ms, 3.0, 5, 6, 6)
    monkeypatch.setattr(calibrate, "measure_camera_delay", lambda *args, **settings: found)
    assert main(["calibrate"]) == 0
    printed = capsys.readouterr().out
    option = re.search(r"(--camera-delay) (\S+)", printed)
    args = build_parser(["live"]).parse_args(["live", *option.groups()])
    assert args.camera_delay == round(used)
    assert (f"{delay_ms:.1f} ms, which is before the light: 0 is used" in printed) == (delay_ms < 0)
    assert stored_delay_ms("0") == used
    assert main(["calibrate", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["camera_delay_ms"], said["measured_ms"]) == (used, round(delay_ms, 1))


def test_what_is_no_camera_and_a_missing_microphone_are_refused_before_anybody_claps(
    monkeypatch, capsys
):
    assert main(["calibrate", "--camera", "scene:ball"]) == 2
    assert "--camera scene:ball is no camera" in capsys.readouterr().err
    closed = []
    source = SimpleNamespace(close=lambda: closed.append(True))
    monkeypatch.setattr(opening, "open_live", lambda settings: source)

    def absent(name):
        raise DeviceError("no microphone")

    monkeypatch.setattr(recorder, "check_microphone", absent)
    assert main(["calibrate"]) == 2
    assert capsys.readouterr().err == "synchresis: error: no microphone\n"
    assert closed == [True]


def test_delays_are_kept_per_camera(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert stored_delay_ms("0") is None
    store_delay_ms("0", 62.34)
    path = store_delay_ms("1", -5.0)
    assert (stored_delay_ms("0"), stored_delay_ms("1")) == (62.3, 0.0)
    path.write_text("{")
    with pytest.raises(InputError, match="calibrate again"):
        stored_delay_ms("0")


def test_wraps_of_a_devices_sample_counter_are_removed():
    wrap = (1 << 32) * NS // 48_000
    assert unwrapped_ns(5 * NS + wrap, 5 * NS + 7) == 5 * NS
    assert unwrapped_ns(5 * NS, 5 * NS + 7) == 5 * NS


def test_lost_blocks_are_found_and_filled(rng):
    count, begin, polls, lost_at = 0, START_NS, [], {200: 3, 420: 1}
    lost = 0
    for index in range(600):
        now = begin + index * 10_000_000 + int(rng.exponential(1e6))
        lost += 128 * lost_at.get(index, 0)
        count = (now - begin) * 48_000 // NS // 128 * 128 - lost
        polls.append((now, count))
    losses = find_losses(polls, 128)
    assert [blocks for _, blocks in losses] == [384, 128]
    assert losses[0][0] == pytest.approx(200 * 480, abs=3 * 480)
    sound = np.arange(count, dtype=np.float32)
    filled = fill_losses(sound, losses)
    assert len(filled) == count + 512
    after = losses[0][0]
    assert filled[after - 1] == after - 1
    assert (filled[after : after + 384] == 0).all()
    assert filled[after + 384] == after
    (first, _), (second, lost) = filled_places(losses)
    assert (filled[second : second + lost] == 0).all()
    assert filled[second - 1] == losses[1][0] - 1
    assert first == after


def test_late_polls_and_drift_are_no_losses(rng):
    polls = []
    for index in range(3000):
        now = START_NS + index * 10_000_000 + int(rng.exponential(3e6))
        polls.append((now, int((now - START_NS) * 48_000 * (1 + 1e-4) / NS) // 128 * 128))
    assert find_losses(polls, 128) == []


def test_the_clocks_of_process_and_stream_may_wrap_but_not_jump():
    first, wrap_s = (10 * NS, 1.0), (1 << 32) / 48_000
    assert _offset_ns(first, (20 * NS, 11.0)) == 9 * NS
    assert _offset_ns(first, (20 * NS, 11.0 + wrap_s)) == 9 * NS
    with pytest.raises(DeviceError, match=r"jumped by 100\.0 ms"):
        _offset_ns(first, (20 * NS, 10.9))

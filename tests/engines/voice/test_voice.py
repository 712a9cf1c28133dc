import numpy as np
import pytest

from synchresis.engines.control import Controls
from synchresis.engines.packs import Pack, load_pack
from synchresis.engines.timebase import HOP
from synchresis.engines.voice.ensemble import Ensemble
from synchresis.engines.voice.voice import Voice, check_load, write_control
from synchresis.engines.zone import Zone
from synchresis.errors import EngineError, ParameterError

TINY_PULSE = 100  # where the tiny pack's voice clicks, see tests/conftest.py


@pytest.fixture(scope="module")
def default_pack() -> Pack:
    return load_pack()


def hit(controls: Controls, hop: int, at: int, *, sample: int = 0, strength: float = 1.0) -> None:
    controls.onset[:] = hop == at
    controls.onset_sample[:] = sample if hop == at else 0
    controls.strength[:] = strength if hop == at else 0.0
    controls.noise_index[:] = hop * HOP


def play(
    voice: Voice | Ensemble, hops: int, *, at: int = 2, sample: int = 0, strength: float = 1.0
) -> np.ndarray:
    voice.prepare()
    state, controls = voice.initial_state(), Controls.zeros(len(voice.palettes))
    controls.palette[:] = voice.palettes
    out = []
    for hop in range(hops):
        hit(controls, hop, at, sample=sample, strength=strength)
        out.append(voice.step(controls, state).copy())
    return np.concatenate(out, axis=1)


def test_the_stage_carries_strength_and_frame_to_the_hop(tiny_pack: Pack) -> None:
    sound = play(Voice(tiny_pack, (Zone(palette="wood"),), backend="onnx"), 6, strength=0.6)[0]
    assert int(np.argmax(np.abs(sound))) == 2 * HOP + TINY_PULSE
    assert np.abs(sound).max() == pytest.approx(0.6 / 3, rel=1e-3)


@pytest.mark.parametrize("sample", [0, 90, 255])
def test_a_hit_begins_at_its_sample_and_silence_is_exact(default_pack: Pack, sample: int) -> None:
    voice = Voice(default_pack, (Zone(palette="wood"), Zone(palette="glass")), backend="onnx")
    sound = play(voice, 8, sample=sample)
    start = 2 * HOP + sample + Voice.latency_samples
    assert not sound[:, : 2 * HOP].any()
    peak = np.abs(sound).max(axis=1)
    assert (peak > 1e-3).all()
    within = np.abs(sound[:, start : start + 480]).max(axis=1)
    assert (within > 0.3 * peak).all()
    before = np.abs(sound[:, 2 * HOP : start - 16]).max(axis=1)
    assert (before < 0.4 * peak).all(), before / peak


def test_controls_become_the_engines_numbers() -> None:
    controls, rows = Controls.zeros(2), np.zeros((2, 8), np.float32)
    controls.onset[1] = 1.0
    controls.onset_sample[1] = 192
    controls.strength[1] = 0.5
    controls.friction[0] = 0.25
    controls.burst[0] = 0.75
    write_control(controls, rows)
    np.testing.assert_array_equal(rows[0], [0, 0, 0, 0.25, 0.75, 0, 0, 0])
    np.testing.assert_array_equal(rows[1], [1, 0.75, 0.5, 0, 0, 0, 0, 0])


def test_zones_of_a_batch_sound_as_alone(default_pack: Pack) -> None:
    zones = tuple(Zone(palette=name) for name in ("snare", "wood", "bell"))
    both = play(Voice(default_pack, zones, backend="onnx", numbers=[4, 4, 4]), 80)
    alone = play(Voice(default_pack, zones[1:2], backend="onnx", numbers=[4]), 80)
    error = np.sqrt(np.mean((both[1] - alone[0]) ** 2) / np.mean(alone[0] ** 2))
    assert 20 * np.log10(error + 1e-12) < -90


def test_a_seed_makes_it_the_same_and_two_hits_differ(default_pack: Pack) -> None:
    zone = (Zone(palette="snare"),)
    first, again = (play(Voice(default_pack, zone, seed=3, backend="onnx"), 60) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    later = play(Voice(default_pack, zone, seed=3, backend="onnx"), 80, at=22)
    early, late = first[0, 2 * HOP : 58 * HOP], later[0, 22 * HOP : 78 * HOP]
    assert np.abs(early - late).max() > 0.01 * np.abs(early).max()


def test_palettes_sound_and_fall_silent(default_pack: Pack) -> None:
    assert len(default_pack.palettes) >= 32
    entries = sorted(default_pack.palettes, key=lambda entry: entry.decay60_s)[:40:3]
    hops = int((max(entry.decay60_s for entry in entries) + 2.2) * 48_000 / HOP)
    voice = Voice(
        default_pack, tuple(Zone(palette=entry.name) for entry in entries), backend="onnx"
    )
    sound = play(voice, hops)
    assert np.isfinite(sound).all()
    for row, entry in zip(sound, entries, strict=True):
        assert np.abs(row).max() > 1e-3, entry.name
        rest = row[int((entry.decay60_s + 2.0) * 48_000) :]
        assert 20 * np.log10(np.abs(rest).max() + 1e-9) < -70, entry.name


def test_reset_is_fresh(default_pack: Pack) -> None:
    voice = Voice(default_pack, (Zone(palette="wood"),), backend="onnx")
    voice.prepare()
    controls, state = Controls.zeros(1), voice.initial_state()
    controls.palette[:] = voice.palettes
    controls.onset[:] = controls.strength[:] = 1.0
    first = voice.step(controls, state).copy()
    voice.step(controls, state)
    voice.reset_state(state)
    np.testing.assert_array_equal(voice.step(controls, state), first)


def test_ensemble_plays_each_zone_by_its_kind(default_pack: Pack) -> None:
    zones = (Zone(palette="wood"), Zone(palette="model:glass"), Zone(palette="snare"))
    sound = play(Ensemble(default_pack, zones, seed=5, backend="onnx"), 20)
    for row, zone in enumerate(zones):
        alone = Ensemble(default_pack, (zone,), seed=5, backend="onnx")
        if row == 0:
            np.testing.assert_allclose(sound[0], play(alone, 20)[0], atol=1e-5)
        assert np.abs(sound[row]).max() > 1e-3


def test_models_play_without_a_pack() -> None:
    ensemble = Ensemble(None, (Zone(palette="model:wood"),))
    assert np.abs(play(ensemble, 10)).max() > 0.1
    with pytest.raises(ParameterError, match="need a pack"):
        Ensemble(None, (Zone(palette="wood"),))


def test_too_much_load_is_refused_with_the_number() -> None:
    assert check_load(2.0) == pytest.approx(0.375)
    with pytest.raises(EngineError, match=r"load 0\.94.*under 0\.7"):
        check_load(5.0)

import numpy as np
import pytest

from synchresis.engines.control import Controls
from synchresis.engines.timebase import HOP
from synchresis.engines.voice.materials import MATERIALS
from synchresis.engines.voice.model_voice import ModelVoice
from synchresis.engines.zone import Zone
from synchresis.errors import ParameterError

ALL = tuple(f"model:{name}" for name in MATERIALS)


def play(
    palettes: tuple[str, ...],
    hits: dict[int, tuple[int, float]],
    hops: int,
    *,
    seed: int = 1,
    friction: tuple[int, int] = (0, 0),
    burst: tuple[int, int] = (0, 0),
) -> np.ndarray:
    voice = ModelVoice(tuple(Zone(palette=name) for name in palettes), seed=seed)
    state, controls = voice.initial_state(), Controls.zeros(len(palettes))
    controls.palette[:] = voice.palettes
    out = []
    for hop in range(hops):
        sample, strength = hits.get(hop, (0, 0.0))
        controls.onset[:] = hop in hits
        controls.onset_sample[:] = sample
        controls.strength[:] = strength
        controls.friction[:] = 1.0 if friction[0] <= hop < friction[1] else 0.0
        controls.burst[:] = 1.0 if burst[0] <= hop < burst[1] else 0.0
        controls.noise_index[:] = hop * HOP
        out.append(voice.step(controls, state).copy())
    return np.concatenate(out, axis=1)


def test_silent_until_something_is_asked() -> None:
    assert not play(ALL, {}, 20).any()


def test_a_blow_begins_at_its_sample() -> None:
    for sample in (0, 100, 255):
        sound = play(ALL, {2: (sample, 1.0)}, 12)
        start = 2 * HOP + sample + ModelVoice.latency_samples
        assert not sound[:, :start].any()
        loud = np.abs(sound[:, start : start + 96]).max(axis=1)
        assert (loud > 1e-4).all(), dict(zip(ALL, loud, strict=True))


def test_loudest_blow_is_near_full_scale_and_level_follows_strength() -> None:
    loud, soft = play(ALL, {2: (0, 1.0)}, 60), play(ALL, {2: (0, 0.5)}, 60)
    peaks = 20 * np.log10(np.abs(loud).max(axis=1))
    assert (np.abs(peaks) < 6).all(), peaks
    fall = peaks - 20 * np.log10(np.abs(soft).max(axis=1))
    assert ((fall > 12) & (fall < 40)).all(), fall


def test_every_blow_dies_away() -> None:
    sound = play(ALL, {2: (0, 1.0)}, 1500)
    assert (np.abs(sound[:, -HOP * 50 :]).max(axis=1) < 10 ** (-70 / 20)).all()


def test_friction_and_burst_sound_while_asked_and_stop() -> None:
    for kind in ("friction", "burst"):
        sound = play(ALL, {}, 1500, **{kind: (10, 200)})
        level = 20 * np.log10(sound[:, 100 * HOP : 200 * HOP].std(axis=1))
        assert ((level > -24) & (level < -6)).all(), (kind, level)
        assert (np.abs(sound[:, -HOP * 20 :]).max(axis=1) < 1e-3).all()


def test_a_seed_makes_it_the_same_and_two_blows_differ() -> None:
    hits = {2: (0, 1.0), 300: (0, 1.0)}
    first, again, other = (play(ALL, hits, 340, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    two = play(("model:wood",), hits, 340)[0]
    assert not np.array_equal(two[2 * HOP : 30 * HOP], two[300 * HOP : 328 * HOP])


def test_zones_of_a_batch_sound_as_alone() -> None:
    both = play(("model:wood", "model:glass"), {2: (7, 0.8)}, 40)
    np.testing.assert_array_equal(both[0], play(("model:wood",), {2: (7, 0.8)}, 40)[0])


def test_reset_is_fresh() -> None:
    voice = ModelVoice((Zone(palette="model:bell"),))
    controls, used = Controls.zeros(1), voice.initial_state()
    controls.palette[:] = voice.palettes
    controls.onset[:] = controls.strength[:] = 1.0
    first = voice.step(controls, used).copy()
    voice.step(controls, used)
    voice.reset_state(used)
    np.testing.assert_array_equal(voice.step(controls, used), first)


def test_a_mix_lies_between() -> None:
    def pitch(name: str) -> float:
        sound = play((name,), {0: (0, 1.0)}, 100)[0]
        spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound)))) ** 2
        return float((spectrum * np.arange(len(spectrum))).sum() / spectrum.sum())

    low, between, high = map(pitch, ("model:skin", "model:skin+model:glass", "model:glass"))
    assert low < between < high


def test_no_zones_are_refused() -> None:
    with pytest.raises(ParameterError, match="zones"):
        ModelVoice(())


def test_what_has_decayed_stands_still() -> None:
    """Denormal numbers would make silence many times dearer than sound."""
    voice = ModelVoice(tuple(Zone(palette=name) for name in ALL), seed=1)
    state, controls = voice.initial_state(), Controls.zeros(len(ALL))
    controls.palette[:] = voice.palettes
    tiny = np.finfo(np.float64).tiny
    for hop in range(4000):
        controls.onset[:] = hop == 0
        controls.strength[:] = hop == 0
        controls.friction[:] = controls.burst[:] = float(hop < 100)
        controls.noise_index[:] = hop * HOP
        voice.step(controls, state)
        for numbers in (state.run, state.bank):
            assert not ((np.abs(numbers) < tiny) & (numbers != 0)).any(), hop


def test_a_palette_chosen_while_rubbing_is_heard_at_once() -> None:
    def rubbed(*names: str) -> np.ndarray:
        voice = ModelVoice((Zone(palette="model:wood"),), seed=1)
        state, controls = voice.initial_state(), Controls.zeros(1)
        controls.friction[:] = 1.0
        out = []
        for hop in range(600):
            name = names[-1] if hop >= 100 else names[0]
            controls.palette[0] = MATERIALS[name].embedding()
            controls.noise_index[:] = hop * HOP
            out.append(voice.step(controls, state)[0].copy())
        spectrum = np.abs(np.fft.rfft(np.stack(out[300:]) * np.hanning(HOP))).mean(0)
        return np.log(spectrum + 1e-9)

    glass, wood, changed = rubbed("glass"), rubbed("wood"), rubbed("wood", "glass")
    assert np.abs(changed - glass).mean() < 0.2 * np.abs(wood - glass).mean()

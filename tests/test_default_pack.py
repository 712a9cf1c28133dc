"""The pack that ships: whole, licensed, silent in stillness, sounding when hit."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from synchresis.engines.control import Controls
from synchresis.engines.evaluation.voice import loudness_steps
from synchresis.engines.evaluation.voice_playing import Hits, pack_player
from synchresis.engines.frame import Frame
from synchresis.engines.instrument import Instrument, InstrumentSettings
from synchresis.engines.packs import Pack, load_pack
from synchresis.engines.pipeline import Pipeline, bind_parser
from synchresis.engines.scenes import Scene
from synchresis.engines.timebase import HOP, NS_PER_S, SAMPLE_RATE
from synchresis.engines.voice.ensemble import Ensemble
from synchresis.engines.zone import Zone

SILENT_DB = -80.0
"""Peak, dBFS, below which nobody hears anything at the default gain."""


@pytest.fixture(scope="module")
def pack() -> Pack:
    return load_pack()


@pytest.fixture(scope="module")
def instrument(pack: Pack) -> Instrument:
    made = Instrument(pack, InstrumentSettings(backend="onnx"))
    made.prepare()
    return made


class Still:
    """One picture, over and over."""

    name = "still"
    nominal_fps = 30.0

    def __init__(self, picture: NDArray[np.uint8], frames: int) -> None:
        self._picture, self._frames = picture, frames
        self.end_ns = frames * NS_PER_S // 30

    def __iter__(self):  # type: ignore[no-untyped-def]
        for number in range(self._frames):
            yield Frame(self._picture, number * NS_PER_S // 30, number)


def rendered(instrument: Instrument, film: Still) -> NDArray[np.float32]:
    pipeline = Pipeline(bind_parser(instrument.parser), instrument.playout())
    return np.concatenate([block.copy() for block in pipeline.run(film)])


def peak_db(sound: NDArray[np.float32]) -> float:
    return 20 * math.log10(max(float(np.abs(sound).max()), 1e-9))


def test_it_has_both_engines_and_was_trained(pack: Pack) -> None:
    assert pack.has("motion")
    assert pack.has("voice")
    assert pack.base is None
    assert pack.motion.meta
    assert pack.voice.meta


def test_every_palette_names_its_licence(pack: Pack) -> None:
    licences = pack.read("LICENSES.md").decode()
    assert len(pack.palettes) >= 12
    for entry in pack.palettes:
        assert entry.licence
        for part in entry.licence.split("; "):
            assert part.split("-")[0] in licences


def test_a_picture_that_rests_is_silent(instrument: Instrument) -> None:
    (picture, _), *_ = Scene("hammer", duration_s=0.05).frames()
    assert peak_db(rendered(instrument, Still(picture, 60))) < SILENT_DB


def test_noise_of_a_camera_is_silent(instrument: Instrument) -> None:
    (picture, _), *_ = Scene("hammer", duration_s=0.05).frames()
    rng = np.random.default_rng(3)

    class Noisy(Still):
        def __iter__(self):  # type: ignore[no-untyped-def]
            for frame in super().__iter__():
                noise = rng.normal(0, 1.5, picture.shape)
                noisy = np.clip(picture + noise, 0, 255).astype(np.uint8)
                yield Frame(noisy, frame.captured_ns, frame.sequence)

    assert peak_db(rendered(instrument, Noisy(picture, 60))) < SILENT_DB


def test_every_palette_sounds(pack: Pack) -> None:
    zones = tuple(Zone(palette=entry.name) for entry in pack.palettes)
    instrument = Instrument(pack, InstrumentSettings(zones, backend="onnx"))
    instrument.voice.prepare()
    state = instrument.voice.initial_state()
    sound = _hit_all(instrument.voice, state)
    assert np.isfinite(sound).all()
    loudest_db = 20 * np.log10(np.abs(sound).max(axis=1))
    names = [entry.name for entry in pack.palettes]
    quiet = {
        name: round(float(peak)) for name, peak in zip(names, loudest_db, strict=True) if peak < -25
    }
    assert not quiet


@pytest.mark.parametrize("name", ["cymbal", "bell", "cloth"])
def test_a_hit_ends_in_digital_silence(pack: Pack, name: str) -> None:
    after_s = pack.palette(name).decay60_s + 2.0
    hops = int((after_s + 0.5) * SAMPLE_RATE / HOP)
    hits = Hits(pack.embedding(name)[None], np.ones(1, np.float32), np.zeros(1, np.int64))
    sound = pack_player(pack, rows=1).play(hits, hops)[0]
    assert np.abs(sound).max() > 0.01
    assert not sound[int(after_s * SAMPLE_RATE) :].any()


@pytest.mark.parametrize("name", ["bell", "cloth", "creak", "pingpong"])
def test_a_harder_hit_is_louder_whatever_its_take(pack: Pack, name: str) -> None:
    assert (np.diff(loudness_steps(pack, pack_player(pack), name)) > 0).all()


def _hit_all(voice: Ensemble, state: object) -> NDArray[np.float32]:
    """A third of a second of every zone after one hit of full strength: float32[Z, N]."""
    controls = Controls.zeros(len(voice.palettes))
    controls.palette[:] = voice.palettes
    blocks = []
    for hop in range(SAMPLE_RATE // 3 // HOP):
        controls.onset[:] = controls.strength[:] = float(hop == 4)
        controls.noise_index[:] = hop * HOP
        blocks.append(voice.step(controls, state).copy())  # type: ignore[arg-type]
    return np.concatenate(blocks, axis=1)

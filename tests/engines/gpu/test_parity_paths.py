import numpy as np
import pytest

from synchresis.engines.gpu.motion_path import MotionPath
from synchresis.engines.gpu.parity_inputs import voice_steps
from synchresis.engines.gpu.parity_paths import (
    LOAD_FRAMES,
    motion_path_parity,
    moving_pictures,
    voice_path_parity,
)
from synchresis.engines.gpu.voice_path import VoicePath

PIXELS = np.array([320.0, 320.0])[:, None, None] / 60  # a pixel of flow, per second


class Spoiled:
    """A motion path that is a little wrong in one field or map."""

    backend = "spoiled"

    def __init__(self, path, name, by):
        self._path, self._name, self._by = path, name, by
        self.reset = path.reset

    @property
    def field(self):
        return self._with(self._path.field)

    def step(self, *args, **kwargs):
        return self._with(self._path.step(*args, **kwargs))

    def _with(self, arrays):
        return {k: v + self._by if k == self._name else v for k, v in arrays.items()}


@pytest.fixture
def motion(tiny_pack, host_device, host_model):
    return MotionPath(host_device, host_model(tiny_pack, "motion"))


def test_a_path_on_the_host_agrees(tiny_pack, motion) -> None:
    report = motion_path_parity(motion, tiny_pack, moving_pictures(LOAD_FRAMES))
    assert report.agrees and report.steps == LOAD_FRAMES
    named = {output.name for output in report.outputs}
    assert {"flow", "motion", "residual", "difference", "map", "impact"} <= named
    assert np.abs(motion.field["flow"]).max() > 0.1


@pytest.mark.parametrize(
    ("name", "by"),
    [
        ("flow", 0.06 / PIXELS),
        ("motion", 0.06 / 320 * 60),
        ("residual", 2.1e-3),
        ("difference", 2.1e-3),
        ("map", 1.1e-2),
        ("when", np.nan),
    ],
)
def test_each_field_and_map_has_its_limit(tiny_pack, motion, name, by) -> None:
    spoiled = Spoiled(motion, name, by)
    report = motion_path_parity(spoiled, tiny_pack, moving_pictures(4))
    assert [output.name for output in report.outputs if not output.agrees] == [name]
    half = motion_path_parity(Spoiled(motion, name, by / 2), tiny_pack, moving_pictures(4))
    assert half.agrees is not bool(np.isnan(by).all())


@pytest.mark.parametrize(("by", "agrees"), [(0.9e-4, True), (1.1e-3, False), (np.nan, False)])
def test_samples_have_their_limit(tiny_pack, host_device, host_model, by, agrees) -> None:
    path = VoicePath(host_device, host_model(tiny_pack, "voice"), batch=1, seed=7, numbers=[3])
    step = path.step
    path.step = lambda *args: step(*args) + np.float32(by)
    steps = voice_steps(path.spec, 1, 20)
    report = voice_path_parity(path, tiny_pack, steps, seed=7, numbers=[3])
    (samples,) = report.outputs
    assert (samples.name, samples.agrees, report.steps) == ("samples", agrees, 20)

import numpy as np
import pytest

from synchresis.engines.gpu.parity import (
    LOAD_STEPS,
    check_parity,
    pack_parity,
    refuse_wrong_numbers,
)
from synchresis.engines.gpu.parity_inputs import motion_steps, voice_steps
from synchresis.engines.runtime.engine import open_engine
from synchresis.errors import EngineError


class Faulty:
    """An engine that spoils one output of another from some step on."""

    backend = "faulty"

    def __init__(self, engine, spoil, name="real", after=10):
        self._engine, self._spoil, self._name, self._after = engine, spoil, name, after
        self.spec, self.batch, self._count = engine.spec, engine.batch, 0

    def initial_state(self):
        return self._engine.initial_state()

    def step(self, inputs, state):
        self._count += 1
        outputs = {k: v.copy() for k, v in self._engine.step(inputs, state).items()}
        if self._count > self._after:
            outputs[self._name] = self._spoil(outputs[self._name])
        return outputs


@pytest.fixture
def voice(tiny_pack):
    engine = open_engine(tiny_pack, "voice", backend="onnx")
    engine.prepare()
    return engine


def nan(array):
    return np.where(np.arange(array.size).reshape(array.shape) == 7, np.nan, array)


@pytest.mark.parametrize(
    "spoil", [nan, lambda a: a + 4e-4, lambda a: np.full_like(a, np.inf)], ids=["nan", "off", "inf"]
)
def test_wrong_numbers_are_refused(tiny_pack, voice, spoil) -> None:
    with pytest.raises(EngineError, match=r"voice engine refused.*real .*use --engine onnx"):
        refuse_wrong_numbers(Faulty(voice, spoil), tiny_pack, "voice")


def test_right_numbers_pass(tiny_pack, voice) -> None:
    refuse_wrong_numbers(Faulty(voice, lambda a: a + 1e-4), tiny_pack, "voice")
    report = pack_parity(voice, tiny_pack, "voice", steps=LOAD_STEPS)
    assert report.agrees and report.steps == LOAD_STEPS
    assert "agrees over 64 steps" in report.describe()


def test_fault_that_comes_late_is_found(tiny_pack, voice) -> None:
    late = Faulty(voice, lambda a: -a - 1, after=LOAD_STEPS + 1)
    report = pack_parity(late, tiny_pack, "voice", steps=LOAD_STEPS + 5)
    assert [o.name for o in report.outputs if not o.agrees] == ["real"]


def test_half_precision_is_given_more_room(tiny_pack, voice) -> None:
    engine = Faulty(voice, lambda a: a + 4e-3)
    steps = list(voice_steps(voice.spec, 1, 20))
    assert not check_parity(engine, voice, steps).agrees
    assert check_parity(engine, voice, steps, precision="fp16").agrees


def test_steps_are_seeded_and_in_range(tiny_pack, voice) -> None:
    once, again = (list(voice_steps(voice.spec, 2, 300, seed=5)) for _ in range(2))
    for one, other in zip(once, again, strict=True):
        np.testing.assert_array_equal(one["control"], other["control"])
    control = np.stack([step["control"] for step in once])
    assert 0 < control[..., 0].mean() < 0.1
    assert control.min() >= 0 and control.max() <= 1
    motion = open_engine(tiny_pack, "motion", backend="onnx")
    frame = next(iter(motion_steps(motion.spec, 1, 1)))
    assert frame["pixels"].shape == (1, 1, 120, 160)
    assert frame["flow"][:, 2:].min() >= 0


def test_broken_reference_is_named(tiny_pack, voice) -> None:
    steps = list(voice_steps(voice.spec, 1, 20))
    with pytest.raises(EngineError, match=r"output real of faulty is not a number: the pack's"):
        check_parity(voice, Faulty(voice, nan), steps)

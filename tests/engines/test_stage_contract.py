"""The contract of stages (engines/stage.py), held against every stage there is."""

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from synchresis.engines.control import Controls
from synchresis.engines.frame import Frame
from synchresis.engines.gesture import Event, Gesture, Levels
from synchresis.engines.motion.parser import MotionParser
from synchresis.engines.packs import Pack
from synchresis.engines.score import Score
from synchresis.engines.stage import Stage
from synchresis.engines.timebase import HOP, NS_PER_S, SAMPLE_RATE
from synchresis.engines.voice.ensemble import Ensemble
from synchresis.engines.voice.mixer import Mixer
from synchresis.engines.voice.model_voice import ModelVoice
from synchresis.engines.voice.voice import Voice
from synchresis.engines.zone import Zone
from synchresis.kernels.flow import Flow, FlowSettings
from synchresis.kernels.overlap_add import BINS, OverlapAdd

STEPS = 12
TINY_PULSE = 100  # where the tiny pack's voice clicks, see tests/conftest.py
NETWORK = (Zone(palette="wood"), Zone(0, 0, 0.5, 1, "glass"))
MODELS = (Zone(palette="model:wood"), Zone(0, 0, 0.5, 1, "model:glass"))
MIXED = (NETWORK[0], MODELS[1])


@dataclass(frozen=True)
class Case:
    """A stage, the inputs of a stream, and how one is stepped.

    Attributes:
        stage: under test.
        inputs: one per step, from a generator.
        step: one step; returns a copy of what came out.
    """

    stage: Any
    inputs: Callable[[np.random.Generator], list[Any]]
    step: Callable[[Any, Any, Any], Any]


def plain_step(stage: Any, x: Any, state: Any) -> Any:
    return np.copy(stage.step(x, state))


def pictures(rng: np.random.Generator) -> list[NDArray[np.uint8]]:
    """A textured picture that drifts, with a patch that jumps."""
    base = np.kron(rng.integers(40, 200, (30, 40)), np.ones((8, 8))).astype(np.uint8)
    moved = [np.roll(base, int(shift), axis=1) for shift in np.cumsum(rng.integers(0, 4, STEPS))]
    for number, picture in enumerate(moved):
        picture[100:140, 40 * (number // 3) : 40 * (number // 3) + 40] = 255
    return moved


def flow_case(pack: Pack) -> Case:
    def step(stage: Any, x: Any, state: Any) -> Any:
        field = stage.step(x, 1 / 30, state)
        return np.concatenate([np.ravel(part) for part in (field.flow, field.residual)])

    return Case(Flow(FlowSettings()), pictures, step)


def overlap_add_case(pack: Pack) -> Case:
    def inputs(rng: np.random.Generator) -> list[NDArray[np.complex64]]:
        shape = (STEPS, 1, BINS)
        return list((rng.standard_normal(shape) + 1j * rng.standard_normal(shape)).astype("c8"))

    return Case(OverlapAdd(), inputs, plain_step)


def parser_case(pack: Pack) -> Case:
    parser = MotionParser(pack, NETWORK, backend="onnx")
    parser.prepare()

    def inputs(rng: np.random.Generator) -> list[Frame]:
        return [Frame(p, n * NS_PER_S // 30, n) for n, p in enumerate(pictures(rng))]

    return Case(parser, inputs, lambda stage, x, state: stage.step(x, state))


def score_case(pack: Pack) -> Case:
    def inputs(rng: np.random.Generator) -> list[tuple[int, Gesture]]:
        return [(hop, _gesture(hop, rng)) for hop in range(STEPS)]

    def step(stage: Any, x: Any, state: Any) -> Any:
        hop, gesture = x
        controls = Controls.zeros(2)
        stage.push(gesture, state)
        stage.step(hop, state, controls)
        return _flat(controls)

    return Case(Score(NETWORK, delay_ns=20_000_000), inputs, step)


def voice_case(zones: tuple[Zone, ...], make: Callable[..., Any]) -> Callable[[Pack], Case]:
    def case(pack: Pack) -> Case:
        voice = make(pack, zones)
        voice.prepare()
        return Case(voice, lambda rng: _controls(rng, voice.palettes), plain_step)

    return case


def mixer_case(pack: Pack) -> Case:
    def inputs(rng: np.random.Generator) -> list[Any]:
        controls = _controls(rng, np.zeros((2, 32), np.float32))
        return [(rng.standard_normal((2, HOP)).astype(np.float32), c) for c in controls]

    return Case(Mixer(NETWORK), inputs, lambda stage, x, state: np.copy(stage.step(*x, state)))


CASES: dict[str, Callable[[Pack], Case]] = {
    "flow": flow_case,
    "overlap_add": overlap_add_case,
    "parser": parser_case,
    "score": score_case,
    "voice": voice_case(NETWORK, lambda pack, zones: Voice(pack, zones, backend="onnx")),
    "model_voice": voice_case(MODELS, lambda pack, zones: ModelVoice(zones)),
    "ensemble": voice_case(MIXED, lambda pack, zones: Ensemble(pack, zones, backend="onnx")),
    "mixer": mixer_case,
}


@pytest.fixture(scope="module", params=CASES)
def case(request: pytest.FixtureRequest, tiny_pack: Pack) -> Case:
    made: Case = CASES[request.param](tiny_pack)
    return made


def run(case: Case, inputs: list[Any], state: Any = None) -> list[Any]:
    state = case.stage.initial_state() if state is None else state
    return [case.step(case.stage, x, state) for x in inputs]


def same(left: Any, right: Any) -> bool:
    if isinstance(left, np.ndarray):
        return np.array_equal(left, right)
    return bool(left == right)


def test_it_declares_a_stage(case: Case) -> None:
    assert isinstance(case.stage, Stage)
    assert case.stage.latency_samples >= 0


def test_it_answers_to_its_input(case: Case, rng: np.random.Generator) -> None:
    outputs = run(case, case.inputs(rng))
    assert not all(same(outputs[0], output) for output in outputs[1:])


def test_a_second_run_is_like_the_first(case: Case, rng: np.random.Generator) -> None:
    inputs = case.inputs(rng)
    for first, second in zip(run(case, inputs), run(case, inputs), strict=True):
        assert same(first, second)


def test_a_reset_state_is_like_a_fresh_one(case: Case, rng: np.random.Generator) -> None:
    if not hasattr(case.stage, "reset_state"):
        assert type(case.stage) in (Score, Mixer, Ensemble)  # these are made anew instead
        return
    inputs = case.inputs(rng)
    state = case.stage.initial_state()
    run(case, inputs, state)
    case.stage.reset_state(state)
    for again, fresh in zip(run(case, inputs, state), run(case, inputs), strict=True):
        assert same(again, fresh)


def test_streams_side_by_side_do_not_meet(case: Case, rng: np.random.Generator) -> None:
    inputs, others = case.inputs(rng), case.inputs(rng)
    alone = run(case, inputs)
    state, other = case.stage.initial_state(), case.stage.initial_state()
    for x, disturbing, expected in zip(inputs, others, alone, strict=True):
        case.step(case.stage, disturbing, other)
        assert same(case.step(case.stage, x, state), expected)


def test_the_past_does_not_know_the_future(case: Case, rng: np.random.Generator) -> None:
    first = case.inputs(rng)
    second = first[: STEPS // 2] + case.inputs(rng)[STEPS // 2 :]
    until = STEPS // 2
    for left, right in zip(run(case, first)[:until], run(case, second)[:until], strict=True):
        assert same(left, right)


def test_the_state_is_written_in_place(case: Case, rng: np.random.Generator) -> None:
    state = case.stage.initial_state()
    inputs = case.inputs(rng)
    run(case, inputs[:1], state)
    before = {name: (id(array), array.shape) for name, array in arrays(state)}
    run(case, inputs[1:], state)
    assert {name: (id(array), array.shape) for name, array in arrays(state)} == before


def arrays(state: Any, name: str = "state") -> Iterator[tuple[str, NDArray[Any]]]:
    """Arrays of a state, by where they are; queues of the score hold arrays that come and go."""
    if isinstance(state, np.ndarray):
        yield name, state
    elif dataclasses.is_dataclass(state) and not isinstance(state, type):
        for field in dataclasses.fields(state):
            yield from arrays(getattr(state, field.name), f"{name}.{field.name}")


@pytest.mark.parametrize("name", ["overlap_add", "voice", "model_voice", "ensemble"])
def test_nothing_sounds_before_the_declared_latency(name: str, tiny_pack: Pack) -> None:
    case = CASES[name](tiny_pack)
    state = case.stage.initial_state()
    if name == "overlap_add":
        x: Any = np.exp(-2j * np.pi * np.arange(BINS) * TINY_PULSE / 1024)[None].astype(
            np.complex64
        )
    else:
        x = Controls.zeros(2)
        x.palette[:] = case.stage.palettes
        x.onset[:], x.onset_sample[:], x.strength[:] = 1, 50, 1
    begin = 50 if name == "model_voice" else TINY_PULSE - case.stage.latency_samples
    sound = case.step(case.stage, x, state)
    assert np.abs(sound).max() > 1e-3
    assert np.abs(sound[:, :begin]).max(initial=0.0) < 1e-2 * np.abs(sound).max()


def _gesture(hop: int, rng: np.random.Generator) -> Gesture:
    now_ns = hop * HOP * NS_PER_S // SAMPLE_RATE
    event = Event(now_ns, now_ns, float(rng.random()), float(rng.random()), 0.5, zone=hop % 2)
    levels = tuple(Levels(*(float(v) for v in rng.random(4))) for _ in range(2))
    return Gesture(now_ns, now_ns - 5_000_000, now_ns, 0, (event,), levels, hop)


def _controls(rng: np.random.Generator, palettes: NDArray[np.float32]) -> list[Controls]:
    made = []
    for hop in range(STEPS):
        controls = Controls.zeros(len(palettes))
        controls.palette[:] = palettes
        controls.onset[:] = rng.random(len(palettes)) < 0.4 if hop else 1
        controls.onset_sample[:] = rng.integers(0, HOP, len(palettes)) * controls.onset
        controls.strength[:] = rng.random(len(palettes)) * controls.onset
        controls.friction[:] = rng.random(len(palettes))
        controls.x[:] = rng.random(len(palettes))
        controls.noise_index[:] = hop * HOP
        made.append(controls)
    return made


def _flat(controls: Controls) -> NDArray[np.float64]:
    parts = (getattr(controls, field.name) for field in dataclasses.fields(controls))
    return np.concatenate([np.ravel(part).astype(np.float64) for part in parts])

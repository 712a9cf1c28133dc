from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from synchresis.engines.runtime.onnx_cpu import OnnxCpuEngine  # noqa: E402
from synchresis.engines.training.voice.export import UNREST, voice_entry, voice_graph  # noqa: E402
from synchresis.engines.training.voice.latches import drive_hop, drive_sequence  # noqa: E402
from synchresis.engines.training.voice.network import Shape, VoiceNetwork  # noqa: E402
from synchresis.engines.training.voice.streaming import (  # noqa: E402
    HopNetwork,
    empty_states,
    run_sequence,
)
from synchresis.engines.voice.layout import COPYING, GRAPH_NOISE, NOISE  # noqa: E402

ROWS, HOPS = 3, 64


@pytest.fixture(scope="module")
def network() -> VoiceNetwork:
    torch.manual_seed(0)
    made = VoiceNetwork(Shape(recurrent=24, width=24, blocks=2)).eval()
    with torch.no_grad():
        made.decoder.mel[-1].bias += 4.0
        for weights in made.parameters():
            weights += 0.02 * torch.randn_like(weights)
    return made


@pytest.fixture(scope="module")
def inputs() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    torch.manual_seed(1)
    control = torch.zeros(ROWS, HOPS, 8)
    onset = torch.rand(ROWS, HOPS) < 0.1
    onset[:, 3] = True
    onset[:, :3] = False
    control[..., 0] = onset.float()
    control[..., 1] = torch.randint(0, 256, (ROWS, HOPS)) / 256 * onset
    control[..., 2] = (0.5 + 0.5 * torch.rand(ROWS, HOPS)) * onset
    control[:, 40:50, 3] = 0.7
    palette = torch.randn(ROWS, 1, 32).expand(-1, HOPS, -1).contiguous()
    return control, palette, torch.randn(ROWS, HOPS, GRAPH_NOISE)


def level_db(error: np.ndarray, truth: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(error**2) / np.mean(truth**2) + 1e-20))


def stream(
    network: VoiceNetwork, inputs: tuple[torch.Tensor, ...], *, unrest: float = 1.0
) -> list[np.ndarray]:
    control, palette, noise = inputs
    hop, states = HopNetwork(network, unrest=unrest), empty_states(network, ROWS)
    out = []
    with torch.no_grad():
        for step in range(HOPS):
            given = hop(control[:, step], palette[:, step], noise[:, step], *states)
            out.append([part.numpy() for part in given[:3]])
            states = list(given[3:])
    return [np.stack([frame[part] for frame in out], axis=1) for part in range(3)]


def test_latches_by_hop_are_those_of_the_sequence(inputs: tuple[torch.Tensor, ...]) -> None:
    control, palette, noise = inputs
    take, texture = noise[..., 513:529], noise[..., 529:534]
    whole = drive_sequence(control, palette, take, texture)
    latch = torch.zeros(ROWS, 54)
    for step in range(HOPS):
        now = control[:, step], palette[:, step], take[:, step], texture[:, step]
        drive, latch = drive_hop(*now, latch)
        for name in ("onset", "levels", "hit", "before", "ages"):
            torch.testing.assert_close(
                getattr(drive, name)[:, 0], getattr(whole, name)[:, step], msg=f"{name} {step}"
            )


def test_streamed_is_unrolled(network: VoiceNetwork, inputs: tuple[torch.Tensor, ...]) -> None:
    control, palette, noise = inputs
    with torch.no_grad():
        whole = run_sequence(network, control, palette, noise[..., :NOISE])
    streamed = stream(network, inputs)
    for made, truth in zip(streamed, (whole.real, whole.imag, whole.mel), strict=True):
        assert np.abs(truth.numpy()).max() > 0.1
        assert level_db(made - truth.numpy(), truth.numpy()) < -90


@pytest.mark.parametrize("copying", [0.0, 1.0])
def test_exported_graph_is_the_network(
    network: VoiceNetwork, inputs: tuple[torch.Tensor, ...], copying: float
) -> None:
    inputs = (inputs[0].clone(), *inputs[1:])
    inputs[0][1, 20:30, COPYING] = copying
    control, palette, noise = (part.numpy() for part in inputs)
    engine = OnnxCpuEngine(voice_graph(network), voice_entry(network, {}).spec, batch=ROWS)
    engine.prepare()
    state = engine.initial_state()
    truth = stream(network, inputs, unrest=UNREST)
    made: list[list[np.ndarray]] = [[], [], []]
    for step in range(HOPS):
        given = engine.step(
            {"control": control[:, step], "palette": palette[:, step], "noise": noise[:, step]},
            state,
        )
        for part, name in enumerate(("real", "imag", "mel")):
            made[part].append(given[name].copy())
    for part in range(3):
        assert level_db(np.stack(made[part], axis=1) - truth[part], truth[part]) < -90


def test_nothing_sounds_before_a_hit_and_later_hits_change_nothing_before(
    network: VoiceNetwork, inputs: tuple[torch.Tensor, ...]
) -> None:
    control, palette, noise = inputs
    changed = control.clone()
    changed[:, 30:, 0] = 0
    with torch.no_grad():
        first = run_sequence(network, control, palette, noise[..., :NOISE])
        second = run_sequence(network, changed, palette, noise[..., :NOISE])
    assert not first.real[:, :3].any()
    torch.testing.assert_close(first.real[:, :30], second.real[:, :30], rtol=0, atol=0)
    assert not torch.equal(first.real[:, 30:], second.real[:, 30:])


def test_an_attack_is_turned_to_its_sample(network: VoiceNetwork) -> None:
    def onset_frame(sample: int) -> np.ndarray:
        control = torch.zeros(1, 3, 8)
        control[:, 1, 0] = control[:, 1, 2] = 1.0
        control[:, 1, 1] = sample / 256
        with torch.no_grad():
            made = run_sequence(network, control, torch.zeros(1, 3, 32), torch.zeros(1, 3, NOISE))
        return np.angle(made.real[0, 1].numpy() + 1j * made.imag[0, 1].numpy())

    network.decoder.enter[0].weight.data[:, 4] = 0  # the place shall not matter to the decoder
    turn = onset_frame(100) - onset_frame(0)
    expected = -2 * np.pi * np.arange(513) * 100 / 1024
    assert np.abs(np.exp(1j * turn) - np.exp(1j * expected))[1:-1].max() < 1e-2


def test_silence_follows_a_life(network: VoiceNetwork) -> None:
    control = torch.zeros(1, 2200, 8)
    control[:, 1, 0] = control[:, 1, 2] = 1.0
    with torch.no_grad():
        made = run_sequence(network, control, torch.zeros(1, 2200, 32), torch.zeros(1, 2200, NOISE))
    assert made.real[0, 1].abs().max() > 0
    assert not made.real[0, -10:].any()


def test_checkpoint_goes_on_where_it_was(tmp_path: Path, tiny_learner: Callable[[], Any]) -> None:
    from synchresis.engines.training.voice.checkpoint import read_checkpoint, write_checkpoint

    learner, mixer, planner = tiny_learner()
    for _ in range(2):
        learner.step(mixer.mix(planner.plan(2, 24)), progress=0.1)
    write_checkpoint(learner, tmp_path, 12.5)
    other, _, _ = tiny_learner()
    assert read_checkpoint(other, tmp_path) == 12.5
    assert other.steps == 2
    for name, value in learner.learned.state_dict().items():
        torch.testing.assert_close(other.learned.state_dict()[name], value)


def test_training_learns_a_hit(tiny_learner: Callable[[], Any]) -> None:
    learner, mixer, planner = tiny_learner()
    losses = []
    for _ in range(60):
        terms = learner.step(mixer.mix(planner.plan(2, 32)), progress=0.0)
        losses.append(float(terms["loss"]))
    assert np.mean(losses[-5:]) < 0.75 * np.mean(losses[:5])

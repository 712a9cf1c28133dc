from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs the extra [train]")
pytest.importorskip("onnxscript", reason="export needs the extra [train]")

from synchresis.engines.runtime.onnx_cpu import OnnxCpuEngine  # noqa: E402
from synchresis.engines.training.motion.export import (  # noqa: E402
    HEADS,
    entry_of,
    example,
    export,
    tensors,
)
from synchresis.engines.training.motion.memory import LeakyMemory, leaky_scan  # noqa: E402
from synchresis.engines.training.motion.network import (  # noqa: E402
    MotionNetwork,
    NetworkSettings,
    enlarge,
)

SMALL = NetworkSettings(pixel=4, fine=8, middle=8, deep=12, embedding=6)


@pytest.fixture(scope="module", params=[False, True], ids=["plain", "adapts"])
def network(request):
    torch.manual_seed(0)
    made = MotionNetwork(replace(SMALL, adapts=request.param))
    for value in made.parameters():
        value.data += 0.05 * torch.randn_like(value)
    return made.eval()


@pytest.fixture(scope="module")
def sequence():
    torch.manual_seed(1)
    timing = 0.1 * torch.randn(2, 9, 8)
    timing[..., 0] = 0.01 + 0.1 * torch.rand(2, 9)
    return torch.rand(2, 9, 1, 120, 160), torch.randn(2, 9, 4, 30, 40), timing


@pytest.fixture(scope="module")
def unrolled(network, sequence):
    with torch.no_grad():
        return network(*sequence)


def test_leaky_scan_equals_its_recurrence_with_uneven_steps():
    torch.manual_seed(2)
    x, dt_s = torch.randn(2, 12, 3, 4), 0.005 + 0.2 * torch.rand(2, 12)
    memory = LeakyMemory(3, (0.02, 0.5))
    state = torch.randn(2, 6, 4)
    whole = memory(x, dt_s, state)
    for t in range(12):
        state = memory.step(x[:, t], dt_s[:, t], state)
        torch.testing.assert_close(whole[:, t], state, atol=1e-5, rtol=1e-4)


def test_memory_is_in_seconds_not_frames():
    constant = torch.ones(1, 40, 1, 1)
    time_s = torch.tensor([0.2])
    slow = leaky_scan(constant[:, :10], torch.full((1, 10), 0.04), time_s, None)
    fast = leaky_scan(constant, torch.full((1, 40), 0.01), time_s, None)
    torch.testing.assert_close(slow[:, -1], fast[:, -1])


def test_streamed_equals_unrolled(network, sequence, unrolled):
    pixels, flow, timing = sequence
    states = tuple(torch.zeros(2, *shape) for shape in network.state_shapes().values())
    with torch.no_grad():
        for t in range(pixels.shape[1]):
            out, states = network.step(pixels[:, t], flow[:, t], timing[:, t], states)
            for name, value in out.items():
                torch.testing.assert_close(value, unrolled[name][:, t], atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("rows", [29, 30])
def test_enlarging_is_the_same_compiled(rows):
    like = torch.zeros(2, 3, rows, 40)
    compiled = torch.compile(enlarge, backend="eager", fullgraph=True)
    found = []
    for function in (enlarge, compiled):
        small = torch.arange(2 * 3 * 15 * 20.0).view(2, 3, 15, 20).requires_grad_()
        large = function(small, like)
        (large * torch.linspace(0, 1, rows)[:, None]).sum().backward()
        found.append((large.detach(), small.grad))
    assert float(found[0][0][1, 2, 28, 39]) == 2 * 3 * 15 * 20 - 1  # its last
    for plain, other in zip(*found, strict=True):
        torch.testing.assert_close(plain, other)


def test_causal(network, sequence, unrolled):
    pixels, flow, timing = (value.clone() for value in sequence)
    pixels[:, 5:] = torch.rand_like(pixels[:, 5:])
    flow[:, 5:] += 1.0
    with torch.no_grad():
        other = network(pixels, flow, timing)
    for name, value in other.items():
        torch.testing.assert_close(value[:, :5], unrolled[name][:, :5])
        assert (value[:, 5:] - unrolled[name][:, 5:]).abs().max() > 1e-4


def test_every_input_is_used(network, sequence, unrolled):
    for index in range(3):
        changed = [value.clone() for value in sequence]
        changed[index][:, 3] += 0.3 * torch.rand_like(changed[index][:, 3])
        with torch.no_grad():
            other = network(*changed)
        for name in ("impact", "total", "embedding"):
            assert (other[name][:, 3] - unrolled[name][:, 3]).abs().max() > 1e-5, (index, name)


def test_exposure_and_gain_drop_out(network, sequence, unrolled):
    pixels, flow, timing = sequence
    with torch.no_grad():
        other = network(0.6 * pixels + 0.1, flow, timing)
    assert (other["impact"] - unrolled["impact"]).abs().max() < 0.02


@pytest.mark.parametrize("batch", [1, 3])
def test_exported_graph_equals_torch_over_a_stream(network, batch):
    pytest.importorskip("onnxruntime")
    graph = exported(network)
    entry = entry_of(network, meta={})
    engine = OnnxCpuEngine(graph, entry.spec, batch=batch, name="test")
    engine.prepare()
    state = engine.initial_state()
    states = tuple(torch.zeros(batch, *shape) for shape in network.state_shapes().values())
    torch.manual_seed(3)
    for _ in range(5):
        pixels, flow, timing = example(network, batch)[:3]
        timing[:, 1] *= 0.1  # from 0.06 on nothing adapts
        with torch.no_grad():
            expected, states = network.step(pixels, flow, timing, states)
        named = {"pixels": pixels.numpy(), "flow": flow.numpy(), "timing": timing.numpy()}
        found = engine.step(named, state)
        for name in (*HEADS, "total", *({"doubt"} & expected.keys())):
            read = name in ("when", "doubt")
            wanted = expected[name] if read else torch.sigmoid(expected[name])
            np.testing.assert_allclose(found[name], wanted, atol=2e-5)
        np.testing.assert_allclose(found["embedding"], expected["embedding"].numpy(), atol=1e-4)
    engine.close()


_graphs = {}


def exported(network):
    """The export takes seconds: once for all tests of a network."""
    if network not in _graphs:
        _graphs[network] = export(network)
    return _graphs[network]


def test_declared_tensors_are_what_the_contract_says():
    inputs, outputs, states = tensors(MotionNetwork())
    assert [spec.name for spec in inputs] == ["pixels", "flow", "timing"]
    assert [spec.name for spec in outputs][:6] == list(HEADS)
    assert [spec.name for spec in states] == [f"h{k}" for k in range(len(states))]
    assert inputs[1].shape == ("B", 4, 30, 40) and outputs[-1].shape == ("B", 64)

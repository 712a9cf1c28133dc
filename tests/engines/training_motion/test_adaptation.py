import pytest

torch = pytest.importorskip("torch", reason="training needs the extra [train]")

from synchresis.engines.training.motion.adaptation import (  # noqa: E402
    LIMIT,
    MOVING,
    PRIOR_S,
    TRUSTED_S,
    WINDOW_S,
    Expected,
    StreamStatistics,
    adapted,
    adapted_sequence,
    moving_time,
    share_of,
    trust_of,
)


@pytest.fixture
def norm():
    norm = torch.nn.BatchNorm2d(3)
    norm.weight.data = torch.tensor([0.5, -1.0, 2.0])
    norm.bias.data = torch.tensor([0.2, -0.4, 0.0])
    return norm


def stream(norm, mean, deviation, *, frames=90, moving_s=1 / 30):
    torch.manual_seed(0)
    x = deviation * torch.randn(1, frames, 3, 8, 10) + mean
    return x, sequence(x, torch.full((1, frames), moving_s), norm)


def sequence(x, moving_s, norm):
    return adapted_sequence(x, moving_s, norm, torch.ones_like(moving_s))


def test_first_frame_is_judged_by_training_and_later_ones_by_the_stream(norm):
    expected = Expected.of([norm])
    mean, deviation = expected.mean, expected.deviation
    # every channel at half the deviation and 0.3 higher than in training
    lower = (deviation / 2)[:, None, None]
    x, seen = stream(norm, (mean + 0.3)[:, None, None], lower, frames=900)
    torch.testing.assert_close(seen[0, 0], x[0, 0])
    last = seen[0, -60:].transpose(0, 1).flatten(1)
    torch.testing.assert_close(last.mean(1), mean, atol=0.05, rtol=0)
    torch.testing.assert_close(last.std(1), deviation, atol=0, rtol=0.08)


def test_a_stream_like_training_stays_as_it_is(norm):
    expected = Expected.of([norm])
    mean, deviation = expected.mean[:, None, None], expected.deviation[:, None, None]
    x, seen = stream(norm, mean, deviation)
    assert (seen - x).abs().max() < 0.25 * float(deviation.max())


def test_stillness_teaches_nothing(norm):
    x, seen = stream(norm, 0.0, 0.01, moving_s=0.0)
    torch.testing.assert_close(seen, x)


def test_faint_channels_are_stretched_within_the_limit(norm):
    x, seen = stream(norm, 0.0, 1e-3, frames=900)
    gain = seen[0, -1].flatten(1).std(1) / x[0, -1].flatten(1).std(1)
    torch.testing.assert_close(gain, torch.full((3,), LIMIT), atol=1e-3, rtol=0)


def test_frame_by_frame_is_the_same_for_several_layers_in_one_state(norm):
    other = torch.nn.BatchNorm2d(2)
    torch.manual_seed(1)
    layers = {"a": torch.randn(2, 12, 3, 4, 5) + 1.0, "b": 0.2 * torch.randn(2, 12, 2, 8, 6)}
    norms = {"a": norm, "b": other}
    moving_s, trust = 0.2 * torch.rand(2, 12), torch.rand(2, 12)
    statistics = StreamStatistics(norms)
    state = torch.zeros(2, 11)
    for t in range(12):
        factors = statistics.factors(state, trust[:, t, None])
        for name, x in layers.items():
            whole = adapted_sequence(x, moving_s, norms[name], trust)
            torch.testing.assert_close(adapted(x[:, t], *factors[name]), whole[:, t])
        now = {name: x[:, t] for name, x in layers.items()}
        state = statistics.follow(state, now, moving_s[:, t])


def test_memory_is_in_seconds_of_motion(norm):
    x = torch.ones(1, 1, 3, 4, 4)
    slow = sequence(x.repeat(1, 61, 1, 1, 1), torch.full((1, 61), 1 / 30), norm)
    fast = sequence(x.repeat(1, 241, 1, 1, 1), torch.full((1, 241), 1 / 120), norm)
    torch.testing.assert_close(slow[:, -1], fast[:, -1], atol=0.01, rtol=0)
    assert (slow[:, -1] - x[:, 0]).abs().min() > 0.1


def test_training_counts_as_a_second_and_the_past_as_a_window():
    begin = share_of(torch.tensor([0.1, 1.0, 100.0]), torch.tensor(0.1))
    expected = torch.tensor([0.1 / (PRIOR_S + 0.1), 0.1 / (PRIOR_S + 1.0), 0.1 / WINDOW_S])
    torch.testing.assert_close(begin, expected)


def test_a_long_lookahead_adapts_nothing(norm):
    x = torch.ones(1, 61, 3, 4, 4)
    moving_s = torch.full((1, 61), 1 / 30)
    share = torch.full((1, 61), 0.25)
    whole, quarter, nothing = (
        adapted_sequence(x, moving_s, norm, trust)[:, -1] - x[:, -1]
        for trust in (torch.ones_like(share), share, torch.zeros_like(share))
    )
    assert whole.abs().min() > 0.1
    torch.testing.assert_close(quarter, 0.25 * whole)
    assert not nothing.any()
    tau_s = torch.tensor([-0.05, 0.0, TRUSTED_S / 2, TRUSTED_S, 0.12])
    torch.testing.assert_close(trust_of(tau_s), torch.tensor([1.0, 1.0, 0.5, 0.0, 0.0]))


def test_moving_time_grows_with_what_two_flows_have_in_common():
    flow, before = torch.zeros(5, 5, 6, 8), torch.zeros(5, 5, 6, 8)
    flow[1, 0], before[1, 0] = MOVING / 2, MOVING / 2
    flow[2, 1], before[2, 1] = -MOVING, -MOVING
    flow[3, 0], before[3, 0] = 5 * MOVING, 5 * MOVING
    flow[4, 0], before[4, 0] = 5 * MOVING, -5 * MOVING  # there and back: noise
    flow[0, 2:], before[0, 2:] = 1.0, 1.0  # speed, residual and difference are no motion
    found = moving_time(flow, before, torch.full((5,), 0.04))
    torch.testing.assert_close(found, torch.tensor([0.0, 0.01, 0.04, 0.04, 0.0]))


def test_noise_of_a_still_room_is_no_motion_however_loud():
    torch.manual_seed(2)
    noise = torch.randn(32, 2, 30, 40)
    flow = torch.cat((noise[1:] - noise[:-1], torch.zeros(31, 3, 30, 40)), 1)
    found = moving_time(flow[1:], flow[:-1], torch.full((30,), 0.04))
    assert found.max() == 0.0


def test_half_precision_around_it_changes_nothing(norm):
    torch.manual_seed(2)
    x, moving_s = torch.randn(2, 40, 3, 6, 8), 0.5 * torch.rand(2, 40)
    with torch.autocast("cpu", torch.bfloat16):
        half = sequence(x, moving_s, norm)
    torch.testing.assert_close(half, sequence(x, moving_s, norm), atol=1e-6, rtol=1e-6)

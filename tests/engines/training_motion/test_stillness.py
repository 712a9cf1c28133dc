import pytest

torch = pytest.importorskip("torch", reason="training needs the extra [train]")

from synchresis.engines.motion.picker import doubted  # noqa: E402
from synchresis.engines.training.motion.network import (  # noqa: E402
    MotionNetwork,
    NetworkSettings,
    squeeze_flow,
)
from synchresis.engines.training.motion.stillness import (  # noqa: E402
    CHANNELS,
    DOUBT,
    doubt_of,
    paired,
    remember,
    remembered,
)
from synchresis.engines.training.motion.validate import joined  # noqa: E402

DT_S = 1 / 30


def noise(frames, size=0.01):
    """Flow of noise that is new in every frame: each frame enters two flows."""
    torch.manual_seed(3)
    each = size * torch.randn(frames + 1, 2, 30, 40)
    return torch.cat((each[1:] - each[:-1], torch.zeros(frames, 2, 30, 40)), 1)


def doubts(flow, dt_s=DT_S):
    """Doubt of every frame of one sequence float[T, 4, rows, cols]."""
    squeezed = squeeze_flow(flow)
    before = torch.cat((torch.zeros_like(squeezed[:1]), squeezed[:-1]))
    pairs = paired(squeezed, before)[None]
    return doubt_of(remembered(pairs, torch.full((1, len(flow)), dt_s))[0])[:, 0]


@pytest.mark.parametrize("size", [0.0, 1e-4, 0.01, 1.0])
def test_a_still_room_is_doubted_in_full_however_loud_its_noise(size):
    assert torch.equal(doubts(noise(40, size)), torch.full((40,), DOUBT))


def test_a_small_hand_in_a_noisy_room_is_not_doubted_once_it_moves():
    flow = noise(40, 0.003)
    flow[20:, 1, 12:17, 22:27] += 0.3
    found = doubts(flow)
    assert torch.equal(found[:20], torch.full((20,), DOUBT))
    assert not found[22:].any()


def test_what_swings_slowly_moves_and_what_flickers_does_not():
    slow, flicker = torch.zeros(60, 4, 30, 40), torch.zeros(60, 4, 30, 40)
    slow[:, 0] = 0.2 * torch.sin(2 * torch.pi * torch.arange(60) / 15)[:, None, None]
    flicker[::2, 0], flicker[1::2, 0] = 0.2, -0.2
    assert not doubts(slow)[3:].any()
    assert torch.equal(doubts(flicker), torch.full((60,), DOUBT))


@pytest.mark.parametrize("times", [1, 4])
def test_what_moved_a_moment_ago_is_believed_for_seconds_not_frames(times):
    flow = torch.zeros(240 * times, 4, 30, 40)
    flow[: 60 * times, 0] = 0.2
    flow[60 * times :] = noise(180 * times, 0.1)
    found = doubts(flow, DT_S / times)[60 * times :]
    assert 15 * times < int((found > 0).float().argmax()) < 30 * times


def test_frame_by_frame_is_the_same():
    torch.manual_seed(4)
    pairs, dt_s = torch.rand(2, 12, CHANNELS), 0.01 + 0.1 * torch.rand(2, 12)
    whole, memory = remembered(pairs, dt_s), torch.zeros(2, CHANNELS)
    for t in range(12):
        memory = remember(pairs[:, t], dt_s[:, t], memory)
        torch.testing.assert_close(memory, whole[:, t])


def test_the_score_a_network_is_judged_by_is_the_one_the_live_picker_makes():
    torch.manual_seed(6)
    heads = {"impact": 3 * torch.randn(1, 5, 30, 40), "total": 3 * torch.randn(1, 5, 1)}
    plain = joined(heads)[0]
    heads["doubt"] = torch.tensor([0.0, 0.1, 0.7, 1.5, DOUBT])[None, :, None]
    found = joined(heads)[0]
    for before, after, doubt in zip(plain, found, heads["doubt"].flatten(), strict=True):
        assert float(after) == pytest.approx(doubted(float(before), float(doubt)), rel=1e-4)
    assert found[0] == pytest.approx(float(plain[0])) and (found[1:] < plain[1:]).all()


def test_a_network_doubts_the_less_the_longer_the_lookahead():
    torch.manual_seed(5)
    network = MotionNetwork(NetworkSettings(pixel=4, fine=8, middle=8, deep=12, adapts=True)).eval()
    flow = noise(8)[None]
    timing = torch.zeros(1, 8, 8)
    timing[..., 0] = DT_S
    for tau_s, trust in ((-0.05, 1.0), (0.0, 1.0), (0.03, 0.5), (0.06, 0.0), (0.12, 0.0)):
        timing[..., 1] = tau_s
        expected = torch.full((8, 1), trust * DOUBT)
        torch.testing.assert_close(network.doubts(flow, timing), expected)

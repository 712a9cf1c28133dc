import math

import pytest

torch = pytest.importorskip("torch", reason="training needs the extra [train]")

from synchresis.engines.training.motion.batch import (  # noqa: E402
    mirrored,
    relit,
)
from synchresis.engines.training.motion.labels import (  # noqa: E402
    WHEN_RANGE,
    blob,
    soft_hits,
    targets_of,
)
from synchresis.engines.training.motion.losses import (  # noqa: E402
    contrastive,
    terms_of,
    total_loss,
)
from synchresis.engines.training.motion.network import (  # noqa: E402
    HEADS,
    MotionNetwork,
    NetworkSettings,
)
from synchresis.engines.training.motion.reel import Reel  # noqa: E402
from synchresis.engines.training.motion.train import RunningAverage  # noqa: E402
from synchresis.engines.training.motion.validate import joined, network_inputs  # noqa: E402


def test_the_frame_whose_interval_holds_the_event_answers_for_it(batch_of):
    share, when = soft_hits(batch_of(), torch.tensor([0.0, 0.05]))
    assert share[0, :, 0].argmax() == 5 and share[0, 5, 0] == 1
    assert share[1, :, 0].argmax() == 4  # 50 ms ahead: the frame at 133 ms answers to 183 ms
    assert when[0, 5, 0] == pytest.approx((0.1501 - 4 / 30) * 30, abs=1e-3)
    assert float(when[0, 4, 0]) == pytest.approx(
        float(when[0, 5, 0]) + 1, abs=1e-3
    )  # still to come
    assert float(when[0, 6, 0]) == pytest.approx(float(when[0, 5, 0]) - 1, abs=1e-3)  # just past
    assert when[0, 0].max() == WHEN_RANGE[1] and when[0, 11].min() == WHEN_RANGE[0]
    assert share[..., 1].max() == 0


def test_late_frames_are_forgiven_more_than_early_ones(batch_of):
    share, _ = soft_hits(batch_of(), torch.zeros(2))
    assert share[0, 6, 0] > 0.5 > 0.2 > share[0, 4, 0] > share[0, 2, 0]


def test_targets_lie_where_the_event_is(batch_of):
    targets = targets_of(batch_of(), torch.zeros(2))
    assert divmod(int(targets.impact[0, 5].argmax()), 40) in {(14, 9), (14, 10), (15, 9), (15, 10)}
    assert targets.strength[0, 5][targets.near[0, 5] > 0] == pytest.approx(0.8)
    assert targets.weight[:, 0].max() == 0 and targets.weight[:, 1:].min() == 1
    assert targets.sounding[0, 5] == 1


@pytest.mark.parametrize(("event_s", "held"), [(0.1501, True), (math.inf, False)])
def test_hits_are_held_to_an_earlier_network_where_something_sounds(event_s, held, batch_of):
    targets = targets_of(batch_of(event_s=event_s), torch.zeros(2))
    network = MotionNetwork(NetworkSettings(pixel=4, fine=8, middle=8, deep=8, embedding=4))
    pixels = batch_of().pixels.float()[:, :, None] / 255
    out = network(pixels, *network_inputs(batch_of(), torch.zeros(2)))
    far = {name: value.detach() + 3.0 for name, value in out.items()}
    plain, same, other = (
        {name: value.item() for name, value in terms_of(out, targets, None, old).items()}
        for old in (None, out, far)
    )
    for name in ("total", "top"):
        if held:
            assert same[name] == pytest.approx(0.3 * plain[name], rel=1e-5)
            assert other[name] > same[name] + 0.5 * 2.5  # Huber's: 3 is 2.5
        else:
            assert same[name] == other[name] == plain[name]
    for name in plain.keys() - {"total", "top", "contrast"}:  # contrast draws its frames
        assert plain[name] == other[name]


def test_silence_has_no_targets(batch_of):
    targets = targets_of(batch_of(event_s=math.inf), torch.zeros(2))
    for value in (targets.impact, targets.total, targets.map, targets.near):
        assert value.abs().max() == 0
    assert (targets.sounding == 0).all()


def test_blob_peaks_at_its_cell():
    plane = blob(torch.tensor([0.5 / 40, 29.5 / 30]), 30, 40, 1.0)
    assert plane[29, 0] == pytest.approx(1.0) and plane[28, 0] == pytest.approx(math.exp(-0.5))


def test_mirroring_twice_is_nothing_and_once_moves_the_event(batch_of):
    batch = batch_of()
    once = mirrored(batch, torch.tensor([True, False]))
    assert once.event_xy[0, 0, 0] == 0.75 and once.event_xy[1, 0, 0] == 0.25
    torch.testing.assert_close(once.flow[0, :, 0], -batch.flow[0, :, 0].flip(-1))
    torch.testing.assert_close(once.motion[0, :, 0], -batch.motion[0, :, 0])
    torch.testing.assert_close(once.motion[0, :, 1], batch.motion[0, :, 1])
    twice = mirrored(once, torch.tensor([True, False]))
    torch.testing.assert_close(twice.flow, batch.flow)
    torch.testing.assert_close(twice.event_xy, batch.event_xy)


def test_relit_pixels_stay_pixels(batch_of):
    pixels = relit(batch_of().pixels, torch.Generator().manual_seed(0))
    assert pixels.shape == (2, 12, 1, 120, 160)
    assert pixels.min() >= 0 and pixels.max() <= 1 and pixels.std() > 0.05


def test_losses_fall_for_right_answers_and_reach_every_weight(batch_of):
    torch.manual_seed(0)
    batch = batch_of()
    network = MotionNetwork(NetworkSettings(pixel=4, fine=8, middle=8, deep=12, embedding=6))
    tau_s = torch.zeros(2)
    targets = targets_of(batch, tau_s)
    out = network(batch.pixels.float()[:, :, None] / 255, *network_inputs(batch, tau_s))
    terms = terms_of(out, targets)
    total_loss(terms).backward()
    missing = [name for name, value in network.named_parameters() if value.grad is None]
    assert not missing
    right = {name: out[name].detach().clone() for name in out}
    right["impact"] = 12 * (2 * targets.impact - 1)
    right["total"] = 12 * (2 * targets.total[..., None] - 1)
    better = terms_of(right, targets)
    for name in ("dense", "total", "top"):
        assert better[name] < 0.5 * terms[name]
    assert set(HEADS) <= set(out)


def test_contrast_prefers_two_clusters():
    label = torch.tensor([0, 0, 0, 1, 1, 1])
    split = torch.nn.functional.one_hot(label, 2).float()
    mixed = torch.nn.functional.one_hot(torch.tensor([0, 1, 0, 1, 0, 1]), 2).float()
    assert contrastive(split, label) < contrastive(mixed, label)
    assert contrastive(split, torch.zeros(6, dtype=torch.int64)) == 0


def test_reel_keeps_the_newest(batch_of):
    reel = Reel(4)
    for value in range(3):
        batch = batch_of()
        batch.captured_s[:] = value
        reel.add(batch)
    drawn = reel.draw(4, torch.Generator().manual_seed(0))
    assert sorted(drawn.captured_s[:, 0].tolist()) == [1, 1, 2, 2]


def test_running_average_is_short_at_first_and_includes_statistics():
    network = MotionNetwork(NetworkSettings(pixel=4, fine=8, middle=8, deep=12, embedding=6))
    average = RunningAverage(network)
    for value in network.state_dict().values():
        if value.is_floating_point():
            value.add_(1.0)
    average.update(network, 0)
    own = average.network.state_dict()["pixels1.1.running_mean"]
    assert own == pytest.approx(0.9, abs=1e-5)


def test_joined_score_equals_the_pickers():
    from synchresis.engines.motion.picker import WHOLE, best_cells, joined_score

    torch.manual_seed(0)
    heads = {"impact": torch.randn(1, 1, 30, 40), "total": torch.randn(1, 1, 1)}
    best = best_cells(torch.sigmoid(heads["impact"])[0, 0].numpy())
    for whole in (WHOLE, 0.5):
        live = joined_score(best, float(torch.sigmoid(heads["total"])), whole)
        assert float(joined(heads, whole)) == pytest.approx(live, rel=1e-5)

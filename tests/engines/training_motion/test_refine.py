"""Refinement: the way down stays, the way up learns, and both are told about time."""

import json

import pytest

torch = pytest.importorskip("torch", reason="training needs the extra [train]")

from synchresis.engines.scenes.families import silent_families  # noqa: E402
from synchresis.engines.scenes.world import SimSettings, simulate  # noqa: E402
from synchresis.engines.training.motion.checkpoint import load_network, write_checkpoint  # noqa: E402
from synchresis.engines.training.motion.encoded import decode, encode  # noqa: E402
from synchresis.engines.training.motion.labels import Targets, targets_of  # noqa: E402
from synchresis.engines.training.motion.losses import when_loss  # noqa: E402
from synchresis.engines.training.motion.network import MotionNetwork, NetworkSettings  # noqa: E402
from synchresis.engines.training.motion.refine import Refiner, RefineSettings  # noqa: E402
from synchresis.engines.training.motion.validate import load_tracks, network_inputs  # noqa: E402

TINY = NetworkSettings(pixel=4, fine=8, middle=8, deep=8, embedding=4)
LOWER = ("pixels", "flow1", "merge", "level", "down", "context")


@pytest.fixture
def start(tmp_path):
    torch.manual_seed(3)
    network = MotionNetwork(TINY)
    write_checkpoint(tmp_path / "start.pt", average=network.state_dict(), sizes=TINY)
    return tmp_path / "start.pt"


def test_only_the_upper_part_learns_and_the_run_is_scored(start, tmp_path):
    settings = RefineSettings(
        start=start, out=tmp_path / "out", minutes=0.05, batch=2, frames=12, capacity=4,
        report_s=0.5, validation=2, final=2, families=("ball",),
    )  # fmt: skip
    Refiner(settings).run()
    lines = (tmp_path / "out" / "motion.jsonl").read_text().splitlines()
    assert json.loads(lines[-1])["steps"] >= 1
    assert len(load_tracks(tmp_path / "out" / "motion_tracks.npz")[0]) == 2
    old, new = (load_network(p).state_dict() for p in (start, tmp_path / "out" / "motion.pt"))
    changed = {name for name in old if not torch.equal(old[name], new[name])}
    assert changed and not any(name.startswith(LOWER) for name in changed)
    assert {"heads.weight", "fuse1.0.weight", "whole_out.bias", "gate3.weight"} <= changed


def test_encoded_sequences_give_what_the_whole_network_gives(start):
    network = load_network(start)
    worlds = [simulate(9, SimSettings(frames=6, families=("stick",)))]
    plain = torch.Generator().manual_seed(0)
    batch = encode(network, worlds, plain)
    assert batch.pixels.numel() == 0 and batch.x1.shape == (1, 6, 8, 30, 40)
    with torch.no_grad():
        network.timing.weight *= 100.0
        network.gather.weight *= 10.0
        other = encode(network, worlds, plain)
        _, timing = network_inputs(batch, torch.zeros(1))
        _, ahead = network_inputs(batch, torch.full((1,), 0.05))
        first, later = decode(network, batch, timing), decode(network, batch, ahead)
    assert first["impact"].shape == (1, 6, 30, 40) and first["total"].shape == (1, 6, 1)
    assert not torch.equal(first["total"], later["total"])  # the lookahead enters on the way up
    assert not torch.equal(batch.x1, other.x1)  # every encoding looks different


def test_errors_of_time_count_in_seconds_whatever_the_frame_rate():
    shape = (1, 2, 1, 1)
    targets = Targets(**dict.fromkeys(Targets.__dataclass_fields__, torch.zeros(shape)))
    targets.span_s = torch.tensor([[1 / 60, 1 / 30]])
    told = torch.tensor([2.0, 1.0]).reshape(shape)  # 33 ms off at either rate
    losses = when_loss(told, targets).flatten()
    assert losses[0] == pytest.approx(float(losses[1])) and losses[0] > 2.5


def test_targets_of_time_go_on_past_the_interval(batch_of):
    targets = targets_of(batch_of(), torch.zeros(2))
    row, col = divmod(int(targets.impact[0, 5].argmax()), 40)
    told = targets.when[0, 4:7, row, col]
    assert 0 < float(told[1]) <= 1
    assert torch.allclose(told - told[1], torch.tensor([1.0, 0.0, -1.0]), atol=1e-3)


def test_silent_families_come_more_often_where_asked_for(tmp_path):
    usual, more = (
        RefineSettings(start=tmp_path, out=tmp_path, minutes=1.0, silent=times).worlds()
        for times in (1.0, 3.0)
    )
    for name, before, after in zip(usual.families, usual.weights, more.weights, strict=True):
        assert after == pytest.approx(before * (3.0 if name in silent_families() else 1.0))

"""Weights into which normalisations were folded, and training on from them."""

import pytest

torch = pytest.importorskip("torch", reason="training needs the extra [train]")

from synchresis.engines.training.motion.beginning import first_network  # noqa: E402
from synchresis.engines.training.motion.network import MotionNetwork, NetworkSettings  # noqa: E402
from synchresis.engines.training.motion.unfold import (  # noqa: E402
    drawn,
    is_folded,
    main,
    norms_of,
    unfold,
)
from synchresis.engines.training.motion.validate import network_inputs  # noqa: E402
from synchresis.engines.training.motion.weights import (  # noqa: E402
    SHIPPED,
    read_weights,
    write_weights,
)
from synchresis.errors import InputError, ParameterError  # noqa: E402

TINY = NetworkSettings(pixel=4, fine=8, middle=8, deep=8, embedding=4)


def looked_at(network, batch):
    """Scores of a batch, as the network stands."""
    flow, timing = network_inputs(batch, torch.zeros(len(batch.pixels)))
    with torch.no_grad():
        return network(batch.pixels.float()[:, :, None] / 255.0, flow, timing)["total"]


def trained():
    """A network whose normalisations have statistics and weights of their own."""
    torch.manual_seed(3)
    network = MotionNetwork(TINY).eval()
    with torch.no_grad():
        for norm in norms_of(network):
            norm.running_mean.normal_(0, 0.5)
            norm.running_var.uniform_(0.3, 3.0)
            norm.weight.uniform_(0.5, 1.5)
            norm.bias.normal_(0, 0.3)
    return network


def fold(norm, weigh):
    """Fold a normalisation into the convolution before it, as exporters do."""
    with torch.no_grad():
        scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
        weigh.weight *= scale[:, None, None, None]
        norm.bias -= norm.running_mean * scale
        norm.running_mean.zero_()
        norm.running_var.fill_(1.0)
        norm.weight.fill_((1.0 + norm.eps) ** 0.5)


@pytest.fixture
def folded_network():
    """The same network, with one normalisation folded."""
    network = trained()
    fold(network.fuse1[1], network.fuse1[0])
    return network


def test_unfolding_changes_nothing_in_use_and_statistics_are_those_seen(batch_of, folded_network):
    batch = batch_of()
    before = looked_at(folded_network, batch)
    unfold(folded_network, [batch])
    assert not is_folded(folded_network)
    torch.testing.assert_close(looked_at(folded_network, batch), before, atol=1e-5, rtol=1e-5)
    norm = folded_network.fuse1[1]
    kept = norm.running_mean.clone(), norm.running_var.clone()
    norm.train()
    norm.momentum = 1.0  # its statistics become those of the next batch
    looked_at(folded_network, batch)
    torch.testing.assert_close(norm.running_mean, kept[0], atol=1e-4, rtol=1e-3)
    torch.testing.assert_close(norm.running_var, kept[1], atol=1e-4, rtol=1e-2)


def test_training_by_batches_does_not_begin_from_folded_weights(tmp_path, folded_network):
    path = tmp_path / "folded.safetensors"
    write_weights(folded_network, path)
    with pytest.raises(ParameterError, match=r"folded\.safetensors.*unfold"):
        first_network(path, TINY, played=False)
    assert first_network(path, TINY, played=True).settings.adapts
    write_weights(trained(), path)
    assert not first_network(path, TINY, played=False).settings.adapts


@pytest.mark.parametrize("name", [SHIPPED.name, "quieter.safetensors"])
def test_what_ships_to_go_on_from_hears_by_batches_what_it_hears_in_use(name):
    network = first_network(SHIPPED.with_name(name), NetworkSettings(), played=False)
    (batch,) = drawn(8)
    want = looked_at(network, batch)
    found = looked_at(network.train(), batch)
    assert (want.mean() - found.mean()).abs() < 1.0  # folded, it was 3.5 to 4.2 logits
    both = torch.stack((want.flatten(), found.flatten()))
    assert torch.corrcoef(both)[0, 1] > 0.9  # folded, it was .69 and .72


def test_the_command_mends_a_file_and_refuses_one_that_is_whole(
    tmp_path, monkeypatch, folded_network
):
    paths = [tmp_path / "folded.safetensors", tmp_path / "whole.safetensors"]
    write_weights(folded_network, paths[0])
    monkeypatch.setattr("sys.argv", ["unfold", *map(str, paths), "--worlds", "2"])
    main()
    assert not is_folded(read_weights(paths[1]))
    monkeypatch.setattr("sys.argv", ["unfold", str(paths[1]), str(tmp_path / "again.safetensors")])
    with pytest.raises(InputError, match="nothing is folded"):
        main()
    assert not (tmp_path / "again.safetensors").exists()

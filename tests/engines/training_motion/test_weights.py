from dataclasses import replace

import pytest

torch = pytest.importorskip("torch", reason="training needs the extra [train]")

from synchresis.engines.training.motion.checkpoint import load_network  # noqa: E402
from synchresis.engines.training.motion.network import MotionNetwork, NetworkSettings  # noqa: E402
from synchresis.engines.training.motion.weights import (  # noqa: E402
    SHIPPED,
    main,
    mean_of,
    read_weights,
    write_weights,
)
from synchresis.errors import InputError, ParameterError  # noqa: E402


def test_weights_come_back_with_their_sizes(tmp_path):
    sizes = NetworkSettings(pixel=4, fine=8, middle=8, deep=12, embedding=6)
    network = MotionNetwork(sizes)
    write_weights(network, tmp_path / "small.safetensors")
    found = load_network(tmp_path / "small.safetensors")
    assert found.settings == sizes and not found.training
    for name, value in network.state_dict().items():
        torch.testing.assert_close(found.state_dict()[name], value, atol=0, rtol=0)


@pytest.mark.parametrize("content", [b"", b"no weights at all, only words"])
def test_other_files_are_refused_by_name(tmp_path, content):
    path = tmp_path / "other.safetensors"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"other\.safetensors holds no weights"):
        load_network(path)


def test_the_mean_of_networks_is_that_of_their_weights_and_statistics():
    sizes = NetworkSettings(pixel=4, fine=8, middle=8, deep=12, embedding=6)
    one, other = MotionNetwork(sizes), MotionNetwork(sizes)
    other.pixels1[1].running_mean.fill_(3.0)
    mean = mean_of([one, other])
    assert mean is not one and not mean.training
    assert mean.pixels1[1].running_mean.eq(1.5).all()
    both = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    for value, (a, b) in zip(mean.state_dict().values(), both, strict=True):
        torch.testing.assert_close(value, (a + b) / 2 if a.is_floating_point() else a)
    small = MotionNetwork(NetworkSettings(pixel=4, fine=8, middle=8, deep=8, embedding=6))
    with pytest.raises(ParameterError, match="no mean"):
        mean_of([one, small])


def test_the_command_writes_the_mean_of_files(tmp_path, monkeypatch):
    sizes = NetworkSettings(pixel=4, fine=8, middle=8, deep=12, embedding=6)
    networks = [MotionNetwork(sizes) for _ in range(2)]
    paths = [tmp_path / f"{name}.safetensors" for name in ("one", "other", "mean")]
    for network, path in zip(networks, paths, strict=False):
        write_weights(network, path)
    monkeypatch.setattr("sys.argv", ["weights", *map(str, paths)])
    main()
    want = mean_of(networks).state_dict()
    for name, value in load_network(paths[2]).state_dict().items():
        torch.testing.assert_close(value, want[name])


def test_weights_to_go_on_from_fit_where_the_shipped_ones_do():
    quieter, shipped = read_weights(SHIPPED.with_name("quieter.safetensors")), read_weights(SHIPPED)
    assert replace(quieter.settings, adapts=False) == replace(shipped.settings, adapts=False)
    values = zip(quieter.parameters(), shipped.parameters(), strict=True)
    assert any(not torch.equal(one, other) for one, other in values)
